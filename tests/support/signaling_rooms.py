"""A room with a provider in it, and what its effects look like."""

from signaling.contract.ids import ParticipantId, PublicationId
from signaling.contract.messages import Cause, PublicationSeen, RoomEvent, SeatState, Source
from signaling.core.effects import Announce, Audience, CutMedia, CutReason, Fact, TellVisit
from signaling.core.room import Room
from signaling.core.seats import Seat
from tests.support.signaling_peers import ROOM_ID, seat

ANN, BOB, DOC, EVE = (ParticipantId(name) for name in ("ann", "bob", "doc", "eve"))
ANN_MIC = PublicationId("ann.mic")
L, A, LA, AA = SeatState.LOBBY, SeatState.ACTIVE, SeatState.LOBBY_AWAY, SeatState.ACTIVE_AWAY


def room_of(*seats: Seat) -> Room:
    """Return a room with the provider `doc` and these seats in it; nothing is owed."""
    room = Room(ROOM_ID)
    for one in (seat("doc", may_admit=True), *seats):
        stands_at, one.state = one.state, L if one.state in {L, LA} else A
        room.enter(one)
        if stands_at in {LA, AA}:
            room.fall_silent(one.participant_id)
    room.take_effects()
    return room


def announced(
    event: RoomEvent, *hearers: ParticipantId, audience: Audience = Audience.ACTIVE
) -> Announce:
    """Return the announcement of an event to these."""
    return Announce(event=event, audience=audience, hearers=hearers)


def told(
    fact: Fact, who: ParticipantId, *, epoch: int = 1, cause: Cause | None = None
) -> TellVisit:
    return TellVisit(fact=fact, participant_id=who, attach_epoch=epoch, cause=cause)


def cut(who: ParticipantId, reason: CutReason) -> CutMedia:
    return CutMedia(participant_id=who, attach_epoch=1, reason=reason)


def mic(*, is_muted: bool = False) -> PublicationSeen:
    return PublicationSeen(
        publication_id=ANN_MIC, participant_id=ANN, source=Source.MIC, is_muted=is_muted
    )
