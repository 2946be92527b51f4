"""What a page sees of many visits: who waits for a provider, and a clinic's day; audited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit.events import AuditEvent
from telehealth.contract import AttendanceKind, VisitId
from telehealth.delivery import actions as delivery
from telehealth.identity import actions as identity
from telehealth.platform.db import UnitOfWork
from telehealth.scheduling import actions as scheduling
from telehealth.visits.actions import conduct, sight
from telehealth.visits.cards import VisitCard
from telehealth.visits.lifecycle import VisitState
from telehealth.waiting_room import actions, repository
from telehealth.waiting_room.ages import age_on
from telehealth.waiting_room.board import (
    ChartWord,
    Counter,
    Flag,
    Standing,
    chart_word,
    counters_of,
    day_between,
    flags_of,
)
from telehealth.waiting_room.check_in import DeviceResult
from telehealth.waiting_room.queue import in_order, next_of
from telehealth.waiting_room.sights import people_of, today_of, waiting_of
from telehealth.waiting_room.tables import QueueEntry

_UNDER_WAY: Final = (
    VisitState.CALLED,
    VisitState.IN_CALL,
    VisitState.PAUSED,
    VisitState.WRAP_UP,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """One patient of a provider: waiting, or called and not yet Done."""

    card: VisitCard
    patient: identity.PersonCard
    age: int | None
    times: scheduling.Times
    entry: QueueEntry | None
    is_next: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultQueue:
    """Who waits for a provider, in order, and which visits of theirs are under way."""

    waiting: Sequence[QueueRow]
    under_way: Sequence[QueueRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """One visit of the day."""

    card: VisitCard
    times: scheduling.Times
    patient_name: str
    provider_name: str
    flags: Sequence[Flag]
    chart: ChartWord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBoard:
    """A clinic's day."""

    day: date
    rows: Sequence[BoardRow]
    counters: Mapping[Counter, int]


async def consult_queue(uow: UnitOfWork, *, by: Actor, now: datetime) -> ConsultQueue:
    """Return who waits for the actor, and which of the actor's visits are under way.

    Raises:
        NotPermitted: Nobody waits for this role.
    """
    by.require(Permission.SEE_CONSULT_QUEUE)
    cards = await sight.see_in_states(uow, by=by, states=[VisitState.WAITING, *_UNDER_WAY])
    await actions.audit_list(
        uow, by=by, now=now, view="queue", event=AuditEvent.QUEUE_VIEWED, shown=cards
    )
    entries = await repository.unscoped_entries(uow.session, [card.visit_id for card in cards])
    people = await people_of(uow, by, cards)
    times = await scheduling.times(
        uow, by=by, appointment_ids=[card.appointment_id for card in cards]
    )
    today = await today_of(uow, by, now)
    waiting = waiting_of(cards)
    next_id = next_of(waiting)
    rows = {
        card.visit_id: QueueRow(
            card=card,
            patient=people[card.patient_id],
            age=age_on(today, born_on=people[card.patient_id].birth_on),
            times=times[card.appointment_id],
            entry=entries.get(card.visit_id),
            is_next=card.visit_id == next_id,
        )
        for card in cards
    }
    under_way = [row for row in rows.values() if row.card.state in _UNDER_WAY]
    return ConsultQueue(
        waiting=[rows[VisitId(each.visit_id)] for each in in_order(waiting)],
        under_way=sorted(under_way, key=lambda row: (row.card.state_since, row.card.visit_id)),
    )


async def day_board(
    uow: UnitOfWork, *, by: Actor, now: datetime, day: date | None = None
) -> DayBoard:
    """Return every visit of one day of the clinic; today, unless a day is asked for.

    Raises:
        NotPermitted: The actor does not run the day.
    """
    by.require(Permission.SEE_DAY_BOARD)
    clinic = await identity.clinic_card(uow, clinic_id=by.clinic_id)
    day = day or await today_of(uow, by, now)
    first, after = day_between(day, zone=clinic.time_zone)
    booked = await scheduling.day(uow, by=by, first=first, after=after)
    times = {each.appointment_id: each for each in booked}
    cards = await sight.see_of_appointments(uow, by=by, appointment_ids=list(times))
    await actions.audit_list(
        uow, by=by, now=now, view=f"board:{day}", event=AuditEvent.BOARD_VIEWED, shown=cards
    )
    people = await people_of(uow, by, cards)
    ids = [card.visit_id for card in cards]
    chart = await delivery.chart_state(uow, by=by, visit_ids=ids)
    standings = await _standings(uow, cards, times)
    rows = [
        BoardRow(
            card=card,
            times=times[card.appointment_id],
            patient_name=people[card.patient_id].full_name,
            provider_name=people[card.provider_id].full_name,
            flags=flags_of(standings[card.visit_id], now=now),
            chart=chart_word(chart.get(card.visit_id)),
        )
        for card in cards
    ]
    rows.sort(key=lambda row: (row.times.starts_at, row.patient_name, row.card.visit_id))
    return DayBoard(day=day, rows=rows, counters=counters_of(list(standings.values()), now=now))


async def _standings(
    uow: UnitOfWork, cards: Sequence[VisitCard], times: Mapping[UUID, scheduling.Times]
) -> dict[VisitId, Standing]:
    ids = [card.visit_id for card in cards]
    entries = await repository.unscoped_entries(uow.session, ids)
    owing = await conduct.owing(uow, visit_ids=ids, code=conduct.NOTE_UNSIGNED)
    found = {}
    for card in cards:
        seat = card.attendance_as(AttendanceKind.PATIENT)
        entry = entries.get(card.visit_id)
        parts = (entry.microphone, entry.camera, entry.speaker, entry.network) if entry else ()
        found[card.visit_id] = Standing(
            state=card.state,
            starts_at=times[card.appointment_id].starts_at,
            is_present=seat is not None and seat.is_present,
            outcome=None if entry is None else entry.outcome,
            has_device_failed=DeviceResult.FAIL in parts,
            owes_note=card.visit_id in owing,
        )
    return found
