"""One's own sign-in: a fresh proof, the password, the login sessions.  What is shown: own_view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId
from telehealth.identity import guesses, repository
from telehealth.identity.errors import PasswordUnchanged, SessionEnded, SessionUnknown
from telehealth.identity.factors import proving
from telehealth.identity.factors import repository as factors
from telehealth.identity.factors.errors import FactorRefused
from telehealth.identity.factors.passkeys import Site
from telehealth.identity.factors.proving import Asked, Shown
from telehealth.identity.factors.tables import Ceremony
from telehealth.identity.password_rules import require_good
from telehealth.identity.proofs import Holder, lock_own_account, require_fresh
from telehealth.identity.step_up import Act, Proof
from telehealth.identity.tables import Account, LoginSession
from telehealth.platform.db import UnitOfWork
from telehealth.platform.hashing import PasswordVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordFacts:
    """What checking a new password needs, read before anything is hashed."""

    stored_hash: str | None
    has_factor: bool
    about: Sequence[str]


async def own_hash(uow: UnitOfWork, *, holder: Holder) -> PasswordFacts:
    """Return what is needed to check one's own password outside any transaction."""
    account = await lock_own_account(uow, holder)
    return await password_facts(uow, account)


async def password_facts(uow: UnitOfWork, account: Account) -> PasswordFacts:
    """Return what the rules of a new password ask about its account."""
    person = await repository.unscoped_person(uow.session, account.person_id)
    clinic = await repository.unscoped_clinic(uow.session, ClinicId(account.clinic_id))
    about = [account.email]
    if person is not None:
        about += [f"{person.given} {person.family}"]
    if clinic is not None:
        about += [clinic.name, clinic.short_name]
    return PasswordFacts(
        stored_hash=account.password_hash or None,
        has_factor=await proving.has_factor(uow.session, account.id),
        about=about,
    )


async def step_up_by_password(
    uow: UnitOfWork, *, holder: Holder, verdict: PasswordVerdict, now: datetime
) -> FactorRefused | None:
    """Take a password as fresh proof, of an account that has nothing better.

    Returns:
        None, or `FactorRefused` with the try counted.
    """
    account = await lock_own_account(uow, holder)
    may = guesses.may_try(account, now=now)
    is_enough = not await proving.has_factor(uow.session, account.id)
    shown = None
    if may and is_enough and verdict.is_right:
        shown = Shown(account_id=account.id, proof=Proof.PASSWORD, factor_id=None)
    return await _proved(uow, holder, account, shown, now=now)


async def step_up_by_code(
    uow: UnitOfWork, *, holder: Holder, kind: Proof, code: str, now: datetime
) -> FactorRefused | None:
    """Take a code of the app or from paper as fresh proof; a wrong one is counted."""
    account = await lock_own_account(uow, holder)
    shown = None
    if guesses.may_try(account, now=now):
        shown = await proving.show_code(uow, account_id=account.id, kind=kind, code=code, now=now)
    return await _proved(uow, holder, account, shown, now=now)


async def ask_for_passkey(uow: UnitOfWork, *, holder: Holder, site: Site, now: datetime) -> Asked:
    """Ask for one of one's own passkeys."""
    account = await lock_own_account(uow, holder)
    return await proving.ask_for_passkey(
        uow, site=site, ceremony=Ceremony.STEP_UP, account_id=account.id, now=now
    )


async def step_up_by_passkey(
    uow: UnitOfWork,
    *,
    holder: Holder,
    site: Site,
    challenge_id: UUID,
    credential: Mapping[str, Any],
    now: datetime,
) -> FactorRefused | None:
    """Take one of one's own passkeys as fresh proof."""
    account = await lock_own_account(uow, holder)
    shown = await proving.show_passkey(
        uow,
        site=site,
        ceremony=Ceremony.STEP_UP,
        account_id=account.id,
        challenge_id=challenge_id,
        credential=credential,
        now=now,
    )
    return await _proved(uow, holder, account, shown, now=now)


async def change_password(
    uow: UnitOfWork,
    *,
    holder: Holder,
    verdict: PasswordVerdict,
    facts: PasswordFacts,
    new_hash: str,
    now: datetime,
) -> FactorRefused | None:
    """Change one's password; every other login session of the person ends.

    Args:
        uow: The transaction.
        holder: Whose password.
        verdict: What checking the present password gave.
        facts: What it was checked against.
        new_hash: Of the new password, which kept the rules.
        now: Aware instant.

    Returns:
        None, or `FactorRefused` (the present password was wrong) with the try counted.

    Raises:
        StepUpNeeded: No fresh proof.
    """
    account = await lock_own_account(uow, holder)
    await require_fresh(uow, session_id=holder.session_id, act=Act.CHANGE_PASSWORD, now=now)
    is_current = account.password_hash == facts.stored_hash
    if not (verdict.is_right and is_current and guesses.may_try(account, now=now)):
        await guesses.count_wrong(uow, account, now=now, event=AuditEvent.SESSION_PROOF_REFUSED)
        return FactorRefused()
    account.password_hash, account.password_set_at = new_hash, now
    await factors.unscoped_drop_under_way(uow.session, account.id, now=now)
    others = await _end_others(uow, holder, now=now)
    await audit.record(
        uow,
        by=holder.actor,
        now=now,
        event=AuditEvent.PASSWORD_CHANGED,
        subject_id=holder.actor.person_id,
    )
    await _record_ends(uow, holder, others, now=now)
    return None


def require_new(facts: PasswordFacts, *, current: str, new: str) -> None:
    """Refuse a new password that keeps not the rules, or is the present one.

    Raises:
        PasswordUnchanged, PasswordTooShort, PasswordTooLong, PasswordCommon, PasswordAboutYou.
    """
    if new == current:
        raise PasswordUnchanged
    require_good(new, has_factor=facts.has_factor, about=facts.about)


async def end_session(uow: UnitOfWork, *, holder: Holder, session_id: UUID, now: datetime) -> None:
    """End one of one's own login sessions; one that is over stays over.

    Raises:
        SessionUnknown: It is nobody's, or another person's.
    """
    session = await repository.unscoped_lock_session(uow.session, session_id)
    if session is None or session.person_id != holder.actor.person_id:
        raise SessionUnknown
    if session.ended_at is None:
        session.ended_at = now
        await uow.session.flush()
        await _record_ends(uow, holder, [session], now=now)


async def end_other_sessions(uow: UnitOfWork, *, holder: Holder, now: datetime) -> int:
    """End every login session of one's own but this one; return how many there were.

    Raises:
        SessionEnded: It came by a link, which holds one session and opens one visit.
    """
    await lock_own_account(uow, holder)
    others = await _end_others(uow, holder, now=now)
    await _record_ends(uow, holder, others, now=now)
    return len(others)


async def _end_others(uow: UnitOfWork, holder: Holder, *, now: datetime) -> Sequence[LoginSession]:
    """End them; the caller records it, once everything is locked and changed."""
    others = [each for each in await own_sessions(uow, holder) if each.id != holder.session_id]
    for session in others:
        session.ended_at = now
    await uow.session.flush()
    return others


async def own_sessions(uow: UnitOfWork, holder: Holder) -> Sequence[LoginSession]:
    """Return one's own login sessions that nobody has ended."""
    if holder.actor.person_id is None:
        return []
    return await repository.unscoped_live_sessions_of_person(
        uow.session, person_id=holder.actor.person_id, clinic_id=holder.actor.clinic_id
    )


async def _record_ends(
    uow: UnitOfWork, holder: Holder, ended: Sequence[LoginSession], *, now: datetime
) -> None:
    for session in ended:
        await audit.record(
            uow, by=holder.actor, now=now, event=AuditEvent.SESSION_ENDED, subject_id=session.id
        )


async def _proved(
    uow: UnitOfWork, holder: Holder, account: Account, shown: Shown | None, *, now: datetime
) -> FactorRefused | None:
    session = await repository.unscoped_lock_session(uow.session, holder.session_id)
    if session is None or session.ended_at is not None:
        raise SessionEnded
    if shown is None:
        await guesses.count_wrong(uow, account, now=now, event=AuditEvent.SESSION_PROOF_REFUSED)
        return FactorRefused()
    session.proved_by, session.proved_with = shown.proof, shown.factor_id
    session.proved_at = now
    await uow.session.flush()
    await audit.record(
        uow,
        by=holder.actor,
        now=now,
        event=AuditEvent.SESSION_PROVED,
        subject_id=session.id,
        facts={"proof": shown.proof},
    )
    return None
