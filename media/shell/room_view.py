"""A room as signaling and operators are shown it."""

from media.contract.control import PathState, SeatSeen
from media.contract.operator import SeatShown, SlotSeen
from media.shell.hosted_room import HostedRoom
from media.shell.seat import Seat


def seen(room: HostedRoom) -> tuple[SeatSeen, ...]:
    """Return every seat as it is."""
    return tuple(_seen(room, seat) for seat in room.seats.values())


def shown(room: HostedRoom) -> tuple[SeatShown, ...]:
    """Return every seat with its slots, for an operator."""
    return tuple(
        SeatShown(
            seat=_seen(room, seat),
            peer_epoch=seat.peer_epoch,
            slots=tuple(
                SlotSeen(mid=mid, publication_id=publication_id, is_routed=is_routed)
                for mid, publication_id, is_routed in room.slots_of(seat.participant_id)
            ),
        )
        for seat in room.seats.values()
    )


def _seen(room: HostedRoom, seat: Seat) -> SeatSeen:
    return SeatSeen(
        participant_id=seat.participant_id,
        attach_epoch=room.epoch_of(seat),
        path=PathState(seat.peer.path_state),
        is_connected=seat.peer.is_connected,
        is_paused=seat.is_paused or room.is_fenced,
        publications=tuple(seat.publications),
    )
