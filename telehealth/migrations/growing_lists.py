"""Lists of known values in check constraints that grow after their tables were made.

They grow at their front, whatever stands in them: another revision may have grown them too.
SQLite cannot change a check constraint of a table that stands, and building the table anew would
drop the triggers that keep it whole, so the text of the constraint is changed where it is kept.

Source:
    SQLite, "ALTER TABLE", section 7: `PRAGMA writable_schema` for changes that do not affect the
    content on disk, such as CHECK constraints.
"""

import sqlalchemy as sa
from alembic import op


def grow(table: str, column: str, value: str) -> None:
    """Let a column hold one value more; one it may hold already changes nothing."""
    _rewrite(table, column, f"'{value}'", grows=True)


def shrink(table: str, column: str, value: str) -> None:
    """Take a value off the list again; refused by PostgreSQL while a row holds it."""
    _rewrite(table, column, f"'{value}'", grows=False)


def _rewrite(table: str, column: str, value: str, *, grows: bool) -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rewrite_sqlite(table, f"{column} IN (", f"{value}, ", grows=grows)
    else:
        _rewrite_postgresql(table, f"ck_{table}_{column}_known", value, grows=grows)


def _rewrite_sqlite(table: str, head: str, member: str, *, grows: bool) -> None:
    bind = op.get_bind()
    kept = str(
        bind.scalar(
            sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table"),
            {"table": table},
        )
    )
    if grows and member.removesuffix(", ") in kept:
        return
    before, after = (head, head + member) if grows else (head + member, head)
    version = bind.scalar(sa.text("PRAGMA schema_version"))
    bind.execute(sa.text("PRAGMA writable_schema = ON"))
    bind.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :table"),
        {"sql": kept.replace(before, after), "table": table},
    )
    # Every connection reads the schema anew.
    bind.execute(sa.text(f"PRAGMA schema_version = {int(version or 0) + 1}"))
    bind.execute(sa.text("PRAGMA writable_schema = OFF"))


def _rewrite_postgresql(table: str, name: str, value: str, *, grows: bool) -> None:
    bind = op.get_bind()
    kept = str(
        bind.scalar(
            sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"),
            {"name": name},
        )
    )
    if grows and value in kept:
        return
    member = f"{value}::character varying, "
    before, after = ("ARRAY[", f"ARRAY[{member}") if grows else (f"ARRAY[{member}", "ARRAY[")
    definition = kept.replace(before, after)
    bind.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    bind.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
