"""The door: how staff come in, how everybody stays in and goes out.  Actions, like `actions.py`.

By a link: `link_door.py`; by a code: `codes.py`.

A refusal that counts a wrong try is returned, not raised: raising would roll the count back.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId, PersonId, VisitId
from telehealth.identity import repository
from telehealth.identity.access_tokens import (
    JUST_RENEWED,
    SESSION_LIFE,
    Pass,
    new_refresh_secret,
    secret_hash,
)
from telehealth.identity.access_tokens import (
    is_over as is_over_at,
)
from telehealth.identity.errors import (
    SessionEnded,
    SignInRefused,
)
from telehealth.identity.tables import Account, LoginSession, RefreshSecret, VisitLink
from telehealth.identity.tries import wait_after
from telehealth.platform.db import UnitOfWork
from telehealth.platform.hashing import PasswordVerdict
from telehealth.platform.ids import new_uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody is in: on whose behalf they act, and the secret to renew it with."""

    session_id: UUID
    actor: Actor
    expires_at: datetime
    refresh_secret: str | None = field(repr=False)
    """None: another page of the same browser was given it a moment ago."""

    @property
    def given_pass(self) -> Pass:
        """What their access token is to say."""
        return Pass(session_id=self.session_id, actor=self.actor)


async def known_hash(session: repository.Reads, *, email: str) -> str | None:
    """Return the password hash of an address, to be checked outside any transaction."""
    account = await repository.unscoped_account(session, _address(email))
    return None if account is None else account.password_hash


async def sign_in(
    uow: UnitOfWork,
    *,
    now: datetime,
    email: str,
    checked_hash: str | None,
    verdict: PasswordVerdict,
) -> SignedIn | SignInRefused:
    """Let a member of staff in whose password was checked.

    Args:
        uow: The transaction.
        now: Aware instant.
        email: As typed.
        checked_hash: What `known_hash` gave; None: the address is unknown.
        verdict: What checking gave.

    Returns:
        The login session, or one refusal for every reason there may be.
    """
    account = await repository.unscoped_lock_account(uow.session, _address(email))
    if account is None or checked_hash is None:
        return SignInRefused()
    membership = await repository.unscoped_membership(
        uow.session, person_id=account.person_id, clinic_id=account.clinic_id
    )
    waits = account.wait_until is not None and now < account.wait_until
    is_current = account.password_hash == checked_hash
    if membership is None or waits or not (verdict.is_right and is_current):
        await _count_wrong_password(uow, account, now=now, waits=waits)
        return SignInRefused()
    account.wrong_tries, account.wait_until = 0, None
    if verdict.new_hash is not None:
        account.password_hash = verdict.new_hash
    actor = Actor(
        clinic_id=ClinicId(account.clinic_id),
        role=membership.role,
        person_id=PersonId(account.person_id),
    )
    signed_in = await start_session(uow, actor=actor, link=None, now=now)
    await audit.record(
        uow,
        by=actor,
        now=now,
        event=AuditEvent.PERSON_SIGNED_IN,
        subject_id=signed_in.session_id,
    )
    return signed_in


async def refresh(uow: UnitOfWork, *, secret: str, now: datetime) -> SignedIn | SessionEnded:
    """Renew a login session: a new secret for the old one.

    A secret used before ends the session, but for the first seconds after its use, in which
    another page of the same browser may come with it.

    Returns:
        The session, its `refresh_secret` None in that case; or `SessionEnded`.

    Source:
        RFC 9700 section 4.14.2: rotation, and revocation on reuse.
    """
    found = await repository.unscoped_refresh_secret(uow.session, secret_hash(secret))
    if found is None:
        return SessionEnded()
    session = await repository.unscoped_lock_session(uow.session, found.session_id)
    if (
        session is None
        or is_session_over(session, now=now)
        or not await _still_member(uow, session)
    ):
        return SessionEnded(session_id=found.session_id)
    is_first = await repository.unscoped_use_secret(uow.session, found.secret_hash, now=now)
    if is_first:
        session.renewed_at = now
        return _signed_in(session, await _new_secret(uow, session.id, now=now))
    if found.used_at is None or now <= found.used_at + JUST_RENEWED:
        # Not marked when we looked, marked now: the other page was faster by a moment.
        return _signed_in(session, None)
    session.ended_at = now
    await record_end(uow, session, now=now)
    return SessionEnded(session_id=session.id)


async def sign_out(
    uow: UnitOfWork, *, now: datetime, session_id: UUID | None, refresh_secret: str | None
) -> None:
    """End a login session; one that is over already stays over.

    Args:
        uow: The transaction.
        now: Aware instant.
        session_id: From the pass, when it is still good.
        refresh_secret: From the other cookie: whoever comes back late can still sign out.
    """
    if session_id is None and refresh_secret is not None:
        found = await repository.unscoped_refresh_secret(uow.session, secret_hash(refresh_secret))
        session_id = None if found is None else found.session_id
    if session_id is None:
        return
    session = await repository.unscoped_lock_session(uow.session, session_id)
    if session is None or session.ended_at is not None:
        return
    session.ended_at = now
    await uow.session.flush()
    await audit.record(
        uow,
        by=_signed_in(session, None).actor,
        now=now,
        event=AuditEvent.PERSON_SIGNED_OUT,
        subject_id=session_id,
    )


async def is_in_force(session: repository.Reads, *, session_id: UUID, now: datetime) -> bool:
    """Say whether a login session lives; asked for every request, so that an end is immediate."""
    found = await repository.unscoped_session(session, session_id)
    return found is not None and not is_session_over(found, now=now)


async def start_session(
    uow: UnitOfWork, *, actor: Actor, link: VisitLink | None, now: datetime
) -> SignedIn:
    """Start a login session of somebody who has proved who they are; the caller records it."""
    # An account or a link has a person and a role: a job has neither and never comes this way.
    assert actor.person_id is not None  # noqa: S101
    assert actor.role is not None  # noqa: S101
    ends_at = now + SESSION_LIFE if link is None else min(now + SESSION_LIFE, link.expires_at)
    session = LoginSession(
        id=new_uuid(),
        clinic_id=actor.clinic_id,
        person_id=actor.person_id,
        role=actor.role,
        link_id=None if link is None else link.id,
        visit_id=actor.visit_id,
        started_at=now,
        renewed_at=now,
        expires_at=ends_at,
        ended_at=None,
    )
    uow.session.add(session)
    await uow.session.flush()
    return _signed_in(session, await _new_secret(uow, session.id, now=now))


async def _new_secret(uow: UnitOfWork, session_id: UUID, *, now: datetime) -> str:
    secret = new_refresh_secret()
    uow.session.add(
        RefreshSecret(
            secret_hash=secret_hash(secret), session_id=session_id, made_at=now, used_at=None
        )
    )
    await uow.session.flush()
    return secret


async def _count_wrong_password(
    uow: UnitOfWork, account: Account, *, now: datetime, waits: bool
) -> None:
    if not waits:
        account.wrong_tries += 1
        wait = wait_after(account.wrong_tries)
        account.wait_until = now + wait if wait else None
    await audit.record(
        uow,
        by=Actor.of_job(Job.SIGN_IN, ClinicId(account.clinic_id)),
        now=now,
        event=AuditEvent.PERSON_SIGN_IN_REFUSED,
        subject_id=account.person_id,
        facts={"wrong_tries": account.wrong_tries},
    )


async def record_end(uow: UnitOfWork, session: LoginSession, *, now: datetime) -> None:
    """Record that we have ended a login session."""
    await uow.session.flush()
    await audit.record(
        uow,
        by=Actor.of_job(Job.SIGN_IN, ClinicId(session.clinic_id)),
        now=now,
        event=AuditEvent.SESSION_ENDED,
        visit_id=session.visit_id,
        patient_id=session.person_id if session.role is Role.PATIENT else None,
        subject_id=session.id,
    )


async def _still_member(uow: UnitOfWork, session: LoginSession) -> bool:
    """Say whether the role of a session is still held; a visit link is its own right."""
    if session.link_id is not None:
        return True
    membership = await repository.unscoped_membership(
        uow.session, person_id=session.person_id, clinic_id=session.clinic_id
    )
    return membership is not None and membership.role is session.role


def _signed_in(session: LoginSession, secret: str | None) -> SignedIn:
    return SignedIn(
        session_id=session.id,
        actor=Actor(
            clinic_id=ClinicId(session.clinic_id),
            role=session.role,
            person_id=PersonId(session.person_id),
            visit_id=None if session.visit_id is None else VisitId(session.visit_id),
        ),
        expires_at=session.expires_at,
        refresh_secret=secret,
    )


def is_session_over(session: LoginSession, *, now: datetime) -> bool:
    """Say whether a stored login session is over."""
    return is_over_at(
        role=session.role,
        now=now,
        renewed_at=session.renewed_at,
        expires_at=session.expires_at,
        ended=session.ended_at is not None,
    )


def _address(email: str) -> str:
    return email.strip().lower()
