"""A browser's picture of the room, kept up by the events it is told and by nothing else."""

from msgspec.structs import replace

from signaling.contract.ids import ParticipantId, PublicationId
from signaling.contract.messages import (
    ParticipantAdmitted,
    ParticipantAway,
    ParticipantBack,
    ParticipantChanged,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantReturned,
    ParticipantSeen,
    ParticipantWaiting,
    PublicationAdded,
    PublicationChanged,
    PublicationRemoved,
    PublicationSeen,
    RoomEvent,
    RoomSnapshot,
    SeatState,
)

_WAITING = {SeatState.ACTIVE: SeatState.LOBBY, SeatState.ACTIVE_AWAY: SeatState.LOBBY_AWAY}
_AWAY = {SeatState.ACTIVE: SeatState.ACTIVE_AWAY, SeatState.LOBBY: SeatState.LOBBY_AWAY}
_BACK = {away: present for present, away in _AWAY.items()}


class Viewer:
    """One peer; begins with the snapshot of its welcome."""

    def __init__(self, me: ParticipantId, snapshot: RoomSnapshot, *, may_admit: bool) -> None:
        self.me = me
        self.may_admit = may_admit
        self.participants: dict[ParticipantId, ParticipantSeen] = {
            each.participant_id: each for each in snapshot.participants
        }
        self.publications: dict[PublicationId, PublicationSeen] = {
            each.publication_id: each for each in snapshot.publications
        }

    def hear(self, event: RoomEvent) -> None:
        """Follow one event."""
        match event:
            case (
                ParticipantWaiting(participant=seen)
                | ParticipantJoined(participant=seen)
                | ParticipantAdmitted(participant=seen)
                | ParticipantChanged(participant=seen)
            ):
                self.participants[seen.participant_id] = seen
            case ParticipantReturned(participant_id=who):
                self._see_returned(who)
            case ParticipantAway(participant_id=who):
                self._turn(who, _AWAY)
            case ParticipantBack(participant_id=who):
                self._turn(who, _BACK)
            case ParticipantLeft(participant_id=who):
                del self.participants[who]
                self._forget_publications_of(who)
            case PublicationAdded(publication=track) | PublicationChanged(publication=track):
                self.publications[track.publication_id] = track
            case PublicationRemoved(publication_id=gone):
                del self.publications[gone]
            case _:
                pass

    def is_like(self, snapshot: RoomSnapshot) -> bool:
        """Say whether the picture is the room as a snapshot would show it now."""
        return self.participants == {
            each.participant_id: each for each in snapshot.participants
        } and self.publications == {each.publication_id: each for each in snapshot.publications}

    def _turn(self, who: ParticipantId, into: dict[SeatState, SeatState]) -> None:
        seen = self.participants[who]
        self.participants[who] = replace(seen, state=into[seen.state])

    def _see_returned(self, who: ParticipantId) -> None:
        self._forget_publications_of(who)
        seen = self.participants[who]
        waiting = replace(seen, state=_WAITING[seen.state], is_reconnecting=False)
        if who == self.me:
            self.participants = {who: waiting}
            self.publications = {}
        elif self.may_admit:
            self.participants[who] = waiting
        else:
            del self.participants[who]

    def _forget_publications_of(self, who: ParticipantId) -> None:
        self.publications = {
            name: each for name, each in self.publications.items() if each.participant_id != who
        }
