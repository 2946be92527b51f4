"""The loop of one lane against a fake partner, on both databases."""

import asyncio
from collections import Counter
from uuid import uuid4

import pytest

from telehealth.delivery import bookkeeping
from telehealth.delivery.lanes import Lane
from telehealth.delivery.lifecycle import EntryState
from telehealth.delivery.ports import OutcomeCode
from telehealth.delivery.tables import AttemptStep
from telehealth.platform.db import Database
from tests.support.clock import FakeClock
from tests.support.ledger import (
    attempts,
    desk,
    entries,
    owe_chart,
    owe_room,
    runner_for,
    states,
)
from tests.support.partners import FakePartner, Turn


async def test_what_is_owed_arrives_once_and_in_order(database: Database) -> None:
    clock, partner, visit = FakeClock(), FakePartner(), uuid4()
    await owe_chart(database, clock, visit)

    await runner_for(database, partner, clock).run_until_quiet()

    assert partner.order == [str(visit), f"{visit}.note.1"]
    assert await states(database) == {"chart.encounter": "confirmed", "chart.note": "confirmed"}
    assert all(entry.settled_at == clock.now() for entry in await entries(database))


async def test_a_quiet_ledger_is_not_worked(database: Database) -> None:
    clock, partner = FakeClock(), FakePartner()
    await owe_chart(database, clock, uuid4())
    runner = runner_for(database, partner, clock)
    await runner.run_until_quiet()

    await runner.run_until_quiet()

    assert len(partner.calls) == 2


async def test_every_try_leaves_its_lines(database: Database) -> None:
    clock, partner = FakeClock(), FakePartner()
    await owe_room(database, clock, uuid4())

    await runner_for(database, partner, clock, lane=Lane.ROOM).run_until_quiet()

    assert Counter(line.step for line in await attempts(database)) == Counter(
        [AttemptStep.CLAIMED, AttemptStep.CALL_STARTED, AttemptStep.ANSWERED]
    )


async def test_a_lost_answer_is_asked_about_and_never_sent_again(database: Database) -> None:
    clock, visit = FakeClock(), uuid4()
    partner = FakePartner.that([Turn.LOSE_AFTER])
    await owe_chart(database, clock, visit, note=None)

    await runner_for(database, partner, clock).run_until_quiet()

    assert partner.asked == [str(visit)]
    assert partner.effects == Counter({str(visit): 1})
    assert len(partner.calls) == 1
    assert await states(database) == {"chart.encounter": "confirmed"}


async def test_a_call_that_never_arrived_is_sent_again_only_after_a_not_found_that_counts(
    database: Database,
) -> None:
    """Asked too early, *not found* only means that it may still sit in an intake."""
    clock, visit = FakeClock(), uuid4()
    partner = FakePartner.that([Turn.LOSE_BEFORE])
    await owe_chart(database, clock, visit, note=None)
    runner = runner_for(database, partner, clock)

    await runner.run_until_quiet()
    early = (len(partner.calls), await states(database))
    clock.advance(seconds=61)
    await runner.run_until_quiet()

    assert early == (1, {"chart.encounter": "unknown"})
    assert [call.message_id for call in partner.calls] == [partner.calls[0].message_id] * 2
    assert partner.calls[0].payload == partner.calls[1].payload
    assert partner.effects == Counter({str(visit): 1})
    assert await states(database) == {"chart.encounter": "confirmed"}


async def test_an_unanswered_question_holds_up_what_is_behind_it(database: Database) -> None:
    clock, visit = FakeClock(), uuid4()
    partner = FakePartner.that([Turn.LOSE_AFTER])
    partner.is_deaf = True
    await owe_chart(database, clock, visit)

    await runner_for(database, partner, clock).run_until_quiet()

    assert await states(database) == {"chart.encounter": "unknown", "chart.note": "pending"}
    assert len(partner.calls) == 1


async def test_a_refusal_parks_and_stops_that_chart_only(database: Database) -> None:
    clock = FakeClock()
    partner = FakePartner.that([Turn.REFUSE])
    stuck, free = uuid4(), uuid4()
    await owe_chart(database, clock, stuck)
    clock.advance(seconds=1)
    other = {"medical_record_number": "DEMO-0002", "given": "B", "family": "M", "birth_on": None}
    await owe_chart(database, clock, free, patient=other)

    await runner_for(database, partner, clock).run_until_quiet()

    assert partner.order == [str(free), f"{free}.note.1"]
    by_visit = {(entry.subject_id, entry.state) for entry in await entries(database)}
    assert (stuck, EntryState.PARKED) in by_visit
    assert (stuck, EntryState.PENDING) in by_visit


async def test_an_unreachable_partner_is_tried_again_later(database: Database) -> None:
    clock, visit = FakeClock(), uuid4()
    partner = FakePartner.that([Turn.UNREACHABLE])
    await owe_chart(database, clock, visit, note=None)
    runner = runner_for(database, partner, clock)

    await runner.run_until_quiet()
    [waiting] = await entries(database)
    clock.advance(seconds=1)
    await runner.run_until_quiet()

    assert waiting.state is EntryState.PENDING
    assert waiting.last_code is OutcomeCode.UNREACHABLE
    assert (waiting.next_at - waiting.created_at).total_seconds() == 1.0
    assert await states(database) == {"chart.encounter": "confirmed"}


async def test_a_rate_limit_is_not_counted_as_a_try(database: Database) -> None:
    clock = FakeClock()
    partner = FakePartner.that([Turn.LIMIT])
    await owe_chart(database, clock, uuid4(), note=None)

    await runner_for(database, partner, clock).run_until_quiet()

    [waiting] = await entries(database)
    assert (waiting.state, waiting.attempts) == (EntryState.PENDING, 0)


async def test_what_was_tried_for_a_day_is_parked_with_its_last_reason(
    database: Database,
) -> None:
    clock = FakeClock()
    partner = FakePartner.that([Turn.UNREACHABLE] * 2)
    await owe_chart(database, clock, uuid4(), note=None)
    runner = runner_for(database, partner, clock)
    await runner.run_until_quiet()

    clock.advance(hours=24)
    await runner.run_until_quiet()

    [parked] = await entries(database)
    assert parked.state is EntryState.PARKED
    assert parked.last_code is OutcomeCode.UNREACHABLE
    assert parked.lease_owner is None


async def test_a_worker_that_was_away_for_days_first_tries(database: Database) -> None:
    clock, partner = FakeClock(), FakePartner()
    await owe_chart(database, clock, uuid4(), note=None)

    clock.advance(days=3)
    await runner_for(database, partner, clock).run_until_quiet()

    assert await states(database) == {"chart.encounter": "confirmed"}


async def test_of_two_workers_each_entry_has_one(database: Database) -> None:
    clock, partner = FakeClock(), FakePartner()
    visits = [uuid4() for _ in range(25)]
    for visit in visits:
        await owe_room(database, clock, visit)
    runners = [
        runner_for(database, partner, clock, lane=Lane.ROOM, worker=f"worker-{number}")
        for number in range(4)
    ]

    await asyncio.gather(*(runner.run_until_quiet() for runner in runners))

    assert sorted(partner.effects.values()) == [1] * 25
    claimed = [line for line in await attempts(database) if line.step is AttemptStep.CLAIMED]
    assert len(claimed) == 25


async def test_only_the_head_of_an_order_key_is_claimed(database: Database) -> None:
    clock, visit = FakeClock(), uuid4()
    for version in range(1, 6):
        await owe_room(database, clock, visit, version=version)

    async with database.unit_of_work() as uow:
        claims = await bookkeeping.claim(
            uow, lane=Lane.ROOM, desk=desk(), now=clock.now(), limit=10
        )

    assert [claim.payload["version"] for claim in claims] == ["1"]


async def test_a_room_hears_its_commands_in_the_order_of_its_versions(
    database: Database,
) -> None:
    clock, partner, visit = FakeClock(), FakePartner(), uuid4()
    for version in range(1, 6):
        await owe_room(database, clock, visit, version=version)

    await runner_for(database, partner, clock, lane=Lane.ROOM).run_until_quiet()

    assert partner.order == [f"{visit}.{version}.-" for version in range(1, 6)]


@pytest.mark.parametrize("turn", [Turn.LOSE_BEFORE, Turn.LOSE_AFTER])
async def test_a_room_command_may_be_repeated_without_asking(
    database: Database, turn: Turn
) -> None:
    """Signaling drops repeats of a command id: asking would only cost time."""
    clock = FakeClock()
    partner = FakePartner.that([turn])
    await owe_room(database, clock, uuid4())
    runner = runner_for(database, partner, clock, lane=Lane.ROOM)

    await runner.run_until_quiet()
    clock.advance(seconds=3)
    await runner.run_until_quiet()

    assert partner.asked == []
    assert len({call.message_id for call in partner.calls}) == 1
    assert len(partner.calls) == 2
    assert await states(database) == {"room.visit_changed": "confirmed"}


async def test_a_running_worker_finds_new_work_by_itself(database: Database) -> None:
    clock, partner = FakeClock(), FakePartner()
    runner = runner_for(database, partner, clock, lane=Lane.ROOM)
    running = asyncio.create_task(runner.run())
    visit = uuid4()

    await owe_room(database, clock, visit)
    async with asyncio.timeout(5):
        await partner.was_called.wait()
    runner.stop()
    await running

    assert partner.effects == Counter({f"{visit}.1.-": 1})


async def test_a_partner_that_is_down_is_probed_and_not_hammered(database: Database) -> None:
    clock = FakeClock()
    partner = FakePartner.that([Turn.UNREACHABLE] * 100)
    for _ in range(30):
        await owe_room(database, clock, uuid4())

    await runner_for(database, partner, clock, lane=Lane.ROOM).run_until_quiet()

    assert len(partner.calls) == 10
