"""What an account can show beside its password, and whether what was shown is right.

Nothing here counts wrong tries or lets anybody in: the doors do, with what they learn here.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.identity.access_tokens import secret_hash
from telehealth.identity.factors import codes, passkeys, repository
from telehealth.identity.factors.passkeys import Site
from telehealth.identity.factors.tables import Ceremony, PasskeyChallenge, PendingSignIn
from telehealth.identity.repository import Reads
from telehealth.identity.step_up import Proof
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid

UNDER_WAY_FOR: Final = timedelta(minutes=5)
"""From a right password, or from being asked for a passkey, to the end of waiting for it.

Source: OWASP ASVS 5.0, 6.5.5 allows ten minutes.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondStep:
    """A password was right; this is what the rest of the sign-in needs."""

    secret: str = field(repr=False)
    kinds: Sequence[Proof]
    lasts: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What was shown, and was right."""

    account_id: UUID
    proof: Proof
    factor_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a browser needs to ask a passkey."""

    challenge_id: UUID
    options: Mapping[str, Any]


async def has_factor(session: Reads, account_id: UUID) -> bool:
    """Say whether an account has a second factor; recovery codes alone are none."""
    return bool(await repository.unscoped_factor_ids(session, account_id))


async def kinds_of(session: Reads, account_id: UUID) -> Sequence[Proof]:
    """Return what an account can show beside its password, the strongest first."""
    app = await repository.unscoped_app(session, account_id)
    found = []
    if await repository.unscoped_passkeys(session, account_id):
        found.append(Proof.PASSKEY)
    if app is not None and app.secret is not None:
        found.append(Proof.APP)
    if await repository.unscoped_recovery_codes(session, account_id):
        found.append(Proof.RECOVERY_CODE)
    return found


async def owe_second_step(
    uow: UnitOfWork,
    *,
    by: Actor,
    account_id: UUID,
    device: str,
    now: datetime,
    event: AuditEvent = AuditEvent.PASSWORD_ACCEPTED,
) -> SecondStep:
    """Write down that the first step was right and the second is to come; nobody is in yet."""
    await repository.unscoped_forget_old(uow.session, now=now)
    secret = secrets.token_urlsafe(32)
    uow.session.add(
        PendingSignIn(
            secret_hash=secret_hash(secret),
            account_id=account_id,
            device=device,
            by_sign_on=event is AuditEvent.SSO_ACCEPTED,
            expires_at=now + UNDER_WAY_FOR,
            used_at=None,
        )
    )
    await uow.session.flush()
    await audit.record(uow, by=by, now=now, event=event, subject_id=by.person_id)
    kinds = await kinds_of(uow.session, account_id)
    return SecondStep(secret=secret, kinds=kinds, lasts=UNDER_WAY_FOR)


async def show_code(
    uow: UnitOfWork, *, account_id: UUID, kind: Proof, code: str, now: datetime
) -> Shown | None:
    """Check a code of the app or from paper, and use it up; the caller holds the account's lock.

    Returns:
        What was shown; None: wrong, used or of another kind.
    """
    if kind is Proof.RECOVERY_CODE:
        hashed = secret_hash(codes.plain_recovery_code(code))
        is_right = await repository.unscoped_use_recovery_code(
            uow.session, account_id, hashed, now=now
        )
        found = Shown(account_id=account_id, proof=kind, factor_id=None)
        return found if is_right else None
    app = await repository.unscoped_app(uow.session, account_id)
    if kind is not Proof.APP or app is None or app.secret is None:
        return None
    step = codes.step_of(code, secret=app.secret, last_step=app.last_step, now=now)
    if step is None:
        return None
    app.last_step, app.last_used_at = step, now
    await uow.session.flush()
    return Shown(account_id=account_id, proof=Proof.APP, factor_id=app.id)


async def ask_for_passkey(
    uow: UnitOfWork, *, site: Site, ceremony: Ceremony, account_id: UUID | None, now: datetime
) -> Asked:
    """Draw a challenge and keep it; without an account, the device says whose passkey it is."""
    challenge = passkeys.new_challenge()
    challenge_id = await keep_challenge(
        uow, challenge=challenge, ceremony=ceremony, account_id=account_id, now=now
    )
    known: list[bytes] = []
    if account_id is not None:
        found = await repository.unscoped_passkeys(uow.session, account_id)
        known = [each.credential_id for each in found]
    options = passkeys.ask_to_sign(site, challenge=challenge, known=known)
    return Asked(challenge_id=challenge_id, options=options)


async def keep_challenge(
    uow: UnitOfWork,
    *,
    challenge: bytes,
    ceremony: Ceremony,
    account_id: UUID | None,
    now: datetime,
) -> UUID:
    """Keep a challenge until it is used; the old ones go."""
    await repository.unscoped_forget_old(uow.session, now=now)
    challenge_id = new_uuid()
    uow.session.add(
        PasskeyChallenge(
            id=challenge_id,
            ceremony=ceremony,
            challenge=challenge,
            account_id=account_id,
            expires_at=now + UNDER_WAY_FOR,
            used_at=None,
        )
    )
    await uow.session.flush()
    return challenge_id


async def show_passkey(
    uow: UnitOfWork,
    *,
    site: Site,
    ceremony: Ceremony,
    account_id: UUID | None,
    challenge_id: UUID,
    credential: Mapping[str, Any],
    now: datetime,
) -> Shown | None:
    """Check the answer of a passkey; the challenge is used up whatever comes of it.

    Returns:
        Whose passkey it was; None: a wrong answer, an old challenge, or another account's.
    """
    asked = await repository.unscoped_use_challenge(uow.session, challenge_id, now=now)
    if asked is None or (asked.ceremony, asked.account_id) != (ceremony, account_id):
        return None
    name = passkeys.named(credential)
    key = None if name is None else await repository.unscoped_passkey(uow.session, name)
    if key is None or (account_id is not None and key.account_id != account_id):
        return None
    count = passkeys.signed(
        site,
        credential,
        challenge=asked.challenge,
        public_key=key.public_key,
        sign_count=key.sign_count,
    )
    if count is None:
        return None
    key.sign_count, key.last_used_at = count, now
    await uow.session.flush()
    return Shown(account_id=key.account_id, proof=Proof.PASSKEY, factor_id=key.id)
