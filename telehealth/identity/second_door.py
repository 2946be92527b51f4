"""The second step of a sign-in, and the sign-in by passkey alone.  Actions, like `door.py`.

A refusal that counts a wrong try is returned, not raised: raising would roll the count back.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId, PersonId
from telehealth.identity import door, guesses, repository
from telehealth.identity.access_tokens import secret_hash
from telehealth.identity.door import Arrival, SignedIn
from telehealth.identity.factors import proving
from telehealth.identity.factors import repository as factors
from telehealth.identity.factors.errors import FactorRefused, SecondStepOver
from telehealth.identity.factors.passkeys import Site
from telehealth.identity.factors.proving import Asked, Shown
from telehealth.identity.factors.tables import Ceremony
from telehealth.identity.step_up import Proof
from telehealth.identity.tables import Account
from telehealth.platform.db import UnitOfWork


async def finish_with_code(
    uow: UnitOfWork, *, secret: str, kind: Proof, code: str, now: datetime
) -> SignedIn | FactorRefused:
    """Finish a sign-in by a code of the app or from paper.

    Returns:
        The login session; or `FactorRefused`, with the try counted like a wrong password.

    Raises:
        SecondStepOver: The sign-in was finished, or five minutes have passed: begin again.
    """
    hashed = secret_hash(secret)
    pending = await factors.unscoped_pending(uow.session, hashed)
    if pending is None or pending.used_at is not None or now >= pending.expires_at:
        raise SecondStepOver
    account = await repository.unscoped_lock_account_by_id(uow.session, pending.account_id)
    actor = None if account is None else await _actor_of(uow, account)
    if account is None or actor is None:
        raise SecondStepOver
    shown = None
    if guesses.may_try(account, now=now):
        shown = await proving.show_code(uow, account_id=account.id, kind=kind, code=code, now=now)
    if shown is None:
        await guesses.count_wrong(uow, account, now=now, event=AuditEvent.PERSON_SIGN_IN_REFUSED)
        return FactorRefused()
    # Two answers at once: the account's lock lets one of them come here first.
    if not await factors.unscoped_use_pending(uow.session, hashed, now=now):
        raise SecondStepOver
    guesses.forgive(account)
    arrival = _arrival(shown, device=pending.device, by_sign_on=pending.by_sign_on)
    return await door.begin(uow, actor=actor, arrival=arrival, now=now)


async def ask(uow: UnitOfWork, *, site: Site, now: datetime) -> Asked:
    """Ask whoever stands at the door for a passkey; nobody is named."""
    return await proving.ask_for_passkey(
        uow, site=site, ceremony=Ceremony.SIGN_IN, account_id=None, now=now
    )


async def finish_with_passkey(
    uow: UnitOfWork,
    *,
    site: Site,
    challenge_id: UUID,
    credential: Mapping[str, Any],
    device: str,
    now: datetime,
) -> SignedIn | FactorRefused:
    """Let somebody in by a passkey alone: the device has verified them.

    An account that waits or is locked because of wrong guesses lets a passkey in all the same:
    nothing was guessed, and a stranger's guesses must not keep a provider from a patient.
    """
    shown = await proving.show_passkey(
        uow,
        site=site,
        ceremony=Ceremony.SIGN_IN,
        account_id=None,
        challenge_id=challenge_id,
        credential=credential,
        now=now,
    )
    if shown is None:
        return FactorRefused()
    account = await repository.unscoped_lock_account_by_id(uow.session, shown.account_id)
    actor = None if account is None else await _actor_of(uow, account)
    if actor is None:
        return FactorRefused()
    arrival = _arrival(shown, device=device, by_sign_on=False)
    return await door.begin(uow, actor=actor, arrival=arrival, now=now)


async def _actor_of(uow: UnitOfWork, account: Account) -> Actor | None:
    """Return who an account is for; None: disabled, or no member of the clinic any more."""
    membership = await repository.unscoped_membership(
        uow.session, person_id=account.person_id, clinic_id=account.clinic_id
    )
    if membership is None or membership.disabled_at is not None:
        return None
    return Actor(
        clinic_id=ClinicId(account.clinic_id),
        role=membership.role,
        person_id=PersonId(account.person_id),
    )


def _arrival(shown: Shown, *, device: str, by_sign_on: bool) -> Arrival:
    return Arrival(
        device=device,
        proved_by=shown.proof,
        proved_with=shown.factor_id,
        by_sign_on=by_sign_on,
    )
