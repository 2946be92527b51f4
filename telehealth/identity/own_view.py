"""What somebody signs in with, where they are signed in, what changed lately; for themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.identity import repository, sso_links
from telehealth.identity.access_tokens import is_over
from telehealth.identity.errors import SessionEnded
from telehealth.identity.factors import proving
from telehealth.identity.factors import repository as factors
from telehealth.identity.own_sign_in import own_sessions
from telehealth.identity.proofs import Holder, lock_own_account
from telehealth.identity.sso_links import SignOnLink
from telehealth.identity.step_up import Act, Proof, is_fresh
from telehealth.identity.tables import Account
from telehealth.platform.db import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorCard:
    """One second factor, as its owner sees it."""

    factor_id: UUID
    kind: Proof
    device: str
    added_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCard:
    """One login session, as its owner sees it."""

    session_id: UUID
    device: str
    started_at: datetime
    last_used_at: datetime
    is_this: bool


TOLD: Final = (
    AuditEvent.PASSWORD_CHANGED,
    AuditEvent.PASSWORD_LINK_MADE,
    AuditEvent.PASSWORD_SET_BY_LINK,
    AuditEvent.FACTOR_ADDED,
    AuditEvent.FACTOR_REMOVED,
    AuditEvent.RECOVERY_CODES_MADE,
    AuditEvent.ACCOUNT_LOCKED,
    AuditEvent.ACCOUNT_UNLOCKED,
    AuditEvent.ACCOUNT_FACTORS_RESET,
    AuditEvent.PERSON_ENABLED,
    AuditEvent.PERSON_ROLE_CHANGED,
    AuditEvent.SSO_LINKED,
    AuditEvent.SSO_UNLINKED,
)
"""What the owner of an account is told of, on the page of their own sign-in.

Source: OWASP ASVS 5.0, 6.3.7.
"""
_TOLD_FOR: Final = timedelta(days=14)
_MOST_TOLD: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInView:
    """Everything somebody signs in with, and where they are signed in."""

    email: str
    password_set_at: datetime | None
    factors: Sequence[FactorCard]
    recovery_codes_left: int
    sessions: Sequence[SessionCard]
    changes: Sequence[tuple[AuditEvent, datetime]]
    """What happened to the account in the last two weeks, the newest first."""
    sign_on: SignOnLink | None
    can_show: Sequence[Proof]
    """What may be shown for a fresh proof, the strongest first."""
    is_fresh: bool


async def view(uow: UnitOfWork, *, holder: Holder, now: datetime) -> SignInView:
    """Show somebody their own sign-in; nothing of a patient is in it, so no entry is written."""
    account = await lock_own_account(uow, holder)
    session = await repository.unscoped_session(uow.session, holder.session_id)
    if session is None:
        raise SessionEnded
    kinds = list(await proving.kinds_of(uow.session, account.id))
    has_factor = await proving.has_factor(uow.session, account.id)
    left = await factors.unscoped_recovery_codes(uow.session, account.id)
    return SignInView(
        email=account.email,
        password_set_at=account.password_set_at,
        factors=await _factor_cards(uow, account),
        recovery_codes_left=len(left),
        sessions=await _session_cards(uow, holder, now=now),
        changes=await audit.unscoped_recent_of(
            uow.session,
            clinic_id=holder.actor.clinic_id,
            subject_id=account.person_id,
            events=TOLD,
            since=now - _TOLD_FOR,
            most=_MOST_TOLD,
        ),
        sign_on=await sso_links.link_of(uow.session, account),
        can_show=kinds if has_factor else [Proof.PASSWORD],
        is_fresh=is_fresh(
            Act.MANAGE_FACTORS,
            proved_by=session.proved_by,
            proved_at=session.proved_at,
            has_factor=has_factor,
            now=now,
        ),
    )


async def _factor_cards(uow: UnitOfWork, account: Account) -> Sequence[FactorCard]:
    app = await factors.unscoped_app(uow.session, account.id)
    cards = [
        FactorCard(
            factor_id=key.id,
            kind=Proof.PASSKEY,
            device=key.device,
            added_at=key.added_at,
            last_used_at=key.last_used_at,
        )
        for key in await factors.unscoped_passkeys(uow.session, account.id)
    ]
    if app is not None and app.secret is not None:
        cards.append(
            FactorCard(
                factor_id=app.id,
                kind=Proof.APP,
                device="",
                added_at=app.added_at,
                last_used_at=app.last_used_at,
            )
        )
    return cards


async def _session_cards(
    uow: UnitOfWork, holder: Holder, *, now: datetime
) -> Sequence[SessionCard]:
    return [
        SessionCard(
            session_id=each.id,
            device=each.device,
            started_at=each.started_at,
            last_used_at=each.renewed_at,
            is_this=each.id == holder.session_id,
        )
        for each in await own_sessions(uow, holder)
        if not is_over(
            role=each.role,
            now=now,
            renewed_at=each.renewed_at,
            expires_at=each.expires_at,
            ended=False,
        )
    ]
