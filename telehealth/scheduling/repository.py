"""Every query of appointments."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, false, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.scheduling.errors import SlotTaken
from telehealth.scheduling.tables import Appointment


def visible_to(actor: Actor) -> Select[Appointment]:
    """Select the appointments `actor` may know exist.  An unlisted role sees none."""
    in_clinic = select(Appointment).where(Appointment.clinic_id == actor.clinic_id)
    if actor.job in {Job.SETUP, Job.SIGNALING}:
        return in_clinic
    match actor.role:
        case Role.SCHEDULER:
            return in_clinic
        case Role.PROVIDER:
            return in_clinic.where(Appointment.provider_id == actor.person_id)
        case Role.PATIENT:
            return in_clinic.where(Appointment.patient_id == actor.person_id)
        case _:
            return in_clinic.where(false())


async def add(session: AsyncSession, appointment: Appointment) -> None:
    """Store a new appointment.

    Raises:
        SlotTaken: The unique index on provider and start refused it.
    """
    try:
        async with session.begin_nested():
            session.add(appointment)
    except IntegrityError:
        raise SlotTaken(provider_id=appointment.provider_id) from None


async def appointments(
    session: AsyncSession, appointment_ids: Collection[UUID], *, actor: Actor
) -> list[Appointment]:
    """Return those of `appointment_ids` that `actor` may see."""
    statement = visible_to(actor).where(Appointment.id.in_(appointment_ids))
    return list(await session.scalars(statement))


async def between(
    session: AsyncSession, first: datetime, after: datetime, *, actor: Actor
) -> list[Appointment]:
    """Return the appointments that start in [first, after), in order, as `actor` may see them."""
    statement = (
        visible_to(actor)
        .where(Appointment.starts_at >= first, Appointment.starts_at < after)
        .order_by(Appointment.starts_at, Appointment.id)
    )
    return list(await session.scalars(statement))


async def unscoped_times(session: AsyncSession, appointment_id: UUID) -> Appointment | None:
    """Return the appointment a visit link leads to: its times stand on the landing page."""
    return await session.scalar(select(Appointment).where(Appointment.id == appointment_id))
