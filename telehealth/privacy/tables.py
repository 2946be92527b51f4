"""Copies asked for, corrections asked for, holds, and what the daily removal leaves behind."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.access.roles import Role
from telehealth.platform.db import Base, EnumText, one_of
from telehealth.platform.sealing.columns import TEXT, Phi, Sealed, sealed_column
from telehealth.privacy.corrections import CorrectionState, DenialReason
from telehealth.privacy.retention import HoldReason


class RecordExport(Base):
    """One link with which a patient fetches their own record, once."""

    __tablename__ = "record_exports"
    __table_args__ = (
        one_of("asked_role", Role),
        CheckConstraint("wrong_tries >= 0", name="wrong_tries_counted"),
        Index("ix_record_exports_patient", "clinic_id", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    asked_by: Mapped[UUID]
    asked_role: Mapped[Role] = mapped_column(EnumText(Role))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    wrong_tries: Mapped[int]
    used_at: Mapped[datetime | None]


class CorrectionRequest(Base):
    """What a patient says is wrong in the record, and what became of it."""

    __tablename__ = "correction_requests"
    __sealed_for__ = "patient_id"
    __sealed_group__ = "privacy"
    __table_args__ = (
        one_of("state", CorrectionState),
        one_of("denial_reason", DenialReason),
        CheckConstraint(
            "(state = 'open') = (answered_at IS NULL)"
            " AND (answered_at IS NULL) = (answered_by IS NULL)"
            " AND (answered_at IS NULL) = (answer IS NULL)",
            name="answered_by_somebody",
        ),
        CheckConstraint(
            "(state = 'denied') = (denial_reason IS NOT NULL)", name="denied_for_a_reason"
        ),
        Index("ix_correction_requests_state", "clinic_id", "state"),
        Index("ix_correction_requests_patient", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    visit_id: Mapped[UUID | None]
    said = Sealed[str]("said_sealed", TEXT)
    said_sealed: Mapped[bytes] = sealed_column("said", Phi.CLINICAL)
    asked_at: Mapped[datetime]
    due_on: Mapped[date]
    state: Mapped[CorrectionState] = mapped_column(EnumText(CorrectionState))
    denial_reason: Mapped[DenialReason | None] = mapped_column(EnumText(DenialReason))
    answer = Sealed[str | None]("answer_sealed", TEXT)
    answer_sealed: Mapped[bytes | None] = sealed_column("answer", Phi.CLINICAL)
    answered_by: Mapped[UUID | None]
    answered_at: Mapped[datetime | None]


class LegalHold(Base):
    """A patient whose record is not removed, however old."""

    __tablename__ = "legal_holds"
    __table_args__ = (
        one_of("reason", HoldReason),
        CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted_by_somebody"),
        Index(
            "uq_legal_holds_in_force",
            "clinic_id",
            "patient_id",
            unique=True,
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    reason: Mapped[HoldReason] = mapped_column(EnumText(HoldReason))
    placed_at: Mapped[datetime]
    placed_by: Mapped[str] = mapped_column(String(64))
    """Id of a person, or name of a job."""
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(String(64))


class RemovalPermit(Base):
    """Lets rows of one guarded table go, inside the transaction that wrote it and takes it away.

    Between transactions the table is empty: triggers refuse every removal.
    """

    __tablename__ = "removal_permits"

    table_name: Mapped[str] = mapped_column(String(64), primary_key=True)


class RetentionRun(Base):
    """When what is due was last removed."""

    __tablename__ = "retention_runs"

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    ran_at: Mapped[datetime]
