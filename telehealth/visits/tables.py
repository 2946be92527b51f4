"""Visits, who attends them, what they consented to, and what is still open; as stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.contract import AttendanceKind, LeftCause
from telehealth.platform.db import Base, EnumText, one_of
from telehealth.visits.consent import Modality
from telehealth.visits.lifecycle import CancelReason, VisitState


class Visit(Base):
    """One visit; `version` rises with every change and settles who was first."""

    __tablename__ = "visits"
    __table_args__ = (
        one_of("state", VisitState),
        one_of("cancel_reason", CancelReason),
        CheckConstraint(
            "(state = 'cancelled') = (cancel_reason IS NOT NULL)", name="cancelled_has_a_reason"
        ),
        Index("ix_visits_clinic_state", "clinic_id", "state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    appointment_id: Mapped[UUID] = mapped_column(unique=True)
    patient_id: Mapped[UUID] = mapped_column(index=True)
    provider_id: Mapped[UUID] = mapped_column(index=True)
    visit_code: Mapped[str] = mapped_column(String(8))
    state: Mapped[VisitState] = mapped_column(EnumText(VisitState))
    state_before: Mapped[VisitState | None] = mapped_column(EnumText(VisitState))
    state_since: Mapped[datetime]
    version: Mapped[int]
    waiting_since: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    """When both media were connected for the first time."""
    ended_at: Mapped[datetime | None]
    """When the last call ended."""
    finished_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    cancel_reason: Mapped[CancelReason | None] = mapped_column(EnumText(CancelReason))


class Attendance(Base):
    """One person's part in one visit; its id is the participant id of the room."""

    __tablename__ = "attendances"
    __table_args__ = (
        one_of("kind", AttendanceKind),
        UniqueConstraint("visit_id", "person_id", name="uq_attendances_visit_person"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    person_id: Mapped[UUID]
    kind: Mapped[AttendanceKind] = mapped_column(EnumText(AttendanceKind))
    is_present: Mapped[bool]
    presence_since: Mapped[datetime | None]
    attach_epoch: Mapped[int] = mapped_column(BigInteger)
    """Made from a clock in milliseconds: more than 32 bits."""
    is_media_connected: Mapped[bool]
    admitted_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]


class Stay(Base):
    """From joining the call to leaving it, once each."""

    __tablename__ = "attendance_stays"
    __table_args__ = (Index("ix_attendance_stays_participant", "participant_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    participant_id: Mapped[UUID] = mapped_column(ForeignKey("attendances.id"))
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    cause: Mapped[LeftCause | None] = mapped_column(EnumText(LeftCause))


class PresenceSeen(Base):
    """Ids of presence events that have counted."""

    __tablename__ = "presence_events_seen"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(index=True)
    at: Mapped[datetime]


class Consent(Base):
    """What a patient accepted: wording, language, modality, for which jurisdiction, when."""

    __tablename__ = "consents"
    __table_args__ = (
        one_of("modality", Modality),
        CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn_by_somebody"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), index=True)
    person_id: Mapped[UUID]
    text_id: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    language: Mapped[str] = mapped_column(String(8))
    digest: Mapped[str] = mapped_column(String(64))
    modality: Mapped[str] = mapped_column(String(16))
    jurisdiction: Mapped[str] = mapped_column(String(8))
    """Where the patient said to be: `US`, or a state as `US-AL`."""
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None]
    """The patient, or the member of staff who was told."""


class OpenItem(Base):
    """Something a visit still owes before it may be closed."""

    __tablename__ = "open_items"

    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    is_blocking: Mapped[bool]
    opened_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
