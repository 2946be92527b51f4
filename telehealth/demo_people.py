"""The demo's clinic, people and day of appointments, made through the ordinary actions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.contract import ClinicId, PersonId
from telehealth.identity import actions as identity
from telehealth.identity.passwords import Pepper, hash_password
from telehealth.platform.db import UnitOfWork
from telehealth.visits.actions import booking

_VISIT_LENGTH = timedelta(minutes=20)
_FIRST_AFTER = timedelta(minutes=5)
_EVERY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoVisit:
    """One appointment of the demo day and the link its patient would have received."""

    visit_id: UUID
    secret: str
    patient_name: str
    birth_on: date
    provider_email: str
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPatient:
    """A person appointments are booked for."""

    person_id: UUID
    name: str
    birth_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoProvider:
    """A person who treats."""

    person_id: UUID
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoDay:
    """What the demo remembers between two starts."""

    clinic_id: UUID
    password: str
    scheduler_id: UUID
    scheduler_email: str
    administrator_email: str
    patients: Sequence[DemoPatient]
    providers: Sequence[DemoProvider]
    visits: Sequence[DemoVisit]

    @classmethod
    def from_json(cls, text: str) -> "DemoDay":
        """Read what `to_json` wrote."""
        return _DAY.validate_json(text)

    def to_json(self) -> str:
        """Write it down."""
        return _DAY.dump_json(self, indent=1).decode()

    def is_over(self, now: datetime) -> bool:
        """Say whether the last appointment began more than an hour ago (or none was booked)."""
        return all(visit.starts_at < now - timedelta(hours=1) for visit in self.visits)

    def next_visit(self, now: datetime) -> DemoVisit:
        """Return the visit nearest to now."""
        return min(self.visits, key=lambda visit: abs(visit.starts_at - now))


_DAY = TypeAdapter(DemoDay)


async def seed_clinic(
    uow: UnitOfWork, *, people: Mapping[str, Any], password: str, pepper: Pepper, now: datetime
) -> DemoDay:
    """Make the clinic, its people and their accounts.

    Args:
        uow: The transaction everything is made in.
        people: Content of the simulator's `people.json`.
        password: One for all staff accounts of the demo.
        pepper: The installation's password pepper.
        now: Aware instant.
    """
    nobody = Actor.of_job(Job.SETUP, ClinicId(UUID(int=0)))
    clinic = people["clinic"]
    clinic_id = await identity.add_clinic(
        uow,
        by=nobody,
        now=now,
        name=clinic["name"],
        short_name=clinic["short_name"],
        phone=clinic["phone"],
        time_zone=clinic["time_zone"],
    )
    by = Actor.of_job(Job.SETUP, clinic_id)
    hashed = hash_password(password, pepper=pepper)

    providers = [
        DemoProvider(
            person_id=await _add_staff(uow, by, now, person, hashed, Role.PROVIDER),
            email=person["email"],
        )
        for person in people["providers"]
    ]
    scheduler, administrator = people["schedulers"][0], people["administrators"][0]
    scheduler_id = await _add_staff(uow, by, now, scheduler, hashed, Role.SCHEDULER)
    await _add_staff(uow, by, now, administrator, hashed, Role.ADMINISTRATOR)
    await _add_staff(uow, by, now, people["auditors"][0], hashed, Role.AUDITOR)
    patients = [
        DemoPatient(
            person_id=await _add_person(uow, by=by, now=now, person=person),
            name=f"{person['given']} {person['family']}",
            birth_on=date.fromisoformat(person["birth_on"]),
        )
        for person in people["patients"]
    ]
    return DemoDay(
        clinic_id=clinic_id,
        password=password,
        scheduler_id=scheduler_id,
        scheduler_email=scheduler["email"],
        administrator_email=administrator["email"],
        patients=patients,
        providers=providers,
        visits=[],
    )


async def book_day(uow: UnitOfWork, *, day: DemoDay, now: datetime) -> DemoDay:
    """Book one visit for each patient, the first of them a few minutes from now."""
    by = Actor(
        clinic_id=ClinicId(day.clinic_id),
        role=Role.SCHEDULER,
        person_id=PersonId(day.scheduler_id),
    )
    booked = []
    first_at = _round_up(now + _FIRST_AFTER)
    for number, patient in enumerate(day.patients):
        provider = day.providers[number % len(day.providers)]
        starts_at = first_at + _EVERY * number
        visit = await booking.book(
            uow,
            by=by,
            now=now,
            patient_id=PersonId(patient.person_id),
            provider_id=PersonId(provider.person_id),
            starts_at=starts_at,
            ends_at=starts_at + _VISIT_LENGTH,
        )
        booked.append(
            DemoVisit(
                visit_id=visit.visit_id,
                secret=visit.link_secret,
                patient_name=patient.name,
                birth_on=patient.birth_on,
                provider_email=provider.email,
                starts_at=starts_at,
            )
        )
    return DemoDay(
        clinic_id=day.clinic_id,
        password=day.password,
        scheduler_id=day.scheduler_id,
        scheduler_email=day.scheduler_email,
        administrator_email=day.administrator_email,
        patients=day.patients,
        providers=day.providers,
        visits=booked,
    )


async def _add_staff(
    uow: UnitOfWork, by: Actor, now: datetime, person: Mapping[str, Any], hashed: str, role: Role
) -> PersonId:
    person_id = await _add_person(uow, by=by, now=now, person=person)
    await identity.add_account(
        uow,
        by=by,
        now=now,
        person_id=person_id,
        email=person["email"],
        password_hash=hashed,
        role=role,
    )
    return person_id


async def _add_person(
    uow: UnitOfWork, *, by: Actor, now: datetime, person: Mapping[str, Any]
) -> PersonId:
    birth_on = person.get("birth_on")
    return await identity.add_person(
        uow,
        by=by,
        now=now,
        given=person["given"],
        family=person["family"],
        birth_on=date.fromisoformat(birth_on) if birth_on else None,
        phone=person.get("phone"),
        medical_record_number=person.get("medical_record_number"),
        npi=person.get("npi"),
    )


def _round_up(instant: datetime) -> datetime:
    """Return the next full five minutes."""
    seconds = -(-instant.timestamp() // 300) * 300
    return datetime.fromtimestamp(seconds, UTC)
