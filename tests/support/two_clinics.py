"""Two clinics side by side, people of every role in both, and things of each to be reached for.

Whoever acts is given a login session directly: how one comes by a session is tested elsewhere.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import httpx
from sqlalchemy import select, text

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.app import VisitService
from telehealth.contract import PersonId, VisitId
from telehealth.delivery import actions as delivery
from telehealth.delivery.lanes import OwedEvent
from telehealth.delivery.tables import LedgerEntry
from telehealth.identity import actions as identity
from telehealth.identity import door
from telehealth.identity.access_tokens import sign_pass
from telehealth.identity.cookies import ACCESS_COOKIE
from telehealth.identity.door import Arrival
from telehealth.identity.step_up import Proof
from telehealth.identity.tables import Account, Membership, Person
from telehealth.platform.db import Database, UnitOfWork
from telehealth.platform.guards import CSRF_COOKIE
from telehealth.platform.ids import new_uuid
from tests.support.app_client import ORIGIN
from tests.support.clinic import BORN_ON, InventedClinic
from tests.support.visits import InventedVisit, book

CANARY: Final = "Zyxcanary"
"""Family name of everybody in the second clinic; never to be read in the first."""


class Whose(StrEnum):
    """Whose thing a caller reaches for, seen from the first clinic's first provider."""

    OWN = "own"
    OTHERS = "another person's"
    FOREIGN = "another clinic's"
    DELETED = "deleted"
    RANDOM = "random"
    MALFORMED = "malformed"


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something with an id: to whom it belongs."""

    path_id: str
    clinic_id: UUID | None = None
    people: frozenset[UUID] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Caller:
    """One browser, or a service that knocks at the wrong port."""

    name: str
    http: httpx.AsyncClient
    actor: Actor | None

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        """Send a request as our pages' scripts do."""
        return await self.http.request(method, path, json=None if method == "GET" else body or {})


@dataclass(frozen=True, kw_only=True)
class TwoClinics:
    """Both clinics, and what there is to reach for."""

    callers: list[Caller]
    things: Mapping[str, Mapping[Whose, Thing]]
    """By the name of the path's parameter."""
    own: InventedVisit
    others: InventedVisit
    foreign: InventedVisit


async def add_member(
    uow: UnitOfWork, clinic: InventedClinic, role: Role, now: datetime
) -> PersonId:
    """Add somebody in a role to a clinic."""
    person_id = await identity.add_person(
        uow,
        by=Actor.of_job(Job.SETUP, clinic.clinic_id),
        now=now,
        given=role.value.title(),
        family="Madeup",
        birth_on=None,
        phone=None,
        medical_record_number=None,
        npi=None,
    )
    uow.session.add(
        Membership(person_id=person_id, clinic_id=clinic.clinic_id, role=role, added_at=now)
    )
    if role is not Role.GUEST:
        uow.session.add(_account_of(person_id, clinic))
    await uow.session.flush()
    return person_id


def _account_of(person_id: PersonId, clinic: InventedClinic) -> Account:
    """Give a member of staff an account; nobody signs in with it."""
    return Account(
        id=new_uuid(),
        person_id=person_id,
        clinic_id=clinic.clinic_id,
        email=f"{person_id}@nowhere.example",
        password_hash="no password has this hash",
        wrong_tries=0,
        wait_until=None,
    )


async def open_session(
    made: VisitService, database: Database, actor: Actor, *, now: datetime
) -> dict[str, str]:
    """Start a login session and return its cookie."""
    async with database.unit_of_work() as uow:
        signed_in = await door.start_session(
            uow, actor=actor, link=None, now=now, arrival=Arrival(proved_by=Proof.PASSWORD)
        )
    signer = made.public.state.services.signer
    return {ACCESS_COOKIE: sign_pass(signer, signed_in.given_pass, now=now)}


@asynccontextmanager
async def two_clinics(
    made: VisitService, database: Database, *, now: datetime
) -> AsyncIterator[TwoClinics]:
    """Make both clinics and a browser for everybody in them."""
    own = await book(database, now=now, starts_at=now + timedelta(minutes=10))
    foreign = await book(database, now=now, starts_at=now + timedelta(minutes=10), name="harbour")
    others = await _visit_of_others(database, own.clinic, now)
    gone = await _deleted_visit(database, own.clinic, now)
    async with database.unit_of_work() as uow:
        of_the_second = select(Person).where(Person.clinic_id == foreign.clinic.clinic_id)
        for person in await uow.session.scalars(of_the_second):
            person.family = CANARY
    visits = {Whose.OWN: own, Whose.OTHERS: others, Whose.FOREIGN: foreign}
    async with AsyncExitStack() as stack:
        callers = [
            await _caller(stack, made, database, actor, place, now)
            for place, visit in (("first", own), ("second", foreign))
            for actor in await _actors(database, visit, now)
        ]
        for name, headers in (("anonymous", {}), ("service", {"authorization": "Bearer x.y.z"})):
            browser = await stack.enter_async_context(_client(made, {}, headers))
            callers.append(Caller(name=name, http=browser, actor=None))
        yield TwoClinics(
            callers=callers,
            own=own,
            others=others,
            foreign=foreign,
            things={
                "visit_id": {
                    **{whose: _visit_thing(visit) for whose, visit in visits.items()},
                    **_nothing(gone),
                },
                "staff_id": {
                    **{w: await _staff_thing(database, v, now) for w, v in visits.items()},
                    **_nothing(new_uuid()),
                },
                "person_id": {
                    **{whose: _patient_thing(visit) for whose, visit in visits.items()},
                    **_nothing(new_uuid()),
                },
                "patient_id": {
                    **{whose: _patient_thing(visit) for whose, visit in visits.items()},
                    **_nothing(new_uuid()),
                },
                "entry_id": {
                    **{w: await _entry_thing(database, v, now) for w, v in visits.items()},
                    **_nothing(new_uuid()),
                },
            },
        )


def nobodys() -> Mapping[Whose, Thing]:
    """Return ids under which there is nothing, for parameters this world has no things for."""
    return _nothing(new_uuid())


async def _actors(database: Database, visit: InventedVisit, now: datetime) -> list[Actor]:
    clinic = visit.clinic
    actors = [visit.patient, visit.provider, visit.scheduler]
    async with database.unit_of_work() as uow:
        for role in (Role.AUDITOR, Role.ADMINISTRATOR, Role.GUEST):
            person_id = await add_member(uow, clinic, role, now)
            actors.append(Actor(clinic_id=clinic.clinic_id, role=role, person_id=person_id))
    # A guest comes for one visit, like a patient.
    return [replace(a, visit_id=visit.visit_id) if a.role is Role.GUEST else a for a in actors]


async def _caller(
    stack: AsyncExitStack,
    made: VisitService,
    database: Database,
    actor: Actor,
    place: str,
    now: datetime,
) -> Caller:
    cookies = await open_session(made, database, actor, now=now)
    browser = await stack.enter_async_context(_client(made, cookies, {}))
    assert actor.role is not None
    return Caller(name=f"{actor.role.value} of the {place}", http=browser, actor=actor)


def _client(
    made: VisitService, cookies: Mapping[str, str], headers: Mapping[str, str]
) -> httpx.AsyncClient:
    csrf = "repeated-by-our-pages"
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(made.public),
        base_url=ORIGIN,
        cookies={**cookies, CSRF_COOKIE: csrf},
        headers={"origin": ORIGIN, "x-csrf-token": csrf, **headers},
    )


async def _visit_of_others(
    database: Database, clinic: InventedClinic, now: datetime
) -> InventedVisit:
    """Book a visit of the same clinic between two other people."""
    async with database.unit_of_work() as uow:
        patient_id = await identity.add_person(
            uow,
            by=Actor.of_job(Job.SETUP, clinic.clinic_id),
            now=now,
            given="Mary",
            family="Invented",
            birth_on=BORN_ON,
            phone=None,
            medical_record_number="MRN-others",
            npi=None,
        )
        provider_id = await add_member(uow, clinic, Role.PROVIDER, now)
    between = replace(clinic, patient_id=patient_id, provider_id=provider_id)
    return await book(database, clinic=between, now=now, starts_at=now + timedelta(minutes=10))


async def _deleted_visit(database: Database, clinic: InventedClinic, now: datetime) -> VisitId:
    gone = await book(database, clinic=clinic, now=now, starts_at=now + timedelta(hours=3))
    async with database.unit_of_work() as uow:
        for table, column in (
            ("attendances", "visit_id"),
            ("open_items", "visit_id"),
            ("visits", "id"),
        ):
            await uow.session.execute(
                text(f"DELETE FROM {table} WHERE {column} = :id").bindparams(  # noqa: S608  (names above)
                    id=gone.visit_id.hex if database.is_sqlite else gone.visit_id
                )
            )
    return gone.visit_id


def _visit_thing(visit: InventedVisit) -> Thing:
    return Thing(
        path_id=str(visit.visit_id),
        clinic_id=visit.clinic.clinic_id,
        people=frozenset({visit.clinic.patient_id, visit.clinic.provider_id}),
    )


def _patient_thing(visit: InventedVisit) -> Thing:
    patient_id = visit.clinic.patient_id
    return Thing(
        path_id=str(patient_id), clinic_id=visit.clinic.clinic_id, people=frozenset({patient_id})
    )


async def _staff_thing(database: Database, visit: InventedVisit, now: datetime) -> Thing:
    """Add somebody for an administrator to disable and enable; nobody acts as them."""
    async with database.unit_of_work() as uow:
        person_id = await add_member(uow, visit.clinic, Role.SCHEDULER, now)
    return Thing(
        path_id=str(person_id),
        clinic_id=visit.clinic.clinic_id,
        people=frozenset({person_id}),
    )


async def _entry_thing(database: Database, visit: InventedVisit, now: datetime) -> Thing:
    async with database.unit_of_work() as uow:
        await delivery.record(
            uow,
            now=now,
            event=OwedEvent.VISIT_ENDED,
            clinic_id=visit.clinic.clinic_id,
            subject_id=visit.visit_id,
            version=1_000,
            facts={},
        )
        found = select(LedgerEntry.entry_id).where(LedgerEntry.subject_id == visit.visit_id)
        entry_id = await uow.session.scalar(found.limit(1))
        return Thing(path_id=str(entry_id), clinic_id=visit.clinic.clinic_id)


def _nothing(gone: UUID) -> Mapping[Whose, Thing]:
    return {
        Whose.DELETED: Thing(path_id=str(gone)),
        Whose.RANDOM: Thing(path_id=str(new_uuid())),
        Whose.MALFORMED: Thing(path_id="not-an-id"),
    }
