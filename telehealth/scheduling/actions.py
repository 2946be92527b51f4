"""Book and cancel appointments; called by the visits they belong to, never by a route."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Permission
from telehealth.contract import PersonId
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid
from telehealth.scheduling import repository
from telehealth.scheduling.booking import AppointmentState, check_times
from telehealth.scheduling.errors import AppointmentUnknown
from telehealth.scheduling.tables import Appointment


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When an appointment is, and whether it still is."""

    appointment_id: UUID
    starts_at: datetime
    ends_at: datetime
    state: AppointmentState


async def book(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    patient_id: PersonId,
    provider_id: PersonId,
    starts_at: datetime,
    ends_at: datetime,
) -> UUID:
    """Book an appointment and return its id.

    Raises:
        NotPermitted: The actor may not book.
        TimesRefused: The times make no appointment.
        SlotTaken: The provider has another one that begins then.
    """
    if by.job is not Job.SETUP:
        by.require(Permission.BOOK_VISIT)
    check_times(starts_at=starts_at, ends_at=ends_at)
    appointment_id = new_uuid()
    await repository.add(
        uow.session,
        Appointment(
            id=appointment_id,
            clinic_id=by.clinic_id,
            patient_id=patient_id,
            provider_id=provider_id,
            starts_at=starts_at,
            ends_at=ends_at,
            state=AppointmentState.BOOKED,
            booked_at=now,
        ),
    )
    return appointment_id


async def cancel(uow: UnitOfWork, *, by: Actor, appointment_id: UUID) -> None:
    """Cancel an appointment; its time is free again.

    Raises:
        AppointmentUnknown: Not one the actor may see.
    """
    found = await repository.appointments(uow.session, [appointment_id], actor=by)
    if not found:
        raise AppointmentUnknown(appointment_id=appointment_id)
    found[0].state = AppointmentState.CANCELLED
    await uow.session.flush()


async def times(
    uow: UnitOfWork, *, by: Actor, appointment_ids: Collection[UUID]
) -> dict[UUID, Times]:
    """Return the times of those appointments the actor may see."""
    found = await repository.appointments(uow.session, appointment_ids, actor=by)
    return {appointment.id: _times_of(appointment) for appointment in found}


async def day(uow: UnitOfWork, *, by: Actor, first: datetime, after: datetime) -> list[Times]:
    """Return the appointments that start in [first, after), in order."""
    found = await repository.between(uow.session, first, after, actor=by)
    return [_times_of(appointment) for appointment in found]


async def times_behind_link(uow: UnitOfWork, *, appointment_id: UUID) -> Times | None:
    """Return the times of an appointment whose visit link was shown; tells no person."""
    appointment = await repository.unscoped_times(uow.session, appointment_id)
    return None if appointment is None else _times_of(appointment)


def _times_of(appointment: Appointment) -> Times:
    return Times(
        appointment_id=appointment.id,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        state=appointment.state,
    )
