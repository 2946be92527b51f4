"""Lets in a member of staff whom the clinic's OpenID provider vouches for.

The provider's subject leads to an account that is there already: linked by its own person
(`sso_links.py`), or once by an e-mail address that the provider has verified.  Nobody gets an
account by signing in.

A second factor the provider has seen counts where the installation says how the provider tells of
it; else the provider's word is worth a password, and our own second factor is asked for.
"""

from datetime import datetime

from telehealth.access.actor import Actor, Job
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId, PersonId
from telehealth.identity import door, repository, sso_links
from telehealth.identity.door import Arrival, SignedIn
from telehealth.identity.errors import SsoUnknown
from telehealth.identity.factors import proving
from telehealth.identity.oidc_rules import VerifiedSubject
from telehealth.identity.step_up import FactorPolicy, Proof
from telehealth.identity.tables import Account
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
        by_sign_on=True,
    )
    return await door.begin(uow, actor=actor, arrival=arrival, now=now)


async def _account_of(
    uow: UnitOfWork, clinic_id: ClinicId, subject: VerifiedSubject
) -> Account | None:
    """Lock the account of a subject; whoever unlinks it meanwhile is waited for and obeyed."""
    known = await repository.unscoped_sso_identity(
        uow.session, issuer=subject.issuer, subject=subject.subject
    )
    if known is None:
        return None
    account = await repository.unscoped_lock_account_by_id(uow.session, known.account_id)
    if account is None or account.clinic_id != clinic_id:
        return None
    still = await repository.unscoped_sso_identity_of(uow.session, account.id)
    is_same = still is not None and (still.issuer, still.subject) == (
        subject.issuer,
        subject.subject,
    )
    return account if is_same else None


async def _linked_by_email(
    uow: UnitOfWork, clinic_id: ClinicId, subject: VerifiedSubject, *, now: datetime
) -> Account | None:
    """Link once: an account that has a subject already is nobody else's, whatever the address.

    Nor is one whose subject was unlinked: whoever did so would see it come back at once.
    """
    if subject.email is None:
        return None
    known = await repository.unscoped_sso_identity(
        uow.session, issuer=subject.issuer, subject=subject.subject
    )
    account = await repository.unscoped_lock_account(uow.session, subject.email)
    if known is not None or account is None or account.clinic_id != clinic_id:
        return None
    if account.sign_on_unlinked_at is not None:
        return None
    if await repository.unscoped_sso_identity_of(uow.session, account.id) is not None:
        return None
    by = Actor.of_job(Job.SIGN_IN, clinic_id)
    await sso_links.write(uow, by=by, account=account, subject=subject, now=now)
    return account
