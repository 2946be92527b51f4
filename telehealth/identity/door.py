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
from telehealth.identity import guesses, repository
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
from telehealth.identity.factors import proving
from telehealth.identity.step_up import FactorPolicy, Proof
from telehealth.identity.tables import LoginSession, RefreshSecret, VisitLink
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
    may_only_enrol: bool = False
    """A second factor is required and there is none: nobody acts by this session yet."""

    @property
    def given_pass(self) -> Pass:
        """What their access token is to say."""
        return Pass(session_id=self.session_id, actor=self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What a new session begins with: in which browser, and what was shown at the door."""

    device: str = ""
    proved_by: Proof | None = None
    proved_with: UUID | None = None
    may_only_enrol: bool = False
    by_sign_on: bool = False


async def known_hash(session: repository.Reads, *, email: str) -> str | None:
    """Return the password hash of an address, to be checked outside any transaction.

    None for an account whose person has chosen no password yet: it must cost as much to check.
    """
    account = await repository.unscoped_account(session, _address(email))
    return None if account is None else account.password_hash or None


async def sign_in(
    uow: UnitOfWork,
    *,
    now: datetime,
    email: str,
    checked_hash: str | None,
    verdict: PasswordVerdict,
    policy: FactorPolicy,
    device: str = "",
) -> SignedIn | proving.SecondStep | SignInRefused:
    """Let a member of staff in whose password was checked, or as far as the second step.

    Without a second factor, where one is required, the session may do nothing but add one.

    Args:
        uow: The transaction.
        now: Aware instant.
        email: As typed.
        checked_hash: What `known_hash` gave; None: the address is unknown.
        verdict: What checking gave.
        policy: Whether a second factor is required.
        device: `browser/system`, for the person's own list.

    Returns:
        The login session, or what the second step needs, or one refusal for every reason.
    """
    account = await repository.unscoped_lock_account(uow.session, _address(email))
    if account is None or checked_hash is None:
        return SignInRefused()
    membership = await repository.unscoped_membership(
        uow.session, person_id=account.person_id, clinic_id=account.clinic_id
    )
    is_right = verdict.is_right and account.password_hash == checked_hash
    is_open = guesses.may_try(account, now=now)
    if membership is None or membership.disabled_at or not (is_right and is_open):
        await guesses.count_wrong(uow, account, now=now, event=AuditEvent.PERSON_SIGN_IN_REFUSED)
        return SignInRefused()
    if verdict.new_hash is not None:
        account.password_hash = verdict.new_hash
    actor = Actor(
        clinic_id=ClinicId(account.clinic_id),
        role=membership.role,
        person_id=PersonId(account.person_id),
    )
    if await proving.has_factor(uow.session, account.id):
        # Wrong tries are not forgiven yet: else a thief of the password could guess codes for ever.
        return await proving.owe_second_step(
            uow, by=actor, account_id=account.id, device=device, now=now
        )
    guesses.forgive(account)
    return await begin(
        uow,
        actor=actor,
        arrival=Arrival(
            device=device,
            proved_by=Proof.PASSWORD,
            may_only_enrol=policy is FactorPolicy.REQUIRED,
        ),
        now=now,
    )


async def begin(uow: UnitOfWork, *, actor: Actor, arrival: Arrival, now: datetime) -> SignedIn:
    """Begin the login session of somebody who has shown enough at the door."""
    signed_in = await start_session(uow, actor=actor, link=None, now=now, arrival=arrival)
    await audit.record(
        uow,
        by=actor,
        now=now,
        event=AuditEvent.PERSON_SIGNED_IN,
        subject_id=signed_in.session_id,
        facts={"proof": arrival.proved_by, "only_to_enrol": int(arrival.may_only_enrol)},
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


async def in_force(
    session: repository.Reads, *, session_id: UUID, now: datetime
) -> LoginSession | None:
    """Return a login session that lives; asked at every request, so that an end is immediate."""
    found = await repository.unscoped_session(session, session_id)
    return None if found is None or is_session_over(found, now=now) else found


async def start_session(
    uow: UnitOfWork,
    *,
    actor: Actor,
    link: VisitLink | None,
    now: datetime,
    arrival: Arrival | None = None,
) -> SignedIn:
    """Start a login session of somebody who has proved who they are; the caller records it."""
    # An account or a link has a person and a role: a job has neither and never comes this way.
    assert actor.person_id is not None  # noqa: S101
    assert actor.role is not None  # noqa: S101
    arrival = arrival or Arrival()
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
        device=arrival.device,
        may_only_enrol=arrival.may_only_enrol,
        proved_at=None if arrival.proved_by is None else now,
        proved_by=arrival.proved_by,
        proved_with=arrival.proved_with,
        by_sign_on=arrival.by_sign_on,
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
    if membership is None or membership.disabled_at is not None:
        return False
    return membership.role is session.role


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
        may_only_enrol=session.may_only_enrol,
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
