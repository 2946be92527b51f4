"""A right to enter the room of one visit: one minute, one use, one person."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import (
    JOIN_TICKET_LIFE_S,
    SIGNALING_AUDIENCE,
    TICKET_ISSUER,
    AttendanceKind,
    TicketClaims,
)
from telehealth.platform.db import UnitOfWork
from telehealth.visits import repository
from telehealth.visits.actions import consenting, sight
from telehealth.visits.errors import MayNotJoin, VisitUnknown
from telehealth.visits.may_join import entry_of


async def grant(uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID) -> TicketClaims:
    """Return the claims of a join ticket for the actor's own seat.

    Raises:
        VisitUnknown: Not a visit the actor attends.
        MayNotJoin: Removed by the provider, or nobody enters in this state.
        ConsentMissing, ConsentWithdrawn: The patient's consent does not stand.

    Source:
        RFC 8725 section 3.11 (explicit typing is added where the claims are signed).
    """
    card = await sight.see(uow, by=by, visit_id=visit_id)
    own = card.attendance_of(by.person_id)
    if own is None or by.role is None or by.person_id is None:
        raise VisitUnknown(visit_id=visit_id)
    stored = await repository.unscoped_attendance(uow.session, own.participant_id)
    is_admitted = stored is not None and stored.admitted_at is not None
    entry = entry_of(own.kind, card.state, is_admitted=is_admitted)
    if own.is_removed or entry is None:
        raise MayNotJoin(visit_id=visit_id, state=card.state)
    await consenting.require(uow, by=by, now=now, card=card)
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.VISIT_TICKET_ISSUED,
        visit_id=card.visit_id,
        patient_id=card.patient_id,
        subject_id=own.participant_id,
    )
    return TicketClaims(
        iss=TICKET_ISSUER,
        aud=SIGNALING_AUDIENCE,
        sub=by.person_id,
        jti=secrets.token_urlsafe(16),
        iat=int(now.timestamp()),
        exp=int((now + timedelta(seconds=JOIN_TICKET_LIFE_S)).timestamp()),
        room=card.visit_id,
        participant=own.participant_id,
        role=by.role.value,
        kind=own.kind,
        may_admit=own.kind is AttendanceKind.PROVIDER,
        entry=entry,
    )
