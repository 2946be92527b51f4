"""Records opened in an emergency."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.break_glass.rules import EndedHow
from telehealth.platform.db import Base, EnumText, one_of
from telehealth.platform.sealing.columns import TEXT, Phi, Sealed, sealed_column


class OpenedRecord(Base):
    """One patient's record, opened to one provider for an hour."""

    __tablename__ = "opened_records"
    __sealed_for__ = "patient_id"
    __sealed_group__ = "emergencies"
    __table_args__ = (
        one_of("ended_how", EndedHow),
        CheckConstraint("(ended_at IS NULL) = (ended_how IS NULL)", name="ended_paired"),
        # One patient at a time.
        Index(
            "uq_opened_records_one_a_person",
            "clinic_id",
            "person_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_opened_records_ends_at", "ends_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    person_id: Mapped[UUID]
    """Who opened it."""
    patient_id: Mapped[UUID]
    session_id: Mapped[UUID]
    """The login session it was opened under; no other one may read."""
    reason = Sealed[str]("reason_sealed", TEXT)
    reason_sealed: Mapped[bytes] = sealed_column("reason", Phi.CLINICAL)
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_how: Mapped[EndedHow | None] = mapped_column(EnumText(EndedHow))
    reads: Mapped[int]
