"""Where in the chart the things of a visit are."""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chart_link",
        sa.Column("visit_id", sa.Uuid, nullable=False),
        sa.Column("thing", sa.String(64), nullable=False),
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("remote_ref", sa.String(200)),
        sa.Column("linked_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("visit_id", "thing", name="pk_chart_link"),
        sa.CheckConstraint(
            "thing IN ('patient', 'practitioner', 'encounter')",
            name=op.f("ck_chart_link_thing_known"),
        ),
        sa.CheckConstraint(
            "remote_ref IS NOT NULL OR thing = 'practitioner'",
            name=op.f("ck_chart_link_only_a_practitioner_may_be_absent"),
        ),
    )


def downgrade() -> None:
    op.drop_table("chart_link")
