"""A patient asks for a correction; somebody at the clinic accepts it, or denies it with a ground.

An accepted correction is not an edit by itself: what was signed stays, and the provider adds to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import PersonId
from telehealth.identity import actions as identity
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid
from telehealth.privacy import repository
from telehealth.privacy.corrections import CorrectionState, DenialReason, check_answer, due_on
from telehealth.privacy.errors import CorrectionUnknown, TooManyCorrections
from telehealth.privacy.tables import CorrectionRequest

MOST_OPEN: Final = 5
"""Requests of one patient that wait at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionCard:
    """One request, as the patient and the clinic read it."""

    request_id: UUID
    patient_id: PersonId
    patient_name: str | None
    said: str
    asked_at: datetime
    due_on: date
    state: CorrectionState
    denial_reason: DenialReason | None
    answer: str | None
    answered_at: datetime | None


async def ask(uow: UnitOfWork, *, by: Actor, now: datetime, said: str) -> CorrectionCard:
    """Keep what a patient says is wrong in the record.

    Raises:
        NotPermitted: Not a patient.
        TooManyCorrections: Five wait already.
    """
    by.require(Permission.ATTEND_OWN_VISIT)
    waiting = await repository.open_corrections(uow.session, actor=by)
    if len(waiting) >= MOST_OPEN or by.person_id is None:
        raise TooManyCorrections(count=len(waiting))
    request = CorrectionRequest(
        id=new_uuid(),
        clinic_id=by.clinic_id,
        patient_id=by.person_id,
        visit_id=by.visit_id,
        said=said,
        asked_at=now,
        due_on=due_on(now),
        state=CorrectionState.OPEN,
    )
    uow.session.add(request)
    await uow.session.flush()
    await _record(uow, by, now, AuditEvent.CORRECTION_ASKED, request)
    return _card(request, None)


async def own(uow: UnitOfWork, *, by: Actor) -> Sequence[CorrectionCard]:
    """Return what the patient asked for and what was answered; the caller records the look."""
    by.require(Permission.ATTEND_OWN_VISIT)
    return [_card(each, None) for each in await repository.corrections(uow.session, actor=by)]


async def waiting(uow: UnitOfWork, *, by: Actor, now: datetime) -> Sequence[CorrectionCard]:
    """Return what waits for an answer in the actor's clinic, the most urgent first.

    Raises:
        NotPermitted: The actor does not answer.
    """
    by.require(Permission.ANSWER_CORRECTION)
    found = await repository.open_corrections(uow.session, actor=by)
    people = await identity.person_cards(
        uow, by=by, person_ids=[PersonId(each.patient_id) for each in found]
    )
    for each in found:
        await _record(uow, by, now, AuditEvent.CORRECTION_VIEWED, each)
    names = {person_id: card.full_name for person_id, card in people.items()}
    return [_card(each, names.get(PersonId(each.patient_id))) for each in found]


async def answer(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    request_id: UUID,
    becomes: CorrectionState,
    reason: DenialReason | None,
    text: str,
) -> CorrectionCard:
    """Accept a correction, or deny it with a ground; the answer stands.

    Raises:
        NotPermitted: The actor does not answer.
        CorrectionUnknown: Not in the actor's clinic.
        CorrectionAnswered, ReasonMissing: As `check_answer`.
    """
    by.require(Permission.ANSWER_CORRECTION)
    request = await repository.lock_correction(uow.session, request_id, actor=by)
    if request is None:
        raise CorrectionUnknown
    check_answer(request.state, becomes=becomes, reason=reason, text=text)
    request.state, request.denial_reason, request.answer = becomes, reason, text
    request.answered_by, request.answered_at = by.person_id, now
    await uow.session.flush()
    await _record(uow, by, now, AuditEvent.CORRECTION_ANSWERED, request)
    return _card(request, None)


def _card(request: CorrectionRequest, patient_name: str | None) -> CorrectionCard:
    return CorrectionCard(
        request_id=request.id,
        patient_id=PersonId(request.patient_id),
        patient_name=patient_name,
        said=request.said,
        asked_at=request.asked_at,
        due_on=request.due_on,
        state=request.state,
        denial_reason=request.denial_reason,
        answer=request.answer,
        answered_at=request.answered_at,
    )


async def _record(
    uow: UnitOfWork, by: Actor, now: datetime, event: AuditEvent, request: CorrectionRequest
) -> None:
    await audit.record(
        uow,
        by=by,
        now=now,
        event=event,
        visit_id=request.visit_id,
        patient_id=request.patient_id,
        subject_id=request.id,
        facts={"state": request.state},
    )
