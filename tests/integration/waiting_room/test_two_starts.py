"""Two windows press Start at once, on both databases: one of them calls the patient in."""

import asyncio

from telehealth.delivery.lanes import EntryKind
from telehealth.platform.db import Database
from telehealth.visits.cards import VisitCard
from telehealth.visits.lifecycle import VisitState
from telehealth.waiting_room import actions as waiting_room
from telehealth.waiting_room.errors import AlreadyCalled
from tests.support.visits import NOW, InventedVisit, book


async def press_start(visit: InventedVisit, version: int) -> VisitCard:
    async with visit.database.unit_of_work() as uow:
        return await waiting_room.call(
            uow, by=visit.provider, now=NOW, visit_id=visit.visit_id, version=version
        )


async def test_exactly_one_wins_and_the_others_hear_who_and_when(database: Database) -> None:
    visit = await book(database)
    version = (await visit.wait()).version

    results = await asyncio.gather(
        *(press_start(visit, version) for _ in range(5)), return_exceptions=True
    )

    won = [each for each in results if isinstance(each, VisitCard)]
    lost = [each for each in results if isinstance(each, AlreadyCalled)]
    assert (len(won), len(lost)) == (1, 4)
    assert won[0].state is VisitState.CALLED
    assert all(each.told["called_at"] == "2026-03-02T15:00:00Z" for each in lost)
    assert all(each.told["called_by"] for each in lost)
    assert (await visit.owed()).count(EntryKind.ROOM_CALLED_IN.value) == 1
