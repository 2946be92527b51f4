"""Remove what is no longer kept, a batch a transaction; each says in the trail what went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import PersonId
from telehealth.identity import actions as identity
from telehealth.platform.db import UnitOfWork
from telehealth.privacy import repository, retention
from telehealth.privacy.retention import DataClass, TableRule
from telehealth.privacy.tables import RetentionRun

EVERY: Final = timedelta(hours=24)
BATCH_ROWS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """How much of one kind would go now."""

    data_class: DataClass
    table: str
    rows: int


async def due(uow: UnitOfWork, *, by: Actor, now: datetime) -> Sequence[Due]:
    """Count what is due in the clinic of the job, and remove nothing.

    A patient's record counts once, as one row of `people`.
    """
    by.require_job(Job.SWEEP)
    found = []
    for rule in retention.by_age():
        before = retention.cutoff(rule.data_class, now=now)
        if before is None:
            continue
        rows = await repository.unscoped_count_due(
            uow.session, rule, clinic_id=by.clinic_id, before=before
        )
        found.append(Due(data_class=rule.data_class, table=rule.table, rows=rows))
    records = await records_due(uow, by=by, now=now)
    found.append(Due(data_class=DataClass.CLINICAL_RECORD, table="people", rows=len(records)))
    return found


async def remove_by_age(
    uow: UnitOfWork, *, by: Actor, now: datetime, rule: TableRule, limit: int = BATCH_ROWS
) -> int:
    """Remove one batch of rows that have reached their age; return how many.

    Raises:
        NotPermitted: Not the job that removes.
    """
    by.require_job(Job.SWEEP)
    before = retention.cutoff(rule.data_class, now=now)
    if before is None:
        return 0
    taken = await repository.unscoped_remove_due(
        uow.session, rule, clinic_id=by.clinic_id, before=before, limit=limit
    )
    if taken:
        await _record(uow, by, now, rule.data_class, taken)
    return taken


async def records_due(
    uow: UnitOfWork, *, by: Actor, now: datetime, patient_id: UUID | None = None
) -> Sequence[UUID]:
    """Return the patients whose whole record is due, or the one asked for if theirs is.

    Raises:
        NotPermitted: Not the job that removes.
    """
    by.require_job(Job.SWEEP)
    before = retention.cutoff(DataClass.CLINICAL_RECORD, now=now)
    if before is None:
        return []
    last = await repository.unscoped_last_visits(
        uow.session, clinic_id=by.clinic_id, before=before, patient_id=patient_id
    )
    born = await identity.birth_dates(uow, by=by, person_ids=[PersonId(each) for each in last])
    return sorted(
        each
        for each, last_visit_at in last.items()
        if retention.is_record_due(
            last_visit_at=last_visit_at, born_on=born.get(PersonId(each)), now=now
        )
    )


async def remove_record(uow: UnitOfWork, *, by: Actor, now: datetime, patient_id: UUID) -> int:
    """Remove one patient's whole record, with every index made from it; return how many rows.

    Whether it is due, and not on hold, is looked at again inside this transaction.

    Raises:
        NotPermitted: Not the job that removes.
    """
    by.require_job(Job.SWEEP)
    if not await records_due(uow, by=by, now=now, patient_id=patient_id):
        return 0
    taken = 0
    for rule in retention.of_record():
        taken += await repository.unscoped_remove_of_patients(
            uow.session, rule, clinic_id=by.clinic_id, patient_ids=[patient_id]
        )
    await _record(uow, by, now, DataClass.CLINICAL_RECORD, taken, patient_id=patient_id)
    return taken


async def begin_run(uow: UnitOfWork, *, by: Actor, now: datetime) -> bool:
    """Claim today's run for this clinic; False when it was made in the last 24 hours."""
    by.require_job(Job.SWEEP)
    last = await repository.unscoped_run(uow.session, by.clinic_id)
    if last is None:
        uow.session.add(RetentionRun(clinic_id=by.clinic_id, ran_at=now))
        return True
    if now - last.ran_at < EVERY:
        return False
    last.ran_at = now
    return True


async def _record(
    uow: UnitOfWork,
    by: Actor,
    now: datetime,
    data_class: DataClass,
    rows: int,
    *,
    patient_id: UUID | None = None,
) -> None:
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.RETENTION_REMOVED,
        patient_id=patient_id,
        facts={"kind": data_class, "rows": rows},
    )
