"""What is owed is written down with the fact that owes it, once."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from telehealth.delivery import actions
from telehealth.delivery.errors import AlreadyOwed
from telehealth.delivery.lanes import OwedEvent
from telehealth.delivery.tables import LedgerEntry
from telehealth.platform.db import Database
from telehealth.platform.sealing.errors import SealedUnreadable
from tests.support.clock import FakeClock
from tests.support.ledger import CLINIC, entries, owe_chart, owe_room, visit_facts
from tests.support.sealing import open_database


class Abandoned(Exception):
    """Stands for an action that fails after it has recorded."""


async def record_and_fail(database: Database, visit: UUID) -> None:
    async with database.unit_of_work() as uow:
        await actions.record(
            uow,
            now=FakeClock().now(),
            event=OwedEvent.VISIT_COMPLETED,
            clinic_id=CLINIC,
            subject_id=visit,
            version=1,
            facts=visit_facts(visit),
        )
        raise Abandoned


async def test_an_intent_is_recorded_with_its_bytes_and_its_order(database: Database) -> None:
    visit = uuid4()

    await owe_chart(database, FakeClock(), visit)

    encounter, note = await entries(database)
    assert (encounter.order_no, note.order_no) == (1, 2)
    assert encounter.message_id != note.message_id
    assert (encounter.state.value, encounter.attempts, encounter.lease_epoch) == ("pending", 0, 0)
    assert "résumé" in note.payload


async def test_an_action_that_fails_owes_nothing(database: Database) -> None:
    visit = uuid4()

    with pytest.raises(Abandoned):
        await record_and_fail(database, visit)

    assert await entries(database) == []


async def test_the_same_intent_twice_is_owed_once(database: Database) -> None:
    clock, visit = FakeClock(), uuid4()

    await owe_room(database, clock, visit)
    await owe_room(database, clock, visit)

    assert len(await entries(database)) == 1


async def test_the_same_intent_with_other_content_is_refused(database: Database) -> None:
    clock, visit = FakeClock(), uuid4()
    await owe_chart(database, clock, visit)

    with pytest.raises(AlreadyOwed):
        await owe_chart(database, clock, visit, ended_at="2030-03-04T16:00:00Z")

    assert len(await entries(database)) == 2


async def test_an_intent_whose_payload_does_not_open_is_not_taken_for_a_repeat(
    database: Database,
) -> None:
    """Fail closed: nobody can say whether it is the same."""
    clock, visit = FakeClock(), uuid4()
    await owe_chart(database, clock, visit)
    async with database.unit_of_work() as uow:
        for entry in await uow.session.scalars(select(LedgerEntry)):
            # Under another key's id and as long, which the trigger takes for sealed again.
            held = entry.payload_sealed
            entry.payload_sealed = held[:1] + bytes([held[1] ^ 1]) + held[2:]

    with pytest.raises(SealedUnreadable):
        await owe_chart(database, clock, visit)


async def test_the_worker_is_woken_after_the_commit_and_not_before(database_url: str) -> None:
    woken: list[str] = []
    database = open_database(database_url, wake_worker=lambda: woken.append("woken"))
    visit = uuid4()

    async with database.unit_of_work() as uow:
        await actions.record(
            uow,
            now=FakeClock().now(),
            event=OwedEvent.VISIT_COMPLETED,
            clinic_id=CLINIC,
            subject_id=visit,
            version=1,
            facts=visit_facts(visit),
        )
        before = list(woken)

    assert before == []
    assert woken == ["woken"]
    await database.close()
