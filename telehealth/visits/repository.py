"""Every query of visits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, false, select
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.access.actor import Actor
from telehealth.access.roles import Role
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.tables import (
    Attendance,
    Consent,
    OpenItem,
    PresenceSeen,
    Stay,
    Visit,
)


def visible_to(actor: Actor) -> Select[Visit]:
    """Select the visits `actor` may know exist.  An unlisted role sees none."""
    in_clinic = select(Visit).where(Visit.clinic_id == actor.clinic_id)
    match actor.role:
        case Role.SCHEDULER:
            return in_clinic
        case Role.PROVIDER:
            return in_clinic.where(Visit.provider_id == actor.person_id)
        case Role.PATIENT:
            own = in_clinic.where(Visit.patient_id == actor.person_id)
            return own if actor.visit_id is None else own.where(Visit.id == actor.visit_id)
        case Role.GUEST:
            invited = select(Attendance.visit_id).where(
                Attendance.person_id == actor.person_id, Attendance.removed_at.is_(None)
            )
            return in_clinic.where(Visit.id == actor.visit_id, Visit.id.in_(invited))
        case _:
            return in_clinic.where(false())


async def visit(session: AsyncSession, visit_id: UUID, *, actor: Actor) -> Visit | None:
    """Return one visit; None if absent or not visible."""
    return await session.scalar(visible_to(actor).where(Visit.id == visit_id))


async def lock_visit(session: AsyncSession, visit_id: UUID, *, actor: Actor) -> Visit | None:
    """Lock one visit until the transaction ends; None if absent or not visible."""
    statement = visible_to(actor).where(Visit.id == visit_id)
    return await session.scalar(statement.with_for_update(of=Visit))


async def visits_in(
    session: AsyncSession, states: Collection[VisitState], *, actor: Actor
) -> Sequence[Visit]:
    """Return the visits in these states that `actor` may see."""
    statement = visible_to(actor).where(Visit.state.in_(states))
    return list(await session.scalars(statement.order_by(Visit.id)))


async def visits_of(
    session: AsyncSession, appointment_ids: Collection[UUID], *, actor: Actor
) -> Sequence[Visit]:
    """Return the visits of these appointments that `actor` may see."""
    statement = visible_to(actor).where(Visit.appointment_id.in_(appointment_ids))
    return list(await session.scalars(statement))


async def unscoped_waiting(
    session: AsyncSession, *, clinic_id: UUID, provider_id: UUID
) -> list[Visit]:
    """Return who waits for one provider: a patient learns their own place among them, no more."""
    statement = select(Visit).where(
        Visit.clinic_id == clinic_id,
        Visit.provider_id == provider_id,
        Visit.state == VisitState.WAITING,
    )
    return list(await session.scalars(statement.order_by(Visit.id)))


async def unscoped_of_patient(
    session: AsyncSession, *, clinic_id: UUID, patient_id: UUID
) -> list[Visit]:
    """Return one patient's visits, newest first, to somebody to whom their record is open."""
    statement = select(Visit).where(Visit.clinic_id == clinic_id, Visit.patient_id == patient_id)
    return list(await session.scalars(statement.order_by(Visit.id.desc()).limit(200)))


async def unscoped_attendances(
    session: AsyncSession, visit_ids: Collection[UUID]
) -> list[Attendance]:
    """Return who attends visits that were found through `visible_to` or by signaling."""
    statement = select(Attendance).where(Attendance.visit_id.in_(visit_ids))
    return list(await session.scalars(statement.order_by(Attendance.id)))


async def unscoped_visit(session: AsyncSession, visit_id: UUID) -> Visit | None:
    """Return a visit by its id: for the landing page of a link and for signaling's door."""
    return await session.scalar(select(Visit).where(Visit.id == visit_id))


async def unscoped_lock_visit(session: AsyncSession, visit_id: UUID) -> Visit | None:
    """Lock a visit for signaling's door until the transaction ends."""
    return await session.scalar(select(Visit).where(Visit.id == visit_id).with_for_update())


async def unscoped_lock_attended(
    session: AsyncSession, *, person_id: UUID, clinic_id: UUID, states: Collection[VisitState]
) -> list[Visit]:
    """Lock the visits in these states in which a person has a seat; they are turned away."""
    seats = select(Attendance.visit_id).where(Attendance.person_id == person_id)
    statement = (
        select(Visit)
        .where(Visit.clinic_id == clinic_id, Visit.state.in_(states), Visit.id.in_(seats))
        .order_by(Visit.id)
    )
    return list(await session.scalars(statement.with_for_update(of=Visit)))


async def unscoped_attendance(session: AsyncSession, participant_id: UUID) -> Attendance | None:
    """Return one attendance for signaling's door."""
    return await session.scalar(select(Attendance).where(Attendance.id == participant_id))


async def unscoped_open_stay(session: AsyncSession, participant_id: UUID) -> Stay | None:
    """Return the stay of a participant that has not ended."""
    return await session.scalar(
        select(Stay).where(Stay.participant_id == participant_id, Stay.left_at.is_(None))
    )


async def unscoped_stays(session: AsyncSession, participant_ids: Collection[UUID]) -> list[Stay]:
    """Return when those who attend a visit the caller may see came and went."""
    statement = select(Stay).where(Stay.participant_id.in_(participant_ids))
    return list(await session.scalars(statement.order_by(Stay.joined_at, Stay.id)))


async def unscoped_is_seen(session: AsyncSession, event_id: UUID) -> bool:
    """Say whether a presence event has counted."""
    found = await session.scalar(
        select(PresenceSeen.event_id).where(PresenceSeen.event_id == event_id)
    )
    return found is not None


async def unscoped_consents(session: AsyncSession, visit_ids: Collection[UUID]) -> list[Consent]:
    """Return every consent to visits the caller may see, oldest first."""
    return list(
        await session.scalars(
            select(Consent)
            .where(Consent.visit_id.in_(visit_ids))
            .order_by(Consent.given_at, Consent.id)
        )
    )


async def unscoped_open_items(session: AsyncSession, visit_ids: Collection[UUID]) -> list[OpenItem]:
    """Return what visits the caller may see still owe."""
    return list(
        await session.scalars(
            select(OpenItem)
            .where(OpenItem.visit_id.in_(visit_ids), OpenItem.settled_at.is_(None))
            .order_by(OpenItem.visit_id, OpenItem.code)
        )
    )


async def unscoped_settle(
    session: AsyncSession, visit_id: UUID, code: str, *, now: datetime
) -> None:
    """Note that an open item is done."""
    item = await session.scalar(
        select(OpenItem).where(OpenItem.visit_id == visit_id, OpenItem.code == code)
    )
    if item is not None and item.settled_at is None:
        item.settled_at = now
