"""Which subject of the clinic's OpenID provider an account belongs to: linked and unlinked here.

The person links their own account, in one browser: signed in here with a fresh proof, and signed
in anew at the provider.  Nobody types a subject for somebody else: a mistyped one would open the
account to a stranger.  An administrator sees the link and takes it off, and can make none.
"""

from dataclasses import dataclass
from datetime import datetime

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import PersonId
from telehealth.identity import repository
from telehealth.identity.errors import PersonUnknown, SsoOnlyWay, SsoRefused, SsoTaken
from telehealth.identity.factors import repository as factors
from telehealth.identity.factors.errors import StillEnrolling
from telehealth.identity.oidc_rules import VerifiedSubject, was_just_shown
from telehealth.identity.proofs import Holder, lock_own_account, require_fresh
from telehealth.identity.step_up import Act
from telehealth.identity.tables import Account, SsoIdentity
from telehealth.platform.db import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOnLink:
    """That an account is linked: at which provider, to whom there, since when."""

    issuer: str
    subject: str
    linked_at: datetime


async def require_linkable(uow: UnitOfWork, *, holder: Holder, now: datetime) -> None:
    """Refuse to send somebody to the provider who could not link what comes back.

    Raises:
        StillEnrolling: The session may do nothing but add a second factor.
        StepUpNeeded: No fresh proof.
        SsoTaken: The account is linked already: it is unlinked first.
    """
    account = await _allowed(uow, holder, now)
    if await repository.unscoped_sso_identity_of(uow.session, account.id) is not None:
        raise SsoTaken


async def link_own(
    uow: UnitOfWork, *, holder: Holder, subject: VerifiedSubject, now: datetime
) -> None:
    """Link one's own account to the subject one has just signed in as; twice is once.

    Raises:
        StillEnrolling, StepUpNeeded: As `require_linkable`; asked again, for minutes have passed.
        SsoRefused: The provider does not say that it asked them just now: another person may
            have been signed in there, in this browser, before.
        SsoTaken: The subject, or the account, is linked already.
    """
    account = await _allowed(uow, holder, now)
    if not was_just_shown(subject, now=now):
        raise SsoRefused
    own = await repository.unscoped_sso_identity_of(uow.session, account.id)
    if own is not None and (own.issuer, own.subject) == (subject.issuer, subject.subject):
        return
    if own is not None:
        raise SsoTaken
    await write(uow, by=holder.actor, account=account, subject=subject, now=now)


async def unlink_own(uow: UnitOfWork, *, holder: Holder, now: datetime) -> None:
    """Take one's own account off its subject; login sessions it opened end, this one too.

    Raises:
        StillEnrolling, StepUpNeeded: As `require_linkable`.
        SsoOnlyWay: No password and no passkey: nothing would open the account any more.
    """
    account = await _allowed(uow, holder, now)
    if not account.password_hash and not await factors.unscoped_passkeys(uow.session, account.id):
        raise SsoOnlyWay
    await _unlink(uow, by=holder.actor, account=account, now=now)


async def unlink(uow: UnitOfWork, *, by: Actor, now: datetime, person_id: PersonId) -> None:
    """Take somebody's account off its subject; every login session it opened ends.

    Raises:
        NotPermitted: Not somebody who manages people.
        PersonUnknown: Nobody with an account in this clinic.
    """
    by.require(Permission.MANAGE_PEOPLE)
    account = await repository.unscoped_account_of(
        uow.session, person_id=person_id, clinic_id=by.clinic_id, lock=True
    )
    if account is None:
        raise PersonUnknown(person_id=person_id)
    await _unlink(uow, by=by, account=account, now=now)


async def link_of(session: repository.Reads, account: Account) -> SignOnLink | None:
    """Return the subject an account is linked to; for its person and who manages people."""
    found = await repository.unscoped_sso_identity_of(session, account.id)
    if found is None:
        return None
    return SignOnLink(issuer=found.issuer, subject=found.subject, linked_at=found.linked_at)


async def write(
    uow: UnitOfWork, *, by: Actor, account: Account, subject: VerifiedSubject, now: datetime
) -> None:
    """Store a link; the caller has decided that it may be and holds the account's lock.

    Raises:
        SsoTaken: The subject is another account's.
    """
    await repository.add_sso_identity(
        uow.session,
        SsoIdentity(
            issuer=subject.issuer,
            subject=subject.subject,
            account_id=account.id,
            linked_at=now,
        ),
    )
    await audit.record(
        uow, by=by, now=now, event=AuditEvent.SSO_LINKED, subject_id=account.person_id
    )


async def _allowed(uow: UnitOfWork, holder: Holder, now: datetime) -> Account:
    if holder.may_only_enrol:
        raise StillEnrolling
    account = await lock_own_account(uow, holder)
    await require_fresh(uow, session_id=holder.session_id, act=Act.MANAGE_FACTORS, now=now)
    return account


async def _unlink(uow: UnitOfWork, *, by: Actor, account: Account, now: datetime) -> None:
    found = await repository.unscoped_sso_identity_of(uow.session, account.id)
    if found is None:
        return
    await uow.session.delete(found)
    account.sign_on_unlinked_at = now
    # A provider's word that waits for its second step is worth nothing any more.
    await factors.unscoped_drop_under_way(uow.session, account.id, now=now)
    live = await repository.unscoped_live_sessions_of_person(
        uow.session, person_id=account.person_id, clinic_id=account.clinic_id
    )
    opened = [session for session in live if session.by_sign_on]
    for session in opened:
        session.ended_at = now
    await uow.session.flush()
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.SSO_UNLINKED,
        subject_id=account.person_id,
        facts={"sessions": len(opened)},
    )
    for session in opened:
        await audit.record(
            uow, by=by, now=now, event=AuditEvent.SESSION_ENDED, subject_id=session.id
        )
