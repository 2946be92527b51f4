"""See where visits stand; whoever shows it records that it was seen."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.contract import ClinicId, ParticipantId, PersonId
from telehealth.platform.db import UnitOfWork
from telehealth.scheduling import actions as scheduling
from telehealth.visits import repository
from telehealth.visits.cards import StayCard, VisitCard, card_of
from telehealth.visits.errors import VisitUnknown
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.may_join import ComeAnswer, may_come
from telehealth.visits.tables import Visit


async def see(uow: UnitOfWork, *, by: Actor, visit_id: UUID) -> VisitCard:
    """Return a visit the actor may see; the caller records that it was seen.

    Raises:
        VisitUnknown: Absent or not visible.
    """
    visit = await repository.visit(uow.session, visit_id, actor=by)
    if visit is None:
        raise VisitUnknown(visit_id=visit_id)
    return (await cards(uow, [visit]))[0]


async def cards(uow: UnitOfWork, visits: Sequence[Visit]) -> list[VisitCard]:
    """Make cards of visits found through `visible_to`."""
    attending = await repository.unscoped_attendances(uow.session, [each.id for each in visits])
    return [card_of(visit, attending) for visit in visits]


async def see_in_states(
    uow: UnitOfWork, *, by: Actor, states: Collection[VisitState]
) -> list[VisitCard]:
    """Return the visits in these states that the actor may see; the caller records it."""
    return await cards(uow, await repository.visits_in(uow.session, states, actor=by))


async def see_of_appointments(
    uow: UnitOfWork, *, by: Actor, appointment_ids: Collection[UUID]
) -> list[VisitCard]:
    """Return the visits of these appointments that the actor may see; the caller records it."""
    return await cards(uow, await repository.visits_of(uow.session, appointment_ids, actor=by))


async def see_of_patient(
    uow: UnitOfWork, *, clinic_id: ClinicId, patient_id: PersonId
) -> list[VisitCard]:
    """Return one patient's visits to somebody to whom their record is open, who records it."""
    found = await repository.unscoped_of_patient(
        uow.session, clinic_id=clinic_id, patient_id=patient_id
    )
    return await cards(uow, found)


async def queue_around(uow: UnitOfWork, *, card: VisitCard) -> list[VisitCard]:
    """Return all who wait for the provider of a visit the caller may see; count, never show."""
    found = await repository.unscoped_waiting(
        uow.session, clinic_id=card.clinic_id, provider_id=card.provider_id
    )
    return await cards(uow, found)


async def stays(uow: UnitOfWork, *, card: VisitCard) -> list[StayCard]:
    """Return who came into the call of a visit the caller may see, and went, in order."""
    kinds = {each.participant_id: each.kind for each in card.attendances}
    found = await repository.unscoped_stays(uow.session, list(kinds))
    return [
        StayCard(
            kind=kinds[ParticipantId(stay.participant_id)],
            joined_at=stay.joined_at,
            left_at=stay.left_at,
        )
        for stay in found
    ]


async def come_answer(uow: UnitOfWork, *, by: Actor, now: datetime, card: VisitCard) -> ComeAnswer:
    """Say whether the patient of a visit may come now."""
    times = await scheduling.times(uow, by=by, appointment_ids=[card.appointment_id])
    found = times[card.appointment_id]
    return may_come(card.state, starts_at=found.starts_at, ends_at=found.ends_at, now=now)


async def landing(uow: UnitOfWork, *, visit_id: UUID, now: datetime) -> ComeAnswer | None:
    """Say for a visit link, before any birth date, whether its holder may come; no person."""
    visit = await repository.unscoped_visit(uow.session, visit_id)
    if visit is None:
        return None
    times = await scheduling.times_behind_link(uow, appointment_id=visit.appointment_id)
    if times is None:
        return None
    return may_come(visit.state, starts_at=times.starts_at, ends_at=times.ends_at, now=now)


async def landing_times(uow: UnitOfWork, *, visit_id: UUID) -> scheduling.Times | None:
    """Return when the appointment behind a visit link is."""
    visit = await repository.unscoped_visit(uow.session, visit_id)
    if visit is None:
        return None
    return await scheduling.times_behind_link(uow, appointment_id=visit.appointment_id)
