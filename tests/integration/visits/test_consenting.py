"""No consent, no start; taken back, nothing goes on.  On both databases."""

from collections.abc import Awaitable
from datetime import timedelta

import pytest

from telehealth.access.actor import Actor
from telehealth.access.errors import NotPermitted
from telehealth.access.roles import Role
from telehealth.contract import AttendanceKind
from telehealth.platform.db import Database
from telehealth.visits import tickets
from telehealth.visits.actions import conduct, consenting
from telehealth.visits.cards import VisitCard
from telehealth.visits.consent import TextVersion
from telehealth.visits.errors import (
    ConsentMissing,
    ConsentWithdrawn,
    IllegalVisitStep,
    NothingToWithdraw,
    VisitUnknown,
)
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.tables import Attendance
from telehealth.waiting_room import actions as waiting_room
from tests.support.clinic import invent_clinic
from tests.support.requirements import Figure
from tests.support.visits import NOW, InventedVisit, book

VIDEO = TextVersion("video-visit", 1)
NEWER = TextVersion("video-visit", 2)
OBSERVER = TextVersion("observer", 1)
LATER = NOW + timedelta(minutes=20)


async def withdraw(visit: InventedVisit, *, by: Actor | None = None) -> VisitCard:
    async with visit.database.unit_of_work() as uow:
        return await consenting.withdraw(
            uow, by=by or visit.patient, now=LATER, visit_id=visit.visit_id
        )


async def accept(visit: InventedVisit, *texts: TextVersion, language: str = "en") -> VisitCard:
    async with visit.database.unit_of_work() as uow:
        return await consenting.accept(
            uow,
            by=visit.patient,
            now=LATER,
            visit_id=visit.visit_id,
            accepted=texts,
            language=language,
        )


async def ticket(visit: InventedVisit, by: Actor) -> None:
    async with visit.database.unit_of_work() as uow:
        await tickets.grant(uow, by=by, now=LATER, visit_id=visit.visit_id)


async def rejoin(visit: InventedVisit) -> None:
    version = (await visit.card()).version
    async with visit.database.unit_of_work() as uow:
        await conduct.rejoin(
            uow, by=visit.provider, now=LATER, visit_id=visit.visit_id, version=version
        )


async def observe(visit: InventedVisit) -> None:
    """Have a trainee attend."""
    async with visit.database.unit_of_work() as uow:
        uow.session.add(
            Attendance(
                id=visit.clinic.scheduler_id,
                visit_id=visit.visit_id,
                person_id=visit.clinic.scheduler_id,
                kind=AttendanceKind.OBSERVER,
                is_present=False,
                attach_epoch=0,
                is_media_connected=False,
            )
        )


@pytest.mark.requirement("INV-11")
async def test_without_consent_nothing_starts(database: Database, figure: Figure) -> None:
    """Every door behind which a call or its media begin."""
    visit = await book(database)
    await visit.wait()
    await withdraw(visit)
    await visit.arrive(now=LATER)
    assert (await visit.card()).state is VisitState.WAITING
    doors: dict[str, Awaitable[object]] = {
        "the provider starts": visit.call(now=LATER),
        "the patient takes a ticket": ticket(visit, visit.patient),
    }
    for door in doors.values():
        with pytest.raises(ConsentWithdrawn) as refused:
            await door
        assert refused.value.told == {"needed": [{"text_id": "video-visit", "version": 1}]}
    await accept(visit, VIDEO)
    await visit.call(now=LATER)
    await visit.connect(now=LATER)
    await withdraw(visit)
    assert (await visit.card()).state is VisitState.WRAP_UP
    with pytest.raises(ConsentWithdrawn):
        await rejoin(visit)
    figure(f"{len(doors) + 1} doors refuse")


async def test_a_visit_that_was_consented_to_for_a_trainee_is_started_after_the_patients_yes(
    database: Database,
) -> None:
    visit = await book(database)
    await visit.wait()
    await observe(visit)

    with pytest.raises(ConsentMissing) as refused:
        await visit.call(now=LATER)
    assert refused.value.told == {"needed": [{"text_id": "observer", "version": 1}]}

    await accept(visit, VIDEO, OBSERVER)
    assert (await visit.call(now=LATER)).state is VisitState.CALLED


@pytest.mark.requirement("INV-11")
async def test_taking_consent_back_ends_the_running_call(database: Database) -> None:
    visit = await book(database)
    await visit.talk()

    card = await withdraw(visit)

    assert card.state is VisitState.WRAP_UP
    assert card.ended_at == LATER
    assert (await visit.owed())[-1] == "room.returned"
    assert await visit.audited_facts("visit.consent_withdrawn") == [
        f'{{"by_patient":1,"version":{card.version}}}'
    ]
    await visit.write()
    await visit.sign()
    assert (await visit.close()).state is VisitState.COMPLETED


@pytest.mark.parametrize("role", [Role.SCHEDULER, Role.PROVIDER])
async def test_staff_take_it_back_on_the_patients_word(database: Database, role: Role) -> None:
    visit = await book(database)
    await visit.talk()

    card = await withdraw(visit, by=visit.clinic.actor(role))

    assert card.state is VisitState.WRAP_UP
    assert await visit.audited_facts("visit.consent_withdrawn") == [
        f'{{"by_patient":0,"version":{card.version}}}'
    ]


async def test_a_called_patient_who_takes_it_back_may_think_better_of_it(
    database: Database,
) -> None:
    visit = await book(database)
    await visit.wait()
    await visit.call()

    assert (await withdraw(visit)).state is VisitState.LEFT
    assert (await visit.owed())[-1] == "room.returned"

    assert (await visit.arrive(now=LATER)).state is VisitState.WAITING
    await accept(visit, VIDEO)
    assert (await visit.call(now=LATER)).state is VisitState.CALLED
    await ticket(visit, visit.patient)


async def test_before_and_after_the_visit_it_is_only_recorded(database: Database) -> None:
    visit = await book(database)
    card = await visit.complete()
    owed = await visit.owed()

    after = await withdraw(visit)

    assert (after.state, after.version) == (VisitState.COMPLETED, card.version)
    assert await visit.owed() == owed


async def test_what_does_not_stand_is_not_taken_back(database: Database) -> None:
    visit = await book(database)
    with pytest.raises(NothingToWithdraw):
        await withdraw(visit)
    await visit.wait()
    await withdraw(visit)

    with pytest.raises(NothingToWithdraw):
        await withdraw(visit)


async def test_nobody_takes_back_what_is_not_theirs(database: Database) -> None:
    visit, other = await book(database), await book(database, name="lakeside")
    await visit.wait()

    with pytest.raises(VisitUnknown):
        await withdraw(visit, by=other.patient)
    with pytest.raises(VisitUnknown):
        await withdraw(visit, by=other.scheduler)
    async with database.unit_of_work() as uow:
        administrator = Actor(
            clinic_id=visit.clinic.clinic_id,
            role=Role.ADMINISTRATOR,
            person_id=visit.clinic.scheduler_id,
        )
        with pytest.raises(NotPermitted):
            await consenting.withdraw(uow, by=administrator, now=LATER, visit_id=visit.visit_id)
    assert (await visit.card()).state is VisitState.WAITING


async def test_what_was_agreed_to_is_kept_to_the_letter(database: Database) -> None:
    visit = await book(database)
    await visit.arrive()
    await visit.check_in()

    async with database.unit_of_work() as uow:
        [consent] = await consenting.consents_of(uow, visit_ids=[visit.visit_id])

    assert (consent.text, consent.language, consent.modality.value) == (VIDEO, "en", "video")
    assert consent.jurisdiction == "US-IL"
    assert consent.given_at == NOW
    assert len(consent.digest) == 64
    assert consent.withdrawn_at is None


@pytest.mark.parametrize("accepted", [[], [OBSERVER], [VIDEO, OBSERVER], [NEWER]])
async def test_only_exactly_what_is_needed_is_taken(
    database: Database, accepted: list[TextVersion]
) -> None:
    visit = await book(database)
    await visit.arrive()

    with pytest.raises(ConsentMissing):
        await accept(visit, *accepted)
    with pytest.raises(ConsentMissing):
        await accept(visit, VIDEO, language="fr")


async def test_who_is_in_alabama_reads_what_alabama_asks(database: Database) -> None:
    visit = await book(database)
    await visit.arrive()

    async def check_in(*also: TextVersion) -> None:
        async with database.unit_of_work() as uow:
            await waiting_room.check_in(
                uow,
                by=visit.patient,
                now=NOW,
                visit_id=visit.visit_id,
                place_state="AL",
                place_address="1 Invented Street",
                call_back_number="(312) 555-0101",
                text_id="video-visit",
                consent_version=1,
                language="en",
                also_accepted=also,
            )

    with pytest.raises(ConsentMissing):
        await check_in()
    await check_in(TextVersion("alabama", 1))

    async with database.unit_of_work() as uow:
        found = await consenting.consents_of(uow, visit_ids=[visit.visit_id])
    assert {each.jurisdiction for each in found} == {"US-AL"}
    await visit.check_devices()
    await visit.call()


async def test_a_stranger_accepts_nothing(database: Database) -> None:
    visit = await book(database)
    async with database.unit_of_work() as uow:
        other = await invent_clinic(uow, now=NOW, name="lakeside")

    for by, refusal in (
        (other.actor(Role.PATIENT), VisitUnknown),
        (visit.provider, NotPermitted),
    ):
        async with database.unit_of_work() as uow:
            with pytest.raises(refusal):
                await consenting.accept(
                    uow,
                    by=by,
                    now=NOW,
                    visit_id=visit.visit_id,
                    accepted=[VIDEO],
                    language="en",
                )


async def test_a_cancelled_visit_stays_cancelled(database: Database) -> None:
    visit = await book(database)
    await visit.wait()
    await withdraw(visit)

    with pytest.raises(IllegalVisitStep):
        await visit.check_in(now=LATER)
