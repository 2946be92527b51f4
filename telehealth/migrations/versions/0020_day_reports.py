"""Reports of days of the audit trail, and the notice that one is ready."""

import sqlalchemy as sa
from alembic import op

from telehealth.migrations.growing_lists import grow, shrink
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
        grow(table, column, value)


def downgrade() -> None:
    op.drop_table("day_reports")
    for table, column, value in _GROWN:
        shrink(table, column, value)
