"""What of a room one participant may see, and who hears of an event.  A lobby seat sees itself."""

from collections.abc import Iterable, Iterator

from signaling.contract.ids import ParticipantId, RoomId
from signaling.contract.messages import RoomSnapshot
from signaling.core.effects import Audience
from signaling.core.seats import Seat


def seen_by(viewer: Seat, seats: Iterable[Seat]) -> Iterator[Seat]:
    """Yield the seats `viewer` may know of: hosts see the lobby, a lobby seat sees itself."""
    for seat in seats:
        is_visible = viewer.is_host or (viewer.is_active and seat.is_active)
        if is_visible or seat is viewer:
            yield seat


def snapshot_for(viewer: Seat, room_id: RoomId, seats: Iterable[Seat]) -> RoomSnapshot:
    """Return the room as `viewer` may see it."""
    seen = list(seen_by(viewer, seats))
    publications = tuple(each for seat in seen for each in seat.publications.values())
    return RoomSnapshot(
        room_id=room_id,
        participants=tuple(seat.seen() for seat in seen),
        publications=publications,
    )


def hearers(
    audience: Audience, seats: Iterable[Seat], *, also: ParticipantId | None = None
) -> tuple[ParticipantId, ...]:
    """Say who hears an event.

    Args:
        audience: For whom it is; ONE is for nobody but `also`.
        seats: Everybody in the room.
        also: One more who hears it.
    """
    return tuple(
        seat.participant_id
        for seat in seats
        if seat.participant_id == also or _hears(seat, audience)
    )


def _hears(seat: Seat, audience: Audience) -> bool:
    match audience:
        case Audience.ACTIVE:
            return seat.is_active
        case Audience.HOSTS:
            return seat.is_host
        case _:
            return audience is Audience.EVERYBODY
