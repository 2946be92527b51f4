"""Single sign-on: which login sessions it opened, and which accounts were taken off it."""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("login_sessions", "pending_sign_ins"):
        op.add_column(
            table,
            sa.Column("by_sign_on", sa.Boolean(), server_default=sa.false(), nullable=False),
        )
    op.add_column("accounts", sa.Column("sign_on_unlinked_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("accounts", "sign_on_unlinked_at")
    for table in ("pending_sign_ins", "login_sessions"):
        op.drop_column(table, "by_sign_on")
