"""An act under a key takes effect once, on both databases, whatever became of its answers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from telehealth.app import VisitService
from telehealth.platform.db import Database
from telehealth.platform.idempotency.once import sweep
from telehealth.platform.idempotency.tables import NamedAct
from telehealth.visits.tables import Visit
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.clinic import PASSWORD, InventedClinic, invent_clinic
from tests.support.clock import FakeClock
from tests.support.requirements import Figure
from tests.support.visits import NOW

KEY = "0195a5c4-7c00-4000-8000-00000000abcd"


@pytest.fixture
async def clinic(database: Database) -> InventedClinic:
    async with database.unit_of_work() as uow:
        return await invent_clinic(uow, now=NOW)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def made(
    clinic: InventedClinic, database_url: str, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[VisitService]:
    del clinic
    async with running_app(database_url, tmp_path, clock=clock) as running:
        yield running


@pytest.fixture
async def scheduler(made: VisitService) -> AsyncIterator[AppClient]:
    async with browser_of(made) as browser:
        assert (await browser.sign_in("scheduler@riverside.example", PASSWORD)).is_success
        yield browser


def booking(clinic: InventedClinic, hour: int = 18) -> dict[str, Any]:
    return {
        "patient_id": str(clinic.patient_id),
        "provider_id": str(clinic.provider_id),
        "starts_at": f"2026-03-02T{hour}:00:00Z",
        "ends_at": f"2026-03-02T{hour}:30:00Z",
    }


async def ask(browser: AppClient, body: dict[str, Any], key: str = KEY) -> httpx.Response:
    return await browser.send("POST", "/v1/visits", body, headers={"idempotency-key": key})


async def visits_in(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Visit)) or 0


async def test_the_same_key_and_body_get_the_same_answer(
    scheduler: AppClient, clinic: InventedClinic, database: Database
) -> None:
    first, second = [await ask(scheduler, booking(clinic)) for _ in range(2)]

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()  # the link's secret too, which is stored nowhere in clear
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert await visits_in(database) == 1


async def test_a_refusal_is_an_answer_too(scheduler: AppClient, clinic: InventedClinic) -> None:
    await ask(scheduler, booking(clinic), key="a" * 16)

    taken, again = [await ask(scheduler, booking(clinic), key="b" * 16) for _ in range(2)]

    assert (taken.status_code, again.status_code) == (409, 409)
    assert again.json() == taken.json()
    assert again.headers["content-type"] == "application/problem+json"


async def test_another_body_or_route_under_the_same_key_is_refused(
    scheduler: AppClient, clinic: InventedClinic, database: Database
) -> None:
    made = await ask(scheduler, booking(clinic))
    visit_id = made.json()["visit_id"]

    other_body = await ask(scheduler, booking(clinic, hour=19))
    other_route = await scheduler.send(
        "POST",
        f"/v1/visits/{visit_id}/cancel",
        {"version": 0, "reason": "patient_asked"},
        headers={"idempotency-key": KEY},
    )

    assert {other_body.status_code, other_route.status_code} == {422}
    assert {each.json()["code"] for each in (other_body, other_route)} == {"request.key_reused"}
    assert await visits_in(database) == 1


async def test_a_key_is_its_persons_own(
    scheduler: AppClient, clinic: InventedClinic, made: VisitService
) -> None:
    await ask(scheduler, booking(clinic))
    async with browser_of(made) as provider:
        await provider.sign_in("provider@riverside.example", PASSWORD)

        refused = await ask(provider, booking(clinic))

    assert refused.status_code == 403
    assert "idempotency-replayed" not in refused.headers


async def test_of_fifty_at_once_one_runs(
    scheduler: AppClient, clinic: InventedClinic, database: Database, figure: Figure
) -> None:
    answers = await asyncio.gather(*(ask(scheduler, booking(clinic)) for _ in range(50)))

    told = {(answer.status_code, answer.json().get("code")) for answer in answers}
    assert told <= {(201, None), (409, "request.still_running")}
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1
    assert await visits_in(database) == 1
    figure("50 parallel requests under one key, 1 effect")


async def test_an_act_that_was_done_but_not_answered_is_not_done_again(
    scheduler: AppClient, clinic: InventedClinic, database: Database, clock: FakeClock
) -> None:
    """The process died between the commit of the act and that of its answer."""
    await ask(scheduler, booking(clinic))
    await _change(database, status=None, sealed_answer=None)

    early = await ask(scheduler, booking(clinic))
    clock.advance(seconds=61)
    late = await ask(scheduler, booking(clinic))

    assert early.json()["code"] == "request.still_running"
    assert late.json()["code"] == "request.already_done"
    assert await visits_in(database) == 1


async def test_an_act_whose_try_died_before_it_did_anything_may_be_tried_again(
    scheduler: AppClient, clinic: InventedClinic, database: Database, clock: FakeClock
) -> None:
    taken = await ask(scheduler, booking(clinic))
    assert taken.status_code == 201
    await _change(database, status=None, sealed_answer=None, done_at=None)

    clock.advance(seconds=61)
    again = await ask(scheduler, booking(clinic))

    assert again.json()["code"] == "scheduling.slot_taken"  # it ran: the slot is the first one's


async def test_an_answer_that_cannot_be_opened_is_not_guessed(
    scheduler: AppClient, clinic: InventedClinic, database: Database
) -> None:
    await ask(scheduler, booking(clinic))
    await _change(database, sealed_answer=bytes(40))

    assert (await ask(scheduler, booking(clinic))).json()["code"] == "request.already_done"


@pytest.mark.parametrize("key", ["short", "k" * 65, "with space and more", "ключ-ключ-ключ-ключ"])
async def test_a_key_of_another_form_is_refused(
    scheduler: AppClient, clinic: InventedClinic, key: str
) -> None:
    headers = {b"idempotency-key": key.encode()}
    own = {b"origin": b"https://clinic.example.org"}
    csrf = {b"x-csrf-token": scheduler.http.cookies["__Host-csrf"].encode()}

    answer = await scheduler.http.post(
        "/v1/visits", json=booking(clinic), headers={**own, **csrf, **headers}
    )

    assert answer.json()["code"] == "request.key_refused"


async def test_strangers_keys_count_for_nothing(made: VisitService, database: Database) -> None:
    """A sign-in that is given again would hand its cookies to whoever repeats it."""
    async with browser_of(made) as browser:
        for _ in range(2):
            await browser.send(
                "POST",
                "/v1/sign-in",
                {"email": "scheduler@riverside.example", "password": PASSWORD},
                headers={"idempotency-key": KEY},
            )

    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(NamedAct)) == 0


async def test_nothing_of_an_answer_or_a_key_stands_in_the_table(
    scheduler: AppClient, clinic: InventedClinic, database: Database
) -> None:
    made = await ask(scheduler, booking(clinic))

    async with database.reading() as session:
        [row] = (await session.execute(select(NamedAct.__table__))).all()

    assert made.json()["url"].rsplit("/", 1)[1] not in repr(tuple(row))
    assert KEY not in repr(tuple(row))


async def test_a_day_later_it_is_forgotten(
    scheduler: AppClient, clinic: InventedClinic, database: Database
) -> None:
    await ask(scheduler, booking(clinic))

    gone = []
    for now in (NOW + timedelta(hours=23), NOW + timedelta(hours=24)):
        async with database.unit_of_work() as uow:
            gone.append(await sweep(uow, now=now))

    assert gone == [0, 1]


async def _change(database: Database, **values: Any) -> None:
    async with database.unit_of_work() as uow:
        await uow.session.execute(update(NamedAct).values(**values))
