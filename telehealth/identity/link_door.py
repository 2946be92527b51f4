"""The door for whoever was sent a link: a patient with a birth date, a guest with a name.

A refusal that counts a wrong try is returned, not raised: raising would roll the count back.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId, PersonId, VisitId
from telehealth.identity import actions, guests, repository
from telehealth.identity.access_tokens import secret_hash
from telehealth.identity.door import SignedIn, is_session_over, record_end, start_session
from telehealth.identity.errors import (
    GuestNameMissing,
    LinkExpired,
    LinkInUse,
    LinkLocked,
    LinkRefused,
    LinkReplaced,
    LinkUnknown,
)
from telehealth.identity.links import LinkStanding, Try, judge, standing, tries_left
from telehealth.identity.tables import VisitLink
from telehealth.platform.db import UnitOfWork
from telehealth.platform.errors import TelehealthError


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """Whether the one session of a link may move to this browser."""

    is_asked: bool = False
    """The person was told that another device is signed in, and wants this one."""
    own_session_id: UUID | None = None
    """The session this browser is signed in with: it needs no question."""


NOBODY_MOVES: Final = Moving()


async def open_link(
    uow: UnitOfWork,
    *,
    secret: str,
    birth_on: date | None,
    now: datetime,
    name: str | None = None,
    moves: Moving = NOBODY_MOVES,
) -> SignedIn | TelehealthError:
    """Let a patient in who holds a visit link and knows their birth date; a guest says a name.

    One browser is signed in by a link at a time: another is told so first, and then moves.

    Returns:
        The login session, or `LinkRefused` (with the tries left), `LinkLocked`, `LinkReplaced`,
        `LinkExpired`, `LinkInUse`.

    Raises:
        LinkUnknown: No link has this secret.
    """
    link = await repository.unscoped_lock_link(uow.session, secret_hash(secret))
    if link is None:
        raise LinkUnknown
    refusal = _standing_refusal(link, now=now)
    if refusal is not None:
        return refusal
    if link.role is Role.PATIENT:
        person = await repository.unscoped_person(uow.session, link.person_id)
        outcome = judge(
            actions.facts_of(link),
            said=birth_on,
            born_on=None if person is None else person.birth_on,
        )
        if outcome is not Try.RIGHT:
            return await _count_wrong_birth_date(uow, link, outcome, now=now)
    elif not name:
        return GuestNameMissing(link_id=link.id)
    return await come_in_by_link(
        uow, link, now=now, event=AuditEvent.LINK_OPENED, name=name, moves=moves
    )


async def come_in_by_link(
    uow: UnitOfWork,
    link: VisitLink,
    *,
    now: datetime,
    event: AuditEvent,
    name: str | None = None,
    moves: Moving = NOBODY_MOVES,
) -> SignedIn | LinkInUse:
    """Start the one session of a link whose holder has proved who they are.

    Args:
        uow: The transaction; holds the link's lock.
        link: In force.
        now: Aware instant.
        event: How it was proved.
        name: What a guest wants to be called.
        moves: Whether another browser is to give way.
    """
    sessions = await repository.unscoped_live_sessions_of_link(uow.session, link.id)
    others = [each for each in sessions if each.id != moves.own_session_id]
    if not moves.is_asked and any(not is_session_over(each, now=now) for each in others):
        return LinkInUse(link_id=link.id)
    link.wrong_tries = 0
    actor = Actor(
        clinic_id=ClinicId(link.clinic_id),
        role=link.role,
        person_id=PersonId(link.person_id),
        visit_id=VisitId(link.visit_id),
    )
    for older in sessions:
        older.ended_at = now
        await record_end(uow, older, now=now)
    if name and link.role is Role.GUEST:
        await guests.name_guest(uow, person_id=link.person_id, name=name)
    signed_in = await start_session(uow, actor=actor, link=link, now=now)
    await audit.record(
        uow,
        by=actor,
        now=now,
        event=event,
        visit_id=link.visit_id,
        patient_id=link.person_id if link.role is Role.PATIENT else None,
        subject_id=link.id,
    )
    return signed_in


def _standing_refusal(link: VisitLink, *, now: datetime) -> TelehealthError | None:
    match standing(actions.facts_of(link), now=now):
        case LinkStanding.REPLACED:
            return LinkReplaced(link_id=link.id)
        case LinkStanding.EXPIRED:
            return LinkExpired(link_id=link.id)
        case LinkStanding.LOCKED:
            return LinkLocked(link_id=link.id)
        case LinkStanding.GOOD:
            return None


async def _count_wrong_birth_date(
    uow: UnitOfWork, link: VisitLink, outcome: Try, *, now: datetime
) -> TelehealthError:
    link.wrong_tries += 1
    await audit.record(
        uow,
        by=Actor.of_job(Job.SIGN_IN, ClinicId(link.clinic_id)),
        now=now,
        event=AuditEvent.LINK_REFUSED,
        visit_id=link.visit_id,
        patient_id=link.person_id,
        subject_id=link.id,
        facts={"wrong_tries": link.wrong_tries},
    )
    if outcome is Try.LOCKS:
        return LinkLocked(link_id=link.id)
    return LinkRefused(link_id=link.id, tries_left=tries_left(link.wrong_tries))
