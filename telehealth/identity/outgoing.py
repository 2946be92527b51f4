"""Links and codes on their way to a person: owed in the ledger, wiped once they have left.

The ledger names the person and the secret's row only.  The secret itself is kept here for as long
as it takes to leave, since of a link or code in force nothing but a hash is stored.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Role
from telehealth.contract import ClinicId, PersonId, VisitId
from telehealth.delivery import actions as delivery
from telehealth.delivery.lanes import OwedEvent
from telehealth.identity import actions, repository
from telehealth.identity.errors import PersonUnknown
from telehealth.identity.tables import OutgoingSecret, Person
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How a person can be written to."""

    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A link's or code's secret that may still be sent."""

    value: str = field(repr=False)
    made_at: datetime


async def give_link(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    person_id: PersonId,
    visit_id: VisitId,
    expires_at: datetime,
    template: str,
    role: Role = Role.PATIENT,
) -> str:
    """Make a person's link to a visit and owe them the text or e-mail that carries it.

    Returns:
        The secret, for this once.

    Raises:
        NotPermitted, PersonUnknown: As `actions.issue_link`.
    """
    secret = await actions.issue_link(
        uow,
        by=by,
        now=now,
        person_id=person_id,
        visit_id=visit_id,
        expires_at=expires_at,
        role=role,
    )
    await send(
        uow,
        now=now,
        template=template,
        clinic_id=by.clinic_id,
        person_id=person_id,
        visit_id=visit_id,
        secret=secret,
        expires_at=expires_at,
    )
    return secret


async def send(
    uow: UnitOfWork,
    *,
    now: datetime,
    template: str,
    clinic_id: ClinicId,
    person_id: PersonId,
    visit_id: VisitId,
    secret: str,
    expires_at: datetime,
) -> bool:
    """Owe a person the text or e-mail that carries `secret`.

    Args:
        uow: The transaction in which the link or code was made.
        now: Aware instant.
        template: Which notice; "code" carries a code, every other one a link.
        clinic_id: In whose name it is sent.
        person_id: Who gets it.
        visit_id: The visit it is about.
        secret: What follows `/v/` in the link, or the code.
        expires_at: Later it is not sent any more.

    Returns:
        Whether there is a number or address on file; without one nothing is owed.
    """
    person = await repository.unscoped_person(uow.session, person_id)
    if person is None or not (person.phone or person.email):
        return False
    secret_id = new_uuid()
    uow.session.add(
        OutgoingSecret(
            id=secret_id,
            clinic_id=clinic_id,
            person_id=person_id,
            secret=secret,
            made_at=now,
            expires_at=expires_at,
        )
    )
    await uow.session.flush()
    await delivery.record(
        uow,
        now=now,
        event=OwedEvent.CODE_TO_SEND if template == "code" else OwedEvent.LINK_TO_SEND,
        clinic_id=clinic_id,
        subject_id=visit_id,
        version=0,
        facts={
            "template": template,
            "person_id": str(person_id),
            "secret_id": str(secret_id),
        },
    )
    return True


async def contact_of(uow: UnitOfWork, *, person_id: UUID) -> Contact:
    """Return how a person can be written to; for the worker, which records what it sent.

    Raises:
        PersonUnknown: There is no such person any more.
    """
    person = await repository.unscoped_person(uow.session, person_id)
    if person is None:
        raise PersonUnknown
    return contact_card(person)


async def account_address(uow: UnitOfWork, *, person_id: UUID, clinic_id: ClinicId) -> str | None:
    """Return the address a member of staff signs in with, for notices about their work."""
    account = await repository.unscoped_account_of(
        uow.session, person_id=person_id, clinic_id=clinic_id
    )
    return None if account is None else account.email


def contact_card(person: Person) -> Contact:
    """Return the contact of a stored person."""
    return Contact(phone=person.phone, email=person.email, language=person.language)


async def secret_in_force(uow: UnitOfWork, secret_id: UUID, *, now: datetime) -> Secret | None:
    """Return a secret that still has to leave; None: it has left, or is over."""
    row = await repository.unscoped_outgoing(uow.session, secret_id)
    if row is None or row.secret is None or now >= row.expires_at:
        return None
    return Secret(value=row.secret, made_at=row.made_at)


async def wipe(uow: UnitOfWork, secret_id: UUID) -> None:
    """Forget a secret that has left, or has not to leave any more."""
    row = await repository.unscoped_outgoing(uow.session, secret_id)
    if row is not None:
        row.secret = None
