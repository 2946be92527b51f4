"""Every query of people, accounts, login sessions and visit links."""

from collections.abc import Collection
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Select, delete, false, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.access.actor import Actor
from telehealth.access.roles import Role
from telehealth.contract import ClinicId, PersonId, VisitId
from telehealth.identity.contacts import TypedContact
from telehealth.identity.errors import SsoTaken
from telehealth.identity.passwords import MARK_CHARACTERS
from telehealth.identity.tables import (
    Account,
    Clinic,
    ContactRequest,
    LoginSession,
    Membership,
    OutgoingSecret,
    Person,
    RefreshSecret,
    SsoIdentity,
    VisitLink,
)
from telehealth.platform.sealing.blind import plain_name
from telehealth.platform.sealing.columns import index_of

Reads: TypeAlias = AsyncSession
"""A session of `Database.reading`, or that of a unit of work."""


def visible_to(actor: Actor) -> Select[Person]:
    """Select the people `actor` may know exist.  An unlisted role, or a job, sees none."""
    members = select(Membership.person_id).where(Membership.clinic_id == actor.clinic_id)
    in_clinic = select(Person).where(
        or_(Person.clinic_id == actor.clinic_id, Person.id.in_(members))
    )
    match actor.role:
        case Role.SCHEDULER | Role.ADMINISTRATOR | Role.PROVIDER | Role.AUDITOR:
            return in_clinic
        case Role.PATIENT | Role.GUEST:
            providers = members.where(Membership.role == Role.PROVIDER)
            return in_clinic.where(or_(Person.id == actor.person_id, Person.id.in_(providers)))
        case _:
            return in_clinic.where(false())


async def people(
    session: AsyncSession, person_ids: Collection[PersonId], *, actor: Actor
) -> list[Person]:
    """Return those of `person_ids` that `actor` may see."""
    return list(await session.scalars(visible_to(actor).where(Person.id.in_(person_ids))))


async def called(
    session: AsyncSession, words: Collection[str], *, actor: Actor, most: int
) -> list[Person]:
    """Return up to `most` people `actor` may see, one of whose names or number is one of `words`.

    And a few who are called otherwise: an index of names is cut short.  The caller compares.
    """
    marks = {
        attribute: [
            await index_of(session, Person, attribute, each, clinic_id=actor.clinic_id)
            for each in words
        ]
        for attribute in (Person.given, Person.family, Person.medical_record_number)
    }
    found = visible_to(actor).where(
        or_(
            Person.given_index.in_(marks[Person.given]),
            Person.family_index.in_(marks[Person.family]),
            Person.medical_record_number_index.in_(marks[Person.medical_record_number]),
        )
    )
    return list(await session.scalars(found.order_by(Person.id).limit(most)))


async def patients_named(
    session: AsyncSession, *, given: str, family: str, birth_on: date, actor: Actor
) -> list[Person]:
    """Return the patients of the actor's clinic with exactly this name and birth date."""
    marks = [
        await index_of(session, Person, attribute, name, clinic_id=actor.clinic_id)
        for attribute, name in ((Person.given, given), (Person.family, family))
    ]
    found = await session.scalars(
        visible_to(actor).where(
            Person.clinic_id == actor.clinic_id,
            Person.given_index == marks[0],
            Person.family_index == marks[1],
            Person.medical_record_number_index.is_not(None),
        )
    )
    wanted = (plain_name(given), plain_name(family), birth_on)
    return [
        person
        for person in found
        if (plain_name(person.given), plain_name(person.family), person.birth_on) == wanted
    ]


async def unscoped_clinic(session: AsyncSession, clinic_id: ClinicId) -> Clinic | None:
    """Return a clinic: its name, phone and time zone stand on its public pages."""
    return await session.scalar(select(Clinic).where(Clinic.id == clinic_id))


async def unscoped_person(session: AsyncSession, person_id: UUID) -> Person | None:
    """Return the person a link or an account was made for; for the door only."""
    return await session.scalar(select(Person).where(Person.id == person_id))


async def unscoped_people(session: AsyncSession, person_ids: Collection[PersonId]) -> list[Person]:
    """Return people of whom the job that removes old records asks the age."""
    return list(await session.scalars(select(Person).where(Person.id.in_(person_ids))))


async def unscoped_account(session: AsyncSession, email: str) -> Account | None:
    """Return the account of an e-mail address (lower case); for the door only."""
    index = await index_of(session, Account, Account.email, email)
    return await session.scalar(select(Account).where(Account.email_index == index))


async def unscoped_lock_account(session: AsyncSession, email: str) -> Account | None:
    """Lock the account of an e-mail address until the transaction ends; for the door only."""
    index = await index_of(session, Account, Account.email, email)
    statement = select(Account).where(Account.email_index == index)
    return await session.scalar(statement.with_for_update(of=Account))


async def unscoped_account_of(
    session: AsyncSession, *, person_id: UUID, clinic_id: UUID, lock: bool = False
) -> Account | None:
    """Return the account of a person; for the door and for those who manage people."""
    statement = select(Account).where(
        Account.person_id == person_id, Account.clinic_id == clinic_id
    )
    return await session.scalar(statement.with_for_update(of=Account) if lock else statement)


async def unscoped_hash_marks(session: AsyncSession) -> list[str]:
    """Return what stands before the password hashes, each once; for the operator's commands."""
    mark = func.substr(Account.password_hash, 1, MARK_CHARACTERS)
    return list(await session.scalars(select(mark).distinct()))


async def unscoped_lock_account_by_id(session: AsyncSession, account_id: UUID) -> Account | None:
    """Lock the account a factor or a link is of; for the door only."""
    statement = select(Account).where(Account.id == account_id)
    return await session.scalar(statement.with_for_update(of=Account))


async def unscoped_staff(
    session: AsyncSession, clinic_id: UUID
) -> list[tuple[Person, Membership, Account]]:
    """Return the staff of a clinic; the caller has checked the right to manage people."""
    statement = (
        select(Person, Membership, Account)
        .join(Membership, Membership.person_id == Person.id)
        .join(Account, Account.person_id == Person.id)
        .where(Membership.clinic_id == clinic_id, Account.clinic_id == clinic_id)
        .order_by(Membership.added_at, Person.id)
    )
    rows = await session.execute(statement)
    return [(person, membership, account) for person, membership, account in rows]


async def unscoped_live_sessions_of_person(
    session: AsyncSession, *, person_id: UUID, clinic_id: UUID
) -> list[LoginSession]:
    """Return the login sessions of a person that nobody has ended; the caller may see them."""
    return list(
        await session.scalars(
            select(LoginSession)
            .where(
                LoginSession.person_id == person_id,
                LoginSession.clinic_id == clinic_id,
                LoginSession.link_id.is_(None),
                LoginSession.ended_at.is_(None),
            )
            .order_by(LoginSession.started_at)
        )
    )


async def unscoped_membership(
    session: AsyncSession, *, person_id: UUID, clinic_id: UUID
) -> Membership | None:
    """Return the role of a person in a clinic; for the door only."""
    return await session.scalar(
        select(Membership).where(
            Membership.person_id == person_id, Membership.clinic_id == clinic_id
        )
    )


async def unscoped_zones(session: AsyncSession) -> dict[ClinicId, str]:
    """Return every clinic's time zone; for the worker, whose clinics' days begin apart."""
    statement = select(Clinic.id, Clinic.time_zone).order_by(Clinic.id)
    return {ClinicId(clinic_id): zone for clinic_id, zone in await session.execute(statement)}


async def unscoped_told(session: AsyncSession, clinic_id: UUID) -> list[UUID]:
    """Return the Auditors of a clinic who are told of what they must look at."""
    statement = select(Membership.person_id).where(
        Membership.clinic_id == clinic_id, Membership.role == Role.AUDITOR, Membership.is_told
    )
    return list(await session.scalars(statement.order_by(Membership.person_id)))


async def patient_by_number(
    session: AsyncSession, *, medical_record_number: str, birth_on: date, actor: Actor
) -> Person | None:
    """Return the one person with this number and birth date whom the actor may know to exist."""
    index = await index_of(
        session,
        Person,
        Person.medical_record_number,
        medical_record_number,
        clinic_id=actor.clinic_id,
    )
    person = await session.scalar(
        visible_to(actor).where(
            Person.clinic_id == actor.clinic_id, Person.medical_record_number_index == index
        )
    )
    if person is None or person.birth_on != birth_on:
        return None
    return person


async def unscoped_link(session: AsyncSession, secret_hash: bytes) -> VisitLink | None:
    """Return the link with this secret; for the door only."""
    return await session.scalar(select(VisitLink).where(VisitLink.secret_hash == secret_hash))


async def unscoped_lock_link(session: AsyncSession, secret_hash: bytes) -> VisitLink | None:
    """Lock the link with this secret until the transaction ends; for the door only."""
    statement = select(VisitLink).where(VisitLink.secret_hash == secret_hash)
    return await session.scalar(statement.with_for_update(of=VisitLink))


async def unscoped_lock_links_in_force(
    session: AsyncSession, *, visit_id: VisitId, person_id: PersonId
) -> list[VisitLink]:
    """Lock the link that a new one replaces; the caller has checked the right to replace it."""
    statement = select(VisitLink).where(
        VisitLink.visit_id == visit_id,
        VisitLink.person_id == person_id,
        VisitLink.replaced_at.is_(None),
    )
    return list(await session.scalars(statement.with_for_update(of=VisitLink)))


async def unscoped_session(session: AsyncSession, session_id: UUID) -> LoginSession | None:
    """Return a login session; for the door only."""
    return await session.scalar(select(LoginSession).where(LoginSession.id == session_id))


async def unscoped_lock_session(session: AsyncSession, session_id: UUID) -> LoginSession | None:
    """Lock a login session until the transaction ends; for the door only."""
    statement = select(LoginSession).where(LoginSession.id == session_id)
    return await session.scalar(statement.with_for_update(of=LoginSession))


async def unscoped_refresh_secret(
    session: AsyncSession, secret_hash: bytes
) -> RefreshSecret | None:
    """Return a refresh secret, used or not; for the door only."""
    return await session.scalar(
        select(RefreshSecret).where(RefreshSecret.secret_hash == secret_hash)
    )


async def unscoped_live_sessions_of_link(
    session: AsyncSession, link_id: UUID
) -> list[LoginSession]:
    """Return the sessions a link has opened that are not over; for the door only."""
    return list(
        await session.scalars(
            select(LoginSession).where(
                LoginSession.link_id == link_id, LoginSession.ended_at.is_(None)
            )
        )
    )


async def unscoped_use_secret(session: AsyncSession, secret_hash: bytes, *, now: datetime) -> bool:
    """Use up a refresh secret; False when another request was faster.  For the door only."""
    used = await session.execute(
        update(RefreshSecret)
        .where(RefreshSecret.secret_hash == secret_hash, RefreshSecret.used_at.is_(None))
        .values(used_at=now)
        .returning(RefreshSecret.secret_hash)
        .execution_options(synchronize_session=False)
    )
    return used.first() is not None


async def unscoped_outgoing(session: AsyncSession, secret_id: UUID) -> OutgoingSecret | None:
    """Return a secret on its way to a person; for the worker and for whoever takes it back."""
    return await session.scalar(select(OutgoingSecret).where(OutgoingSecret.id == secret_id))


async def unscoped_link_by_contact(
    session: AsyncSession, contact: TypedContact, *, birth_on: date, now: datetime
) -> VisitLink | None:
    """Return the patient's link that ends first, of whoever has this contact and birth date."""
    sealed = Person.email if contact.is_email else Person.phone
    index = Person.email_index if contact.is_email else Person.phone_index
    found = await session.execute(
        select(VisitLink, Person)
        .join(Person, Person.id == VisitLink.person_id)
        .where(
            index == await index_of(session, Person, sealed, contact.value),
            VisitLink.role == Role.PATIENT,
            VisitLink.replaced_at.is_(None),
            VisitLink.expires_at > now,
        )
        .order_by(VisitLink.expires_at, VisitLink.id)
        .with_for_update(of=VisitLink)
    )
    # Birth dates are sealed: they are compared here, among the few who share a number.
    return next((link for link, person in found if person.birth_on == birth_on), None)


async def unscoped_requests_since(session: AsyncSession, mark: bytes, *, since: datetime) -> int:
    """Count what was asked for one contact; for the door only."""
    counted = await session.scalar(
        select(func.count()).where(
            ContactRequest.contact_mark == mark, ContactRequest.asked_at > since
        )
    )
    return int(counted or 0)


async def unscoped_forget_requests(session: AsyncSession, *, before: datetime) -> None:
    """Remove what was asked for by people nobody knew; it belongs to no clinic, so no sweep."""
    await session.execute(
        delete(ContactRequest).where(
            ContactRequest.link_id.is_(None), ContactRequest.asked_at < before
        )
    )


async def unscoped_request(session: AsyncSession, request_id: UUID) -> ContactRequest | None:
    """Return a request for a link or code; for the door only."""
    return await session.scalar(select(ContactRequest).where(ContactRequest.id == request_id))


async def unscoped_lock_request(
    session: AsyncSession, pending_hash: bytes
) -> ContactRequest | None:
    """Lock the request of one browser until the transaction ends; for the door only."""
    statement = select(ContactRequest).where(ContactRequest.pending_hash == pending_hash)
    return await session.scalar(statement.with_for_update(of=ContactRequest))


async def unscoped_lock_link_by_id(session: AsyncSession, link_id: UUID) -> VisitLink | None:
    """Lock a link that a code leads to; for the door only."""
    statement = select(VisitLink).where(VisitLink.id == link_id)
    return await session.scalar(statement.with_for_update(of=VisitLink))


async def unscoped_sso_identity(
    session: AsyncSession, *, issuer: str, subject: str
) -> SsoIdentity | None:
    """Return the link of a provider's subject; for the door only."""
    return await session.scalar(
        select(SsoIdentity).where(SsoIdentity.issuer == issuer, SsoIdentity.subject == subject)
    )


async def unscoped_sso_identity_of(session: AsyncSession, account_id: UUID) -> SsoIdentity | None:
    """Return the subject of an account; for the door, and for those who manage people."""
    return await session.scalar(select(SsoIdentity).where(SsoIdentity.account_id == account_id))


async def add_sso_identity(session: AsyncSession, link: SsoIdentity) -> None:
    """Store a link of a subject.

    Raises:
        SsoTaken: A unique index refused it: the subject is another account's.
    """
    try:
        async with session.begin_nested():
            session.add(link)
    except IntegrityError:
        raise SsoTaken from None
