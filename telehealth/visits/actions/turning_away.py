"""Takes somebody who may act for the clinic no more out of every room they could be in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission, Role
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import PersonId
from telehealth.delivery.lanes import OwedEvent
from telehealth.identity import staff
from telehealth.identity.standing import DisableReason
from telehealth.platform.db import UnitOfWork
from telehealth.visits import repository
from telehealth.visits.actions.sight import cards
from telehealth.visits.actions.steps import owe_room
from telehealth.visits.cards import VisitCard
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.tables import Visit

_S = VisitState
_ROOM_MAY_BE_OPEN: Final = (_S.CHECKING_IN, _S.WAITING, _S.CALLED, _S.IN_CALL, _S.PAUSED)


async def disable(
    uow: UnitOfWork, *, by: Actor, now: datetime, person_id: PersonId, reason: DisableReason
) -> int:
    """Disable a member of staff: no sign-in, no session, no seat, from this commit on.

    REST asks at every request whether the session lives, so it is over with the commit; socket
    and media end when lane `room` has told every signaling node.

    Returns:
        How many seats were revoked.

    Raises:
        NotPermitted: Not somebody who manages people.
        NotOneself, PersonUnknown: See `identity/staff.py`.
    """
    by.require(Permission.MANAGE_PEOPLE)
    # Visits first: everybody else locks a visit before the audit trail.
    held = await repository.unscoped_lock_attended(
        uow.session, person_id=person_id, clinic_id=by.clinic_id, states=_ROOM_MAY_BE_OPEN
    )
    await staff.disable(uow, by=by, now=now, person_id=person_id, reason=reason)
    return await _revoke(uow, by, held, person_id, now=now)


async def change_role(
    uow: UnitOfWork, *, by: Actor, now: datetime, person_id: PersonId, role: Role
) -> int:
    """Give a member of staff another role; sessions and seats of the old one end.

    Returns, raises:
        As `disable`; RoleRefused: No role of staff.
    """
    by.require(Permission.MANAGE_PEOPLE)
    held = await repository.unscoped_lock_attended(
        uow.session, person_id=person_id, clinic_id=by.clinic_id, states=_ROOM_MAY_BE_OPEN
    )
    await staff.change_role(uow, by=by, now=now, person_id=person_id, role=role)
    return await _revoke(uow, by, held, person_id, now=now)


async def _revoke(
    uow: UnitOfWork, by: Actor, held: Sequence[Visit], person_id: PersonId, *, now: datetime
) -> int:
    for visit in held:
        visit.version += 1
    await uow.session.flush()
    found = await cards(uow, held)
    for card in found:
        await _revoke_seat(uow, by, card, person_id, now=now)
    return len(found)


async def _revoke_seat(
    uow: UnitOfWork, by: Actor, card: VisitCard, person_id: PersonId, *, now: datetime
) -> None:
    seat = card.attendance_of(person_id)
    if seat is None:
        return
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.VISIT_SEAT_REVOKED,
        visit_id=card.visit_id,
        patient_id=card.patient_id,
        subject_id=seat.participant_id,
        facts={"version": card.version},
    )
    await owe_room(uow, now, card, OwedEvent.PARTICIPANT_REVOKED, seat.participant_id)
