"""Visits: who attends, for how long, consents and what is still open."""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _visits()
    _attendances()
    _attendance_stays()
    _presence_events_seen()
    _consents()
    _open_items()


def downgrade() -> None:
    op.drop_table("open_items")
    op.drop_table("consents")
    op.drop_table("presence_events_seen")
    op.drop_table("attendance_stays")
    op.drop_table("attendances")
    op.drop_table("visits")


def _visits() -> None:
    op.create_table(
        "visits",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("appointment_id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("provider_id", sa.Uuid, nullable=False),
        sa.Column("visit_code", sa.String(8), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("state_before", sa.String(64)),
        sa.Column("state_since", UtcDateTime, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("waiting_since", UtcDateTime),
        sa.Column("started_at", UtcDateTime),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("finished_at", UtcDateTime),
        sa.Column("closed_at", UtcDateTime),
        sa.Column("cancel_reason", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_visits"),
        sa.CheckConstraint(
            "state IN ('scheduled', 'checking_in', 'waiting', 'called', '"
            "in_call', 'paused', 'wrap_up', 'completed', 'no_show', 'cancelled', 'left')",
            name=op.f("ck_visits_state_known"),
        ),
        sa.CheckConstraint(
            "cancel_reason IN ('patient_asked', 'provider_unavailable', 'booked_by_mistake', "
            "'other')",
            name=op.f("ck_visits_cancel_reason_known"),
        ),
        sa.CheckConstraint(
            "(state = 'cancelled') = (cancel_reason IS NOT NULL)",
            name=op.f("ck_visits_cancelled_has_a_reason"),
        ),
        sa.UniqueConstraint("appointment_id", name="uq_visits_appointment_id"),
    )
    op.create_index("ix_visits_clinic_state", "visits", ["clinic_id", "state"])
    op.create_index("ix_visits_patient_id", "visits", ["patient_id"])
    op.create_index("ix_visits_provider_id", "visits", ["provider_id"])


def _attendances() -> None:
    op.create_table(
        "attendances",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("visit_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("is_present", sa.Boolean, nullable=False),
        sa.Column("presence_since", UtcDateTime),
        sa.Column("attach_epoch", sa.BigInteger, nullable=False),
        sa.Column("is_media_connected", sa.Boolean, nullable=False),
        sa.Column("admitted_at", UtcDateTime),
        sa.Column("removed_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_attendances"),
        sa.CheckConstraint(
            "kind IN ('patient', 'provider', 'interpreter', 'family', 'observer')",
            name=op.f("ck_attendances_kind_known"),
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_attendances_visit_id"),
        sa.UniqueConstraint("visit_id", "person_id", name="uq_attendances_visit_person"),
    )


def _attendance_stays() -> None:
    op.create_table(
        "attendance_stays",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("participant_id", sa.Uuid, nullable=False),
        sa.Column("joined_at", UtcDateTime, nullable=False),
        sa.Column("left_at", UtcDateTime),
        sa.Column("cause", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_attendance_stays"),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["attendances.id"], name="fk_attendance_stays_participant_id"
        ),
    )
    op.create_index("ix_attendance_stays_participant", "attendance_stays", ["participant_id"])


def _presence_events_seen() -> None:
    op.create_table(
        "presence_events_seen",
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("visit_id", sa.Uuid, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_presence_events_seen"),
    )
    op.create_index("ix_presence_events_seen_visit_id", "presence_events_seen", ["visit_id"])


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("visit_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("text_id", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("modality", sa.String(16), nullable=False),
        sa.Column("given_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_consents_visit_id"),
    )
    op.create_index("ix_consents_visit_id", "consents", ["visit_id"])


def _open_items() -> None:
    op.create_table(
        "open_items",
        sa.Column("visit_id", sa.Uuid, nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("is_blocking", sa.Boolean, nullable=False),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("settled_at", UtcDateTime),
        sa.PrimaryKeyConstraint("visit_id", "code", name="pk_open_items"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_open_items_visit_id"),
    )
