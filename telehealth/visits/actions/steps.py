"""What every step of a visit has in common: lock, move, record, tell the room."""

from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import AttendanceKind, ClinicId
from telehealth.delivery import actions as delivery
from telehealth.delivery.lanes import OwedEvent
from telehealth.platform.db import UnitOfWork
from telehealth.platform.errors import Loggable
from telehealth.visits import repository
from telehealth.visits.actions.sight import cards
from telehealth.visits.cards import VisitCard
from telehealth.visits.errors import VisitMoved, VisitUnknown
from telehealth.visits.lifecycle import VisitState, VisitStep, advance, before_leaving
from telehealth.visits.tables import Visit


async def lock(uow: UnitOfWork, *, by: Actor, visit_id: UUID) -> VisitCard:
    """Lock a visit the actor may see until the transaction ends.

    Raises:
        VisitUnknown: Absent or not visible.
    """
    return (await cards(uow, [await locked(uow, by, visit_id)]))[0]


async def take_step(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    visit_id: UUID,
    step: VisitStep,
    event: AuditEvent,
    version: int | None = None,
    owed: OwedEvent | None = None,
) -> VisitCard:
    """Move a visit the actor may see by one step; the caller has authorised it.

    Args:
        uow: The transaction.
        by: Whose visits are looked at.
        now: Aware instant.
        visit_id: Which.
        step: What moves it.
        event: What the audit trail says of it.
        version: What the caller saw; None where being late does no harm.
        owed: What signaling must hear about the patient's seat.

    Raises:
        VisitUnknown: Absent or not visible.
        VisitMoved: The caller saw an older version.
        IllegalVisitStep: The table has no such step.
    """
    visit = await locked(uow, by, visit_id, version=version)
    move(visit, step, now=now)
    card = await recorded(uow, by, now, visit, event)
    if owed is not None:
        patient = card.attendance_as(AttendanceKind.PATIENT)
        await owe_room(uow, now, card, owed, patient.participant_id if patient else None)
    return card


async def locked(
    uow: UnitOfWork, by: Actor, visit_id: UUID, *, version: int | None = None
) -> Visit:
    """Return the stored visit, locked until the transaction ends.

    Raises:
        VisitUnknown: Absent or not visible.
        VisitMoved: The caller saw an older version.
    """
    visit = await repository.lock_visit(uow.session, visit_id, actor=by)
    if visit is None:
        raise VisitUnknown(visit_id=visit_id)
    if version is not None and visit.version != version:
        raise VisitMoved(state=visit.state, version=visit.version)
    return visit


def move(visit: Visit, step: VisitStep, *, now: datetime) -> None:
    """Take one step of the table; everything that hangs on the new state is set here."""
    before = visit.state
    after = advance(before, step, before=visit.state_before)
    visit.state_before = before_leaving(before)
    visit.state, visit.state_since = after, now
    visit.version += 1
    if after is VisitState.WAITING:
        visit.waiting_since = visit.waiting_since or now
    if step is VisitStep.OPEN and before is VisitState.LEFT:
        visit.waiting_since = None  # a new arrival has a new wait clock
    if step is VisitStep.CONNECT and visit.started_at is None:
        visit.started_at = now


async def recorded(
    uow: UnitOfWork, by: Actor, now: datetime, visit: Visit, event: AuditEvent
) -> VisitCard:
    """Write the entry for a step just taken; return where the visit stands now."""
    card = (await cards(uow, [visit]))[0]
    await noted(uow, by, now, event, card)
    return card


async def noted(
    uow: UnitOfWork,
    by: Actor,
    now: datetime,
    event: AuditEvent,
    card: VisitCard,
    **facts: Loggable,
) -> None:
    """Write one entry about a visit."""
    await audit.record(
        uow,
        by=by,
        now=now,
        event=event,
        visit_id=card.visit_id,
        patient_id=card.patient_id,
        facts={"version": card.version, **facts},
    )


async def owe_room(
    uow: UnitOfWork, now: datetime, card: VisitCard, event: OwedEvent, participant_id: UUID | None
) -> None:
    """Owe the room of a visit one command; None as participant means everybody in it."""
    await delivery.record(
        uow,
        now=now,
        event=event,
        clinic_id=ClinicId(card.clinic_id),
        subject_id=card.visit_id,
        version=card.version,
        facts={
            "visit_id": str(card.visit_id),
            "participant_id": None if participant_id is None else str(participant_id),
            "version": card.version,
        },
    )
