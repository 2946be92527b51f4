"""People are found by a whole name or number, and few cards are opened for it."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.contract import PersonId
from telehealth.identity import actions as identity
from telehealth.identity import finding, repository
from telehealth.identity.erasure import give_up_person
from telehealth.platform.db import Database
from telehealth.platform.sealing.blind import plain_name
from tests.support.clinic import BORN_ON, InventedClinic, invent_clinic
from tests.support.clock import MORNING
from tests.support.requirements import Figure

CROWD = 200


@pytest.fixture
async def clinic(database: Database) -> InventedClinic:
    async with database.unit_of_work() as uow:
        return await invent_clinic(uow, now=MORNING)


async def add(database: Database, clinic: InventedClinic, given: str, family: str) -> PersonId:
    async with database.unit_of_work() as uow:
        return await identity.add_person(
            uow,
            by=Actor.of_job(Job.SETUP, clinic.clinic_id),
            now=MORNING,
            given=given,
            family=family,
            birth_on=BORN_ON,
            phone=None,
            medical_record_number=f"MRN-{given}-{family}",
            npi=None,
        )


def auditor_of(clinic: InventedClinic) -> Actor:
    return replace(clinic.actor(Role.SCHEDULER), role=Role.AUDITOR)


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ("García Márquez", True),
        ("lucía garcia marquez", True),
        ("marquez, garcía lucia", True),
        ("LUCIA gar", True),
        ("Lucía", True),
        ("MRN-Lucía-García Márquez", True),
        ("Garc", False),
        ("lucia smith", False),
        ("", False),
        ("a b c d e f g h i", False),
    ],
)
async def test_a_whole_name_or_number_is_enough_and_half_of_one_is_not(
    database: Database,
    clinic: InventedClinic,
    words: str,
    is_found: bool,  # noqa: FBT001
) -> None:
    lucia = await add(database, clinic, "Lucía", "García Márquez")

    async with database.unit_of_work() as uow:
        found = await finding.find_people(uow, by=auditor_of(clinic), now=MORNING, words=words)

    assert (lucia in {card.person_id for card in found}) is is_found


async def test_few_cards_are_opened_in_a_crowd(
    database: Database, clinic: InventedClinic, figure: Figure
) -> None:
    for number in range(CROWD):
        await add(database, clinic, f"Given{number}", f"Family{number}")
    await add(database, clinic, "Ada", "Soughtfor")

    async with database.unit_of_work() as uow:
        opened = await repository.called(
            uow.session, {"soughtfor"}, actor=auditor_of(clinic), most=500
        )
        bounded = await repository.called(
            uow.session,
            {plain_name(f"family{number}") for number in range(CROWD)},
            actor=auditor_of(clinic),
            most=50,
        )

    assert "Soughtfor" in {person.family for person in opened}
    assert len(opened) <= 4
    assert len(bounded) == 50
    figure(f"{len(opened)} of {CROWD + 4} cards opened for one name")


async def test_an_erased_person_has_no_index_of_their_name(
    database: Database, clinic: InventedClinic
) -> None:
    async with database.unit_of_work() as uow:
        by = Actor.of_job(Job.SETUP, clinic.clinic_id)
        await give_up_person(uow, by=by, now=MORNING, person_id=clinic.patient_id)
    async with database.reading() as session:
        left = await session.scalar(
            text("SELECT COUNT(*) FROM people WHERE given_index IS NULL AND family_index IS NULL")
        )

    assert left == 1


async def test_the_index_of_a_name_is_two_bytes(database: Database, clinic: InventedClinic) -> None:
    """Shorter than what would tell every name apart."""
    await add(database, clinic, "Mary", "Invented")
    async with database.reading() as session:
        rows = await session.execute(text("SELECT given_index, family_index FROM people"))
        lengths = {len(bytes(each)) for row in rows for each in row}

    assert lengths == {2}
