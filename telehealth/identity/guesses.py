"""Counts wrong passwords and codes of an account, together; makes it wait, and locks it."""

from datetime import datetime

from telehealth.access.actor import Actor, Job
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId
from telehealth.identity.tables import Account
from telehealth.identity.tries import LOCKED_AFTER, Standing, standing, wait_after
from telehealth.platform.db import UnitOfWork


def may_try(account: Account, *, now: datetime) -> bool:
    """Say whether a password or code of this account is looked at now."""
    return standing(account.wrong_tries, account.wait_until, now=now) is Standing.OPEN


def forgive(account: Account) -> None:
    """Begin the count anew; after a whole sign-in, or by an administrator."""
    account.wrong_tries, account.wait_until = 0, None


async def count_wrong(
    uow: UnitOfWork, account: Account, *, now: datetime, event: AuditEvent
) -> None:
    """Count one wrong try; what is tried while the account waits is recorded, not counted.

    Args:
        uow: The transaction.
        account: Locked.
        now: Aware instant.
        event: What was refused.
    """
    by = Actor.of_job(Job.SIGN_IN, ClinicId(account.clinic_id))
    locks = False
    if may_try(account, now=now):
        account.wrong_tries += 1
        wait = wait_after(account.wrong_tries)
        account.wait_until = now + wait if wait else None
        locks = account.wrong_tries == LOCKED_AFTER
    await audit.record(
        uow,
        by=by,
        now=now,
        event=event,
        subject_id=account.person_id,
        facts={"wrong_tries": account.wrong_tries},
    )
    if locks:
        await audit.record(
            uow, by=by, now=now, event=AuditEvent.ACCOUNT_LOCKED, subject_id=account.person_id
        )
