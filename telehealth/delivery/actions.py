"""Record what is owed, inside the caller's transaction; see and check again what is stuck."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId
from telehealth.delivery import repository
from telehealth.delivery.errors import AlreadyOwed, EntryNotParked, EntryUnknown
from telehealth.delivery.lanes import (
    PARTNER,
    POLICY,
    EntryKind,
    Facts,
    Owed,
    OwedEvent,
    entries_owed,
)
from telehealth.delivery.lifecycle import EntryState, EntryStep, advance
from telehealth.delivery.ports import OutcomeCode
from telehealth.delivery.tables import AttemptStep, DeliveryAttempt, LedgerEntry
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid

_SCHEMA_VERSION = 1


async def record(
    uow: UnitOfWork,
    *,
    now: datetime,
    event: OwedEvent,
    clinic_id: ClinicId,
    subject_id: UUID,
    version: int,
    facts: Facts,
    patient_id: UUID | None = None,
) -> None:
    """Write down what `event` owes, in the transaction of the change that owes it.

    The same effect recorded twice with the same content is recorded once.

    Args:
        uow: The caller's open unit of work; the worker is woken after its commit.
        now: Aware instant of the change.
        event: What happened.
        clinic_id: Clinic of the visit.
        subject_id: The visit.
        version: Version of the visit after the change.
        facts: JSON that the deliverers need; kept unchanged as the payload.
        patient_id: Whose key seals the facts; None only if they say nothing of a patient.

    Raises:
        AlreadyOwed: The same effect is in the ledger with other content.
    """
    owed_entries = entries_owed(
        event, clinic_id=clinic_id, subject_id=subject_id, version=version, facts=facts
    )
    for owed in owed_entries:
        await _write_down(
            uow, owed, now=now, clinic_id=clinic_id, subject_id=subject_id, patient_id=patient_id
        )
    uow.after_commit(uow.wake_worker)


async def _write_down(
    uow: UnitOfWork,
    owed: Owed,
    *,
    now: datetime,
    clinic_id: ClinicId,
    subject_id: UUID,
    patient_id: UUID | None,
) -> None:
    policy = POLICY[owed.kind]
    payload = json.dumps(owed.payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # Taking the number locks the order key, so the look-up below cannot race with its twin.
    order_no = await repository.next_order_no(uow.session, lane=owed.lane, order_key=owed.order_key)
    earlier = await repository.unscoped_intent(uow.session, kind=owed.kind, key=owed.key)
    if earlier is not None:
        if earlier.payload != payload:
            raise AlreadyOwed(entry_id=earlier.entry_id, kind=owed.kind)
        return
    uow.session.add(
        LedgerEntry(
            entry_id=new_uuid(),
            clinic_id=clinic_id,
            subject_id=subject_id,
            patient_id=patient_id,
            kind=owed.kind,
            schema_version=_SCHEMA_VERSION,
            partner=PARTNER[owed.lane],
            key=owed.key,
            message_id=new_uuid(),
            payload=payload,
            lane=owed.lane,
            order_key=owed.order_key,
            order_no=order_no,
            order_until=policy.order_until,
            created_at=now,
            next_at=now,
            give_up_at=now + policy.try_for,
            state=EntryState.PENDING,
            state_since=now,
            attempts=0,
            lease_epoch=0,
        )
    )
    await uow.session.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionRow:
    """One entry a person should look at."""

    entry_id: UUID
    kind: EntryKind
    state: EntryState
    since: datetime
    reason: OutcomeCode | None
    attempts: int
    visit_id: UUID


async def needs_attention(uow: UnitOfWork, *, by: Actor, now: datetime) -> Sequence[AttentionRow]:
    """List what is parked, unclear, or older than its kind should get; audited.

    Raises:
        NotPermitted: The role may not see deliveries.
    """
    by.require(Permission.SEE_NEEDS_ATTENTION)
    entries = await repository.unsettled(uow.session, actor=by)
    rows = [_attention_row(entry) for entry in entries if _wants_attention(entry, now)]
    await audit.record(
        uow, by=by, now=now, event=AuditEvent.DELIVERY_VIEWED, facts={"rows": len(rows)}
    )
    return rows


def _wants_attention(entry: LedgerEntry, now: datetime) -> bool:
    if entry.state in {EntryState.PARKED, EntryState.UNKNOWN}:
        return True
    return now >= entry.created_at + POLICY[entry.kind].alert_after


def _attention_row(entry: LedgerEntry) -> AttentionRow:
    return AttentionRow(
        entry_id=entry.entry_id,
        kind=entry.kind,
        state=entry.state,
        since=entry.state_since if entry.state is EntryState.PARKED else entry.created_at,
        reason=entry.last_code,
        attempts=entry.attempts,
        visit_id=entry.subject_id,
    )


async def check_again(uow: UnitOfWork, *, by: Actor, now: datetime, entry_id: UUID) -> AttentionRow:
    """Have a parked entry looked up at its partner again, and sent if it is not there.

    Of two people at once the row's lock picks one; the other is told that it has moved on.

    Raises:
        NotPermitted: The role may not settle deliveries.
        EntryUnknown: No such entry in this clinic.
        EntryNotParked: Somebody was faster, or it never was.
    """
    by.require(Permission.SETTLE_DELIVERY)
    entry = await repository.lock_entry(uow.session, entry_id, actor=by)
    if entry is None:
        raise EntryUnknown(entry_id=entry_id)
    if entry.state is not EntryState.PARKED:
        raise EntryNotParked(entry_id=entry_id, state=entry.state)
    entry.state = advance(entry.state, EntryStep.CHECK_AGAIN)
    entry.state_since = entry.next_at = now
    entry.give_up_at = now + POLICY[entry.kind].try_for
    entry.lease_epoch += 1
    entry.last_code = OutcomeCode.CHECK_ASKED
    repository.append(
        uow.session,
        DeliveryAttempt(
            attempt_id=new_uuid(),
            entry_id=entry_id,
            lease_epoch=entry.lease_epoch,
            step=AttemptStep.UNPARKED,
            at=now,
            made_by=str(by.person_id),
        ),
    )
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.DELIVERY_SETTLED,
        visit_id=entry.subject_id,
        facts={"entry_id": entry_id},
    )
    uow.after_commit(uow.wake_worker)
    return _attention_row(entry)


async def chart_state(
    uow: UnitOfWork, *, by: Actor, visit_ids: Sequence[UUID]
) -> dict[UUID, EntryState]:
    """Say for each visit how far its chart entries have come; visits owing none are absent.

    The least settled of a visit's entries speaks for it.  Tells nothing of the patient, so it is
    audited by whoever shows it.
    """
    return await repository.chart_states(uow.session, actor=by, visit_ids=visit_ids)
