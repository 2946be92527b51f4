"""Lets in a member of staff whom the clinic's OpenID provider vouches for.

The provider's subject leads to an account that is there already: linked by an administrator, or
once by an e-mail address that the provider has verified.  Nobody gets an account by signing in.

A second factor the provider has seen counts where the installation says how the provider tells of
it; else the provider's word is worth a password, and our own second factor is asked for.
"""

from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId, PersonId
from telehealth.identity import door, repository
from telehealth.identity.door import Arrival, SignedIn
from telehealth.identity.errors import PersonUnknown, SsoTaken, SsoUnknown
from telehealth.identity.factors import proving
from telehealth.identity.oidc_rules import VerifiedSubject
from telehealth.identity.step_up import FactorPolicy, Proof
from telehealth.identity.tables import Account, SsoIdentity
from telehealth.platform.db import UnitOfWork


async def sign_in(
    uow: UnitOfWork,
    *,
    now: datetime,
    clinic_id: ClinicId,
    subject: VerifiedSubject,
    links_by_email: bool,
    policy: FactorPolicy,
    device: str = "",
) -> SignedIn | proving.SecondStep | SsoUnknown:
    """Let somebody in whom the provider has vouched for, or as far as the second step.

    Wrong passwords do not shut this door: nothing is guessed here.

    Args:
        uow: The transaction.
        now: Aware instant.
        clinic_id: Whose provider it is: it opens this clinic and no other.
        subject: Verified.
        links_by_email: Whether an address it has verified may link an account, once.
        policy: Whether a second factor is required.
        device: `browser/system`, for the person's own list.

    Returns:
        The login session, what the second step needs, or `SsoUnknown`: no account, or its person
        has no role here any more.
    """
    account = await _account_of(uow, clinic_id, subject)
    if account is None and links_by_email:
        account = await _linked_by_email(uow, clinic_id, subject, now=now)
    if account is None:
        return SsoUnknown()
    membership = await repository.unscoped_membership(
        uow.session, person_id=account.person_id, clinic_id=clinic_id
    )
    if membership is None or membership.disabled_at is not None:
        return SsoUnknown()
    actor = Actor(clinic_id=clinic_id, role=membership.role, person_id=PersonId(account.person_id))
    if not subject.has_second_factor and await proving.has_factor(uow.session, account.id):
        return await proving.owe_second_step(
            uow,
            by=actor,
            account_id=account.id,
            device=device,
            now=now,
            event=AuditEvent.SSO_ACCEPTED,
        )
    is_enough = subject.has_second_factor
    arrival = Arrival(
        device=device,
        proved_by=Proof.SINGLE_SIGN_ON if is_enough else Proof.SIGN_ON_ALONE,
        may_only_enrol=policy is FactorPolicy.REQUIRED and not is_enough,
    )
    return await door.begin(uow, actor=actor, arrival=arrival, now=now)


async def link(
    uow: UnitOfWork, *, by: Actor, now: datetime, person_id: PersonId, issuer: str, subject: str
) -> None:
    """Link an account of the actor's clinic to a subject of its provider.

    Raises:
        NotPermitted: The actor does not manage people.
        PersonUnknown: Nobody with an account here.
        SsoTaken: The subject, or the account, is linked already.
    """
    by.require(Permission.MANAGE_PEOPLE)
    account = await repository.unscoped_lock_account_of(uow.session, person_id)
    if account is None or account.clinic_id != by.clinic_id:
        raise PersonUnknown(person_id=person_id)
    known = await repository.unscoped_sso_identity(uow.session, issuer=issuer, subject=subject)
    if known is not None or await repository.unscoped_is_linked(uow.session, account.id):
        raise SsoTaken(person_id=person_id)
    await _write(uow, by, account.id, account.person_id, issuer, subject, now=now)


async def _account_of(
    uow: UnitOfWork, clinic_id: ClinicId, subject: VerifiedSubject
) -> Account | None:
    known = await repository.unscoped_sso_identity(
        uow.session, issuer=subject.issuer, subject=subject.subject
    )
    if known is None:
        return None
    account = await repository.unscoped_account_by_id(uow.session, known.account_id)
    return account if account is not None and account.clinic_id == clinic_id else None


async def _linked_by_email(
    uow: UnitOfWork, clinic_id: ClinicId, subject: VerifiedSubject, *, now: datetime
) -> Account | None:
    """Link once: an account that has a subject already is nobody else's, whatever the address."""
    if subject.email is None:
        return None
    known = await repository.unscoped_sso_identity(
        uow.session, issuer=subject.issuer, subject=subject.subject
    )
    account = await repository.unscoped_lock_account(uow.session, subject.email)
    if known is not None or account is None or account.clinic_id != clinic_id:
        return None
    if await repository.unscoped_is_linked(uow.session, account.id):
        return None
    by = Actor.of_job(Job.SIGN_IN, clinic_id)
    await _write(uow, by, account.id, account.person_id, subject.issuer, subject.subject, now=now)
    return account


async def _write(
    uow: UnitOfWork,
    by: Actor,
    account_id: UUID,
    person_id: UUID,
    issuer: str,
    subject: str,
    *,
    now: datetime,
) -> None:
    uow.session.add(
        SsoIdentity(issuer=issuer, subject=subject, account_id=account_id, linked_at=now)
    )
    await uow.session.flush()
    await audit.record(uow, by=by, now=now, event=AuditEvent.SSO_LINKED, subject_id=person_id)
