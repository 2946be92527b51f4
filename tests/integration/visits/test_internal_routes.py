"""Signaling's door, as signaling uses it, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from telehealth.contract import AttendanceKind, PresenceKind
from telehealth.platform.db import Database
from telehealth.platform.ids import new_uuid
from telehealth.platform.signing import secret_bytes, service_token
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.tables import PresenceSeen, Stay
from tests.support.app_client import SERVICE_KEY, running_app
from tests.support.clock import FakeClock
from tests.support.visits import NOW, InventedVisit, book, rows_in

PATIENT, PROVIDER = AttendanceKind.PATIENT, AttendanceKind.PROVIDER


def bearer(key: bytes | None = None) -> dict[str, str]:
    token = service_token(
        key or secret_bytes(SERVICE_KEY), issuer="signaling", audience="visit-service", now=NOW
    )
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
async def door(
    database: Database, database_url: str, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    del database  # opened first, closed last
    async with running_app(database_url, tmp_path, clock=FakeClock(NOW)) as made:
        transport = httpx.ASGITransport(made.internal)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            client.headers.update(bearer())
            yield client


@pytest.fixture
async def called(database: Database) -> InventedVisit:
    visit = await book(database)
    await visit.wait()
    await visit.call()
    return visit


async def seats_of(visit: InventedVisit, **changes: object) -> dict[str, Any]:
    asked: dict[str, object] = {
        "command_id": new_uuid(),
        "visit_id": visit.visit_id,
        "participant_id": await visit.seat(PATIENT),
        "by_participant_id": await visit.seat(PROVIDER),
        **changes,
    }
    return {name: str(value) if isinstance(value, UUID) else value for name, value in asked.items()}


async def event_of(
    visit: InventedVisit, kind: PresenceKind, who: AttendanceKind = PATIENT
) -> dict[str, Any]:
    return {
        "event_id": str(new_uuid()),
        "kind": kind.value,
        "visit_id": str(visit.visit_id),
        "participant_id": str(await visit.seat(who)),
        "attach_epoch": 1,
        "at": NOW.isoformat(),
    }


async def test_an_admission_is_recorded_before_it_is_answered(
    door: httpx.AsyncClient, called: InventedVisit
) -> None:
    asked = await seats_of(called)

    answers = [await door.post("/internal/v1/admissions", json=asked) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert (await called.audited()).count("visit.admitted") == 1


async def test_a_removal_is_recorded_with_its_seat(
    door: httpx.AsyncClient, called: InventedVisit
) -> None:
    asked = await seats_of(called, cause="disturbance")

    answer = await door.post("/internal/v1/removals", json=asked)

    assert answer.status_code == 204
    seat = (await called.card()).attendance_as(PATIENT)
    assert seat is not None
    assert seat.is_removed


@pytest.mark.parametrize("path", ["/internal/v1/admissions", "/internal/v1/removals"])
async def test_what_signaling_may_not_ask_is_refused_with_its_reason(
    door: httpx.AsyncClient, called: InventedVisit, path: str
) -> None:
    cause = {"cause": None} if path.endswith("removals") else {}
    refused = [
        await door.post(path, json=await seats_of(called, **cause, **change))
        for change in (
            {"visit_id": new_uuid()},
            {"participant_id": new_uuid()},
            {"by_participant_id": await called.seat(PATIENT)},
        )
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (404, "visit.unknown"),
        (404, "visit.unknown_participant"),
        (403, "access.not_permitted"),
    ]


async def test_a_room_that_is_not_open_admits_nobody(
    door: httpx.AsyncClient, database: Database
) -> None:
    visit = await book(database)
    await visit.wait()

    answer = await door.post("/internal/v1/admissions", json=await seats_of(visit))

    assert (answer.status_code, answer.json()["code"]) == (409, "visit.illegal_step")


async def test_a_batch_told_twice_counts_once(
    door: httpx.AsyncClient, called: InventedVisit, database: Database
) -> None:
    """Signaling's spool repeats what was not answered; the visit must not hear it twice."""
    events = [
        await event_of(called, kind, who)
        for who in (PROVIDER, PATIENT)
        for kind in (PresenceKind.JOINED, PresenceKind.MEDIA_CONNECTED)
    ]

    answers = [
        await door.post("/internal/v1/presence-events", json={"events": batch})
        for batch in (events, events, events[::-1])
    ]

    assert [answer.status_code for answer in answers] == [204, 204, 204]
    assert await rows_in(database, PresenceSeen, Stay) == [4, 2]
    card = await called.card()
    assert card.state is VisitState.IN_CALL
    audited = await called.audited()
    assert (audited.count("visit.joined"), audited.count("visit.connected")) == (2, 1)


async def test_one_unknown_seat_does_not_hold_up_a_batch(
    door: httpx.AsyncClient, called: InventedVisit, database: Database
) -> None:
    stray = {**await event_of(called, PresenceKind.JOINED), "participant_id": str(new_uuid())}
    events = [stray, await event_of(called, PresenceKind.JOINED)]

    answer = await door.post("/internal/v1/presence-events", json={"events": events})

    assert answer.status_code == 204
    assert await rows_in(database, PresenceSeen) == [1]


@pytest.mark.parametrize(
    "path",
    ["/internal/v1/admissions", "/internal/v1/removals", "/internal/v1/presence-events"],
)
async def test_a_bad_service_token_is_refused_and_changes_nothing(
    door: httpx.AsyncClient, called: InventedVisit, database: Database, path: str
) -> None:
    events = [await event_of(called, PresenceKind.JOINED)]
    body = {**await seats_of(called), "cause": None, "events": events}

    answers = [
        await door.post(path, json=body, headers=headers)
        for headers in (bearer(bytes(32)), {"authorization": "Bearer nonsense"})
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (401, "token.refused")
    }
    assert await rows_in(database, PresenceSeen, Stay) == [0, 0]
    assert "visit.admitted" not in await called.audited()


@pytest.mark.parametrize(
    "change", [{"kind": "unheard_of"}, {"attach_epoch": -1}, {"event_id": "nobody"}]
)
async def test_a_broken_batch_is_refused_whole(
    door: httpx.AsyncClient, called: InventedVisit, database: Database, change: dict[str, object]
) -> None:
    good = await event_of(called, PresenceKind.JOINED)

    answer = await door.post(
        "/internal/v1/presence-events", json={"events": [good, {**good, **change}]}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "request.body_refused")
    assert await rows_in(database, PresenceSeen) == [0]


async def test_signaling_fetches_the_keys_of_tickets(door: httpx.AsyncClient) -> None:
    answer = await door.get("/internal/v1/keys")

    keys = answer.json()["keys"]
    assert answer.status_code == 200
    assert keys
    assert all("d" not in key for key in keys)
