"""What signaling tells and asks about seats, on both databases."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from telehealth.access.errors import NotPermitted
from telehealth.contract import (
    Admission,
    AttendanceKind,
    LeftCause,
    PresenceEvent,
    PresenceKind,
    Removal,
    RemovalCause,
)
from telehealth.platform.db import Database
from telehealth.platform.ids import new_uuid
from telehealth.visits import seats, tickets
from telehealth.visits.errors import (
    IllegalVisitStep,
    MayNotJoin,
    ParticipantUnknown,
    VisitUnknown,
)
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.tables import PresenceSeen, Stay
from tests.support.visits import NOW, InventedVisit, book, rows_in

PATIENT, PROVIDER = AttendanceKind.PATIENT, AttendanceKind.PROVIDER


async def admit(visit: InventedVisit, **changes: UUID) -> None:
    asked = {
        "command_id": new_uuid(),
        "visit_id": visit.visit_id,
        "participant_id": await visit.seat(PATIENT),
        "by_participant_id": await visit.seat(PROVIDER),
        **changes,
    }
    async with visit.database.unit_of_work() as uow:
        await seats.admit(uow, now=NOW, asked=Admission(**asked))


async def remove(visit: InventedVisit, cause: RemovalCause | None) -> None:
    asked = Removal(
        command_id=new_uuid(),
        visit_id=visit.visit_id,
        participant_id=await visit.seat(PATIENT),
        by_participant_id=await visit.seat(PROVIDER),
        cause=cause,
    )
    async with visit.database.unit_of_work() as uow:
        await seats.remove(uow, now=NOW, asked=asked)


async def is_present(visit: InventedVisit) -> bool:
    seat = (await visit.card()).attendance_as(PATIENT)
    assert seat is not None
    return seat.is_present


async def test_an_admission_is_recorded_once(database: Database) -> None:
    visit = await book(database)
    await visit.wait()
    await visit.call()

    await admit(visit)
    await admit(visit)

    assert (await visit.audited()).count("visit.admitted") == 1


async def test_nobody_is_admitted_before_the_call(database: Database) -> None:
    visit = await book(database)
    await visit.wait()

    with pytest.raises(IllegalVisitStep):
        await admit(visit)


async def test_only_the_provider_of_the_visit_admits(database: Database) -> None:
    visit = await book(database)
    other = await book(database, clinic=visit.clinic, starts_at=NOW + timedelta(hours=2))
    await visit.wait()
    await visit.call()

    with pytest.raises(NotPermitted):
        await admit(visit, by_participant_id=await visit.seat(PATIENT))
    with pytest.raises(NotPermitted):
        await admit(visit, by_participant_id=await other.seat(PROVIDER))
    with pytest.raises(NotPermitted):
        await admit(visit, by_participant_id=new_uuid())


async def test_a_seat_of_another_visit_is_no_seat_here(database: Database) -> None:
    visit = await book(database)
    other = await book(database, clinic=visit.clinic, starts_at=NOW + timedelta(hours=2))
    await visit.wait()
    await visit.call()

    with pytest.raises(ParticipantUnknown):
        await admit(visit, participant_id=await other.seat(PATIENT))
    with pytest.raises(VisitUnknown):
        await admit(visit, visit_id=new_uuid())


async def test_who_was_removed_gets_no_ticket_and_is_not_admitted_again(
    database: Database,
) -> None:
    visit = await book(database)
    await visit.talk()

    await remove(visit, RemovalCause.WRONG_PERSON)
    await remove(visit, RemovalCause.WRONG_PERSON)

    with pytest.raises(IllegalVisitStep):
        await admit(visit)
    with pytest.raises(MayNotJoin):
        async with database.unit_of_work() as uow:
            await tickets.grant(uow, by=visit.patient, now=NOW, visit_id=visit.visit_id)
    assert (await visit.audited()).count("visit.removed") == 1


async def test_who_was_returned_to_the_lobby_may_come_back(database: Database) -> None:
    visit = await book(database)
    await visit.talk()
    await admit(visit)

    await remove(visit, None)
    await admit(visit)

    assert (await visit.audited())[-2:] == ["visit.returned_to_lobby", "visit.admitted"]


async def test_a_visit_is_in_call_when_both_media_are_connected(database: Database) -> None:
    visit = await book(database)
    await visit.wait()
    await visit.call()

    await visit.tell(PresenceKind.MEDIA_CONNECTED, PROVIDER)
    assert (await visit.card()).state is VisitState.CALLED

    await visit.tell(PresenceKind.MEDIA_CONNECTED, PATIENT)
    card = await visit.card()
    assert (card.state, card.started_at) == (VisitState.IN_CALL, NOW)


async def test_media_that_failed_before_the_others_came_do_not_count(database: Database) -> None:
    visit = await book(database)
    await visit.wait()
    await visit.call()
    await visit.tell(PresenceKind.MEDIA_CONNECTED, PROVIDER)
    await visit.tell(PresenceKind.MEDIA_FAILED, PROVIDER)

    await visit.tell(PresenceKind.MEDIA_CONNECTED, PATIENT)

    assert (await visit.card()).state is VisitState.CALLED
    assert "visit.media_failed" in await visit.audited()


async def test_an_event_counts_once_however_often_it_is_told(database: Database) -> None:
    visit = await book(database)
    await visit.talk()
    stays = await rows_in(database, Stay)
    left = await visit.tell(PresenceKind.LEFT, at=NOW, cause=LeftCause.LEFT)
    version = (await visit.card()).version
    counted = await rows_in(database, PresenceSeen)

    for _ in range(3):
        await visit.repeat(left, now=NOW + timedelta(minutes=1))

    assert (await visit.card()).version == version
    assert await rows_in(database, PresenceSeen, Stay) == [*counted, *stays]
    assert (await visit.audited()).count("visit.attendance_ended") == 1


async def test_each_coming_has_at_most_one_going(database: Database) -> None:
    visit = await book(database)
    await visit.talk()

    await visit.tell(PresenceKind.LEFT, cause=LeftCause.TIMEOUT)
    await visit.tell(PresenceKind.LEFT, cause=LeftCause.LEFT)
    await visit.tell(PresenceKind.JOINED, at=NOW + timedelta(minutes=2), epoch=2)

    async with database.reading() as session:
        own = select(Stay).where(Stay.participant_id == await visit.seat(PATIENT))
        found = [
            (stay.cause, stay.left_at)
            for stay in await session.scalars(own.order_by(Stay.joined_at))
        ]
    assert found == [(LeftCause.TIMEOUT, NOW), (None, None)]


async def test_a_stay_never_ends_before_it_began(database: Database) -> None:
    """Clocks of two machines differ; a stay of minus one second would be nonsense in a chart."""
    visit = await book(database)
    await visit.tell(PresenceKind.JOINED)
    left = PresenceEvent(
        event_id=new_uuid(),
        kind=PresenceKind.LEFT,
        visit_id=visit.visit_id,
        participant_id=await visit.seat(PATIENT),
        attach_epoch=1,
        at=NOW - timedelta(seconds=1),
        cause=LeftCause.LEFT,
    )

    await visit.repeat(left)

    async with database.reading() as session:
        stay = (await session.scalars(select(Stay))).one()
        assert (stay.joined_at, stay.left_at) == (NOW, NOW)


async def test_a_late_word_of_an_older_connection_makes_nobody_absent(database: Database) -> None:
    visit = await book(database)
    await visit.wait()
    await visit.tell(PresenceKind.ENTERED_LOBBY, epoch=2)

    await visit.tell(PresenceKind.AWAY, epoch=1)
    assert await is_present(visit)

    await visit.tell(PresenceKind.AWAY, epoch=2)
    assert not await is_present(visit)

    await visit.tell(PresenceKind.BACK, epoch=2)
    assert await is_present(visit)


async def test_leaving_the_call_does_not_finish_the_visit(database: Database) -> None:
    visit = await book(database)
    await visit.talk()

    await visit.tell(PresenceKind.LEFT, PATIENT, cause=LeftCause.LEFT)
    await visit.tell(PresenceKind.LEFT, PROVIDER, cause=LeftCause.LEFT)

    assert (await visit.card()).state is VisitState.IN_CALL


async def test_a_word_about_an_unknown_seat_is_dropped(database: Database) -> None:
    visit = await book(database)
    other = await book(database, clinic=visit.clinic, starts_at=NOW + timedelta(hours=2))
    told = await visit.tell(PresenceKind.ENTERED_LOBBY)
    counted = await rows_in(database, PresenceSeen)

    for change in (
        {"visit_id": new_uuid()},
        {"participant_id": new_uuid()},
        {"participant_id": await other.seat(PATIENT)},
    ):
        await visit.repeat(told.model_copy(update={"event_id": new_uuid(), **change}))

    assert await rows_in(database, PresenceSeen) == counted


async def test_an_instant_without_a_zone_is_utc_and_none_lies_ahead(database: Database) -> None:
    visit = await book(database)
    told = PresenceEvent(
        event_id=new_uuid(),
        kind=PresenceKind.ENTERED_LOBBY,
        visit_id=visit.visit_id,
        participant_id=await visit.seat(PATIENT),
        attach_epoch=1,
        at=(NOW + timedelta(hours=3)).replace(tzinfo=None),
    )

    await visit.repeat(told)

    seat = (await visit.card()).attendance_as(PATIENT)
    assert seat is not None
    assert seat.presence_since == NOW
