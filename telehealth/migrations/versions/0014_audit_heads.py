"""Audit: where signed heads were taken; SQLite's own way around the triggers is closed."""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# INSERT OR REPLACE removes the row in its way without firing a delete trigger.
_NO_REPLACING = """
    CREATE TRIGGER audit_entries_keep_their_place BEFORE INSERT ON audit_entries
    WHEN EXISTS (
        SELECT 1 FROM audit_entries
        WHERE id = NEW.id OR (clinic_id = NEW.clinic_id AND seq = NEW.seq)
    )
    BEGIN SELECT RAISE(ABORT, 'audit entries are never replaced'); END
"""


def upgrade() -> None:
    op.create_table(
        "audit_head_exports",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("sink", sa.String(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("exported_at", UtcDateTime(), nullable=True),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("trouble", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("clinic_id", "sink", name=op.f("pk_audit_head_exports")),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_NO_REPLACING)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_entries_keep_their_place")
    op.drop_table("audit_head_exports")
