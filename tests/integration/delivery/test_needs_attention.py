"""What is stuck is seen by the people who may see it, and checked again by those who may."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from telehealth.access.actor import Actor, Job
from telehealth.access.errors import NotPermitted
from telehealth.access.roles import Role
from telehealth.contract import ClinicId, PersonId
from telehealth.delivery import actions
from telehealth.delivery.actions import AttentionRow
from telehealth.delivery.errors import EntryNotParked, EntryUnknown
from telehealth.delivery.lanes import Lane
from telehealth.delivery.lifecycle import EntryState
from telehealth.delivery.ports import OutcomeCode
from telehealth.delivery.tables import AttemptStep
from telehealth.platform.clock import SystemClock
from telehealth.platform.db import Database
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.clinic import PASSWORD, invent_clinic
from tests.support.clock import FakeClock
from tests.support.ledger import (
    CLINIC,
    attempts,
    entries,
    owe_chart,
    owe_room,
    runner_for,
    states,
)
from tests.support.partners import FakePartner, Turn

SCHEDULER = Actor(clinic_id=CLINIC, role=Role.SCHEDULER, person_id=PersonId(UUID(int=5)))


async def attention(database: Database, by: Actor, clock: FakeClock) -> list[AttentionRow]:
    async with database.unit_of_work() as uow:
        return list(await actions.needs_attention(uow, by=by, now=clock.now()))


async def check(database: Database, by: Actor, clock: FakeClock, entry_id: UUID) -> AttentionRow:
    async with database.unit_of_work() as uow:
        return await actions.check_again(uow, by=by, now=clock.now(), entry_id=entry_id)


@pytest.fixture
async def clock(database: Database) -> FakeClock:
    """One visit whose Encounter was refused and parked."""
    clock = FakeClock()
    await owe_chart(database, clock, uuid4())
    await runner_for(database, FakePartner.that([Turn.REFUSE]), clock).run_until_quiet()
    return clock


async def test_a_parked_entry_is_listed_with_its_reason(
    database: Database, clock: FakeClock
) -> None:
    [row] = await attention(database, SCHEDULER, clock)

    assert row.state is EntryState.PARKED
    assert row.reason is OutcomeCode.REJECTED_BY_PARTNER
    assert row.attempts == 1


async def test_what_waits_too_long_is_listed_before_it_is_parked(
    database: Database, clock: FakeClock
) -> None:
    """The note behind the parked Encounter waits too, and nobody may forget it."""
    clock.advance(minutes=30)

    rows = await attention(database, SCHEDULER, clock)

    assert {row.state for row in rows} == {EntryState.PARKED, EntryState.PENDING}


async def test_another_clinic_sees_nothing(database: Database, clock: FakeClock) -> None:
    elsewhere = replace(SCHEDULER, clinic_id=ClinicId(uuid4()))
    [held, _] = await entries(database)

    assert await attention(database, elsewhere, clock) == []
    with pytest.raises(EntryUnknown):
        await check(database, elsewhere, clock, held.entry_id)


@pytest.mark.parametrize("role", [Role.PATIENT, Role.GUEST, Role.AUDITOR])
async def test_a_role_without_the_right_is_refused(
    database: Database, clock: FakeClock, role: Role
) -> None:
    with pytest.raises(NotPermitted):
        await attention(database, replace(SCHEDULER, role=role), clock)


async def test_a_provider_sees_and_does_not_settle(database: Database, clock: FakeClock) -> None:
    provider = replace(SCHEDULER, role=Role.PROVIDER)
    [row] = await attention(database, provider, clock)

    with pytest.raises(NotPermitted):
        await check(database, provider, clock, row.entry_id)


async def test_a_job_is_refused(database: Database, clock: FakeClock) -> None:
    with pytest.raises(NotPermitted):
        await attention(database, Actor.of_job(Job.SWEEP, CLINIC), clock)


async def test_a_checked_entry_is_asked_about_before_it_is_sent(
    database: Database, clock: FakeClock
) -> None:
    [row] = await attention(database, SCHEDULER, clock)
    partner = FakePartner()
    clock.advance(minutes=5)

    await check(database, SCHEDULER, clock, row.entry_id)
    await runner_for(database, partner, clock).run_until_quiet()

    [held, _] = await entries(database)
    assert partner.asked == [held.key]
    assert await states(database) == {"chart.encounter": "confirmed", "chart.note": "confirmed"}
    assert AttemptStep.UNPARKED in {line.step for line in await attempts(database)}


async def test_of_two_people_at_once_one_checks_and_the_other_is_told(
    database: Database, clock: FakeClock
) -> None:
    [row] = await attention(database, SCHEDULER, clock)

    outcomes = await asyncio.gather(
        *(check(database, SCHEDULER, clock, row.entry_id) for _ in range(2)),
        return_exceptions=True,
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        AttentionRow.__name__,
        EntryNotParked.__name__,
    ]


async def test_a_check_gives_a_parked_entry_its_whole_time_again(
    database: Database, clock: FakeClock
) -> None:
    [row] = await attention(database, SCHEDULER, clock)
    clock.advance(days=3)

    await check(database, SCHEDULER, clock, row.entry_id)
    partner = FakePartner()
    partner.is_deaf = True
    await runner_for(database, partner, clock).run_until_quiet()

    assert (await states(database))["chart.encounter"] == "unknown"


async def test_a_parked_room_command_can_be_sent_again(database: Database) -> None:
    clock = FakeClock()
    await owe_room(database, clock, uuid4())
    refusing = FakePartner.that([Turn.REFUSE])
    await runner_for(database, refusing, clock, lane=Lane.ROOM).run_until_quiet()
    [row] = await attention(database, SCHEDULER, clock)

    clock.advance(seconds=61)  # the lease of the refused call has ended

    await check(database, SCHEDULER, clock, row.entry_id)
    taking = FakePartner()
    await runner_for(database, taking, clock, lane=Lane.ROOM).run_until_quiet()

    assert await states(database) == {"room.visit_changed": "confirmed"}


async def test_a_board_can_say_how_far_each_visits_chart_is(
    database: Database, clock: FakeClock
) -> None:
    done = uuid4()
    other = {"medical_record_number": "DEMO-0002", "given": "B", "family": "M", "birth_on": None}
    [held, _] = await entries(database)
    await owe_chart(database, clock, done, patient=other)
    await runner_for(database, FakePartner(), clock).run_until_quiet()

    async with database.unit_of_work() as uow:
        found = await actions.chart_state(
            uow, by=SCHEDULER, visit_ids=[held.subject_id, done, uuid4()]
        )

    assert found == {held.subject_id: EntryState.PARKED, done: EntryState.CONFIRMED}


@pytest.fixture
async def scheduler(
    database: Database, database_url: str, tmp_path: Path
) -> AsyncIterator[tuple[AppClient, ClinicId]]:
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=SystemClock().now())
    async with running_app(database_url, tmp_path) as app, browser_of(app) as browser:
        signed_in = await browser.sign_in("scheduler@riverside.example", PASSWORD)
        assert signed_in.status_code == 200
        yield browser, clinic.clinic_id


async def test_the_list_and_the_check_over_http(
    database: Database, scheduler: tuple[AppClient, ClinicId]
) -> None:
    browser, clinic_id = scheduler
    clock = FakeClock(SystemClock().now())
    await owe_chart(database, clock, uuid4(), clinic_id=clinic_id)
    await runner_for(database, FakePartner.that([Turn.REFUSE]), clock).run_until_quiet()

    listed = await browser.get("/v1/needs-attention")
    [row] = listed.json()["rows"]
    path = f"/v1/needs-attention/{row['entry_id']}/check-again"
    first, second = await browser.post(path), await browser.post(path)

    assert row["state"] == "parked"
    assert row["reason"] == "The other system refused the content."
    assert (first.status_code, first.json()["state"]) == (200, "unknown")
    assert (second.status_code, second.json()["code"]) == (409, "delivery.not_parked")


@pytest.mark.parametrize("entry_id", ["none", "0192f0c0-0000-7000-8000-000000000001"])
async def test_an_unknown_entry_over_http(
    scheduler: tuple[AppClient, ClinicId], entry_id: str
) -> None:
    browser, _ = scheduler

    reply = await browser.post(f"/v1/needs-attention/{entry_id}/check-again")

    assert (reply.status_code, reply.json()["code"]) == (404, "delivery.unknown_entry")


async def test_a_stranger_sees_nothing_over_http(database_url: str, tmp_path: Path) -> None:
    async with running_app(database_url, tmp_path) as app, browser_of(app) as browser:
        reply = await browser.get("/v1/needs-attention")

    assert reply.status_code == 401
