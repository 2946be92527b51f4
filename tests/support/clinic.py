"""An invented clinic with one person of each kind, made through the ordinary actions."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.contract import ClinicId, PersonId
from telehealth.identity import actions as identity
from telehealth.identity.passwords import hash_password
from telehealth.platform.db import SEALED_WITH, UnitOfWork
from tests.support.sealing import PEPPER, settle_pepper

PASSWORD = "correct horse battery"
BORN_ON = date(1984, 2, 29)

# Hashing takes a tenth of a second: once for all tests of a process.
_hashes: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class InventedClinic:
    """Ids of a clinic and its people."""

    clinic_id: ClinicId
    patient_id: PersonId
    provider_id: PersonId
    scheduler_id: PersonId

    def actor(self, role: Role) -> Actor:
        """Return the actor of this clinic's person in a role (patient, provider, scheduler)."""
        person_id = {
            Role.PATIENT: self.patient_id,
            Role.PROVIDER: self.provider_id,
            Role.SCHEDULER: self.scheduler_id,
        }[role]
        return Actor(clinic_id=self.clinic_id, role=role, person_id=person_id)


def hash_once(password: str) -> str:
    """Hash a password of the tests, once a process."""
    if password not in _hashes:
        _hashes[password] = hash_password(password, pepper=PEPPER)
    return _hashes[password]


async def invent_clinic(
    uow: UnitOfWork, *, now: datetime, name: str = "riverside"
) -> InventedClinic:
    """Make a clinic; e-mail addresses are `<role>@<name>.example`."""
    nobody = Actor.of_job(Job.SETUP, ClinicId(UUID(int=0)))
    clinic_id = await identity.add_clinic(
        uow,
        by=nobody,
        now=now,
        name=f"{name.title()} Clinic",
        short_name=name.title(),
        phone="555-0100",
        time_zone="America/Chicago",
    )
    by = Actor.of_job(Job.SETUP, clinic_id)
    await settle_pepper(uow.session.info[SEALED_WITH])

    async def add(given: str, family: str, *, is_patient: bool = False) -> PersonId:
        return await identity.add_person(
            uow,
            by=by,
            now=now,
            given=given,
            family=family,
            birth_on=BORN_ON if is_patient else None,
            phone="555-0101" if is_patient else None,
            medical_record_number=f"MRN-{name}" if is_patient else None,
            npi=None if is_patient else "1234567893",
        )

    made = InventedClinic(
        clinic_id=clinic_id,
        patient_id=await add("Ada", "Invented", is_patient=True),
        provider_id=await add("Grace", "Madeup"),
        scheduler_id=await add("Tim", "Fictional"),
    )
    for role in (Role.PROVIDER, Role.SCHEDULER):
        person_id = made.actor(role).person_id
        assert person_id is not None
        await identity.add_account(
            uow,
            by=by,
            now=now,
            person_id=person_id,
            email=f"{role.value}@{name}.example",
            password_hash=hash_once(PASSWORD),
            role=role,
        )
    return made
