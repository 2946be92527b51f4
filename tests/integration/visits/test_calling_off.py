"""Cancelled and No-show, on both databases."""

from datetime import datetime, timedelta

import pytest

from telehealth.access.actor import Actor
from telehealth.access.errors import NotPermitted
from telehealth.platform.db import Database
from telehealth.visits import repository
from telehealth.visits.actions import calling_off, steps
from telehealth.visits.cards import VisitCard
from telehealth.visits.errors import IllegalVisitStep, UndoTooLate, VisitMoved
from telehealth.visits.lifecycle import CancelReason, VisitState
from telehealth.waiting_room import actions as waiting_room
from tests.support.visits import NOW, InventedVisit, book


async def cancel(visit: InventedVisit, *, by: Actor | None = None, version: int = 1) -> VisitCard:
    async with visit.database.unit_of_work() as uow:
        return await calling_off.cancel(
            uow,
            by=by or visit.scheduler,
            now=NOW,
            visit_id=visit.visit_id,
            version=version,
            reason=CancelReason.PROVIDER_UNAVAILABLE,
        )


async def no_show(visit: InventedVisit, *, now: datetime = NOW) -> VisitCard:
    version = (await visit.card()).version
    async with visit.database.unit_of_work() as uow:
        return await calling_off.mark_no_show(
            uow, by=visit.scheduler, now=now, visit_id=visit.visit_id, version=version
        )


async def undo(visit: InventedVisit, *, now: datetime) -> VisitCard:
    version = (await visit.card()).version
    async with visit.database.unit_of_work() as uow:
        return await calling_off.undo_no_show(
            uow, by=visit.scheduler, now=now, visit_id=visit.visit_id, version=version
        )


async def test_why_a_visit_was_cancelled_is_kept(database: Database) -> None:
    visit = await book(database)

    card = await cancel(visit)

    assert card.state is VisitState.CANCELLED
    async with database.unit_of_work() as uow:
        stored = await repository.unscoped_visit(uow.session, visit.visit_id)
    assert stored is not None
    assert stored.cancel_reason is CancelReason.PROVIDER_UNAVAILABLE
    assert await visit.audited_facts("visit.cancelled") == [
        '{"reason":"provider_unavailable","version":2}'
    ]


async def test_whoever_sits_in_the_room_of_a_cancelled_visit_is_told(database: Database) -> None:
    visit = await book(database)
    card = await visit.wait()

    await cancel(visit, version=card.version)

    assert (await visit.owed())[-1] == "room.ended"


async def test_a_cancelled_visit_moves_no_more(database: Database) -> None:
    visit = await book(database)
    version = (await cancel(visit)).version

    for refused in (cancel(visit, version=version), no_show(visit), visit.check_in()):
        with pytest.raises(IllegalVisitStep):
            await refused
    assert (await visit.arrive()).version == version


async def test_who_cancels_what_has_changed_is_told_where_it_stands(database: Database) -> None:
    visit = await book(database)
    card = await visit.arrive()

    with pytest.raises(VisitMoved) as refused:
        await cancel(visit, version=1)

    assert refused.value.told == {"state": "checking_in", "version": card.version}
    assert (await visit.card()).state is VisitState.CHECKING_IN


async def test_a_provider_does_not_cancel_and_a_patient_marks_no_no_show(
    database: Database,
) -> None:
    visit = await book(database)

    with pytest.raises(NotPermitted):
        await cancel(visit, by=visit.provider)
    with pytest.raises(NotPermitted):
        await cancel(visit, by=visit.patient)
    with pytest.raises(NotPermitted):
        async with database.unit_of_work() as uow:
            await calling_off.mark_no_show(
                uow, by=visit.patient, now=NOW, visit_id=visit.visit_id, version=1
            )

    assert (await visit.card()).version == 1


async def test_a_no_show_can_be_undone_for_an_hour(database: Database) -> None:
    visit = await book(database)
    waiting = await visit.wait()
    await no_show(visit)

    card = await undo(visit, now=NOW + timedelta(minutes=60))

    assert card.state is VisitState.WAITING
    assert card.waiting_since == waiting.waiting_since


async def test_after_an_hour_a_no_show_stands(database: Database) -> None:
    visit = await book(database)
    await no_show(visit)

    with pytest.raises(UndoTooLate):
        await undo(visit, now=NOW + timedelta(minutes=60, seconds=1))

    assert (await visit.card()).state is VisitState.NO_SHOW


async def test_only_a_no_show_is_undone(database: Database) -> None:
    visit = await book(database)

    with pytest.raises(IllegalVisitStep):
        await undo(visit, now=NOW)


async def test_a_late_patient_still_checks_in(database: Database) -> None:
    visit = await book(database)
    await no_show(visit, now=NOW + timedelta(minutes=30))

    card = await visit.arrive(now=NOW + timedelta(minutes=45))

    assert card.state is VisitState.CHECKING_IN


async def test_a_visit_in_a_call_is_not_cancelled(database: Database) -> None:
    visit = await book(database)
    card = await visit.talk()

    with pytest.raises(IllegalVisitStep):
        await cancel(visit, version=card.version)


async def test_a_patient_who_was_put_back_keeps_place_and_clock(database: Database) -> None:
    visit = await book(database)
    waited_from = (await visit.wait()).waiting_since
    called = await visit.call(now=NOW + timedelta(minutes=5))

    async with database.unit_of_work() as uow:
        card = await waiting_room.put_back(
            uow,
            by=visit.provider,
            now=NOW + timedelta(minutes=6),
            visit_id=visit.visit_id,
            version=called.version,
        )

    assert (card.state, card.waiting_since) == (VisitState.WAITING, waited_from)
    assert (await visit.owed())[-1] == "room.returned"
    again = await visit.call(now=NOW + timedelta(minutes=7))
    assert again.state is VisitState.CALLED


async def test_a_lock_shows_where_the_visit_stands(database: Database) -> None:
    visit = await book(database)

    async with database.unit_of_work() as uow:
        card = await steps.lock(uow, by=visit.scheduler, visit_id=visit.visit_id)

    assert card == await visit.card()
