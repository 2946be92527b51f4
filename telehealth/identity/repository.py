"""Every query of people, accounts, login sessions and visit links."""

from collections.abc import Collection
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Select, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.access.actor import Actor
from telehealth.access.roles import Role
from telehealth.contract import ClinicId, PersonId, VisitId
from telehealth.identity.tables import (
    Account,
    Clinic,
    LoginSession,
    Membership,
    Person,
    RefreshSecret,
    VisitLink,
)

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
        case Role.PATIENT:
            providers = members.where(Membership.role == Role.PROVIDER)
            return in_clinic.where(or_(Person.id == actor.person_id, Person.id.in_(providers)))
        case _:
            return in_clinic.where(false())


async def people(
    session: AsyncSession, person_ids: Collection[PersonId], *, actor: Actor
) -> list[Person]:
    """Return those of `person_ids` that `actor` may see."""
    return list(await session.scalars(visible_to(actor).where(Person.id.in_(person_ids))))


async def everybody(session: AsyncSession, *, actor: Actor) -> list[Person]:
    """Return every person `actor` may see."""
    return list(await session.scalars(visible_to(actor).order_by(Person.family, Person.given)))


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
    return await session.scalar(select(Account).where(Account.email == email))


async def unscoped_lock_account(session: AsyncSession, email: str) -> Account | None:
    """Lock the account of an e-mail address until the transaction ends; for the door only."""
    statement = select(Account).where(Account.email == email)
    return await session.scalar(statement.with_for_update(of=Account))


async def unscoped_membership(
    session: AsyncSession, *, person_id: UUID, clinic_id: UUID
) -> Membership | None:
    """Return the role of a person in a clinic; for the door only."""
    return await session.scalar(
        select(Membership).where(
            Membership.person_id == person_id, Membership.clinic_id == clinic_id
        )
    )


async def unscoped_told(session: AsyncSession, clinic_id: UUID) -> list[UUID]:
    """Return the Auditors of a clinic who are told of emergency accesses."""
    statement = select(Membership.person_id).where(
        Membership.clinic_id == clinic_id, Membership.role == Role.AUDITOR, Membership.is_told
    )
    return list(await session.scalars(statement.order_by(Membership.person_id)))


async def patient_by_number(
    session: AsyncSession, *, medical_record_number: str, birth_on: date, actor: Actor
) -> Person | None:
    """Return the one person with this number and birth date whom the actor may know to exist."""
    return await session.scalar(
        visible_to(actor).where(
            Person.clinic_id == actor.clinic_id,
            Person.medical_record_number == medical_record_number,
            Person.birth_on == birth_on,
        )
    )


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
