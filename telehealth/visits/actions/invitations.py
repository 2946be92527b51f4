"""Invite somebody to one visit, see who is invited, take an invitation back.

A guest holds a link of their own, says a name, waits in the lobby until the provider lets them in,
and sees nothing but the call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission, Role
from telehealth.audit.events import AuditEvent
from telehealth.contract import AttendanceKind, ParticipantId, PersonId
from telehealth.delivery.lanes import OwedEvent
from telehealth.identity import actions as identity
from telehealth.identity import outgoing
from telehealth.identity.guests import add_guest
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid
from telehealth.scheduling import actions as scheduling
from telehealth.visits import repository
from telehealth.visits.actions.sight import see
from telehealth.visits.actions.steps import lock, noted, owe_room
from telehealth.visits.cards import AttendanceCard, VisitCard
from telehealth.visits.errors import (
    IllegalVisitStep,
    NotAGuest,
    ParticipantUnknown,
    VisitFull,
)
from telehealth.visits.may_join import CLOSES_AFTER, GUEST_KINDS, MOST_PEOPLE, is_over
from telehealth.visits.tables import Attendance


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A fresh invitation and its link, told this once."""

    participant_id: ParticipantId
    link_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestCard:
    """Somebody who is invited, as staff see them."""

    participant_id: ParticipantId
    name: str
    kind: AttendanceKind
    is_present: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Whom to invite."""

    name: str
    kind: AttendanceKind
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    language: str


async def invite(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, invitation: Invitation
) -> Invited:
    """Invite somebody to a visit; the link goes out by text or e-mail if there is an address.

    Raises:
        NotPermitted: The actor may not invite.
        VisitUnknown: Not a visit the actor may see.
        NotAGuest: Patients and providers are not invited, they are booked.
        IllegalVisitStep: The visit is over.
        VisitFull: Six people attend already.
    """
    by.require(Permission.INVITE_GUEST)
    if invitation.kind not in GUEST_KINDS:
        raise NotAGuest(kind=invitation.kind)
    card = await lock(uow, by=by, visit_id=visit_id)
    if is_over(card.state):
        raise IllegalVisitStep(state=card.state)
    if sum(not each.is_removed for each in card.attendances) >= MOST_PEOPLE:
        raise VisitFull(visit_id=visit_id)
    person_id = await add_guest(
        uow,
        by=by,
        now=now,
        name=invitation.name,
        phone=invitation.phone,
        email=invitation.email,
        language=invitation.language,
    )
    participant_id = await _seat(uow, card, person_id, invitation.kind)
    times = await scheduling.times(uow, by=by, appointment_ids=[card.appointment_id])
    secret = await outgoing.give_link(
        uow,
        by=by,
        now=now,
        person_id=person_id,
        visit_id=card.visit_id,
        expires_at=times[card.appointment_id].ends_at + CLOSES_AFTER,
        template="invitation",
        role=Role.GUEST,
    )
    await noted(uow, by, now, AuditEvent.GUEST_INVITED, card, kind=invitation.kind)
    return Invited(participant_id=participant_id, link_secret=secret)


async def revoke(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, participant_id: UUID
) -> None:
    """Take an invitation back: link and browser end at once, the room sends the guest out.

    Repeated safely.

    Raises:
        NotPermitted, VisitUnknown: As `invite`.
        ParticipantUnknown: Nobody attends under that id.
        NotAGuest: The patient or the provider.
    """
    by.require(Permission.INVITE_GUEST)
    card = await lock(uow, by=by, visit_id=visit_id)
    seat = next((each for each in card.attendances if each.participant_id == participant_id), None)
    if seat is None:
        raise ParticipantUnknown(visit_id=visit_id)
    if seat.kind not in GUEST_KINDS:
        raise NotAGuest(kind=seat.kind)
    if seat.is_removed:
        return
    stored = await repository.unscoped_attendance(uow.session, participant_id)
    if stored is not None:
        stored.removed_at, stored.admitted_at = now, None
    await identity.revoke_links(uow, now=now, visit_id=card.visit_id, person_id=seat.person_id)
    await owe_room(uow, now, card, OwedEvent.PARTICIPANT_REVOKED, participant_id)
    await noted(uow, by, now, AuditEvent.GUEST_REVOKED, card, participant_id=participant_id)


async def guests(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID
) -> Sequence[GuestCard]:
    """Return who is invited to a visit and was not sent away.

    Raises:
        NotPermitted, VisitUnknown: As `invite`.
    """
    by.require(Permission.INVITE_GUEST)
    card = await see(uow, by=by, visit_id=visit_id)
    seats = [each for each in _guest_seats(card) if not each.is_removed]
    people = await identity.person_cards(uow, by=by, person_ids=[each.person_id for each in seats])
    await noted(uow, by, now, AuditEvent.VISIT_VIEWED, card)
    return [
        GuestCard(
            participant_id=each.participant_id,
            name=people[each.person_id].full_name,
            kind=each.kind,
            is_present=each.is_present,
        )
        for each in seats
        if each.person_id in people
    ]


async def end_invitations(uow: UnitOfWork, *, now: datetime, card: VisitCard) -> None:
    """End the links of a visit's guests with the visit; the caller has ended the visit."""
    for seat in _guest_seats(card):
        await identity.revoke_links(uow, now=now, visit_id=card.visit_id, person_id=seat.person_id)


def _guest_seats(card: VisitCard) -> Sequence[AttendanceCard]:
    return [each for each in card.attendances if each.kind in GUEST_KINDS]


async def _seat(
    uow: UnitOfWork, card: VisitCard, person_id: PersonId, kind: AttendanceKind
) -> ParticipantId:
    participant_id = ParticipantId(new_uuid())
    uow.session.add(
        Attendance(
            id=participant_id,
            visit_id=card.visit_id,
            person_id=person_id,
            kind=kind,
            is_present=False,
            presence_since=None,
            attach_epoch=0,
            is_media_connected=False,
            admitted_at=None,
            removed_at=None,
        )
    )
    await uow.session.flush()
    return participant_id
