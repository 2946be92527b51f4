"""What signaling asks and tells about the seats of a room."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.errors import NotPermitted
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import (
    Admission,
    AttendanceKind,
    ClinicId,
    PresenceEvent,
    PresenceKind,
    Removal,
    VisitId,
)
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid
from telehealth.visits import repository
from telehealth.visits.actions import conduct
from telehealth.visits.errors import IllegalVisitStep, ParticipantUnknown, VisitUnknown
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.tables import Attendance, PresenceSeen, Stay, Visit

_ROOM_IS_OPEN: Final = frozenset({VisitState.CALLED, VisitState.IN_CALL})
_PRESENT: Final = {
    PresenceKind.ENTERED_LOBBY: True,
    PresenceKind.JOINED: True,
    PresenceKind.BACK: True,
    PresenceKind.AWAY: False,
    PresenceKind.LEFT: False,
}
_HEARD: Final = {
    PresenceKind.ENTERED_LOBBY: AuditEvent.VISIT_ENTERED_LOBBY,
    PresenceKind.JOINED: AuditEvent.VISIT_JOINED,
    PresenceKind.LEFT: AuditEvent.VISIT_ATTENDANCE_ENDED,
    PresenceKind.MEDIA_FAILED: AuditEvent.VISIT_MEDIA_FAILED,
}


async def admit(uow: UnitOfWork, *, now: datetime, asked: Admission) -> None:
    """Record that the provider lets somebody in; repeated safely.

    Raises:
        VisitUnknown, ParticipantUnknown: No such visit or seat.
        NotPermitted: Whoever admits is not the provider of this visit.
        IllegalVisitStep: The visit's room is not open, or the seat was removed.
    """
    visit, seat = await _seat_for(
        uow, asked.visit_id, asked.participant_id, asked.by_participant_id
    )
    if visit.state not in _ROOM_IS_OPEN or seat.removed_at is not None:
        raise IllegalVisitStep(state=visit.state)
    if seat.admitted_at is None:
        seat.admitted_at = now
        await _audit(uow, visit, now, AuditEvent.VISIT_ADMITTED, seat.id)


async def remove(uow: UnitOfWork, *, now: datetime, asked: Removal) -> None:
    """Record that the provider removes somebody, or returns them to the lobby; repeated safely.

    Raises:
        VisitUnknown, ParticipantUnknown, NotPermitted: As `admit`.
    """
    visit, seat = await _seat_for(
        uow, asked.visit_id, asked.participant_id, asked.by_participant_id
    )
    seat.admitted_at = None
    if asked.cause is None:
        await _audit(uow, visit, now, AuditEvent.VISIT_RETURNED_TO_LOBBY, seat.id)
    elif seat.removed_at is None:
        seat.removed_at = now
        await _audit(uow, visit, now, AuditEvent.VISIT_REMOVED, seat.id)


async def hear(uow: UnitOfWork, *, now: datetime, event: PresenceEvent) -> None:
    """Take a fact about a seat, once by its id; one about an unknown seat is dropped."""
    visit = await repository.unscoped_lock_visit(uow.session, event.visit_id)
    seat = await repository.unscoped_attendance(uow.session, event.participant_id)
    if visit is None or seat is None or seat.visit_id != visit.id:
        return
    if await repository.unscoped_is_seen(uow.session, event.event_id):
        return
    uow.session.add(PresenceSeen(event_id=event.event_id, visit_id=visit.id, at=now))
    at = min(now, event.at if event.at.tzinfo else event.at.replace(tzinfo=UTC))
    await _keep_stay(uow, seat, event, at)
    # A late word of an older connection must not make somebody absent who has come back.
    if event.attach_epoch >= seat.attach_epoch:
        _set_presence(seat, event, at)
    if event.kind in _HEARD:
        await _audit(uow, visit, now, _HEARD[event.kind], seat.id)
    await uow.session.flush()
    if event.kind is PresenceKind.MEDIA_CONNECTED and await _both_connected(uow, visit):
        await conduct.connect(uow, by=_signaling(visit), now=now, visit_id=visit.id)


def _set_presence(seat: Attendance, event: PresenceEvent, at: datetime) -> None:
    seat.attach_epoch = event.attach_epoch
    is_present = _PRESENT.get(event.kind)
    if is_present is not None and is_present != seat.is_present:
        seat.is_present, seat.presence_since = is_present, at
    if event.kind is PresenceKind.MEDIA_CONNECTED:
        seat.is_media_connected = True
    elif event.kind is PresenceKind.MEDIA_FAILED or is_present is False:
        seat.is_media_connected = False


async def _keep_stay(uow: UnitOfWork, seat: Attendance, event: PresenceEvent, at: datetime) -> None:
    stay = await repository.unscoped_open_stay(uow.session, seat.id)
    if event.kind is PresenceKind.JOINED and stay is None:
        uow.session.add(
            Stay(id=new_uuid(), participant_id=seat.id, joined_at=at, left_at=None, cause=None)
        )
    elif event.kind is PresenceKind.LEFT and stay is not None:
        stay.left_at, stay.cause = max(at, stay.joined_at), event.cause


async def _both_connected(uow: UnitOfWork, visit: Visit) -> bool:
    attending = await repository.unscoped_attendances(uow.session, [visit.id])
    connected = {each.kind for each in attending if each.is_media_connected}
    return {AttendanceKind.PATIENT, AttendanceKind.PROVIDER} <= connected


async def _seat_for(
    uow: UnitOfWork, visit_id: UUID, participant_id: UUID, by_participant_id: UUID
) -> tuple[Visit, Attendance]:
    visit = await repository.unscoped_lock_visit(uow.session, visit_id)
    if visit is None:
        raise VisitUnknown(visit_id=visit_id)
    host = await repository.unscoped_attendance(uow.session, by_participant_id)
    is_host = host is not None and host.visit_id == visit.id
    if host is None or not is_host or host.kind is not AttendanceKind.PROVIDER:
        raise NotPermitted(visit_id=visit_id)
    seat = await repository.unscoped_attendance(uow.session, participant_id)
    if seat is None or seat.visit_id != visit.id:
        raise ParticipantUnknown(visit_id=visit_id)
    return visit, seat


def _signaling(visit: Visit) -> Actor:
    return Actor.of_job(Job.SIGNALING, ClinicId(visit.clinic_id))


async def _audit(
    uow: UnitOfWork, visit: Visit, now: datetime, event: AuditEvent, seat_id: UUID
) -> None:
    await audit.record(
        uow,
        by=_signaling(visit),
        now=now,
        event=event,
        visit_id=VisitId(visit.id),
        subject_id=seat_id,
    )
