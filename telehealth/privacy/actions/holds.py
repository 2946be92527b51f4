"""Keep a patient's record although it is due, and end that."""

from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid
from telehealth.privacy import repository
from telehealth.privacy.errors import AlreadyHeld, NotHeld
from telehealth.privacy.retention import HoldReason
from telehealth.privacy.tables import LegalHold


async def place(
    uow: UnitOfWork, *, by: Actor, now: datetime, patient_id: UUID, reason: HoldReason
) -> None:
    """Keep everything of one patient until the hold is lifted.

    Raises:
        NotPermitted: Neither the operator nor an administrator.
        AlreadyHeld: A hold stands.
    """
    _authorise(by)
    known = await repository.unscoped_hold(
        uow.session, clinic_id=by.clinic_id, patient_id=patient_id
    )
    if known is not None:
        raise AlreadyHeld(person_id=patient_id)
    uow.session.add(
        LegalHold(
            id=new_uuid(),
            clinic_id=by.clinic_id,
            patient_id=patient_id,
            reason=reason,
            placed_at=now,
            placed_by=_name(by),
        )
    )
    await uow.session.flush()
    await _record(uow, by, now, AuditEvent.HOLD_PLACED, patient_id)


async def lift(uow: UnitOfWork, *, by: Actor, now: datetime, patient_id: UUID) -> None:
    """End a hold: what is due goes with the next run.

    Raises:
        NotPermitted: Neither the operator nor an administrator.
        NotHeld: None stands.
    """
    _authorise(by)
    known = await repository.unscoped_hold(
        uow.session, clinic_id=by.clinic_id, patient_id=patient_id
    )
    if known is None:
        raise NotHeld(person_id=patient_id)
    known.lifted_at, known.lifted_by = now, _name(by)
    await uow.session.flush()
    await _record(uow, by, now, AuditEvent.HOLD_LIFTED, patient_id)


def _authorise(by: Actor) -> None:
    if by.job is not Job.SETUP:
        by.require(Permission.HOLD_RECORD)


def _name(by: Actor) -> str:
    return str(by.person_id or by.job)


async def _record(
    uow: UnitOfWork, by: Actor, now: datetime, event: AuditEvent, patient_id: UUID
) -> None:
    await audit.record(uow, by=by, now=now, event=event, patient_id=patient_id)
