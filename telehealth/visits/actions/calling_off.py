"""A visit that does not take place: cancelled, or nobody came."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit.events import AuditEvent
from telehealth.delivery.lanes import OwedEvent
from telehealth.platform.db import UnitOfWork
from telehealth.scheduling import actions as scheduling
from telehealth.visits.actions.invitations import end_invitations
from telehealth.visits.actions.sight import cards
from telehealth.visits.actions.steps import locked, move, noted, owe_room, recorded, take_step
from telehealth.visits.cards import VisitCard
from telehealth.visits.errors import UndoTooLate
from telehealth.visits.lifecycle import CancelReason, VisitState, VisitStep

UNDO_NO_SHOW_WITHIN: Final = timedelta(minutes=60)


async def cancel(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    visit_id: UUID,
    version: int,
    reason: CancelReason,
) -> VisitCard:
    """Cancel a visit and its appointment, with a reason; whoever sits in its room is told.

    Raises:
        NotPermitted, VisitUnknown, VisitMoved, IllegalVisitStep: As `take_step`.
    """
    by.require(Permission.CANCEL_VISIT)
    visit = await locked(uow, by, visit_id, version=version)
    move(visit, VisitStep.CANCEL, now=now)
    visit.cancel_reason = reason
    await scheduling.cancel(uow, by=by, appointment_id=visit.appointment_id)
    card = (await cards(uow, [visit]))[0]
    await end_invitations(uow, now=now, card=card)
    await noted(uow, by, now, AuditEvent.VISIT_CANCELLED, card, reason=reason)
    await owe_room(uow, now, card, OwedEvent.VISIT_ENDED, None)
    return card


async def mark_no_show(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, version: int
) -> VisitCard:
    """Mark that the patient did not come; can be undone for 60 minutes."""
    by.require(Permission.MARK_NO_SHOW)
    return await take_step(
        uow,
        by=by,
        now=now,
        visit_id=visit_id,
        step=VisitStep.MARK_NO_SHOW,
        event=AuditEvent.VISIT_MARKED_NO_SHOW,
        version=version,
        owed=OwedEvent.VISIT_CHANGED,
    )


async def undo_no_show(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, version: int
) -> VisitCard:
    """Undo a No-show within 60 minutes: the visit stands where it stood before.

    Raises:
        UndoTooLate: More than 60 minutes have passed.
    """
    by.require(Permission.MARK_NO_SHOW)
    visit = await locked(uow, by, visit_id, version=version)
    if visit.state is VisitState.NO_SHOW and now - visit.state_since > UNDO_NO_SHOW_WITHIN:
        raise UndoTooLate(visit_id=visit_id)
    move(visit, VisitStep.UNDO_NO_SHOW, now=now)
    return await recorded(uow, by, now, visit, AuditEvent.VISIT_RETURNED)
