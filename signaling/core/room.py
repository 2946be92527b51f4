"""The machine of one room: who sits where, who may move whom, who hears of what.

After each verb the caller owes `take_effects`, in order.  Events leave here with `seq` 0; the
shell numbers them.  Not here: media itself, sockets, Redis.
"""

from typing import Final

from signaling.contract.close_codes import CloseCode
from signaling.contract.errors import (
    NotPermitted,
    UnknownParticipant,
    UnknownPublication,
    WrongState,
)
from signaling.contract.ids import ParticipantId, PublicationId, RoomId
from signaling.contract.messages import (
    Action,
    Cause,
    Goodbye,
    MediaMoved,
    ParticipantAdmitted,
    ParticipantAway,
    ParticipantBack,
    ParticipantChanged,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantReturned,
    ParticipantWaiting,
    PublicationAdded,
    PublicationChanged,
    PublicationRemoved,
    PublicationSeen,
    RoomEnded,
    RoomEvent,
    RoomSnapshot,
    Source,
    VisitChanged,
)
from signaling.core.effects import (
    Announce,
    Audience,
    Close,
    CloseSeat,
    CutMedia,
    CutReason,
    Fact,
    OpenMedia,
    RoomEffect,
    Seated,
    TellVisit,
)
from signaling.core.seats import Seat, Step, advance
from signaling.core.views import hearers, seen_by, snapshot_for

_REMOVED: Final = Close(CloseCode.REMOVED, Goodbye(cause="removed", action=Action.STOP))
_ENDED: Final = Close(CloseCode.ENDED, Goodbye(cause="ended", action=Action.STOP))


class Room:
    """One visit's technical meeting point."""

    def __init__(self, room_id: RoomId) -> None:
        self.room_id = room_id
        self.seats: dict[ParticipantId, Seat] = {}
        self._effects: list[RoomEffect] = []

    def take_effects(self) -> list[RoomEffect]:
        """Hand over what is to be done, in order."""
        owed, self._effects = self._effects, []
        return owed

    def adopt(self, seat: Seat) -> None:
        """Learn of a seat taken before this process began; announced long ago."""
        seat.has_joined, seat.has_entered = seat.is_active, not seat.is_active
        self.seats.setdefault(seat.participant_id, seat)

    def enter(self, entrant: Seat) -> Seat:
        """Seat a person, or give the seat a newer socket; the media of the old one is void.

        Args:
            entrant: Who, under the new attach epoch; `state` is the entry the ticket allows.

        Returns:
            The seat.  Under a later epoch than the entrant's if a newer socket was quicker; then
            nothing changes, and the entrant is the one that is superseded.
        """
        step = Step.ATTACH_DIRECT if entrant.is_active else Step.ATTACH_LOBBY
        seat = self.seats.get(entrant.participant_id)
        if seat is None:
            self.seats[entrant.participant_id] = entrant
            self._welcome(entrant)
            return entrant
        if entrant.attach_epoch < seat.attach_epoch:
            return seat
        was_active, was_away = seat.is_active, seat.is_away
        was_reconnecting = seat.is_reconnecting
        self.drop_publications(seat.participant_id)
        seat.attach_epoch, seat.is_reconnecting = entrant.attach_epoch, False
        seat.may_admit = entrant.may_admit
        self._move(seat, step)
        if seat.is_active and not was_active:
            self._tell_admission(seat)
            return seat
        if was_away:
            self._announce_to_peers(seat, ParticipantBack(seq=0, participant_id=_id(seat)))
        if was_reconnecting:
            self._announce(ParticipantChanged(seq=0, participant=seat.seen()), Audience.ACTIVE)
        self._tell_present(seat)
        return seat

    def admit(self, participant_id: ParticipantId, *, by: ParticipantId | None) -> None:
        """Let someone in from the lobby; a repeat changes nothing.

        Args:
            participant_id: Who comes in.
            by: The host; None when the visit service called them in.

        Raises:
            NotPermitted: `by` is not a host in this room.
            UnknownParticipant: Nobody of that id sits here.
        """
        seat = self._moved_by(participant_id, by)
        before = seat.state
        self._move(seat, Step.ADMIT)
        if seat.state is before:
            return
        self._tell_admission(seat)
        self._brief(seat)

    def return_to_lobby(self, participant_id: ParticipantId, *, by: ParticipantId | None) -> None:
        """Send someone back to the lobby; their media is cut before others are told.

        Raises:
            NotPermitted, UnknownParticipant: As `admit`.
        """
        seat = self._moved_by(participant_id, by)
        before = seat.state
        self._move(seat, Step.RETURN)
        if seat.state is before:
            return
        seat.publications.clear()
        seat.is_reconnecting = False
        self._cut(seat, CutReason.RETURNED)
        event = ParticipantReturned(seq=0, participant_id=_id(seat))
        self._announce(event, Audience.ACTIVE, also=_id(seat))
        self._tell(seat, Fact.ENTERED_LOBBY)
        seat.has_entered = True

    def remove(self, participant_id: ParticipantId, *, by: ParticipantId | None) -> None:
        """Remove someone for good: the socket is closed and the media cut at once.

        Raises:
            NotPermitted, UnknownParticipant: As `admit`.
        """
        seat = self._moved_by(participant_id, by)
        self._effects.append(CloseSeat(participant_id=participant_id, close=_REMOVED))
        self._give_up(seat, Step.REMOVE, Cause.REMOVED, CutReason.REMOVED)

    def leave(self, participant_id: ParticipantId) -> None:
        """Give a seat up on its holder's word; an unknown one is gone already."""
        if (seat := self.seats.get(participant_id)) is not None:
            self._give_up(seat, Step.LEAVE, Cause.LEFT, CutReason.LEFT)

    def time_out(self, participant_id: ParticipantId) -> None:
        """Give up the seat of somebody silent; an unknown one is gone already.

        Raises:
            WrongState: The seat is present here; its record must be restored instead.
        """
        if (seat := self.seats.get(participant_id)) is not None:
            self._give_up(seat, Step.TIMEOUT, Cause.TIMEOUT, CutReason.TIMEOUT)

    def end(self) -> None:
        """End the room for everybody."""
        self._announce(RoomEnded(seq=0), Audience.EVERYBODY)
        for seat in list(self.seats.values()):
            self._move(seat, Step.END)
            self._effects.append(CloseSeat(participant_id=_id(seat), close=_ENDED))
            self._tell(seat, Fact.LEFT, cause=Cause.ENDED)
            if seat.is_active:
                self._cut(seat, CutReason.ENDED)

    def fall_silent(self, participant_id: ParticipantId) -> None:
        """Keep the seat of somebody not heard of; one away already, or gone, stays so."""
        seat = self.seats.get(participant_id)
        if seat is None or seat.is_away:
            return
        self._move(seat, Step.SILENT)
        self._announce_to_peers(seat, ParticipantAway(seq=0, participant_id=participant_id))
        self._tell(seat, Fact.AWAY)

    def be_heard(self, participant_id: ParticipantId) -> None:
        """Take somebody silent as present again; one present, or gone, stays so."""
        seat = self.seats.get(participant_id)
        if seat is None or not seat.is_away:
            return
        self._move(seat, Step.HEARD)
        self._announce_to_peers(seat, ParticipantBack(seq=0, participant_id=participant_id))
        self._tell_present(seat)

    def note_reconnecting(self, participant_id: ParticipantId, *, is_reconnecting: bool) -> None:
        """Mark that a participant's media is interrupted, or flows again."""
        seat = self.seats.get(participant_id)
        if seat is None or not seat.is_active or seat.is_reconnecting is is_reconnecting:
            return
        seat.is_reconnecting = is_reconnecting
        self._announce(ParticipantChanged(seq=0, participant=seat.seen()), Audience.ACTIVE)

    def publish(
        self, participant_id: ParticipantId, source: Source, *, is_muted: bool
    ) -> PublicationId:
        """Offer a track to the room; the same source of the same person is the same publication.

        Raises:
            WrongState: The seat is not in the room any more.
        """
        seat = self.seats.get(participant_id)
        if seat is None or not seat.is_active:
            raise WrongState
        publication_id = publication_of(participant_id, source)
        seen = PublicationSeen(
            publication_id=publication_id,
            participant_id=participant_id,
            source=source,
            is_muted=is_muted,
        )
        before = seat.publications.get(source)
        seat.publications[source] = seen
        if before is None:
            self._announce(PublicationAdded(seq=0, publication=seen), Audience.ACTIVE)
        elif before != seen:
            self._announce(PublicationChanged(seq=0, publication=seen), Audience.ACTIVE)
        return publication_id

    def unpublish(self, participant_id: ParticipantId, publication_id: PublicationId) -> None:
        """Withdraw a track.

        Raises:
            UnknownPublication: Not one of this participant's.
        """
        source = self.own_publication(participant_id, publication_id).source
        del self.seats[participant_id].publications[source]
        self._announce(PublicationRemoved(seq=0, publication_id=publication_id), Audience.ACTIVE)

    def own_publication(
        self, participant_id: ParticipantId, publication_id: PublicationId
    ) -> PublicationSeen:
        """Return a publication of this participant.

        Raises:
            UnknownPublication: Not one of this participant's.
        """
        seat = self.seats.get(participant_id)
        for seen in seat.publications.values() if seat is not None else ():
            if seen.publication_id == publication_id:
                return seen
        raise UnknownPublication

    def drop_publications(self, participant_id: ParticipantId) -> None:
        """Withdraw everything of a participant whose connection is gone."""
        if (seat := self.seats.get(participant_id)) is None:
            return
        for seen in list(seat.publications.values()):
            self.unpublish(participant_id, seen.publication_id)

    def note_media_moved(self, room_epoch: int) -> None:
        """Log that the room's media has another place; each client is asked to come by itself."""
        self._announce(MediaMoved(seq=0, room_epoch=room_epoch), Audience.ACTIVE)

    def change_visit(self, version: int) -> None:
        """Tell everybody that the visit changed; they fetch it by REST."""
        self._announce(VisitChanged(seq=0, version=version), Audience.EVERYBODY)

    def check_host(self, by: ParticipantId, participant_id: ParticipantId) -> Seat:
        """Return the seat a host wants to move.

        Raises:
            NotPermitted: `by` is no host in this room, or means itself.
            UnknownParticipant: Nobody of that id sits here.
        """
        host = self.seats.get(by)
        if host is None or not host.is_host or by == participant_id:
            raise NotPermitted
        return self._seat(participant_id)

    def snapshot(self, participant_id: ParticipantId) -> RoomSnapshot:
        """Return the room as a participant may see it."""
        return snapshot_for(self.seats[participant_id], self.room_id, self.seats.values())

    def _seat(self, participant_id: ParticipantId) -> Seat:
        seat = self.seats.get(participant_id)
        if seat is None:
            raise UnknownParticipant
        return seat

    def _moved_by(self, participant_id: ParticipantId, by: ParticipantId | None) -> Seat:
        if by is not None:
            return self.check_host(by, participant_id)
        return self._seat(participant_id)

    def _move(self, seat: Seat, step: Step) -> None:
        """Take a step of the table; whoever has no seat afterwards is gone from the room."""
        after = advance(seat.state, step)
        if after is None:
            del self.seats[seat.participant_id]
            return
        is_new = after is not seat.state
        seat.state = after
        if is_new:
            self._seated(seat)

    def _welcome(self, seat: Seat) -> None:
        if seat.is_active:
            self._announce(ParticipantJoined(seq=0, participant=seat.seen()), Audience.ACTIVE)
        else:
            self._announce(ParticipantWaiting(seq=0, participant=seat.seen()), Audience.HOSTS)
        self._seated(seat)
        self._tell_present(seat)

    def _tell_admission(self, seat: Seat) -> None:
        event = ParticipantAdmitted(seq=0, participant=seat.seen())
        self._announce(event, Audience.ACTIVE)
        if not seat.is_away:
            self._tell_present(seat)

    def _brief(self, seat: Seat) -> None:
        """Tell somebody who saw only itself who is here."""
        for other in seen_by(seat, self.seats.values()):
            if other is seat:
                continue
            told: list[RoomEvent] = [
                ParticipantJoined(seq=0, participant=other.seen())
                if other.is_active
                else ParticipantWaiting(seq=0, participant=other.seen())
            ]
            told += [PublicationAdded(seq=0, publication=p) for p in other.publications.values()]
            for event in told:
                self._announce(event, Audience.ONE, also=_id(seat))

    def _tell_present(self, seat: Seat) -> None:
        """Tell the visit service that somebody is here; the first time in the room as joined."""
        if not seat.is_active:
            is_new = not seat.has_entered
            self._tell(seat, Fact.ENTERED_LOBBY if is_new else Fact.BACK)
            seat.has_entered = True
            return
        self._tell(seat, Fact.BACK if seat.has_joined else Fact.JOINED)
        seat.has_joined = True
        self._effects.append(OpenMedia(participant_id=_id(seat)))

    def _give_up(self, seat: Seat, step: Step, cause: Cause, reason: CutReason) -> None:
        self._move(seat, step)
        if seat.is_active:
            self._cut(seat, reason)
        event = ParticipantLeft(seq=0, participant_id=_id(seat), cause=cause)
        self._announce_to_peers(seat, event)
        self._tell(seat, Fact.LEFT, cause=cause)

    def _announce_to_peers(self, seat: Seat, event: RoomEvent) -> None:
        """Tell those who know of this seat."""
        self._announce(event, Audience.ACTIVE if seat.is_active else Audience.HOSTS)

    def _announce(
        self, event: RoomEvent, audience: Audience, also: ParticipantId | None = None
    ) -> None:
        told = hearers(audience, self.seats.values(), also=also)
        self._effects.append(Announce(event=event, audience=audience, hearers=told))

    def _seated(self, seat: Seat) -> None:
        self._effects.append(Seated(participant_id=_id(seat), state=seat.state))

    def _tell(self, seat: Seat, fact: Fact, cause: str | None = None) -> None:
        self._effects.append(
            TellVisit(
                fact=fact,
                participant_id=_id(seat),
                attach_epoch=seat.attach_epoch,
                cause=cause,
            )
        )

    def _cut(self, seat: Seat, reason: CutReason) -> None:
        self._effects.append(
            CutMedia(participant_id=_id(seat), attach_epoch=seat.attach_epoch, reason=reason)
        )


def publication_of(participant_id: ParticipantId, source: Source) -> PublicationId:
    """Name a publication: the same for the same person and source, so repeats are harmless."""
    return PublicationId(f"{participant_id}.{source.value}")


def _id(seat: Seat) -> ParticipantId:
    return seat.participant_id
