"""Reports of days of the audit trail, and the notice that one is ready.

The ledger's list of kinds and the notices' list of templates grow at their front.  SQLite cannot
change a check constraint of a table that stands, and building the table anew would drop the
triggers that keep the ledger whole, so the text of the constraint is changed where it is kept.

Source:
    SQLite, "ALTER TABLE", section 7: `PRAGMA writable_schema` for changes that do not affect the
    content on disk, such as CHECK constraints.
"""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_GROWN = (
    ("ledger_entry", "kind", "notice.day_report"),
    ("notices", "template", "day_report"),
)


def upgrade() -> None:
    op.create_table(
        "day_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("reviewed_at", UtcDateTime(), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_reports")),
        sa.UniqueConstraint("clinic_id", "day_on", name=op.f("uq_day_reports_clinic_id")),
        sa.CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL)",
            name=op.f("ck_day_reports_reviewed_paired"),
        ),
        sa.CheckConstraint("last_seq >= first_seq - 1", name=op.f("ck_day_reports_seqs_in_order")),
    )
    for table, column, value in _GROWN:
        _rewrite(table, column, f"'{value}'", grows=True)


def downgrade() -> None:
    op.drop_table("day_reports")
    for table, column, value in _GROWN:
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
