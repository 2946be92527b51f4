"""Records opened in an emergency; the auditors who are told of it, and the lane that tells them.

The ledger's lists of lanes and kinds grow at their front, whatever stands in them: another
revision may have grown them too.  SQLite cannot change a check constraint of a table that stands,
and building the table anew would drop the triggers that keep the ledger whole, so the text of the
constraint is changed where it is kept.

Source:
    SQLite, "ALTER TABLE", section 7: `PRAGMA writable_schema` for changes that do not affect the
    content on disk, such as CHECK constraints.
"""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_GROWN = (
    ("lane_order", "lane", "notice"),
    ("ledger_entry", "lane", "notice"),
    ("ledger_entry", "kind", "notice.break_glass"),
    ("notices", "template", "break_glass"),
)


def upgrade() -> None:
    op.add_column(
        "memberships",
        sa.Column("is_told", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.create_table(
        "opened_records",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_how", sa.String(64), nullable=True),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opened_records")),
        sa.CheckConstraint(
            "ended_how IN ('by_hand', 'by_time')", name=op.f("ck_opened_records_ended_how_known")
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_how IS NULL)", name=op.f("ck_opened_records_ended_paired")
        ),
    )
    op.create_index(
        "uq_opened_records_one_a_person",
        "opened_records",
        ["clinic_id", "person_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_opened_records_ends_at", "opened_records", ["ends_at"])
    for table, column, value in _GROWN:
        _rewrite(table, column, f"'{value}'", grows=True)


def downgrade() -> None:
    op.drop_table("opened_records")
    op.drop_column("memberships", "is_told")
    # What an earlier revision knows of stays: it may have entries.
    _rewrite("ledger_entry", "kind", "'notice.break_glass'", grows=False)
    _rewrite("notices", "template", "'break_glass'", grows=False)


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
