"""A visit from booking to Done through the actions, on both databases."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from telehealth.access.actor import Actor
from telehealth.access.roles import Role
from telehealth.charting import actions as charting
from telehealth.charting.errors import NoteEmpty, NoteMoved
from telehealth.contract import PresenceEvent, PresenceKind
from telehealth.platform.db import Database
from telehealth.platform.ids import new_uuid
from telehealth.visits import seats, tickets
from telehealth.visits.actions import arrival, booking, conduct, sight
from telehealth.visits.errors import OpenItemsLeft
from telehealth.visits.lifecycle import VisitState
from telehealth.waiting_room import actions as waiting_room
from telehealth.waiting_room.check_in import DeviceOutcome, DeviceResult
from telehealth.waiting_room.errors import AlreadyCalled
from tests.support.clinic import InventedClinic, invent_clinic

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


async def waiting_visit(database: Database) -> tuple[InventedClinic, UUID, int]:
    """Book a visit and bring its patient into the waiting room."""
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=NOW)
        made = await booking.book(
            uow,
            by=clinic.actor(Role.SCHEDULER),
            now=NOW,
            patient_id=clinic.patient_id,
            provider_id=clinic.provider_id,
            starts_at=NOW + timedelta(minutes=10),
            ends_at=NOW + timedelta(minutes=40),
        )
    patient = clinic.actor(Role.PATIENT)
    async with database.unit_of_work() as uow:
        await arrival.open_by_patient(uow, by=patient, now=NOW, visit_id=made.visit_id)
        await waiting_room.check_in(
            uow,
            by=patient,
            now=NOW,
            visit_id=made.visit_id,
            place_state="IL",
            place_address="1 Invented Street",
            call_back_number="(312) 555-0101",
            text_id="video-visit",
            consent_version=1,
            language="en",
        )
        card = await waiting_room.record_device_check(
            uow,
            by=patient,
            now=NOW,
            visit_id=made.visit_id,
            outcome=DeviceOutcome.PASSED,
            parts=dict.fromkeys(("microphone", "camera", "speaker", "network"), DeviceResult.PASS),
        )
    assert card.state is VisitState.WAITING
    return clinic, made.visit_id, card.version


async def connect(database: Database, visit_id: UUID, by: Actor) -> None:
    """Have signaling tell that both media are connected."""
    async with database.unit_of_work() as uow:
        seen = await sight.see(uow, by=by, visit_id=visit_id)
        for seat in seen.attendances:
            told = PresenceEvent(
                event_id=new_uuid(),
                kind=PresenceKind.MEDIA_CONNECTED,
                visit_id=visit_id,
                participant_id=seat.participant_id,
                attach_epoch=1_795_541_400_172,
                at=NOW,
            )
            await seats.hear(uow, now=NOW, event=told)
            await seats.hear(uow, now=NOW, event=told)


async def test_a_visit_goes_from_booking_to_done(database: Database) -> None:
    clinic, visit_id, version = await waiting_visit(database)
    provider = clinic.actor(Role.PROVIDER)

    async with database.unit_of_work() as uow:
        await waiting_room.call(uow, by=provider, now=NOW, visit_id=visit_id, version=version)
        claims = await tickets.grant(uow, by=provider, now=NOW, visit_id=visit_id)
        assert claims.exp - claims.iat == 60
    await connect(database, visit_id, provider)
    async with database.unit_of_work() as uow:
        card = await sight.see(uow, by=provider, visit_id=visit_id)
        assert card.state is VisitState.IN_CALL
        card = await conduct.finish(
            uow, by=provider, now=NOW, visit_id=visit_id, version=card.version
        )
        with pytest.raises(OpenItemsLeft):
            await charting.close_visit(
                uow, by=provider, now=NOW, visit_id=visit_id, version=card.version
            )
        await charting.save(uow, by=provider, now=NOW, visit_id=visit_id, text=" ", based_on=0)
        with pytest.raises(NoteEmpty):
            await charting.sign(uow, by=provider, now=NOW, visit_id=visit_id, version=1)
        with pytest.raises(NoteMoved):
            await charting.save(uow, by=provider, now=NOW, visit_id=visit_id, text="x", based_on=0)
        await charting.save(
            uow, by=provider, now=NOW, visit_id=visit_id, text="Invented.", based_on=1
        )
        await charting.sign(uow, by=provider, now=NOW, visit_id=visit_id, version=2)
        card = await charting.close_visit(
            uow, by=provider, now=NOW, visit_id=visit_id, version=card.version
        )

    assert card.state is VisitState.COMPLETED


async def test_the_second_start_is_told_who_was_first(database: Database) -> None:
    clinic, visit_id, version = await waiting_visit(database)
    provider = clinic.actor(Role.PROVIDER)

    async with database.unit_of_work() as uow:
        await waiting_room.call(uow, by=provider, now=NOW, visit_id=visit_id, version=version)
    async with database.unit_of_work() as uow:
        with pytest.raises(AlreadyCalled) as refused:
            await waiting_room.call(uow, by=provider, now=NOW, visit_id=visit_id, version=version)

    assert refused.value.told["called_by"] == "Grace Madeup"
