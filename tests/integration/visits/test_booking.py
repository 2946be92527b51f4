"""A visit and its appointment are booked together, and a provider only once for a time."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from telehealth.access.errors import NotPermitted
from telehealth.access.roles import Role
from telehealth.identity.errors import PersonUnknown
from telehealth.platform.db import Database
from telehealth.scheduling import actions as scheduling
from telehealth.scheduling.errors import AppointmentUnknown, SlotTaken, TimesRefused
from telehealth.scheduling.tables import Appointment
from telehealth.visits.actions import booking, calling_off
from telehealth.visits.lifecycle import CancelReason, VisitState
from telehealth.visits.tables import Visit
from tests.support.clinic import InventedClinic, invent_clinic
from tests.support.visits import NOW, book, rows_in

STARTS_AT = NOW + timedelta(minutes=10)


async def try_to_book(
    database: Database, clinic: InventedClinic, *, role: Role = Role.SCHEDULER, minutes: int = 30
) -> None:
    async with database.unit_of_work() as uow:
        await booking.book(
            uow,
            by=clinic.actor(role),
            now=NOW,
            patient_id=clinic.patient_id,
            provider_id=clinic.provider_id,
            starts_at=STARTS_AT,
            ends_at=STARTS_AT + timedelta(minutes=minutes),
        )


async def test_a_fresh_visit_has_not_arrived_and_owes_a_note(database: Database) -> None:
    visit = await book(database)

    card = await visit.card()

    assert (card.state, card.version, len(card.attendances)) == (VisitState.SCHEDULED, 1, 2)
    assert len(card.visit_code) == 6
    assert "visit.booked" in await visit.audited()


async def test_a_provider_cannot_be_booked_twice_for_one_start(database: Database) -> None:
    visit = await book(database)

    with pytest.raises(SlotTaken):
        await try_to_book(database, visit.clinic)

    assert await rows_in(database, Appointment, Visit) == [1, 1]


async def test_of_two_who_book_one_time_at_once_one_wins(database: Database) -> None:
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=NOW)

    results = await asyncio.gather(
        *(try_to_book(database, clinic) for _ in range(4)), return_exceptions=True
    )

    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, SlotTaken) for result in results) == 3
    assert await rows_in(database, Appointment, Visit) == [1, 1]


async def test_a_cancelled_appointment_leaves_its_time_free(database: Database) -> None:
    visit = await book(database)
    async with database.unit_of_work() as uow:
        await calling_off.cancel(
            uow,
            by=visit.scheduler,
            now=NOW,
            visit_id=visit.visit_id,
            version=1,
            reason=CancelReason.PATIENT_ASKED,
        )

    await try_to_book(database, visit.clinic)

    async with database.reading() as session:
        states = list(await session.scalars(select(Appointment.state).order_by(Appointment.state)))
    assert states == ["booked", "cancelled"]


@pytest.mark.parametrize("role", [Role.PATIENT, Role.PROVIDER])
async def test_only_a_scheduler_books(database: Database, role: Role) -> None:
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=NOW)

    with pytest.raises(NotPermitted):
        await try_to_book(database, clinic, role=role)


async def test_another_clinics_people_cannot_be_booked(database: Database) -> None:
    async with database.unit_of_work() as uow:
        own = await invent_clinic(uow, now=NOW)
        other = await invent_clinic(uow, now=NOW, name="hillside")

    with pytest.raises(PersonUnknown):
        async with database.unit_of_work() as uow:
            await booking.book(
                uow,
                by=own.actor(Role.SCHEDULER),
                now=NOW,
                patient_id=other.patient_id,
                provider_id=own.provider_id,
                starts_at=STARTS_AT,
                ends_at=STARTS_AT + timedelta(minutes=30),
            )

    assert await rows_in(database, Appointment, Visit) == [0, 0]


async def test_times_that_make_no_appointment_store_nothing(database: Database) -> None:
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=NOW)

    with pytest.raises(TimesRefused):
        await try_to_book(database, clinic, minutes=0)

    assert await rows_in(database, Appointment, Visit) == [0, 0]


async def test_another_clinics_appointment_cannot_be_cancelled(database: Database) -> None:
    visit = await book(database)
    async with database.unit_of_work() as uow:
        other = await invent_clinic(uow, now=NOW, name="hillside")
    appointment_id = (await visit.card()).appointment_id

    with pytest.raises(AppointmentUnknown):
        async with database.unit_of_work() as uow:
            await scheduling.cancel(
                uow, by=other.actor(Role.SCHEDULER), appointment_id=appointment_id
            )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE appointments SET ends_at = starts_at",
        "UPDATE appointments SET state = 'unheard of'",
        "UPDATE visits SET state = 'unheard of'",
        "UPDATE visits SET cancel_reason = 'other'",
        "UPDATE visits SET state = 'cancelled'",
        "UPDATE visits SET state = 'cancelled', cancel_reason = 'they said so'",
        "UPDATE attendances SET kind = 'unheard of'",
    ],
)
async def test_the_database_says_what_the_rules_say(database: Database, change: str) -> None:
    await book(database)

    with pytest.raises(IntegrityError):
        async with database.unit_of_work() as uow:
            await uow.session.execute(text(change))


async def test_a_day_lists_its_appointments_in_order(database: Database) -> None:
    first = await book(database)
    later = await book(database, clinic=first.clinic, starts_at=STARTS_AT + timedelta(hours=2))
    await book(database, clinic=first.clinic, starts_at=STARTS_AT + timedelta(days=1))

    async with database.unit_of_work() as uow:
        day = await scheduling.day(
            uow, by=first.scheduler, first=STARTS_AT, after=STARTS_AT + timedelta(hours=12)
        )

    cards = [await visit.card() for visit in (first, later)]
    assert [each.appointment_id for each in day] == [card.appointment_id for card in cards]
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Appointment)) == 3
