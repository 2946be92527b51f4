"""The call and what follows: connected, finished, back again, Done."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Permission
from telehealth.audit.events import AuditEvent
from telehealth.delivery import actions as delivery
from telehealth.delivery.lanes import JsonValue, OwedEvent
from telehealth.identity import actions as identity
from telehealth.platform.db import UnitOfWork
from telehealth.visits import repository
from telehealth.visits.actions import consenting
from telehealth.visits.actions.invitations import end_invitations
from telehealth.visits.actions.steps import lock, locked, move, owe_room, recorded, take_step
from telehealth.visits.cards import VisitCard
from telehealth.visits.errors import OpenItemsLeft
from telehealth.visits.lifecycle import VisitState, VisitStep

NOTE_UNSIGNED: Final = "note.unsigned"


async def connect(uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID) -> None:
    """Note that both media are connected: Called becomes In call; told by signaling only."""
    by.require_job(Job.SIGNALING)
    visit = await repository.unscoped_lock_visit(uow.session, visit_id)
    if visit is None or visit.state is not VisitState.CALLED:
        return
    move(visit, VisitStep.CONNECT, now=now)
    card = await recorded(uow, by, now, visit, AuditEvent.VISIT_CONNECTED)
    await owe_room(uow, now, card, OwedEvent.VISIT_CHANGED, None)


async def finish(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, version: int
) -> VisitCard:
    """Finish the visit: the call is over, wrap-up begins; the patient's seat ends.

    Raises:
        NotPermitted, VisitUnknown, VisitMoved, IllegalVisitStep: As `take_step`.
    """
    by.require(Permission.CONDUCT_VISIT)
    visit = await locked(uow, by, visit_id, version=version)
    move(visit, VisitStep.FINISH, now=now)
    visit.ended_at = visit.finished_at = now
    card = await recorded(uow, by, now, visit, AuditEvent.VISIT_FINISHED)
    await owe_room(uow, now, card, OwedEvent.VISIT_CHANGED, None)
    return card


async def rejoin(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, version: int
) -> VisitCard:
    """Go back from wrap-up to the call.

    Raises:
        ConsentMissing, ConsentWithdrawn: The patient's consent does not stand.
        NotPermitted, VisitUnknown, VisitMoved, IllegalVisitStep: As `take_step`.
    """
    by.require(Permission.CONDUCT_VISIT)
    card = await lock(uow, by=by, visit_id=visit_id)
    await consenting.require(uow, by=by, now=now, card=card)
    return await take_step(
        uow,
        by=by,
        now=now,
        visit_id=visit_id,
        step=VisitStep.REJOIN,
        event=AuditEvent.VISIT_REOPENED_CALL,
        version=version,
        owed=OwedEvent.VISIT_CALLED_IN,
    )


async def close(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    visit_id: UUID,
    version: int,
    note: Mapping[str, JsonValue] | None,
) -> VisitCard:
    """Close the visit: Done.  The room ends, and the chart is owed the visit and its note.

    Args:
        uow: The transaction.
        by: The provider of the visit.
        now: Aware instant.
        visit_id: Which.
        version: What the provider saw.
        note: The signed note (version, text, signed_at), given by charting.

    Raises:
        OpenItemsLeft: Something blocking is not settled; its codes are told.
        NotPermitted, VisitUnknown, VisitMoved, IllegalVisitStep: As `take_step`.
    """
    by.require(Permission.CONDUCT_VISIT)
    visit = await locked(uow, by, visit_id, version=version)
    blocking = [code for code, blocks in await open_items(uow, visit_id=visit_id) if blocks]
    if blocking:
        raise OpenItemsLeft(blocking)
    move(visit, VisitStep.CLOSE, now=now)
    visit.closed_at = now
    card = await recorded(uow, by, now, visit, AuditEvent.VISIT_CLOSED)
    await end_invitations(uow, now=now, card=card)
    await owe_room(uow, now, card, OwedEvent.VISIT_ENDED, None)
    await delivery.record(
        uow,
        now=now,
        event=OwedEvent.VISIT_COMPLETED,
        clinic_id=card.clinic_id,
        subject_id=card.visit_id,
        version=card.version,
        facts=await _chart_facts(uow, by, now, card, note),
        patient_id=card.patient_id,
    )
    return card


async def open_items(uow: UnitOfWork, *, visit_id: UUID) -> list[tuple[str, bool]]:
    """Return (code, is_blocking) of what a visit the caller may see still owes."""
    found = await repository.unscoped_open_items(uow.session, [visit_id])
    return [(item.code, item.is_blocking) for item in found]


async def owing(uow: UnitOfWork, *, visit_ids: Collection[UUID], code: str) -> set[UUID]:
    """Return those of the visits, all of which the caller may see, that still owe `code`."""
    found = await repository.unscoped_open_items(uow.session, visit_ids)
    return {item.visit_id for item in found if item.code == code}


async def settle_item(uow: UnitOfWork, *, visit_id: UUID, code: str, now: datetime) -> None:
    """Note that something the visit owed is done."""
    await repository.unscoped_settle(uow.session, visit_id, code, now=now)
    await uow.session.flush()


async def _chart_facts(
    uow: UnitOfWork,
    by: Actor,
    now: datetime,
    card: VisitCard,
    note: Mapping[str, JsonValue] | None,
) -> dict[str, JsonValue]:
    """Gather what the chart needs to know, as it stands at this moment."""
    people = await identity.person_cards(uow, by=by, person_ids=[card.patient_id, card.provider_id])
    patient, provider = people[card.patient_id], people[card.provider_id]
    born = patient.birth_on
    return {
        "visit_id": str(card.visit_id),
        "appointment_id": str(card.appointment_id),
        "patient": {
            "medical_record_number": patient.medical_record_number,
            "given": patient.given,
            "family": patient.family,
            "birth_on": None if born is None else born.isoformat(),
        },
        "provider": {
            "npi": provider.npi,
            "given": provider.given,
            "family": provider.family,
        },
        "started_at": (card.started_at or card.waiting_since or now).isoformat(),
        "ended_at": (card.ended_at or now).isoformat(),
        "note": None if note is None else dict(note),
    }
