"""The patient comes."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit.events import AuditEvent
from telehealth.platform.db import UnitOfWork
from telehealth.visits.actions.sight import cards, come_answer
from telehealth.visits.actions.steps import locked, move, recorded
from telehealth.visits.cards import VisitCard, card_of
from telehealth.visits.errors import TooEarly, TooLate
from telehealth.visits.lifecycle import VisitState, VisitStep
from telehealth.visits.may_join import ComeCode

COME_BACK_WITHIN: Final = timedelta(minutes=30)


async def open_by_patient(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID
) -> VisitCard:
    """Note that the patient has come: Not arrived becomes Checking in, Left comes back.

    Repeated safely: a visit that is further on stays where it is.

    Raises:
        VisitUnknown: Not the actor's visit.
        TooEarly: Before the window.
        TooLate: After it, or the visit is over.
    """
    by.require(Permission.ATTEND_OWN_VISIT)
    visit = await locked(uow, by, visit_id)
    if visit.state not in {VisitState.SCHEDULED, VisitState.NO_SHOW, VisitState.LEFT}:
        return (await cards(uow, [visit]))[0]
    answer = await come_answer(uow, by=by, now=now, card=card_of(visit, []))
    if answer.code is ComeCode.EARLY:
        raise TooEarly(visit_id=visit_id)
    if not answer.is_allowed:
        raise TooLate(visit_id=visit_id)
    is_soon = now - visit.state_since <= COME_BACK_WITHIN
    step = VisitStep.OPEN
    if visit.state is VisitState.LEFT and is_soon and visit.state_before is not None:
        step = VisitStep.COME_BACK
    move(visit, step, now=now)
    return await recorded(uow, by, now, visit, AuditEvent.VISIT_OPENED)
