"""Records opened in an emergency; the auditors who are told of it, and the lane that tells them."""

import sqlalchemy as sa
from alembic import op

from telehealth.migrations.growing_lists import grow, shrink
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
        grow(table, column, value)


def downgrade() -> None:
    op.drop_table("opened_records")
    op.drop_column("memberships", "is_told")
    # What an earlier revision knows of stays: it may have entries.
    shrink("ledger_entry", "kind", "notice.break_glass")
    shrink("notices", "template", "break_glass")
