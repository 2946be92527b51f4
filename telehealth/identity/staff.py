"""The staff of a clinic and what an administrator may do for them: invite, unlock, reset, change.

Disabling somebody must also take them out of running calls; that is
`visits/actions/turning_away.py`, which calls `disable` and `change_role` here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Permission, Role
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId, PersonId
from telehealth.identity import actions, guesses, repository
from telehealth.identity.access_tokens import secret_hash
from telehealth.identity.errors import (
    NotOneself,
    PasswordLinkUnknown,
    PersonUnknown,
    RoleRefused,
)
from telehealth.identity.factors import proving
from telehealth.identity.factors import repository as factors
from telehealth.identity.factors.tables import PasswordLink
from telehealth.identity.own_sign_in import PasswordFacts, password_facts
from telehealth.identity.sso_links import SignOnLink, link_of
from telehealth.identity.standing import STAFF_ROLES, DisableReason
from telehealth.identity.step_up import Proof
from telehealth.identity.tables import Account, Membership, Person
from telehealth.identity.tries import Standing, standing
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_link_secret

INVITATION_LASTS: Final = timedelta(hours=72)
_NO_PASSWORD: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffCard:
    """One member of staff, as an administrator sees them."""

    person_id: PersonId
    name: str
    email: str
    role: Role
    is_invited: bool
    """No password chosen yet."""
    standing: Standing
    disabled_at: datetime | None
    disabled_reason: DisableReason | None
    factors: Sequence[Proof]
    sign_on: SignOnLink | None


async def staff_cards(uow: UnitOfWork, *, by: Actor, now: datetime) -> Sequence[StaffCard]:
    """List the staff of the actor's clinic; the look is recorded.

    Raises:
        NotPermitted: Not somebody who manages people.
    """
    by.require(Permission.MANAGE_PEOPLE)
    found = await repository.unscoped_staff(uow.session, by.clinic_id)
    cards = [
        await _card(uow, person, membership, account, now=now)
        for person, membership, account in found
    ]
    await audit.record(
        uow, by=by, now=now, event=AuditEvent.STAFF_VIEWED, facts={"count": len(cards)}
    )
    return cards


async def invite(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    given: str,
    family: str,
    email: str,
    role: Role,
    npi: str | None,
) -> tuple[PersonId, str]:
    """Add a member of staff, and make the link with which they choose their password.

    Returns:
        Who it is, and the link's secret, for this once.

    Raises:
        NotPermitted: Not somebody who manages people.
        RoleRefused: No role of staff.
        EmailTaken: Another account has this address.
    """
    if role not in STAFF_ROLES:
        raise RoleRefused(role=role)
    person_id = await actions.add_person(
        uow,
        by=by,
        now=now,
        given=given,
        family=family,
        birth_on=None,
        phone=None,
        medical_record_number=None,
        npi=npi,
    )
    await actions.add_account(
        uow,
        by=by,
        now=now,
        person_id=person_id,
        email=email,
        password_hash=_NO_PASSWORD,
        role=role,
    )
    return person_id, await make_password_link(uow, by=by, now=now, person_id=person_id)


async def make_password_link(
    uow: UnitOfWork, *, by: Actor, now: datetime, person_id: PersonId
) -> str:
    """Make the link with which somebody chooses a password, once; an older one opens no more.

    The present password works until the new one is chosen, and second factors stay: whoever
    intercepts the link has a password and nothing else.

    Returns:
        The secret, for this once: 128 random bits; only its hash is stored.

    Raises:
        NotPermitted: Neither somebody who manages people nor the operator.
        PersonUnknown: No member of staff of this clinic.

    Source:
        OWASP ASVS 5.0, 6.4.1 and 6.4.3: a first password ends by itself; a reset keeps the
        second factor.
    """
    account, _ = await _staff_member(uow, by, person_id)
    await factors.unscoped_drop_under_way(uow.session, account.id, now=now)
    secret = new_link_secret()
    uow.session.add(
        PasswordLink(
            secret_hash=secret_hash(secret),
            account_id=account.id,
            made_at=now,
            expires_at=now + INVITATION_LASTS,
            used_at=None,
        )
    )
    await uow.session.flush()
    await _record(uow, by, AuditEvent.PASSWORD_LINK_MADE, person_id, now=now)
    return secret


async def make_link_for_operator(uow: UnitOfWork, *, email: str, now: datetime) -> str | None:
    """Make a set-password link from the machine itself; None: no such account."""
    account = await repository.unscoped_account(uow.session, email.strip().lower())
    if account is None:
        return None
    by = Actor.of_job(Job.SETUP, ClinicId(account.clinic_id))
    return await make_password_link(uow, by=by, now=now, person_id=PersonId(account.person_id))


async def password_link_facts(uow: UnitOfWork, *, secret: str, now: datetime) -> PasswordFacts:
    """Return what the rules ask about the account of a link; uses nothing up.

    Raises:
        PasswordLinkUnknown: No link in force has this secret.
    """
    account = await _linked_account(uow, secret, now=now)
    return await password_facts(uow, account)


async def set_password_by_link(
    uow: UnitOfWork, *, secret: str, new_hash: str, now: datetime
) -> None:
    """Set a password by a link, once; every login session of the person ends.

    The account stays locked or waiting if it was: the link proves who made it, not who guesses.

    Raises:
        PasswordLinkUnknown: Used, replaced or too old.
    """
    account = await _linked_account(uow, secret, now=now)
    if not await factors.unscoped_use_password_link(uow.session, secret_hash(secret), now=now):
        raise PasswordLinkUnknown
    account.password_hash, account.password_set_at = new_hash, now
    await factors.unscoped_drop_under_way(uow.session, account.id, now=now)
    by = Actor.of_job(Job.SIGN_IN, ClinicId(account.clinic_id))
    await _end_sessions(uow, by, account, now=now)
    await _record(uow, by, AuditEvent.PASSWORD_SET_BY_LINK, account.person_id, now=now)


async def unlock(uow: UnitOfWork, *, by: Actor, now: datetime, person_id: PersonId) -> None:
    """Let somebody try again whose account is locked, or waits, after wrong tries.

    Raises:
        NotPermitted, PersonUnknown: As `make_password_link`.
    """
    account, _ = await _staff_member(uow, by, person_id)
    guesses.forgive(account)
    await uow.session.flush()
    await _record(uow, by, AuditEvent.ACCOUNT_UNLOCKED, person_id, now=now)


async def reset_factors(uow: UnitOfWork, *, by: Actor, now: datetime, person_id: PersonId) -> None:
    """Remove every second factor of somebody who has lost them all; their sessions end.

    Raises:
        NotOneself: One's own are removed with a proof by another factor, not from here.
        NotPermitted, PersonUnknown: As `make_password_link`.
    """
    _require_another(by, person_id)
    account, _ = await _staff_member(uow, by, person_id)
    await factors.unscoped_forget_factors(uow.session, account.id)
    await factors.unscoped_drop_under_way(uow.session, account.id, now=now)
    await _end_sessions(uow, by, account, now=now)
    await _record(uow, by, AuditEvent.ACCOUNT_FACTORS_RESET, person_id, now=now)


async def disable(
    uow: UnitOfWork, *, by: Actor, now: datetime, person_id: PersonId, reason: DisableReason
) -> None:
    """Let somebody act for the clinic no more: no sign-in, and every login session ends now.

    The caller takes them out of running calls in the same transaction.

    Raises:
        NotOneself: An administrator does not lock themselves out.
        NotPermitted, PersonUnknown: As `make_password_link`.
    """
    _require_another(by, person_id)
    account, membership = await _staff_member(uow, by, person_id)
    if membership.disabled_at is None:
        membership.disabled_at = now
    membership.disabled_reason = reason
    await factors.unscoped_drop_under_way(uow.session, account.id, now=now)
    await _end_sessions(uow, by, account, now=now)
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.PERSON_DISABLED,
        subject_id=person_id,
        facts={"reason": reason},
    )


async def enable(uow: UnitOfWork, *, by: Actor, now: datetime, person_id: PersonId) -> None:
    """Let somebody act for the clinic again; they sign in anew.

    Raises:
        NotPermitted, PersonUnknown: As `make_password_link`.
    """
    _, membership = await _staff_member(uow, by, person_id)
    membership.disabled_at, membership.disabled_reason = None, None
    await uow.session.flush()
    await _record(uow, by, AuditEvent.PERSON_ENABLED, person_id, now=now)


async def change_role(
    uow: UnitOfWork, *, by: Actor, now: datetime, person_id: PersonId, role: Role
) -> None:
    """Give a member of staff another role; every login session in the old one ends.

    Raises:
        RoleRefused: No role of staff.
        NotOneself: An administrator does not change their own role.
        NotPermitted, PersonUnknown: As `make_password_link`.
    """
    if role not in STAFF_ROLES:
        raise RoleRefused(role=role)
    _require_another(by, person_id)
    account, membership = await _staff_member(uow, by, person_id)
    before, membership.role = membership.role, role
    await _end_sessions(uow, by, account, now=now)
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.PERSON_ROLE_CHANGED,
        subject_id=person_id,
        facts={"before": before, "after": role},
    )


async def _staff_member(uow: UnitOfWork, by: Actor, person_id: UUID) -> tuple[Account, Membership]:
    if by.job is not Job.SETUP:
        by.require(Permission.MANAGE_PEOPLE)
    account = await repository.unscoped_account_of(
        uow.session, person_id=person_id, clinic_id=by.clinic_id, lock=True
    )
    membership = await repository.unscoped_membership(
        uow.session, person_id=person_id, clinic_id=by.clinic_id
    )
    if account is None or membership is None:
        raise PersonUnknown(person_id=person_id)
    return account, membership


async def _linked_account(uow: UnitOfWork, secret: str, *, now: datetime) -> Account:
    link = await factors.unscoped_password_link(uow.session, secret_hash(secret))
    if link is None or link.used_at is not None or now >= link.expires_at:
        raise PasswordLinkUnknown
    account = await repository.unscoped_lock_account_by_id(uow.session, link.account_id)
    if account is None:
        raise PasswordLinkUnknown
    return account


async def _end_sessions(uow: UnitOfWork, by: Actor, account: Account, *, now: datetime) -> None:
    live = await repository.unscoped_live_sessions_of_person(
        uow.session, person_id=account.person_id, clinic_id=account.clinic_id
    )
    for session in live:
        session.ended_at = now
    await uow.session.flush()
    for session in live:
        await audit.record(
            uow, by=by, now=now, event=AuditEvent.SESSION_ENDED, subject_id=session.id
        )


async def _record(
    uow: UnitOfWork, by: Actor, event: AuditEvent, person_id: UUID, *, now: datetime
) -> None:
    await audit.record(uow, by=by, now=now, event=event, subject_id=person_id)


async def _card(
    uow: UnitOfWork, person: Person, membership: Membership, account: Account, *, now: datetime
) -> StaffCard:
    return StaffCard(
        person_id=PersonId(person.id),
        name=f"{person.given} {person.family}",
        email=account.email,
        role=membership.role,
        is_invited=account.password_hash == _NO_PASSWORD,
        standing=standing(account.wrong_tries, account.wait_until, now=now),
        disabled_at=membership.disabled_at,
        disabled_reason=membership.disabled_reason,
        factors=await proving.kinds_of(uow.session, account.id),
        sign_on=await link_of(uow.session, account),
    )


def _require_another(by: Actor, person_id: UUID) -> None:
    if by.person_id == person_id:
        raise NotOneself
