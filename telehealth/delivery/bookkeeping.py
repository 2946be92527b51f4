"""The ledger's three short transactions: claim, start, settle.  Each belongs to the worker alone.

Every write after the claim is fenced by the lease's epoch: a worker that lost its lease writes
that it let go, and nothing else.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId
from telehealth.delivery import repository
from telehealth.delivery.lanes import TO_AUDITORS, EntryKind, JsonValue, Lane, Policy
from telehealth.delivery.lifecycle import EntryState, EntryStep, advance, may_call
from telehealth.delivery.ports import OutcomeCode, OwedEntry
from telehealth.delivery.settlement import Settlement, Standing, lost
from telehealth.delivery.tables import AttemptStep, DeliveryAttempt, LedgerEntry
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid

_AUDITED_WHEN_CONFIRMED: Final = MappingProxyType(
    {Lane.EHR: AuditEvent.CHART_PUSHED, Lane.NOTICE: AuditEvent.NOTICE_SENT}
)
"""Lanes that carry a patient's data out; rooms hear ids only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What stays the same for one worker: its name, its lease, the policies, its dice."""

    worker: str
    lease: timedelta
    policies: Mapping[EntryKind, Policy]
    draw: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One entry held under one lease."""

    entry_id: UUID
    clinic_id: ClinicId
    subject_id: UUID
    kind: EntryKind
    key: str
    message_id: UUID
    payload: Mapping[str, JsonValue]
    state: EntryState
    """Leased: send it.  Unknown: ask about it."""
    lease_epoch: int
    lease_until: datetime

    def as_owed(self, *, send_before_s: float) -> OwedEntry:
        """Return what the adapter is handed."""
        return OwedEntry(
            entry_id=self.entry_id,
            clinic_id=self.clinic_id,
            subject_id=self.subject_id,
            kind=self.kind,
            key=self.key,
            message_id=self.message_id,
            payload=self.payload,
            send_before_s=send_before_s,
        )


async def claim(
    uow: UnitOfWork, *, lane: Lane, desk: Desk, now: datetime, limit: int
) -> Sequence[Claim]:
    """Free what is overdue, then lease up to `limit` due heads of the lane."""
    for entry in await repository.unscoped_lock_overdue(uow.session, lane=lane, now=now):
        _free(uow, entry, desk=desk, now=now)
    await uow.session.flush()
    entries = await repository.unscoped_claim(
        uow.session,
        lane=lane,
        worker=desk.worker,
        now=now,
        lease_until=now + desk.lease,
        limit=limit,
    )
    for entry in entries:
        _append(uow, entry, desk=desk, step=AttemptStep.CLAIMED, now=now)
    return [_claimed(entry, until=now + desk.lease) for entry in entries]


async def start(uow: UnitOfWork, held: Claim, *, desk: Desk, now: datetime) -> bool:
    """Write down that a call, or a question, is about to begin; False if the lease lost its say.

    Committed before the first byte leaves, so that a crash never hides a call.
    """
    entry = await _fenced(uow, held)
    if entry is None or not may_call(lease_until=held.lease_until, lease=desk.lease, now=now):
        _let_go(uow, held, desk=desk, now=now, code=OutcomeCode.LEASE_OVER)
        return False
    if held.state is EntryState.LEASED:
        entry.called_epoch = held.lease_epoch
        entry.quiet_until = max(held.lease_until, now + desk.policies[held.kind].quiet)
        step = AttemptStep.CALL_STARTED
    else:
        step = AttemptStep.QUERY_STARTED
    _append(uow, entry, desk=desk, step=step, now=now)
    return True


async def settle(
    uow: UnitOfWork,
    held: Claim,
    decide: Callable[[Standing], Settlement],
    *,
    desk: Desk,
    now: datetime,
    duration_ms: int,
) -> Settlement | None:
    """Store what came of a call or a question; None if the lease lost its say meanwhile."""
    entry = await _fenced(uow, held)
    if entry is None:
        _let_go(uow, held, desk=desk, now=now, code=OutcomeCode.LEASE_OVER)
        return None
    settlement = decide(_standing(entry, desk))
    _store(entry, settlement, now=now)
    asked = held.state is EntryState.UNKNOWN
    uow.session.add(
        DeliveryAttempt(
            attempt_id=new_uuid(),
            entry_id=entry.entry_id,
            lease_epoch=held.lease_epoch,
            step=AttemptStep.QUERY_ANSWERED if asked else AttemptStep.ANSWERED,
            at=now,
            made_by=desk.worker,
            result=settlement.code,
            http_status=settlement.http_status,
            partner_ref=settlement.partner_ref,
            duration_ms=duration_ms,
        )
    )
    if settlement.state is EntryState.CONFIRMED and entry.lane in _AUDITED_WHEN_CONFIRMED:
        await _audit(uow, entry, now=now)
    if settlement.state is EntryState.PARKED:
        _append(uow, entry, desk=desk, step=AttemptStep.PARKED, now=now, code=settlement.code)
    return settlement


async def give_back(uow: UnitOfWork, held: Claim, *, desk: Desk, now: datetime) -> None:
    """Return an entry whose call was not started, because the worker stops."""
    entry = await _fenced(uow, held)
    if entry is None:
        return
    if held.state is EntryState.LEASED:
        entry.state = advance(held.state, EntryStep.PUT_OFF)
    entry.lease_owner = entry.lease_until = None
    entry.attempts -= 1
    entry.next_at = now
    _append(uow, entry, desk=desk, step=AttemptStep.RELEASED, now=now, code=OutcomeCode.STOPPED)


async def _audit(uow: UnitOfWork, entry: LedgerEntry, *, now: datetime) -> None:
    """Record that a patient's data has left, with the outcome itself."""
    await audit.record(
        uow,
        by=Actor.of_job(Job.DELIVERY_WORKER, ClinicId(entry.clinic_id)),
        now=now,
        event=_AUDITED_WHEN_CONFIRMED[entry.lane],
        # Of an emergency access the ledger names the access: it is about no visit.
        visit_id=None if entry.kind in TO_AUDITORS else entry.subject_id,
        subject_id=entry.entry_id,
        facts={"kind": entry.kind},
    )


def _free(uow: UnitOfWork, entry: LedgerEntry, *, desk: Desk, now: datetime) -> None:
    """Move one entry whose lease, word or usefulness ran out."""
    step, code = AttemptStep.LEASE_EXPIRED, OutcomeCode.LEASE_OVER
    was_called = entry.called_epoch == entry.lease_epoch
    next_at = now
    match entry.state:
        case EntryState.LEASED if was_called:
            entry.state, next_at = lost(
                _standing(entry, desk), EntryStep.LEASE_OVER_CALLED, now=now, draw=desk.draw()
            )
        case EntryState.LEASED:
            entry.state = advance(entry.state, EntryStep.LEASE_OVER_UNCALLED)
        case EntryState.UNKNOWN:
            entry.state = advance(entry.state, EntryStep.STILL_UNKNOWN)
        case EntryState.SENT:
            entry.state = advance(entry.state, EntryStep.CONFIRM_OVERDUE)
            code = OutcomeCode.CONFIRM_OVERDUE
        case _:
            entry.state = advance(entry.state, EntryStep.EXPIRE)
            step, code, entry.settled_at = AttemptStep.CANCELLED, OutcomeCode.EXPIRED, now
    entry.lease_owner = entry.lease_until = entry.confirm_by = None
    entry.state_since, entry.next_at, entry.last_code = now, next_at, code
    _append(uow, entry, desk=desk, step=step, now=now, code=code)


def _store(entry: LedgerEntry, settlement: Settlement, *, now: datetime) -> None:
    if settlement.state is not entry.state:
        entry.state_since = now
    entry.state = settlement.state
    entry.next_at = settlement.next_at
    entry.confirm_by = settlement.confirm_by
    entry.lease_owner = entry.lease_until = None
    entry.settled_at = now if settlement.is_settled else None
    entry.partner_ref = settlement.partner_ref or entry.partner_ref
    entry.last_code = settlement.code
    if not settlement.counts:
        entry.attempts -= 1


async def _fenced(uow: UnitOfWork, held: Claim) -> LedgerEntry | None:
    return await repository.unscoped_lock_fenced(
        uow.session, held.entry_id, lease_epoch=held.lease_epoch, state=held.state
    )


def _standing(entry: LedgerEntry, desk: Desk) -> Standing:
    return Standing(
        state=entry.state,
        attempts=entry.attempts,
        give_up_at=entry.give_up_at,
        quiet_until=entry.quiet_until,
        policy=desk.policies[entry.kind],
    )


def _claimed(entry: LedgerEntry, *, until: datetime) -> Claim:
    return Claim(
        entry_id=entry.entry_id,
        clinic_id=ClinicId(entry.clinic_id),
        subject_id=entry.subject_id,
        kind=entry.kind,
        key=entry.key,
        message_id=entry.message_id,
        payload=json.loads(entry.payload),
        state=entry.state,
        lease_epoch=entry.lease_epoch,
        lease_until=until,
    )


def _let_go(uow: UnitOfWork, held: Claim, *, desk: Desk, now: datetime, code: OutcomeCode) -> None:
    uow.session.add(
        DeliveryAttempt(
            attempt_id=new_uuid(),
            entry_id=held.entry_id,
            lease_epoch=held.lease_epoch,
            step=AttemptStep.RELEASED,
            at=now,
            made_by=desk.worker,
            result=code,
        )
    )


def _append(
    uow: UnitOfWork,
    entry: LedgerEntry,
    *,
    desk: Desk,
    step: AttemptStep,
    now: datetime,
    code: OutcomeCode | None = None,
) -> None:
    uow.session.add(
        DeliveryAttempt(
            attempt_id=new_uuid(),
            entry_id=entry.entry_id,
            lease_epoch=entry.lease_epoch,
            step=step,
            at=now,
            made_by=desk.worker,
            result=code,
        )
    )
