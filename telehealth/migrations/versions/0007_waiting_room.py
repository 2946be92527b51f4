"""Who waits, and which lists were audited for whom."""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _queue_entries()
    _audited_polls()


def downgrade() -> None:
    op.drop_table("audited_polls")
    op.drop_table("queue_entries")


def _queue_entries() -> None:
    op.create_table(
        "queue_entries",
        sa.Column("visit_id", sa.Uuid, nullable=False),
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("provider_id", sa.Uuid, nullable=False),
        sa.Column("place_state", sa.String(2), nullable=False),
        sa.Column("place_address", sa.String(300), nullable=False),
        sa.Column("call_back_number", sa.String(16), nullable=False),
        sa.Column("arrived_at", UtcDateTime, nullable=False),
        sa.Column("outcome", sa.String(64)),
        sa.Column("microphone", sa.String(64)),
        sa.Column("camera", sa.String(64)),
        sa.Column("speaker", sa.String(64)),
        sa.Column("network", sa.String(64)),
        sa.Column("checked_at", UtcDateTime),
        sa.Column("called_by", sa.Uuid),
        sa.Column("called_at", UtcDateTime),
        sa.PrimaryKeyConstraint("visit_id", name="pk_queue_entries"),
        sa.CheckConstraint(
            "camera IN ('pass', 'warn', 'fail', 'not_tested')",
            name=op.f("ck_queue_entries_camera_known"),
        ),
        sa.CheckConstraint(
            "microphone IN ('pass', 'warn', 'fail', 'not_tested')",
            name=op.f("ck_queue_entries_microphone_known"),
        ),
        sa.CheckConstraint(
            "network IN ('pass', 'warn', 'fail', 'not_tested')",
            name=op.f("ck_queue_entries_network_known"),
        ),
        sa.CheckConstraint(
            "outcome IN ('passed', 'skipped', 'call_me')",
            name=op.f("ck_queue_entries_outcome_known"),
        ),
        sa.CheckConstraint(
            "speaker IN ('pass', 'warn', 'fail', 'not_tested')",
            name=op.f("ck_queue_entries_speaker_known"),
        ),
    )
    op.create_index("ix_queue_entries_provider_id", "queue_entries", ["provider_id"])


def _audited_polls() -> None:
    op.create_table(
        "audited_polls",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("view", sa.String(80), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("audited_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "view", name="pk_audited_polls"),
    )
