"""What a page sees of one visit: each a reading of a patient's data, and audited as one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit.events import AuditEvent
from telehealth.charting import actions as charting
from telehealth.contract import AttendanceKind, PersonId
from telehealth.identity import actions as identity
from telehealth.platform.db import UnitOfWork
from telehealth.scheduling import actions as scheduling
from telehealth.visits.actions import arrival, conduct, consenting, sight
from telehealth.visits.cards import VisitCard
from telehealth.visits.consent_texts import DEFAULT_LANGUAGE, ConsentText
from telehealth.visits.errors import TooEarly, TooLate, VisitUnknown
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.may_join import ComeAnswer, GuestPhase, guest_phase
from telehealth.waiting_room import actions, repository
from telehealth.waiting_room.ages import age_on
from telehealth.waiting_room.queue import Waiting, ahead_of
from telehealth.waiting_room.tables import QueueEntry
from telehealth.waiting_room.timeline import Moment, timeline_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnVisit:
    """A patient's own visit."""

    card: VisitCard
    clinic: identity.ClinicCard
    provider_name: str | None
    times: scheduling.Times
    come: ComeAnswer
    consent: consenting.ConsentStanding
    texts: Mapping[str, Sequence[ConsentText]]
    """What is to be read, by jurisdiction."""
    entry: QueueEntry | None
    ahead: int | None
    """How many are before; None unless the visit waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attending:
    """One person's name beside their seat."""

    participant_id: UUID
    name: str
    kind: AttendanceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ConductedVisit:
    """A visit as its provider sees it."""

    card: VisitCard
    patient: identity.PersonCard
    age: int | None
    provider: identity.PersonCard
    times: scheduling.Times
    entry: QueueEntry | None
    consent: consenting.ConsentStanding
    roster: Sequence[Attending]
    note: charting.Note
    open_items: Sequence[tuple[str, bool]]
    timeline: Sequence[Moment]


async def own_visit(
    uow: UnitOfWork, *, by: Actor, now: datetime, language: str = DEFAULT_LANGUAGE
) -> OwnVisit:
    """Return the visit a patient came for; coming inside the window begins check-in.

    Raises:
        NotPermitted: Not a patient.
        VisitUnknown: The patient came for none.
    """
    by.require(Permission.ATTEND_OWN_VISIT)
    if by.visit_id is None:
        raise VisitUnknown
    try:
        card = await arrival.open_by_patient(uow, by=by, now=now, visit_id=by.visit_id)
    except (TooEarly, TooLate):
        card = await sight.see(uow, by=by, visit_id=by.visit_id)
    await _seen(uow, by, now, card)
    people = await identity.person_cards(uow, by=by, person_ids=[card.provider_id])
    provider = people.get(card.provider_id)
    times = await scheduling.times(uow, by=by, appointment_ids=[card.appointment_id])
    return OwnVisit(
        card=card,
        clinic=await identity.clinic_card(uow, clinic_id=card.clinic_id),
        provider_name=None if provider is None else provider.full_name,
        times=times[card.appointment_id],
        come=await sight.come_answer(uow, by=by, now=now, card=card),
        consent=await consenting.standing(uow, by=by, now=now, card=card),
        texts=await consenting.texts_for(uow, by=by, now=now, card=card, language=language),
        entry=await _entry(uow, card),
        ahead=await _ahead(uow, card),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestVisit:
    """All that a guest sees of a visit."""

    card: VisitCard
    clinic: identity.ClinicCard
    own_name: str
    provider_name: str | None
    starts_at: datetime | None
    phase: GuestPhase


async def guest_visit(uow: UnitOfWork, *, by: Actor, now: datetime) -> GuestVisit:
    """Return the call a guest was invited to: clinic, time, the provider's name, and no patient.

    Raises:
        NotPermitted: Not a guest.
        VisitUnknown: The invitation was taken back.
    """
    by.require(Permission.ATTEND_AS_GUEST)
    if by.visit_id is None:
        raise VisitUnknown
    card = await sight.see(uow, by=by, visit_id=by.visit_id)
    await _seen(uow, by, now, card)
    ids = [each for each in (by.person_id, card.provider_id) if each is not None]
    people = await identity.person_cards(uow, by=by, person_ids=ids)
    own, provider = people.get(ids[0]), people.get(card.provider_id)
    times = await sight.landing_times(uow, visit_id=card.visit_id)
    return GuestVisit(
        card=card,
        clinic=await identity.clinic_card(uow, clinic_id=card.clinic_id),
        own_name="" if own is None else own.full_name,
        provider_name=None if provider is None else provider.full_name,
        starts_at=None if times is None else times.starts_at,
        phase=guest_phase(card.state),
    )


async def conducted_visit(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID
) -> ConductedVisit:
    """Return a visit to its provider.

    Raises:
        NotPermitted: The actor conducts no visits.
        VisitUnknown: Not the actor's visit.
    """
    by.require(Permission.CONDUCT_VISIT)
    card = await sight.see(uow, by=by, visit_id=visit_id)
    await _seen(uow, by, now, card)
    people = await people_of(uow, by, [card])
    patient, provider = people[card.patient_id], people[card.provider_id]
    times = await scheduling.times(uow, by=by, appointment_ids=[card.appointment_id])
    consent = await consenting.standing(uow, by=by, now=now, card=card)
    entry = await _entry(uow, card)
    note = await charting.state_of(uow, visit_id=card.visit_id)
    return ConductedVisit(
        card=card,
        patient=patient,
        age=age_on(await today_of(uow, by, now), born_on=patient.birth_on),
        provider=provider,
        times=times[card.appointment_id],
        entry=entry,
        consent=consent,
        roster=_roster_of(card, people),
        note=note,
        open_items=await conduct.open_items(uow, visit_id=card.visit_id),
        timeline=timeline_of(
            card,
            consented_at=consent.given_at,
            withdrawn_at=consent.withdrawn_at,
            checked_at=None if entry is None else entry.checked_at,
            called_at=None if entry is None else entry.called_at,
            signed_at=note.signed_at,
            stays=await sight.stays(uow, card=card),
        ),
    )


async def roster(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID
) -> Sequence[Attending]:
    """Return who attends a visit, to somebody who attends it.

    Raises:
        VisitUnknown: Not a visit the actor attends.
    """
    card = await sight.see(uow, by=by, visit_id=visit_id)
    if card.attendance_of(by.person_id) is None:
        raise VisitUnknown(visit_id=visit_id)
    await _seen(uow, by, now, card)
    return _roster_of(card, await people_of(uow, by, [card]))


async def people_of(
    uow: UnitOfWork, by: Actor, cards: Sequence[VisitCard]
) -> dict[PersonId, identity.PersonCard]:
    """Return those who attend, as far as the actor may see them."""
    ids = {each.person_id for card in cards for each in card.attendances}
    ids |= {person for card in cards for person in (card.patient_id, card.provider_id)}
    return await identity.person_cards(uow, by=by, person_ids=ids)


def waiting_of(cards: Sequence[VisitCard]) -> list[Waiting]:
    """Return those of the visits that wait, as the order of the queue needs them."""
    found = []
    for card in cards:
        if card.state is not VisitState.WAITING:
            continue
        seat = card.attendance_as(AttendanceKind.PATIENT)
        found.append(
            Waiting(
                visit_id=card.visit_id,
                arrived_at=card.waiting_since or card.state_since,
                is_present=seat is not None and seat.is_present,
            )
        )
    return found


async def today_of(uow: UnitOfWork, by: Actor, now: datetime) -> date:
    """Return what day it is in the clinic of the actor."""
    clinic = await identity.clinic_card(uow, clinic_id=by.clinic_id)
    return now.astimezone(ZoneInfo(clinic.time_zone)).date()


def _roster_of(
    card: VisitCard, people: Mapping[PersonId, identity.PersonCard]
) -> Sequence[Attending]:
    return [
        Attending(
            participant_id=each.participant_id,
            name=people[each.person_id].full_name,
            kind=each.kind,
        )
        for each in card.attendances
        if each.person_id in people
    ]


async def _ahead(uow: UnitOfWork, card: VisitCard) -> int | None:
    if card.state is not VisitState.WAITING:
        return None
    around = await sight.queue_around(uow, card=card)
    return ahead_of(waiting_of(around), card.visit_id)


async def _entry(uow: UnitOfWork, card: VisitCard) -> QueueEntry | None:
    return (await repository.unscoped_entries(uow.session, [card.visit_id])).get(card.visit_id)


async def _seen(uow: UnitOfWork, by: Actor, now: datetime, card: VisitCard) -> None:
    view = f"visit:{card.visit_id}"
    await actions.audit_list(
        uow, by=by, now=now, view=view, event=AuditEvent.VISIT_VIEWED, shown=[card]
    )
