"""Rows with sealed attributes, made and read without ceremony."""

from uuid import UUID

from telehealth.contract import ClinicId
from telehealth.identity.tables import Account, Clinic, Person
from telehealth.platform.db import Database
from telehealth.platform.ids import new_uuid
from tests.support.clock import MORNING


async def add_clinic(database: Database, number: int = 1) -> ClinicId:
    """Add a clinic with a known id."""
    async with database.unit_of_work() as uow:
        clinic = Clinic(id=UUID(int=number), name="x", short_name="x", phone="x", time_zone="UTC")
        uow.session.add(clinic)
    return ClinicId(UUID(int=number))


def person(clinic_id: UUID, given: str) -> Person:
    """Make a person."""
    return Person(
        id=new_uuid(),
        clinic_id=clinic_id,
        given=given,
        family="x",
        birth_on=None,
        phone=None,
        medical_record_number=None,
        npi=None,
        added_at=MORNING,
    )


def account(clinic_id: UUID, person_id: UUID, email: str) -> Account:
    """Make an account."""
    return Account(
        id=new_uuid(),
        clinic_id=clinic_id,
        person_id=person_id,
        email=email,
        password_hash="x",
        wrong_tries=0,
        wait_until=None,
    )


async def change_person(database: Database, person_id: UUID, **changes: object) -> None:
    """Change what is known of somebody, behind the product's back."""
    async with database.unit_of_work() as uow:
        found = await uow.session.get(Person, person_id)
        assert found is not None
        for name, value in changes.items():
            setattr(found, name, value)


async def given_of(database: Database, person_id: UUID) -> str:
    """Read one sealed attribute."""
    async with database.reading() as session:
        found = await session.get(Person, person_id)
        assert found is not None
        return found.given
