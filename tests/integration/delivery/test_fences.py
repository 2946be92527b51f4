"""A worker that lost its lease writes that it let go, and nothing else."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from telehealth.delivery import bookkeeping
from telehealth.delivery.bookkeeping import Claim
from telehealth.delivery.lanes import LEASE, Lane
from telehealth.delivery.lifecycle import EntryState
from telehealth.delivery.ports import Done
from telehealth.delivery.settlement import Settlement, after_call
from telehealth.delivery.tables import AttemptStep
from telehealth.platform.db import Database
from tests.support.clock import FakeClock
from tests.support.ledger import attempts, desk, entries, owe_chart, runner_for
from tests.support.partners import FakePartner


async def claim_one(database: Database, clock: FakeClock, worker: str = "worker-1") -> Claim:
    async with database.unit_of_work() as uow:
        [held] = await bookkeeping.claim(
            uow, lane=Lane.EHR, desk=desk(worker), now=clock.now(), limit=10
        )
    return held


async def start(database: Database, held: Claim, clock: FakeClock) -> bool:
    async with database.unit_of_work() as uow:
        return await bookkeeping.start(uow, held, desk=desk(), now=clock.now())


async def settle(database: Database, held: Claim, clock: FakeClock) -> Settlement | None:
    decide = partial(after_call, Done(), now=clock.now(), draw=0.5)
    async with database.unit_of_work() as uow:
        return await bookkeeping.settle(
            uow, held, decide, desk=desk(), now=clock.now(), duration_ms=1
        )


async def execute(database: Database, statement: str) -> None:
    async with database.unit_of_work() as uow:
        await uow.session.execute(text(statement))


@pytest.fixture
async def clock(database: Database) -> FakeClock:
    clock = FakeClock()
    await owe_chart(database, clock, uuid4(), note=None)
    return clock


async def test_a_lease_that_ran_out_before_the_call_goes_back(
    database: Database, clock: FakeClock
) -> None:
    first = await claim_one(database, clock)

    clock.advance(seconds=61)
    second = await claim_one(database, clock, "worker-2")

    assert second.lease_epoch == first.lease_epoch + 1
    assert second.state is EntryState.LEASED


async def test_a_lease_that_ran_out_after_the_call_began_is_asked_about(
    database: Database, clock: FakeClock
) -> None:
    first = await claim_one(database, clock)
    assert await start(database, first, clock)

    clock.advance(seconds=61)
    second = await claim_one(database, clock, "worker-2")

    assert second.state is EntryState.UNKNOWN


async def test_no_call_begins_when_half_the_lease_is_gone(
    database: Database, clock: FakeClock
) -> None:
    held = await claim_one(database, clock)

    clock.advance(seconds=31)

    assert not await start(database, held, clock)
    assert AttemptStep.RELEASED in {line.step for line in await attempts(database)}


async def test_a_call_of_a_lost_lease_does_not_begin(database: Database, clock: FakeClock) -> None:
    first = await claim_one(database, clock)
    clock.advance(seconds=61)
    await claim_one(database, clock, "worker-2")

    assert not await start(database, first, clock)


async def test_an_outcome_of_a_lost_lease_changes_nothing(
    database: Database, clock: FakeClock
) -> None:
    """The new holder asks the partner; the old one's word comes too late."""
    first = await claim_one(database, clock)
    await start(database, first, clock)
    clock.advance(seconds=61)
    await claim_one(database, clock, "worker-2")

    settlement = await settle(database, first, clock)

    [entry] = await entries(database)
    assert settlement is None
    assert entry.state is EntryState.UNKNOWN
    assert entry.lease_owner == "worker-2"


async def test_a_worker_that_was_frozen_in_its_call_doubles_nothing(
    database: Database, clock: FakeClock
) -> None:
    partner = FakePartner()
    frozen = await claim_one(database, clock)
    await start(database, frozen, clock)
    await partner.deliver(frozen.as_owed(send_before_s=0.0))
    clock.advance(seconds=61)

    await runner_for(database, partner, clock, worker="worker-2").run_until_quiet()
    late = await settle(database, frozen, clock)

    [entry] = await entries(database)
    assert late is None
    assert entry.state is EntryState.CONFIRMED
    assert list(partner.effects.values()) == [1]


async def test_a_stopping_worker_gives_back_what_it_did_not_begin(
    database: Database, clock: FakeClock
) -> None:
    held = await claim_one(database, clock)

    async with database.unit_of_work() as uow:
        await bookkeeping.give_back(uow, held, desk=desk(), now=clock.now())

    [entry] = await entries(database)
    assert (entry.state, entry.attempts) == (EntryState.PENDING, 0)
    assert entry.lease_owner is None


async def test_an_epoch_grows_with_every_claim(database: Database, clock: FakeClock) -> None:
    epochs = []
    for _ in range(4):
        epochs.append((await claim_one(database, clock)).lease_epoch)
        clock.advance(seconds=LEASE.total_seconds() + 1)

    assert epochs == [1, 2, 3, 4]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    "change",
    [
        "payload = 'x'",
        "key = 'x'",
        "lane = 'room'",
        "order_key = 'x'",
        "order_no = 99",
        "message_id = '00000000000000000000000000000001'",
        "kind = 'chart.note'",
        "lease_epoch = lease_epoch - 1",
    ],
)
async def test_what_is_owed_never_changes(database: Database, change: str) -> None:
    with pytest.raises(DBAPIError):
        await execute(database, f"UPDATE ledger_entry SET {change}")  # noqa: S608  (a table)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger_entry",
        "DELETE FROM delivery_attempt",
        "UPDATE delivery_attempt SET made_by = 'somebody else'",
    ],
)
async def test_the_ledger_and_its_tries_are_never_deleted_and_a_try_never_changes(
    database: Database, clock: FakeClock, statement: str
) -> None:
    await claim_one(database, clock)

    with pytest.raises(DBAPIError):
        await execute(database, statement)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    "change",
    [
        "state = 'leased'",
        "state = 'confirmed'",
        "state = 'somewhere'",
        "lease_owner = 'me'",
        "settled_at = created_at",
    ],
)
async def test_an_entry_that_cannot_be_is_refused_by_the_database(
    database: Database, change: str
) -> None:
    with pytest.raises(DBAPIError):
        await execute(database, f"UPDATE ledger_entry SET {change}")  # noqa: S608  (a table)


async def test_an_overdue_word_makes_an_entry_unknown(database: Database, clock: FakeClock) -> None:
    held = await claim_one(database, clock)
    await start(database, held, clock)
    decide = partial(after_call, Done(is_final=False), now=clock.now(), draw=0.5)
    async with database.unit_of_work() as uow:
        await bookkeeping.settle(uow, held, decide, desk=desk(), now=clock.now(), duration_ms=1)
    [sent] = await entries(database)

    clock.advance(hours=24)
    asked = await claim_one(database, clock)

    assert sent.state is EntryState.SENT
    assert asked.state is EntryState.UNKNOWN
    assert sent.confirm_by == sent.created_at + timedelta(hours=24)
