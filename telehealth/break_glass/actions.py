"""Break the glass, read what is behind it, close it again; each in the audit trail."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.break_glass import repository
from telehealth.break_glass.errors import AccessEnded, AccessUnknown, AnotherOpen
from telehealth.break_glass.rules import LASTS, EndedHow, check_reason, is_open
from telehealth.break_glass.tables import OpenedRecord
from telehealth.charting import actions as charting
from telehealth.contract import ClinicId, PersonId
from telehealth.delivery import actions as delivery
from telehealth.delivery.lanes import OwedEvent
from telehealth.identity import actions as identity
from telehealth.identity import finding
from telehealth.identity.errors import PersonUnknown, SeveralPatients
from telehealth.identity.finding import SoughtPatient
from telehealth.identity.proofs import require_fresh
from telehealth.identity.step_up import Act
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid
from telehealth.platform.sealing.errors import SealedErased
from telehealth.scheduling import actions as scheduling
from telehealth.visits.actions import sight
from telehealth.visits.cards import VisitCard


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessCard:
    """One opened record: whose, for whom, why, until when."""

    access_id: UUID
    person_id: PersonId
    patient_id: PersonId
    reason: str = field(repr=False)
    opened_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    ended_how: EndedHow | None
    reads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedAccess:
    """One opened record, as a reviewer reads it; a name is None where the person was erased."""

    access: AccessCard
    person_name: str | None = field(repr=False)
    patient_name: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastVisit:
    """One visit of the patient, with what was written."""

    card: VisitCard
    starts_at: datetime | None
    provider_name: str | None
    note: charting.Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is behind the glass."""

    access: AccessCard
    patient: identity.PersonCard
    visits: Sequence[PastVisit]


async def open_record(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    session_id: UUID | None,
    sought: SoughtPatient,
    reason: str,
) -> AccessCard | PersonUnknown | SeveralPatients:
    """Open one patient's record to the actor for an hour, and have the auditors told.

    Returns:
        The access; or the refusal, to be raised once the entry about the try is kept: no patient
        of this clinic has this number or name and this birth date, or two have.

    Raises:
        NotPermitted: The role may not.
        StepUpNeeded: The session has shown nothing lately.
        SessionEnded: The session has no account behind it.
        ReasonTooShort: The reason says nothing.
        AnotherOpen: The actor has a record open already.
    """
    by.require(Permission.BREAK_GLASS)
    await require_fresh(uow, session_id=session_id, act=Act.BREAK_GLASS, now=now)
    kept = check_reason(reason)
    try:
        patient_id = await finding.patient_sought(uow, by=by, sought=sought)
    except (PersonUnknown, SeveralPatients) as refusal:
        # Numbers and names could be tried one by one; whoever does leaves a trace.
        await audit.record(uow, by=by, now=now, event=AuditEvent.EMERGENCY_REFUSED)
        return refusal
    if await _open_one(uow, by, now) is not None or by.person_id is None or session_id is None:
        raise AnotherOpen
    opened = OpenedRecord(
        id=new_uuid(),
        clinic_id=by.clinic_id,
        person_id=by.person_id,
        patient_id=patient_id,
        session_id=session_id,
        reason=kept,
        opened_at=now,
        ends_at=now + LASTS,
        ended_at=None,
        ended_how=None,
        reads=0,
    )
    await repository.add(uow.session, opened)
    await _record(uow, by, now, AuditEvent.EMERGENCY_OPENED, opened)
    await _tell(uow, by, now, opened)
    return _card_of(opened)


async def read_record(
    uow: UnitOfWork, *, by: Actor, now: datetime, session_id: UUID | None, access_id: UUID
) -> Record:
    """Return the record behind the glass; each reading is audited.

    Raises:
        NotPermitted: The role may not.
        AccessUnknown: Not opened by the actor, or not under this login session.
        AccessEnded: The hour is over, or it was closed.
    """
    by.require(Permission.BREAK_GLASS)
    opened = await _own(uow, by, access_id)
    if opened.session_id != session_id:
        raise AccessUnknown(access_id=access_id)
    if not is_open(ends_at=opened.ends_at, ended_at=opened.ended_at, now=now):
        raise AccessEnded(access_id=access_id)
    opened.reads += 1
    patient_id = PersonId(opened.patient_id)
    cards = await sight.see_of_patient(uow, clinic_id=by.clinic_id, patient_id=patient_id)
    people = await identity.person_cards(
        uow, by=by, person_ids={patient_id, *(card.provider_id for card in cards)}
    )
    visits = [await _past(uow, card, people) for card in cards]
    await _record(uow, by, now, AuditEvent.EMERGENCY_VIEWED, opened, visits=len(visits))
    return Record(access=_card_of(opened), patient=people[patient_id], visits=visits)


async def current(
    uow: UnitOfWork, *, by: Actor, now: datetime, session_id: UUID | None
) -> AccessCard | None:
    """Return the access that is open to the actor in this login session, for the banner."""
    by.require(Permission.BREAK_GLASS)
    opened = await _open_one(uow, by, now)
    if opened is None or opened.session_id != session_id:
        return None
    return _card_of(opened)


async def end(uow: UnitOfWork, *, by: Actor, now: datetime, access_id: UUID) -> AccessCard:
    """Close an opened record by hand; closed already is closed.

    Raises:
        NotPermitted: The role may not.
        AccessUnknown: Not opened by the actor.
    """
    by.require(Permission.BREAK_GLASS)
    opened = await _own(uow, by, access_id)
    if opened.ended_at is None:
        is_over = now >= opened.ends_at
        await _end(uow, by, now, opened, EndedHow.BY_TIME if is_over else EndedHow.BY_HAND)
    return _card_of(opened)


async def review(uow: UnitOfWork, *, by: Actor, now: datetime) -> Sequence[ReviewedAccess]:
    """List who broke the glass, whose record, why: open ones first; the reading is audited.

    Raises:
        NotPermitted: The role reviews no emergency access.
    """
    by.require(Permission.REVIEW_BREAK_GLASS)
    found = await repository.latest(uow.session, actor=by)
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.EMERGENCIES_VIEWED,
        facts={"rows": len(found)},
    )
    people = await identity.person_cards(
        uow,
        by=by,
        person_ids={PersonId(id_) for each in found for id_ in (each.person_id, each.patient_id)},
    )
    names = {person_id: card.full_name for person_id, card in people.items()}
    return [
        ReviewedAccess(
            access=_card_of(opened),
            person_name=names.get(PersonId(opened.person_id)),
            patient_name=names.get(PersonId(opened.patient_id)),
        )
        for opened in found
    ]


async def sweep(uow: UnitOfWork, *, now: datetime) -> int:
    """End every access whose hour is over; returns how many."""
    due = await repository.unscoped_lock_due(uow.session, now=now)
    for opened in due:
        by = Actor.of_job(Job.SWEEP, ClinicId(opened.clinic_id))
        await _end(uow, by, now, opened, EndedHow.BY_TIME)
    return len(due)


async def _own(uow: UnitOfWork, by: Actor, access_id: UUID) -> OpenedRecord:
    opened = await repository.lock(uow.session, access_id, actor=by)
    if opened is None or opened.person_id != by.person_id:
        raise AccessUnknown(access_id=access_id)
    return opened


async def _open_one(uow: UnitOfWork, by: Actor, now: datetime) -> OpenedRecord | None:
    """Return the actor's open access, ending one whose hour is over on the way."""
    opened = await repository.lock_unended(uow.session, actor=by)
    if opened is not None and now >= opened.ends_at:
        await _end(uow, by, now, opened, EndedHow.BY_TIME)
        return None
    return opened


async def _tell(uow: UnitOfWork, by: Actor, now: datetime, opened: OpenedRecord) -> None:
    """Owe each auditor a notice; neither whose record nor why stands in it."""
    for auditor_id in await finding.told_auditors(uow, clinic_id=by.clinic_id):
        await delivery.record(
            uow,
            now=now,
            event=OwedEvent.BREAK_GLASS_OPENED,
            clinic_id=by.clinic_id,
            subject_id=opened.id,
            version=1,
            facts={
                "template": "break_glass",
                "person_id": str(auditor_id),
                "opened_at": now.isoformat(),
            },
        )


async def _past(
    uow: UnitOfWork, card: VisitCard, people: dict[PersonId, identity.PersonCard]
) -> PastVisit:
    times = await scheduling.times_behind_link(uow, appointment_id=card.appointment_id)
    provider = people.get(card.provider_id)
    return PastVisit(
        card=card,
        starts_at=None if times is None else times.starts_at,
        provider_name=None if provider is None else provider.full_name,
        note=await charting.state_of(uow, visit_id=card.visit_id),
    )


async def _end(
    uow: UnitOfWork, by: Actor, now: datetime, opened: OpenedRecord, how: EndedHow
) -> None:
    opened.ended_at, opened.ended_how = now, how
    await uow.session.flush()
    await _record(uow, by, now, AuditEvent.EMERGENCY_ENDED, opened, how=how, reads=opened.reads)


async def _record(
    uow: UnitOfWork,
    by: Actor,
    now: datetime,
    event: AuditEvent,
    opened: OpenedRecord,
    **facts: EndedHow | int,
) -> None:
    await audit.record(
        uow,
        by=by,
        now=now,
        event=event,
        patient_id=opened.patient_id,
        subject_id=opened.id,
        facts=facts,
    )


def _card_of(opened: OpenedRecord) -> AccessCard:
    return AccessCard(
        access_id=opened.id,
        person_id=PersonId(opened.person_id),
        patient_id=PersonId(opened.patient_id),
        reason=_reason_of(opened),
        opened_at=opened.opened_at,
        ends_at=opened.ends_at,
        ended_at=opened.ended_at,
        ended_how=opened.ended_how,
        reads=opened.reads,
    )


def _reason_of(opened: OpenedRecord) -> str:
    try:
        return opened.reason
    except SealedErased:
        # The patient was erased, and with them what was said of them.
        return "—"
