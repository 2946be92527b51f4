"""Single sign-on: which subject of an OpenID provider an account belongs to."""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sso_identities",
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("linked_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_sso_identities")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_sso_identities_account_id")
        ),
        sa.UniqueConstraint("account_id", name=op.f("uq_sso_identities_account_id")),
    )


def downgrade() -> None:
    op.drop_table("sso_identities")
