"""Adding and removing one's own second factors.  Actions, like those of `door.py`.

Each asks for a fresh proof (`step_up.py`) and is recorded for the account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.identity import actions, door
from telehealth.identity.access_tokens import secret_hash
from telehealth.identity.door import Arrival, SignedIn
from telehealth.identity.factors import codes, passkeys, proving
from telehealth.identity.factors import repository as factors
from telehealth.identity.factors.errors import (
    AnotherFactorNeeded,
    FactorNeeded,
    FactorRefused,
    FactorTaken,
    FactorUnknown,
    NothingToConfirm,
)
from telehealth.identity.factors.passkeys import Site
from telehealth.identity.factors.proving import Asked
from telehealth.identity.factors.tables import AuthenticatorApp, Ceremony, Passkey, RecoveryCode
from telehealth.identity.proofs import Holder, lock_own_account, require_fresh
from telehealth.identity.step_up import Act, FactorPolicy, Proof, is_last, may_remove
from telehealth.identity.tables import Account, LoginSession
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid

CONFIRM_WITHIN: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOffer:
    """What an authenticator app is to scan, and the same to type."""

    secret: str = field(repr=False)
    picture: str = field(repr=False)
    """A `data:` address of an SVG image."""


async def offer_app(uow: UnitOfWork, *, holder: Holder, now: datetime) -> AppOffer:
    """Draw a secret for an authenticator app; the present one stays until a code confirms it.

    Raises:
        StepUpNeeded: No fresh proof.
    """
    account, _ = await _allowed(uow, holder, now)
    clinic = await actions.clinic_card(uow, clinic_id=holder.actor.clinic_id)
    app = await factors.unscoped_app(uow.session, account.id)
    if app is None:
        app = AuthenticatorApp(
            id=new_uuid(),
            clinic_id=account.clinic_id,
            person_id=account.person_id,
            account_id=account.id,
        )
        uow.session.add(app)
    app.waiting_secret, app.waiting_since = codes.new_app_secret(), now
    await uow.session.flush()
    uri = codes.app_uri(app.waiting_secret, account=account.email, issuer=clinic.name)
    return AppOffer(secret=app.waiting_secret, picture=codes.picture_of(uri))


async def confirm_app(
    uow: UnitOfWork, *, holder: Holder, code: str, now: datetime
) -> SignedIn | None:
    """Take the first code of a new authenticator app; from now on it is a second factor.

    Returns:
        A new login session, where the old one might do nothing but this; else None.

    Raises:
        StepUpNeeded: No fresh proof.
        NothingToConfirm: No app was offered in the last ten minutes.
        FactorRefused: The code is wrong: the app holds another secret, or its clock is off.
    """
    account, session = await _allowed(uow, holder, now)
    app = await factors.unscoped_app(uow.session, account.id)
    if app is None or app.waiting_secret is None or app.waiting_since is None:
        raise NothingToConfirm
    if now >= app.waiting_since + CONFIRM_WITHIN:
        raise NothingToConfirm
    step = codes.step_of(code, secret=app.waiting_secret, last_step=None, now=now)
    if step is None:
        raise FactorRefused
    app.secret, app.waiting_secret, app.waiting_since = app.waiting_secret, None, None
    app.added_at, app.last_used_at, app.last_step = now, now, step
    await uow.session.flush()
    return await _added(uow, holder, session, Proof.APP, app.id, now=now)


async def remove_app(
    uow: UnitOfWork, *, holder: Holder, policy: FactorPolicy, now: datetime
) -> None:
    """Remove one's authenticator app.

    Raises:
        StepUpNeeded, AnotherFactorNeeded: No fresh proof, or by this very app.
        FactorNeeded: A second factor is required, and this is the last.
        FactorUnknown: There is none.
    """
    account, session = await _allowed(uow, holder, now)
    app = await factors.unscoped_app(uow.session, account.id)
    if app is None or app.secret is None:
        raise FactorUnknown
    await _require_removable(uow, account, session, app.id, policy)
    await uow.session.delete(app)
    await _removed(uow, holder, account, Proof.APP, app.id, now=now)


async def offer_passkey(uow: UnitOfWork, *, holder: Holder, site: Site, now: datetime) -> Asked:
    """Ask one's device to make a passkey.

    Raises:
        StepUpNeeded: No fresh proof.
    """
    account, _ = await _allowed(uow, holder, now)
    challenge = passkeys.new_challenge()
    challenge_id = await proving.keep_challenge(
        uow, challenge=challenge, ceremony=Ceremony.ADD, account_id=account.id, now=now
    )
    known = await factors.unscoped_passkeys(uow.session, account.id)
    options = passkeys.ask_to_make(
        site,
        challenge=challenge,
        account_id=account.id,
        name=account.email,
        known=[each.credential_id for each in known],
    )
    return Asked(challenge_id=challenge_id, options=options)


async def add_passkey(
    uow: UnitOfWork,
    *,
    holder: Holder,
    site: Site,
    challenge_id: UUID,
    credential: Mapping[str, Any],
    device: str,
    now: datetime,
) -> SignedIn | FactorRefused | None:
    """Keep the passkey a device has made.

    Returns:
        A new login session, where the old one might do nothing but this; else None.  Or
        `FactorRefused`, with the challenge used up.

    Raises:
        StepUpNeeded: No fresh proof.
        FactorTaken: It is there already.
    """
    account, session = await _allowed(uow, holder, now)
    asked = await factors.unscoped_use_challenge(uow.session, challenge_id, now=now)
    if asked is None or (asked.ceremony, asked.account_id) != (Ceremony.ADD, account.id):
        return FactorRefused()
    made = passkeys.made(site, credential, challenge=asked.challenge)
    if made is None:
        return FactorRefused()
    if await factors.unscoped_passkey(uow.session, made.credential_id) is not None:
        raise FactorTaken
    key = Passkey(
        id=new_uuid(),
        account_id=account.id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        device=device,
        added_at=now,
        last_used_at=None,
    )
    uow.session.add(key)
    await uow.session.flush()
    return await _added(uow, holder, session, Proof.PASSKEY, key.id, now=now)


async def remove_passkey(
    uow: UnitOfWork, *, holder: Holder, passkey_id: UUID, policy: FactorPolicy, now: datetime
) -> None:
    """Remove one of one's passkeys.

    Raises:
        StepUpNeeded, AnotherFactorNeeded, FactorNeeded, FactorUnknown: As `remove_app`.
    """
    account, session = await _allowed(uow, holder, now)
    held = await factors.unscoped_passkeys(uow.session, account.id)
    key = next((each for each in held if each.id == passkey_id), None)
    if key is None:
        raise FactorUnknown
    await _require_removable(uow, account, session, key.id, policy)
    await uow.session.delete(key)
    await _removed(uow, holder, account, Proof.PASSKEY, key.id, now=now)


async def make_recovery_codes(uow: UnitOfWork, *, holder: Holder, now: datetime) -> Sequence[str]:
    """Draw ten recovery codes, for this once; the ones before work no more.

    Raises:
        StepUpNeeded: No fresh proof.
        FactorUnknown: Nothing to recover: the account has no second factor.
    """
    account, _ = await _allowed(uow, holder, now)
    if not await proving.has_factor(uow.session, account.id):
        raise FactorUnknown
    await factors.unscoped_forget_recovery_codes(uow.session, account.id)
    drawn = codes.new_recovery_codes()
    for code in drawn:
        hashed = secret_hash(codes.plain_recovery_code(code))
        uow.session.add(
            RecoveryCode(
                id=new_uuid(), account_id=account.id, code_hash=hashed, made_at=now, used_at=None
            )
        )
    await uow.session.flush()
    await audit.record(
        uow,
        by=holder.actor,
        now=now,
        event=AuditEvent.RECOVERY_CODES_MADE,
        subject_id=holder.actor.person_id,
        facts={"count": len(drawn)},
    )
    return drawn


async def _allowed(uow: UnitOfWork, holder: Holder, now: datetime) -> tuple[Account, LoginSession]:
    account = await lock_own_account(uow, holder)
    session = await require_fresh(
        uow, session_id=holder.session_id, act=Act.MANAGE_FACTORS, now=now
    )
    return account, session


async def _require_removable(
    uow: UnitOfWork,
    account: Account,
    session: LoginSession,
    factor_id: UUID,
    policy: FactorPolicy,
) -> None:
    if not may_remove(factor_id, proved_by=session.proved_by, proved_with=session.proved_with):
        raise AnotherFactorNeeded
    held = await factors.unscoped_factor_ids(uow.session, account.id)
    if policy is FactorPolicy.REQUIRED and is_last(factor_id, held):
        raise FactorNeeded


async def _added(
    uow: UnitOfWork,
    holder: Holder,
    session: LoginSession,
    kind: Proof,
    factor_id: UUID,
    *,
    now: datetime,
) -> SignedIn | None:
    session.proved_by, session.proved_with, session.proved_at = kind, factor_id, now
    await uow.session.flush()
    await _record(uow, holder, AuditEvent.FACTOR_ADDED, kind, factor_id, now=now)
    if not session.may_only_enrol:
        return None
    # A session that might do nothing becomes one that may do everything: under another name.
    session.ended_at = now
    await uow.session.flush()
    arrival = Arrival(
        device=session.device,
        proved_by=kind,
        proved_with=factor_id,
        by_sign_on=session.by_sign_on,
    )
    return await door.begin(uow, actor=holder.actor, arrival=arrival, now=now)


async def _removed(
    uow: UnitOfWork,
    holder: Holder,
    account: Account,
    kind: Proof,
    factor_id: UUID,
    *,
    now: datetime,
) -> None:
    await uow.session.flush()
    if not await proving.has_factor(uow.session, account.id):
        # Codes on paper that recover nothing would only be a way in that nobody remembers.
        await factors.unscoped_forget_recovery_codes(uow.session, account.id)
    await _record(uow, holder, AuditEvent.FACTOR_REMOVED, kind, factor_id, now=now)


async def _record(
    uow: UnitOfWork,
    holder: Holder,
    event: AuditEvent,
    kind: Proof,
    factor_id: UUID,
    *,
    now: datetime,
) -> None:
    await audit.record(
        uow,
        by=holder.actor,
        now=now,
        event=event,
        subject_id=holder.actor.person_id,
        facts={"kind": kind, "factor_id": factor_id},
    )
