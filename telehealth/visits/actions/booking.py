"""Book a visit with its appointment; give its patient a link, or another one."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import AttendanceKind, PersonId, VisitId
from telehealth.identity import actions as identity
from telehealth.identity import outgoing
from telehealth.identity.errors import PersonUnknown
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid
from telehealth.scheduling import actions as scheduling
from telehealth.visits.actions.conduct import NOTE_UNSIGNED
from telehealth.visits.actions.sight import see
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.may_join import LINK_LIVES_AFTER
from telehealth.visits.tables import Attendance, OpenItem, Visit

_CODE_ALPHABET: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing that reads as something else
_CODE_LENGTH: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedVisit:
    """A fresh visit and its patient's link, told this once."""

    visit_id: VisitId
    link_secret: str


async def book(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    patient_id: PersonId,
    provider_id: PersonId,
    starts_at: datetime,
    ends_at: datetime,
) -> BookedVisit:
    """Book an appointment together with its visit, and make the patient's link.

    Raises:
        NotPermitted: The actor may not book.
        PersonUnknown: Patient or provider is nobody the actor may see.
        SlotTaken: The provider has another appointment that begins then.
        TimesRefused: The times make no appointment.
    """
    if by.job is not Job.SETUP:
        by.require(Permission.BOOK_VISIT)
    await _require_known(uow, by, [patient_id, provider_id])
    appointment_id = await scheduling.book(
        uow,
        by=by,
        now=now,
        patient_id=patient_id,
        provider_id=provider_id,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    visit_id = VisitId(new_uuid())
    uow.session.add(_fresh_visit(by, visit_id, appointment_id, patient_id, provider_id, now))
    await uow.session.flush()
    for person_id, kind in (
        (patient_id, AttendanceKind.PATIENT),
        (provider_id, AttendanceKind.PROVIDER),
    ):
        uow.session.add(_fresh_attendance(visit_id, person_id, kind))
    uow.session.add(_unsigned_note(visit_id, now))
    await uow.session.flush()
    secret = await outgoing.give_link(
        uow,
        by=by,
        now=now,
        person_id=patient_id,
        visit_id=visit_id,
        expires_at=ends_at + LINK_LIVES_AFTER,
        template="booked",
    )
    await audit.record(
        uow, by=by, now=now, event=AuditEvent.VISIT_BOOKED, visit_id=visit_id, patient_id=patient_id
    )
    return BookedVisit(visit_id=visit_id, link_secret=secret)


async def replace_link(uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID) -> str:
    """Make a new link for the patient of a visit and send it; the old one opens nothing more."""
    by.require(Permission.REPLACE_LINK)
    card = await see(uow, by=by, visit_id=visit_id)
    times = await scheduling.times(uow, by=by, appointment_ids=[card.appointment_id])
    return await outgoing.give_link(
        uow,
        by=by,
        now=now,
        person_id=card.patient_id,
        visit_id=card.visit_id,
        expires_at=times[card.appointment_id].ends_at + LINK_LIVES_AFTER,
        template="new_link",
    )


async def _require_known(uow: UnitOfWork, by: Actor, person_ids: list[PersonId]) -> None:
    if by.job is Job.SETUP:
        return  # has just made these people, and sees nobody
    known = await identity.person_cards(uow, by=by, person_ids=person_ids)
    if len(known) != len(set(person_ids)):
        raise PersonUnknown


def _fresh_visit(
    by: Actor,
    visit_id: UUID,
    appointment_id: UUID,
    patient_id: UUID,
    provider_id: UUID,
    now: datetime,
) -> Visit:
    return Visit(
        id=visit_id,
        clinic_id=by.clinic_id,
        appointment_id=appointment_id,
        patient_id=patient_id,
        provider_id=provider_id,
        visit_code="".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH)),
        state=VisitState.SCHEDULED,
        state_before=None,
        state_since=now,
        version=1,
    )


def _unsigned_note(visit_id: UUID, now: datetime) -> OpenItem:
    return OpenItem(
        visit_id=visit_id, code=NOTE_UNSIGNED, is_blocking=True, opened_at=now, settled_at=None
    )


def _fresh_attendance(visit_id: UUID, person_id: UUID, kind: AttendanceKind) -> Attendance:
    return Attendance(
        id=new_uuid(),
        visit_id=visit_id,
        person_id=person_id,
        kind=kind,
        is_present=False,
        presence_since=None,
        attach_epoch=0,
        is_media_connected=False,
        admitted_at=None,
        removed_at=None,
    )
