"""Check in, wait, be called; see who waits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.delivery.lanes import OwedEvent
from telehealth.identity import actions as identity
from telehealth.platform.db import UnitOfWork
from telehealth.visits.actions import consenting, steps
from telehealth.visits.cards import VisitCard
from telehealth.visits.consent import TextVersion
from telehealth.visits.errors import IllegalVisitStep, VisitMoved
from telehealth.visits.lifecycle import VisitState, VisitStep
from telehealth.waiting_room import repository
from telehealth.waiting_room.check_in import DeviceOutcome, DeviceResult, normal_number
from telehealth.waiting_room.errors import AlreadyCalled, CheckInMissing
from telehealth.waiting_room.polls import digest_of, is_due
from telehealth.waiting_room.tables import AuditedPoll, QueueEntry


async def check_in(  # noqa: PLR0913  (the form, member by member)
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    visit_id: UUID,
    place_state: str,
    place_address: str,
    call_back_number: str,
    text_id: str,
    consent_version: int,
    language: str,
    also_accepted: Collection[TextVersion] = (),
) -> VisitCard:
    """Take where the patient is, the number to call back, and the consent; repeatable.

    Raises:
        NotPermitted, VisitUnknown, IllegalVisitStep, ConsentMissing, CallBackNumberRefused.
    """
    by.require(Permission.ATTEND_OWN_VISIT)
    card = await steps.lock(uow, by=by, visit_id=visit_id)
    if card.state is not VisitState.CHECKING_IN:
        raise IllegalVisitStep(state=card.state)
    number = normal_number(call_back_number)
    await consenting.give(
        uow,
        by=by,
        now=now,
        card=card,
        accepted=[TextVersion(text_id, consent_version), *also_accepted],
        language=language,
        place_state=place_state,
    )
    entry = (await repository.unscoped_entries(uow.session, [visit_id])).get(visit_id)
    if entry is None:
        entry = QueueEntry(
            visit_id=visit_id,
            clinic_id=card.clinic_id,
            patient_id=card.patient_id,
            provider_id=card.provider_id,
            arrived_at=now,
        )
        uow.session.add(entry)
    entry.place_state, entry.place_address = place_state, place_address
    entry.call_back_number = number
    await uow.session.flush()
    await _audit(uow, by, now, AuditEvent.VISIT_CHECKED_IN, card)
    return card


async def record_device_check(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    visit_id: UUID,
    outcome: DeviceOutcome,
    parts: dict[str, DeviceResult],
) -> VisitCard:
    """Note how the devices fared; a patient who was checking in now waits.

    Raises:
        CheckInMissing: Place and number were not given yet.
        ConsentMissing, ConsentWithdrawn: The consent of today does not stand.
    """
    by.require(Permission.ATTEND_OWN_VISIT)
    card = await steps.lock(uow, by=by, visit_id=visit_id)
    entry = (await repository.unscoped_entries(uow.session, [visit_id])).get(visit_id)
    if entry is None:
        raise CheckInMissing(visit_id=visit_id)
    await consenting.require(uow, by=by, now=now, card=card)
    entry.outcome, entry.checked_at = outcome, now
    entry.microphone, entry.camera = parts["microphone"], parts["camera"]
    entry.speaker, entry.network = parts["speaker"], parts["network"]
    if card.state is not VisitState.CHECKING_IN:
        await _audit(uow, by, now, AuditEvent.VISIT_DEVICE_CHECKED, card)
        return card
    if card.waiting_since is None:
        entry.arrived_at = now
    return await steps.take_step(
        uow,
        by=by,
        now=now,
        visit_id=visit_id,
        step=VisitStep.CHECK_IN,
        event=AuditEvent.VISIT_DEVICE_CHECKED,
        owed=OwedEvent.VISIT_CHANGED,
    )


async def call(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, version: int
) -> VisitCard:
    """Call a waiting patient in; of two at once one wins.

    Raises:
        AlreadyCalled: Somebody was first; who and when is told.
        ConsentMissing, ConsentWithdrawn: The patient's consent does not stand.
        NotPermitted, VisitUnknown, VisitMoved, IllegalVisitStep.
    """
    by.require(Permission.CALL_PATIENT)
    card = await steps.lock(uow, by=by, visit_id=visit_id)
    entry = (await repository.unscoped_entries(uow.session, [visit_id])).get(visit_id)
    called = {VisitState.CALLED, VisitState.IN_CALL}
    if card.state in called and entry and entry.called_at and entry.called_by:
        people = await identity.person_cards(uow, by=by, person_ids=[card.provider_id])
        name = people[card.provider_id].full_name if card.provider_id in people else ""
        raise AlreadyCalled(called_by=name, called_at=entry.called_at)
    if card.version != version:
        raise VisitMoved(state=card.state, version=card.version)
    await consenting.require(uow, by=by, now=now, card=card)
    if entry is not None:
        entry.called_by, entry.called_at = by.person_id, now
    return await steps.take_step(
        uow,
        by=by,
        now=now,
        visit_id=visit_id,
        step=VisitStep.CALL,
        event=AuditEvent.VISIT_CALLED,
        version=version,
        owed=OwedEvent.VISIT_CALLED_IN,
    )


async def put_back(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, version: int
) -> VisitCard:
    """Put a called patient back; the place and the wait clock are kept."""
    by.require(Permission.CALL_PATIENT)
    return await steps.take_step(
        uow,
        by=by,
        now=now,
        visit_id=visit_id,
        step=VisitStep.PUT_BACK,
        event=AuditEvent.VISIT_PUT_BACK,
        version=version,
        owed=OwedEvent.VISIT_RETURNED,
    )


async def leave(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, version: int | None
) -> VisitCard:
    """Leave the waiting room; the place is kept for 30 minutes."""
    by.require(Permission.ATTEND_OWN_VISIT)
    return await steps.take_step(
        uow,
        by=by,
        now=now,
        visit_id=visit_id,
        step=VisitStep.LEAVE,
        event=AuditEvent.VISIT_LEFT,
        version=version,
        owed=OwedEvent.VISIT_CHANGED,
    )


async def stated_places(uow: UnitOfWork, *, visit_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return where the patient said to be, for visits the caller may see."""
    entries = await repository.unscoped_entries(uow.session, visit_ids)
    return {
        visit_id: f"{entry.place_address}, {entry.place_state}"
        for visit_id, entry in entries.items()
    }


async def audit_list(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    view: str,
    event: AuditEvent,
    shown: Sequence[VisitCard],
) -> None:
    """Record that a list was shown, if that is a new reading (`polls.py`)."""
    if by.person_id is None:
        return
    digest = digest_of([card.visit_id for card in shown])
    last = await repository.unscoped_poll(uow.session, by.person_id, view)
    if not is_due(
        shown=digest,
        last=last.digest if last else None,
        last_at=last.audited_at if last else None,
        now=now,
    ):
        return
    if last is None:
        last = AuditedPoll(person_id=by.person_id, view=view)
        uow.session.add(last)
    last.digest, last.audited_at = digest, now
    await uow.session.flush()
    for card in shown:
        await _audit(uow, by, now, event, card)


async def _audit(
    uow: UnitOfWork, by: Actor, now: datetime, event: AuditEvent, card: VisitCard
) -> None:
    await audit.record(
        uow, by=by, now=now, event=event, visit_id=card.visit_id, patient_id=card.patient_id
    )
