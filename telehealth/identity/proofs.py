"""Who holds a login session, and whether it has shown enough for an act.

Public face for other capabilities: `require_fresh`.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.identity import repository
from telehealth.identity.errors import SessionEnded
from telehealth.identity.factors import proving
from telehealth.identity.factors.errors import StepUpNeeded
from telehealth.identity.step_up import Act, is_fresh
from telehealth.identity.tables import Account, LoginSession
from telehealth.platform.db import UnitOfWork


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever is signed in, as their own door knows them."""

    session_id: UUID
    actor: Actor
    may_only_enrol: bool = False
    """Then nobody acts by this session, but on one's own factors."""


async def require_fresh(
    uow: UnitOfWork, *, session_id: UUID | None, act: Act, now: datetime
) -> LoginSession:
    """Refuse an act for which the session has shown nothing lately.

    Raises:
        StepUpNeeded: With the act; the page asks for a proof and tries again.
        SessionEnded: There is no such session, or its person has no account.
    """
    session = None
    if session_id is not None:
        session = await repository.unscoped_lock_session(uow.session, session_id)
    if session is None or session.ended_at is not None:
        raise SessionEnded
    account = await repository.unscoped_account_of(
        uow.session, person_id=session.person_id, clinic_id=session.clinic_id
    )
    if account is None:
        raise SessionEnded
    fresh = is_fresh(
        act,
        proved_by=session.proved_by,
        proved_at=session.proved_at,
        has_factor=await proving.has_factor(uow.session, account.id),
        now=now,
    )
    if not fresh:
        raise StepUpNeeded(act=act)
    return session


async def lock_own_account(uow: UnitOfWork, holder: Holder) -> Account:
    """Lock the account behind a session until the transaction ends.

    Raises:
        SessionEnded: It came by a link: there is no account.
    """
    actor = holder.actor
    if actor.person_id is None or actor.visit_id is not None:
        raise SessionEnded
    account = await repository.unscoped_account_of(
        uow.session, person_id=actor.person_id, clinic_id=actor.clinic_id, lock=True
    )
    if account is None:
        raise SessionEnded
    return account
