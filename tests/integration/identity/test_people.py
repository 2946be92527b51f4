"""Who may add people, see them, and make links to visits."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.access.actor import Actor, Job
from telehealth.access.errors import NotPermitted
from telehealth.access.roles import Role
from telehealth.contract import ClinicId, PersonId, VisitId
from telehealth.identity import actions as identity
from telehealth.identity import finding
from telehealth.identity.errors import ClinicUnknown, EmailTaken, LinkUnknown, PersonUnknown
from telehealth.identity.links import LinkStanding
from telehealth.identity.tables import LoginSession, VisitLink
from telehealth.platform.db import Base, Database
from telehealth.platform.ids import new_uuid
from tests.support.clinic import BORN_ON, InventedClinic, invent_clinic
from tests.support.clock import MORNING


@pytest.fixture
async def clinic(database: Database) -> InventedClinic:
    async with database.unit_of_work() as uow:
        return await invent_clinic(uow, now=MORNING)


@pytest.fixture
async def other(database: Database) -> InventedClinic:
    async with database.unit_of_work() as uow:
        return await invent_clinic(uow, now=MORNING, name="hillside")


def everybody(*clinics: InventedClinic) -> list[PersonId]:
    return [
        person
        for clinic in clinics
        for person in (clinic.patient_id, clinic.provider_id, clinic.scheduler_id)
    ]


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        (Role.SCHEDULER, {"patient_id", "provider_id", "scheduler_id"}),
        (Role.PROVIDER, {"patient_id", "provider_id", "scheduler_id"}),
        # Whom the visit is with; not who else works or waits here.
        (Role.PATIENT, {"patient_id", "provider_id"}),
    ],
)
async def test_a_role_sees_its_own_clinic_only(
    database: Database,
    clinic: InventedClinic,
    other: InventedClinic,
    role: Role,
    seen: set[str],
) -> None:
    async with database.unit_of_work() as uow:
        cards = await identity.person_cards(
            uow, by=clinic.actor(role), person_ids=everybody(clinic, other)
        )

    assert set(cards) == {getattr(clinic, name) for name in seen}


async def test_an_auditor_puts_names_to_ids_of_the_own_clinic_only(
    database: Database, clinic: InventedClinic, other: InventedClinic
) -> None:
    auditor = Actor(clinic_id=clinic.clinic_id, role=Role.AUDITOR, person_id=PersonId(new_uuid()))

    async with database.unit_of_work() as uow:
        cards = await identity.person_cards(uow, by=auditor, person_ids=everybody(clinic, other))
        found = await finding.find_people(uow, by=auditor, now=MORNING, words="invented")

    assert set(cards) == set(everybody(clinic))
    assert {card.person_id for card in found} <= set(everybody(clinic))


async def test_only_whoever_reads_the_trail_searches_people(
    database: Database, clinic: InventedClinic
) -> None:
    async with database.unit_of_work() as uow:
        for role in (Role.PATIENT, Role.PROVIDER, Role.SCHEDULER):
            with pytest.raises(NotPermitted):
                await finding.find_people(uow, by=clinic.actor(role), now=MORNING, words="invented")


async def test_a_guest_sees_who_treats_and_no_patient(
    database: Database, clinic: InventedClinic
) -> None:
    actor = Actor(clinic_id=clinic.clinic_id, role=Role.GUEST, person_id=PersonId(new_uuid()))

    async with database.unit_of_work() as uow:
        cards = await identity.person_cards(uow, by=actor, person_ids=everybody(clinic))

    assert set(cards) == {clinic.provider_id}


async def test_a_job_sees_nobody(database: Database, clinic: InventedClinic) -> None:
    actor = Actor.of_job(Job.SWEEP, clinic.clinic_id)

    async with database.unit_of_work() as uow:
        assert await identity.person_cards(uow, by=actor, person_ids=everybody(clinic)) == {}
        with pytest.raises(PersonUnknown):
            await identity.own_card(uow, by=actor, now=MORNING)


async def test_a_card_says_who_somebody_is(database: Database, clinic: InventedClinic) -> None:
    async with database.unit_of_work() as uow:
        cards = await identity.person_cards(
            uow, by=clinic.actor(Role.SCHEDULER), person_ids=[clinic.patient_id]
        )
    card = cards[clinic.patient_id]

    assert card.full_name == "Ada Invented"
    assert (card.birth_on, card.phone, card.medical_record_number, card.npi) == (
        BORN_ON,
        "555-0101",
        "MRN-riverside",
        None,
    )


async def test_a_clinic_nobody_added_is_unknown(database: Database) -> None:
    async with database.unit_of_work() as uow:
        with pytest.raises(ClinicUnknown):
            await identity.clinic_card(uow, clinic_id=ClinicId(UUID(int=404)))


@pytest.mark.parametrize("role", [Role.PATIENT, Role.PROVIDER, Role.SCHEDULER])
async def test_only_who_manages_people_adds_them(
    database: Database, clinic: InventedClinic, role: Role
) -> None:
    by = clinic.actor(role)
    async with database.unit_of_work() as uow:
        with pytest.raises(NotPermitted):
            await identity.add_clinic(
                uow, by=by, now=MORNING, name="x", short_name="x", phone="x", time_zone="UTC"
            )
        with pytest.raises(NotPermitted):
            await identity.add_person(
                uow,
                by=by,
                now=MORNING,
                given="x",
                family="x",
                birth_on=None,
                phone=None,
                medical_record_number=None,
                npi=None,
            )
        with pytest.raises(NotPermitted):
            await identity.add_account(
                uow,
                by=by,
                now=MORNING,
                person_id=clinic.patient_id,
                email="x@x.example",
                password_hash="x",
                role=Role.SCHEDULER,
            )


async def test_an_administrator_adds_a_person_and_an_account(
    database: Database, clinic: InventedClinic
) -> None:
    by = Actor(clinic_id=clinic.clinic_id, role=Role.ADMINISTRATOR, person_id=PersonId(new_uuid()))

    async with database.unit_of_work() as uow:
        person_id = await identity.add_person(
            uow,
            by=by,
            now=MORNING,
            given="Nia",
            family="Newcomer",
            birth_on=None,
            phone=None,
            medical_record_number=None,
            npi=None,
        )
        await identity.add_account(
            uow,
            by=by,
            now=MORNING,
            person_id=person_id,
            email="Nia@riverside.example",
            password_hash="x",
            role=Role.PROVIDER,
        )
        cards = await identity.person_cards(
            uow, by=clinic.actor(Role.PATIENT), person_ids=[person_id]
        )

    assert set(cards) == {person_id}


async def test_an_address_belongs_to_one_account(
    database: Database, clinic: InventedClinic
) -> None:
    by = Actor.of_job(Job.SETUP, clinic.clinic_id)

    async with database.unit_of_work() as uow:
        with pytest.raises(EmailTaken):
            await identity.add_account(
                uow,
                by=by,
                now=MORNING,
                person_id=clinic.patient_id,
                email=" PROVIDER@riverside.example",
                password_hash="x",
                role=Role.PROVIDER,
            )


@pytest.mark.parametrize("whose", ["other", "nobody"])
async def test_an_account_is_for_a_person_of_this_clinic(
    database: Database, clinic: InventedClinic, other: InventedClinic, whose: str
) -> None:
    person_id = other.patient_id if whose == "other" else PersonId(new_uuid())
    async with database.unit_of_work() as uow:
        with pytest.raises(PersonUnknown):
            await identity.add_account(
                uow,
                by=Actor.of_job(Job.SETUP, clinic.clinic_id),
                now=MORNING,
                person_id=person_id,
                email="x@x.example",
                password_hash="x",
                role=Role.PROVIDER,
            )


async def issue(database: Database, clinic: InventedClinic, *, by: Actor, visit_id: VisitId) -> str:
    async with database.unit_of_work() as uow:
        return await identity.issue_link(
            uow,
            by=by,
            now=MORNING,
            person_id=clinic.patient_id,
            visit_id=visit_id,
            expires_at=MORNING + timedelta(days=7),
        )


async def test_a_link_tells_a_stranger_the_clinic_and_no_person(
    database: Database, clinic: InventedClinic
) -> None:
    visit_id = VisitId(new_uuid())
    by = clinic.actor(Role.SCHEDULER)
    old = await issue(database, clinic, by=by, visit_id=visit_id)
    new = await issue(database, clinic, by=by, visit_id=visit_id)

    async with database.unit_of_work() as uow:
        before = await identity.link_preview(uow, secret=old, now=MORNING)
        good = await identity.link_preview(uow, secret=new, now=MORNING)
        late = await identity.link_preview(uow, secret=new, now=MORNING + timedelta(days=8))
        with pytest.raises(LinkUnknown):
            await identity.link_preview(uow, secret="\ud800 nobody's", now=MORNING)

    assert len(new) == 22
    assert (good.visit_id, good.clinic_id) == (visit_id, clinic.clinic_id)
    assert [seen.standing for seen in (before, good, late)] == [
        LinkStanding.REPLACED,
        LinkStanding.GOOD,
        LinkStanding.EXPIRED,
    ]


@pytest.mark.parametrize("role", [Role.PATIENT, Role.PROVIDER])
async def test_not_everybody_makes_links(
    database: Database, clinic: InventedClinic, role: Role
) -> None:
    with pytest.raises(NotPermitted):
        await issue(database, clinic, by=clinic.actor(role), visit_id=VisitId(new_uuid()))


async def test_no_clinic_makes_links_for_anothers_patients(
    database: Database, clinic: InventedClinic, other: InventedClinic
) -> None:
    with pytest.raises(PersonUnknown):
        await issue(database, other, by=clinic.actor(Role.SCHEDULER), visit_id=VisitId(new_uuid()))


async def test_the_database_holds_one_link_in_force(
    database: Database, clinic: InventedClinic
) -> None:
    visit_id = new_uuid()
    links = [
        VisitLink(
            id=new_uuid(),
            clinic_id=clinic.clinic_id,
            person_id=clinic.patient_id,
            visit_id=visit_id,
            secret_hash=number * 32,
            issued_at=MORNING,
            expires_at=MORNING,
            replaced_at=None,
            wrong_tries=0,
        )
        for number in (b"1", b"2")
    ]

    with pytest.raises(IntegrityError):
        await store(database, links)


async def test_the_database_holds_one_live_session_a_link(
    database: Database, clinic: InventedClinic
) -> None:
    await issue(database, clinic, by=clinic.actor(Role.SCHEDULER), visit_id=VisitId(new_uuid()))
    async with database.reading() as reading:
        link_id = await _only_link(reading)
    sessions = [
        LoginSession(
            id=new_uuid(),
            clinic_id=clinic.clinic_id,
            person_id=clinic.patient_id,
            role=Role.PATIENT,
            link_id=link_id,
            visit_id=None,
            started_at=MORNING,
            renewed_at=MORNING,
            expires_at=MORNING,
            ended_at=None,
        )
        for _ in range(2)
    ]

    with pytest.raises(IntegrityError):
        await store(database, sessions)


async def store(database: Database, rows: Sequence[Base]) -> None:
    async with database.unit_of_work() as uow:
        uow.session.add_all(rows)


async def _only_link(session: AsyncSession) -> UUID:
    found: UUID | None = await session.scalar(select(VisitLink.id))
    assert found is not None
    return found
