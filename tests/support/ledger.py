"""Helps tests of the delivery ledger: owe something, work it off, look at it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from telehealth.contract import ClinicId
from telehealth.delivery import actions
from telehealth.delivery.bookkeeping import Desk
from telehealth.delivery.lanes import LEASE, POLICY, Lane, OwedEvent
from telehealth.delivery.ports import Deliverer
from telehealth.delivery.runner import LaneRunner, Pace
from telehealth.delivery.tables import DeliveryAttempt, LedgerEntry
from telehealth.platform.clock import Clock
from telehealth.platform.db import Database

CLINIC = ClinicId(UUID("0192f0c0-0000-7000-8000-00000000c111"))


def visit_facts(visit_id: UUID, **changed: Any) -> dict[str, Any]:
    """Return the facts of a completed visit of an invented patient."""
    return {
        "visit_id": str(visit_id),
        "appointment_id": str(uuid4()),
        "patient": {
            "medical_record_number": "DEMO-0001",
            "given": "Rosa",
            "family": "Samplewood",
            "birth_on": "1958-03-14",
        },
        "provider": {"npi": "2000000010", "given": "Dana", "family": "Exemplar"},
        "started_at": "2030-03-04T15:00:00Z",
        "ended_at": "2030-03-04T15:20:30Z",
        "note": {
            "version": 1,
            "text": "Invented note: résumé of a pretend visit.",
            "signed_at": "2030-03-04T15:25:00Z",
        },
        **changed,
    }


async def owe_chart(
    database: Database,
    clock: Clock,
    visit_id: UUID,
    *,
    clinic_id: ClinicId = CLINIC,
    **changed: Any,
) -> None:
    """Record a completed visit."""
    async with database.unit_of_work() as uow:
        await actions.record(
            uow,
            now=clock.now(),
            event=OwedEvent.VISIT_COMPLETED,
            clinic_id=clinic_id,
            subject_id=visit_id,
            version=1,
            facts=visit_facts(visit_id, **changed),
        )


async def owe_room(
    database: Database,
    clock: Clock,
    visit_id: UUID,
    *,
    version: int = 1,
    event: OwedEvent = OwedEvent.VISIT_CHANGED,
) -> None:
    """Record a room event."""
    async with database.unit_of_work() as uow:
        await actions.record(
            uow,
            now=clock.now(),
            event=event,
            clinic_id=CLINIC,
            subject_id=visit_id,
            version=version,
            facts={"visit_id": str(visit_id), "participant_id": None, "version": str(version)},
        )


def desk(worker: str = "worker-1", *, draw: float = 0.5) -> Desk:
    """Return a desk whose dice always fall the same way."""
    return Desk(worker=worker, lease=LEASE, policies=POLICY, draw=lambda: draw)


def runner_for(
    database: Database,
    deliverer: Deliverer,
    clock: Clock,
    *,
    lane: Lane = Lane.EHR,
    worker: str = "worker-1",
) -> LaneRunner:
    """Return a runner on a clock that stands still."""
    return LaneRunner(
        lane=lane,
        database=database,
        deliverer=deliverer,
        clock=clock,
        desk=desk(worker),
        pace=Pace(poll=timedelta(milliseconds=20)),
    )


async def entries(database: Database) -> Sequence[LedgerEntry]:
    """Return all entries in the order they were recorded."""
    async with database.reading() as session:
        statement = select(LedgerEntry).order_by(LedgerEntry.created_at, LedgerEntry.order_no)
        found = (await session.scalars(statement)).all()
        session.expunge_all()
        return found


async def attempts(database: Database) -> Sequence[DeliveryAttempt]:
    """Return all tries, about in their order."""
    async with database.reading() as session:
        statement = select(DeliveryAttempt).order_by(DeliveryAttempt.attempt_id)
        found = (await session.scalars(statement)).all()
        session.expunge_all()
        return found


async def states(database: Database) -> Mapping[str, str]:
    """Return state by kind."""
    return {entry.kind.value: entry.state.value for entry in await entries(database)}
