"""Appointments, as stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.platform.db import Base, EnumText, one_of
from telehealth.scheduling.booking import AppointmentState


class Appointment(Base):
    """One booked intent to meet."""

    __tablename__ = "appointments"
    __table_args__ = (
        one_of("state", AppointmentState),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index(
            "ux_appointments_provider_start",
            "provider_id",
            "starts_at",
            unique=True,
            sqlite_where=text("state = 'booked'"),
            postgresql_where=text("state = 'booked'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(index=True)
    patient_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[AppointmentState] = mapped_column(EnumText(AppointmentState))
    booked_at: Mapped[datetime]
