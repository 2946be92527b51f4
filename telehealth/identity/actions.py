"""Adds clinics and people, shows them to those who may see them, makes visit links.

How somebody comes in with an account or a link: `door.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Permission, Role
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId, PersonId, VisitId
from telehealth.identity import repository
from telehealth.identity.access_tokens import secret_hash
from telehealth.identity.errors import ClinicUnknown, EmailTaken, LinkUnknown, PersonUnknown
from telehealth.identity.links import LinkFacts, LinkStanding, standing
from telehealth.identity.tables import Account, Clinic, Membership, Person, VisitLink
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_link_secret, new_uuid
from telehealth.platform.sealing.errors import SealedErased


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCard:
    """What other capabilities may know of a person."""

    person_id: PersonId
    given: str
    family: str
    birth_on: date | None
    phone: str | None
    medical_record_number: str | None
    npi: str | None

    @property
    def full_name(self) -> str:
        """Given name, then family name; a guest has only told one."""
        return f"{self.given} {self.family}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicCard:
    """What stands on a clinic's public pages."""

    clinic_id: ClinicId
    name: str
    short_name: str
    phone: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPreview:
    """What a visit link tells before the birth date: which clinic, which visit, and no person."""

    visit_id: VisitId
    clinic_id: ClinicId
    role: Role
    standing: LinkStanding


async def add_clinic(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    name: str,
    short_name: str,
    phone: str,
    time_zone: str,
) -> ClinicId:
    """Add a clinic; a job of the operator's, for no person has a role before there is a clinic.

    Raises:
        NotPermitted: The actor is another.
    """
    by.require_job(Job.SETUP)
    clinic_id = ClinicId(new_uuid())
    uow.session.add(
        Clinic(id=clinic_id, name=name, short_name=short_name, phone=phone, time_zone=time_zone)
    )
    await uow.session.flush()
    await audit.record(
        uow,
        by=Actor.of_job(Job.SETUP, clinic_id),
        now=now,
        event=AuditEvent.CLINIC_ADDED,
        subject_id=clinic_id,
    )
    return clinic_id


async def add_person(  # noqa: PLR0913  (a person's card, member by member)
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    given: str,
    family: str,
    birth_on: date | None,
    phone: str | None,
    medical_record_number: str | None,
    npi: str | None,
    email: str | None = None,
    language: str = "en",
) -> PersonId:
    """Add a person to the actor's clinic.

    Raises:
        NotPermitted: Neither the operator's set-up nor somebody who manages people.
    """
    _require_management(by)
    person_id = PersonId(new_uuid())
    uow.session.add(
        Person(
            id=person_id,
            clinic_id=by.clinic_id,
            given=given,
            family=family,
            birth_on=birth_on,
            phone=phone,
            email=None if email is None else email.strip().lower(),
            language=language,
            medical_record_number=medical_record_number,
            npi=npi,
            added_at=now,
        )
    )
    await uow.session.flush()
    await audit.record(uow, by=by, now=now, event=AuditEvent.PERSON_ADDED, subject_id=person_id)
    return person_id


async def add_account(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    person_id: PersonId,
    email: str,
    password_hash: str,
    role: Role,
) -> None:
    """Give a person of the actor's clinic a role there and a way to sign in.

    Raises:
        NotPermitted: Neither the operator's set-up nor somebody who manages people.
        PersonUnknown: No such person in this clinic.
        EmailTaken: Another account has this address.
    """
    _require_management(by)
    person = await repository.unscoped_person(uow.session, person_id)
    if person is None or person.clinic_id != by.clinic_id:
        raise PersonUnknown(person_id=person_id)
    address = email.strip().lower()
    if await repository.unscoped_account(uow.session, address) is not None:
        raise EmailTaken(person_id=person_id)
    uow.session.add(
        Membership(person_id=person_id, clinic_id=by.clinic_id, role=role, added_at=now)
    )
    uow.session.add(
        Account(
            id=new_uuid(),
            person_id=person_id,
            clinic_id=by.clinic_id,
            email=address,
            password_hash=password_hash,
            wrong_tries=0,
            wait_until=None,
        )
    )
    await uow.session.flush()
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.ACCOUNT_ADDED,
        subject_id=person_id,
        facts={"role": role},
    )


async def person_cards(
    uow: UnitOfWork, *, by: Actor, person_ids: Collection[PersonId]
) -> dict[PersonId, PersonCard]:
    """Return the cards of those people the actor may see.

    No entry is written here: the caller records what was seen, and for which visit.
    """
    found = await repository.people(uow.session, person_ids, actor=by)
    return {PersonId(person.id): card_of(person) for person in found}


async def birth_dates(
    uow: UnitOfWork, *, by: Actor, person_ids: Collection[PersonId]
) -> dict[PersonId, date | None]:
    """Return birth dates for the rule that says how long a minor's record is kept.

    Raises:
        NotPermitted: The actor is another than the job that removes.
    """
    by.require_job(Job.SWEEP)
    found = await repository.unscoped_people(uow.session, person_ids)
    return {PersonId(person.id): person.birth_on for person in found}


async def own_card(uow: UnitOfWork, *, by: Actor, now: datetime) -> PersonCard:
    """Return the actor's own card; a patient's look at it is recorded like any other.

    Raises:
        PersonUnknown: A job, or a person in a role that sees nobody.
    """
    found = [] if by.person_id is None else [by.person_id]
    cards = await person_cards(uow, by=by, person_ids=found)
    if by.person_id is None or by.person_id not in cards:
        raise PersonUnknown
    if by.role is Role.PATIENT:
        await audit.record(
            uow,
            by=by,
            now=now,
            event=AuditEvent.PERSON_VIEWED,
            visit_id=by.visit_id,
            patient_id=by.person_id,
        )
    return cards[by.person_id]


async def clinic_card(uow: UnitOfWork, *, clinic_id: ClinicId) -> ClinicCard:
    """Return what stands on a clinic's public pages.

    Raises:
        ClinicUnknown: There is none.
    """
    clinic = await repository.unscoped_clinic(uow.session, clinic_id)
    if clinic is None:
        raise ClinicUnknown(clinic_id=clinic_id)
    return ClinicCard(
        clinic_id=clinic_id,
        name=clinic.name,
        short_name=clinic.short_name,
        phone=clinic.phone,
        time_zone=clinic.time_zone,
    )


async def unscoped_zones(uow: UnitOfWork) -> Mapping[ClinicId, str]:
    """Return every clinic's time zone; for the worker."""
    return await repository.unscoped_zones(uow.session)


async def issue_link(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    person_id: PersonId,
    visit_id: VisitId,
    expires_at: datetime,
    role: Role = Role.PATIENT,
) -> str:
    """Make the link with which a person comes to a visit; the link before it opens nothing more.

    A browser signed in by the older link is signed out with it.

    Returns:
        The secret, for this once: 22 characters; only its hash is stored.

    Raises:
        NotPermitted: The actor may neither book a visit nor replace its link.
        PersonUnknown: Not a person the actor may see.
    """
    if by.job not in {Job.SETUP, Job.SIGN_IN}:
        by.require(Permission.INVITE_GUEST if role is Role.GUEST else Permission.REPLACE_LINK)
        if role is Role.PATIENT and not await repository.people(uow.session, [person_id], actor=by):
            raise PersonUnknown(person_id=person_id)
    older = await revoke_links(uow, now=now, visit_id=visit_id, person_id=person_id)
    secret = new_link_secret()
    link_id = new_uuid()
    uow.session.add(
        VisitLink(
            id=link_id,
            clinic_id=by.clinic_id,
            person_id=person_id,
            visit_id=visit_id,
            role=role,
            secret_hash=secret_hash(secret),
            issued_at=now,
            expires_at=expires_at,
            replaced_at=None,
            wrong_tries=0,
        )
    )
    await uow.session.flush()
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.LINK_REPLACED if older else AuditEvent.LINK_ISSUED,
        visit_id=visit_id,
        patient_id=person_id if role is Role.PATIENT else None,
        subject_id=link_id,
    )
    return secret


async def revoke_links(
    uow: UnitOfWork, *, now: datetime, visit_id: VisitId, person_id: PersonId
) -> int:
    """End a person's link to a visit, and the browser signed in by it; the caller may do so.

    Returns:
        How many links were in force.
    """
    older = await repository.unscoped_lock_links_in_force(
        uow.session, visit_id=visit_id, person_id=person_id
    )
    for link in older:
        link.replaced_at = now
        for session in await repository.unscoped_live_sessions_of_link(uow.session, link.id):
            session.ended_at = now
    await uow.session.flush()
    return len(older)


async def link_preview(uow: UnitOfWork, *, secret: str, now: datetime) -> LinkPreview:
    """Say what a link leads to; uses nothing up and tells nothing about a person.

    Raises:
        LinkUnknown: No link has this secret.
    """
    link = await repository.unscoped_link(uow.session, secret_hash(secret))
    if link is None:
        raise LinkUnknown
    return LinkPreview(
        visit_id=VisitId(link.visit_id),
        clinic_id=ClinicId(link.clinic_id),
        role=link.role,
        standing=standing(facts_of(link), now=now),
    )


def facts_of(link: VisitLink) -> LinkFacts:
    """Return what the rules ask of a stored link."""
    return LinkFacts(
        expires_at=link.expires_at, replaced_at=link.replaced_at, wrong_tries=link.wrong_tries
    )


def _require_management(by: Actor) -> None:
    if by.job is not Job.SETUP:
        by.require(Permission.MANAGE_PEOPLE)


def card_of(person: Person) -> PersonCard:
    """Return the card of a stored person; of one who was erased nothing is left to show."""
    try:
        return PersonCard(
            person_id=PersonId(person.id),
            given=person.given,
            family=person.family,
            birth_on=person.birth_on,
            phone=person.phone,
            medical_record_number=person.medical_record_number,
            npi=person.npi,
        )
    except SealedErased:
        # Lists of past visits go on being shown.
        return PersonCard(
            person_id=PersonId(person.id),
            given="—",
            family="—",
            birth_on=None,
            phone=None,
            medical_record_number=None,
            npi=person.npi,
        )
