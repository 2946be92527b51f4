"""Guests: a name and how to write to them, for one visit.  Actions, like those of `actions.py`."""

from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import PersonId
from telehealth.identity import repository
from telehealth.identity.tables import Person
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid


async def add_guest(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    name: str,
    phone: str | None,
    email: str | None,
    language: str,
) -> PersonId:
    """Add somebody who is invited to one visit: a name and how to write to them, no more.

    Raises:
        NotPermitted: The actor may not invite.
    """
    by.require(Permission.INVITE_GUEST)
    person_id = PersonId(new_uuid())
    uow.session.add(
        Person(
            id=person_id,
            clinic_id=by.clinic_id,
            given=name,
            family="",
            phone=phone,
            email=None if email is None else email.strip().lower(),
            language=language,
            added_at=now,
        )
    )
    await uow.session.flush()
    await audit.record(uow, by=by, now=now, event=AuditEvent.PERSON_ADDED, subject_id=person_id)
    return person_id


async def name_guest(uow: UnitOfWork, *, person_id: UUID, name: str) -> None:
    """Keep what a guest wants to be called; the door has let them in."""
    person = await repository.unscoped_person(uow.session, person_id)
    if person is not None:
        person.given = name
