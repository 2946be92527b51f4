"""What pages ask about visits: one's own, a conducted one, who attends, who waits, the day."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.access.http import actor_of
from telehealth.contract import AttendanceKind
from telehealth.identity.actions import PersonCard
from telehealth.platform.http import BodyRefused, answer, services_of
from telehealth.visits.cards import VisitCard
from telehealth.visits.consent import EVERYWHERE
from telehealth.visits.consent_texts import DEFAULT_LANGUAGE, ConsentText
from telehealth.visits.http import visit_id_of
from telehealth.visits.lifecycle import VisitState, word
from telehealth.waiting_room import lists, sights
from telehealth.waiting_room.check_in import masked_number
from telehealth.waiting_room.tables import QueueEntry

_YEARS: Final = range(2000, 2200)
_CALL_IS_ON: Final = frozenset({VisitState.CALLED, VisitState.IN_CALL, VisitState.PAUSED})


async def patient_visit(request: Request) -> Response:
    """GET /v1/visit."""
    by, services = actor_of(request), services_of(request)
    now, language = services.clock.now(), request.query_params.get("language", DEFAULT_LANGUAGE)
    async with services.database.unit_of_work() as uow:
        seen = await sights.own_visit(uow, by=by, now=now, language=language)
    card, clinic, entry = seen.card, seen.clinic, seen.entry
    own = card.attendance_of(by.person_id)
    return answer(
        {
            **_where(card, now),
            "clinic": {
                "name": clinic.name,
                "short_name": clinic.short_name,
                "phone": clinic.phone,
                "time_zone": clinic.time_zone,
            },
            "visit_code": card.visit_code,
            "starts_at": instant(seen.times.starts_at),
            "ends_at": instant(seen.times.ends_at),
            "provider_name": seen.provider_name,
            "may_join": {
                "is_allowed": seen.come.is_allowed,
                "code": seen.come.code.value,
                "opens_at": instant(seen.come.opens_at),
            },
            "consent": _consent(seen),
            "check_in": _check_in(entry),
            "device_check": _checked(entry, keys=("outcome", "at")),
            "queue": None
            if seen.ahead is None
            else {"ahead": seen.ahead, "position": seen.ahead + 1},
            "participant_id": None if own is None else str(own.participant_id),
            "call": _call(card),
            "masked_number": None if entry is None else masked_number(entry.call_back_number),
        }
    )


async def guest_visit(request: Request) -> Response:
    """GET /v1/guest-visit."""
    by, services = actor_of(request), services_of(request)
    async with services.database.unit_of_work() as uow:
        seen = await sights.guest_visit(uow, by=by, now=services.clock.now())
    own = seen.card.attendance_of(by.person_id)
    return answer(
        {
            "visit_id": str(seen.card.visit_id),
            "phase": seen.phase.value,
            "clinic": {"name": seen.clinic.name, "phone": seen.clinic.phone},
            "time_zone": seen.clinic.time_zone,
            "starts_at": instant(seen.starts_at),
            "own_name": seen.own_name,
            "kind": None if own is None else own.kind.value,
            "provider_name": seen.provider_name,
        }
    )


async def staff_visit(request: Request) -> Response:
    """GET /v1/visits/{visit_id}, for its provider."""
    by, services = actor_of(request), services_of(request)
    now, visit_id = services.clock.now(), visit_id_of(request)
    async with services.database.unit_of_work() as uow:
        seen = await sights.conducted_visit(uow, by=by, now=now, visit_id=visit_id)
    card, entry = seen.card, seen.entry
    own = card.attendance_of(by.person_id)
    return answer(
        {
            **_where(card, now),
            "patient": {
                **_patient(seen.patient, seen.age),
                "person_id": str(seen.patient.person_id),
                "phone": seen.patient.phone,
                "medical_record_number": seen.patient.medical_record_number,
            },
            "provider": {
                "person_id": str(seen.provider.person_id),
                "name": seen.provider.full_name,
            },
            "starts_at": instant(seen.times.starts_at),
            "ends_at": instant(seen.times.ends_at),
            "waiting_since": instant(card.waiting_since),
            "place_state": entry.place_state if entry else None,
            "place_address": entry.place_address if entry else None,
            "call_back_number": entry.call_back_number if entry else None,
            "consent_given_at": instant(seen.consent.given_at),
            "consent_withdrawn_at": instant(seen.consent.withdrawn_at),
            "device_check": _checked(entry),
            "participant_id": None if own is None else str(own.participant_id),
            "roster": _roster(seen.roster),
            "note_state": {
                "version": seen.note.version,
                "is_signed": seen.note.signed_at is not None,
            },
            "open_items": [
                {"code": code, "is_blocking": is_blocking} for code, is_blocking in seen.open_items
            ],
            "timeline": [
                {
                    "at": instant(moment.at),
                    "event": moment.event.value,
                    "kind": None if moment.kind is None else moment.kind.value,
                }
                for moment in seen.timeline
            ],
        }
    )


async def roster(request: Request) -> Response:
    """GET /v1/visits/{visit_id}/roster."""
    by, services = actor_of(request), services_of(request)
    now, visit_id = services.clock.now(), visit_id_of(request)
    async with services.database.unit_of_work() as uow:
        attending = await sights.roster(uow, by=by, now=now, visit_id=visit_id)
    return answer({"roster": _roster(attending)})


async def consult_queue(request: Request) -> Response:
    """GET /v1/consult-queue."""
    by, services = actor_of(request), services_of(request)
    now = services.clock.now()
    async with services.database.unit_of_work() as uow:
        queue = await lists.consult_queue(uow, by=by, now=now)
    return answer(
        {
            "as_of": instant(now),
            "rows": [_queue_row(row, now) for row in queue.waiting],
            "under_way": [_queue_row(row, now) for row in queue.under_way],
        }
    )


async def day_board(request: Request) -> Response:
    """GET /v1/day-board."""
    by, services = actor_of(request), services_of(request)
    now, day = services.clock.now(), _day_of(request)
    async with services.database.unit_of_work() as uow:
        board = await lists.day_board(uow, by=by, now=now, day=day)
    return answer(
        {
            "as_of": instant(now),
            "date": board.day.isoformat(),
            "counters": {counter.value: count for counter, count in board.counters.items()},
            "rows": [_board_row(row) for row in board.rows],
        }
    )


def instant(at: datetime | None) -> str | None:
    """Return an instant as RFC 3339 in UTC."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _day_of(request: Request) -> date | None:
    asked = request.query_params.get("date")
    if asked is None:
        return None
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        raise BodyRefused({"/date": "date_parsing"}) from None
    if day.year not in _YEARS:
        raise BodyRefused({"/date": "date_range"})
    return day


def _where(card: VisitCard, now: datetime) -> dict[str, Any]:
    return {
        "visit_id": str(card.visit_id),
        "state": card.state.value,
        "word": word(card.state),
        "version": card.version,
        "server_at": instant(now),
    }


def _patient(person: PersonCard, age: int | None) -> dict[str, Any]:
    return {
        "name": person.full_name,
        "birth_date": None if person.birth_on is None else person.birth_on.isoformat(),
        "age": age,
    }


def _consent(seen: sights.OwnVisit) -> dict[str, Any]:
    texts = {place: [_text(each) for each in found] for place, found in seen.texts.items()}
    return {
        "is_given": seen.consent.is_given,
        "given_at": instant(seen.consent.given_at),
        "withdrawn_at": instant(seen.consent.withdrawn_at),
        "missing": [
            {"text_id": each.text_id, "version": each.version} for each in seen.consent.missing
        ],
        "texts": texts.pop(EVERYWHERE),
        # What somebody who is there reads instead.
        "texts_by_place": {place.removeprefix("US-"): found for place, found in texts.items()},
    }


def _text(text: ConsentText) -> dict[str, Any]:
    return {
        "text_id": text.text_id,
        "version": text.version,
        "language": text.language,
        "text": text.text,
    }


def _check_in(entry: QueueEntry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {
        "place_state": entry.place_state,
        "place_address": entry.place_address,
        "call_back_number": entry.call_back_number,
    }


def _checked(
    entry: QueueEntry | None,
    *,
    keys: Sequence[str] = ("outcome", "microphone", "camera", "speaker", "network", "at"),
) -> dict[str, Any] | None:
    if entry is None or entry.outcome is None:
        return None
    parts = {
        "outcome": entry.outcome,
        "microphone": entry.microphone,
        "camera": entry.camera,
        "speaker": entry.speaker,
        "network": entry.network,
        "at": instant(entry.checked_at),
    }
    return {key: parts[key] for key in keys}


def _call(card: VisitCard) -> dict[str, Any] | None:
    if card.state not in _CALL_IS_ON:
        return None
    host = card.attendance_as(AttendanceKind.PROVIDER)
    return {"provider_is_present": host is not None and host.is_present}


def _presence(card: VisitCard) -> dict[str, Any] | None:
    seat = card.attendance_as(AttendanceKind.PATIENT)
    if seat is None:
        return None
    return {"is_present": seat.is_present, "since": instant(seat.presence_since)}


def _roster(attending: Sequence[sights.Attending]) -> list[dict[str, str]]:
    return [
        {
            "participant_id": str(each.participant_id),
            "name": each.name,
            "kind": each.kind.value,
        }
        for each in attending
    ]


def _queue_row(row: lists.QueueRow, now: datetime) -> dict[str, Any]:
    card, entry = row.card, row.entry
    since = card.waiting_since or card.state_since
    return {
        "visit_id": str(card.visit_id),
        "state": card.state.value,
        "word": word(card.state),
        "version": card.version,
        "patient": _patient(row.patient, row.age),
        "starts_at": instant(row.times.starts_at),
        "in_state_since": instant(card.state_since),
        "waiting_since": instant(since),
        "waited_s": max(0, int((now - since).total_seconds())),
        "place_state": entry.place_state if entry else None,
        "call_back_number": entry.call_back_number if entry else None,
        "device_check": _checked(entry),
        "presence": _presence(card),
        "is_next": row.is_next,
    }


def _board_row(row: lists.BoardRow) -> dict[str, Any]:
    card = row.card
    return {
        "visit_id": str(card.visit_id),
        "state": card.state.value,
        "word": word(card.state),
        "version": card.version,
        "patient_name": row.patient_name,
        "provider_name": row.provider_name,
        "starts_at": instant(row.times.starts_at),
        "ends_at": instant(row.times.ends_at),
        "in_state_since": instant(card.state_since),
        "presence": _presence(card),
        "flags": [flag.value for flag in row.flags],
        "chart": None if row.chart is None else {"state": row.chart.value},
    }


routes: Final[Sequence[BaseRoute]] = (
    Route("/v1/visit", patient_visit, methods=["GET"]),
    Route("/v1/guest-visit", guest_visit, methods=["GET"]),
    Route("/v1/visits/{visit_id}", staff_visit, methods=["GET"]),
    Route("/v1/visits/{visit_id}/roster", roster, methods=["GET"]),
    Route("/v1/consult-queue", consult_queue, methods=["GET"]),
    Route("/v1/day-board", day_board, methods=["GET"]),
)
