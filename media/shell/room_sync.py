"""Make a room what signaling says it should be, after a time in which neither heard the other.

The wished state wins over any replay of differences.  Commands that were lost on the way are made
up for; a seat that is not here is only seen to be missing: its client must connect anew.
"""

from typing import Any, Final

from media.contract.control import (
    Pause,
    Publish,
    SeatCommand,
    SeatSeen,
    SetWants,
    Sync,
    Unpublish,
    WishedSeat,
)
from media.contract.errors import PeerViolation
from media.shell.hosted_room import HostedRoom
from media.shell.room_view import seen

_REQUEST: Final = "sync"


def restate(room: HostedRoom, sync: Sync, *, now: float) -> tuple[SeatSeen, ...]:
    """Restate the wished seats, then confirm the room's epoch; what is there afterwards."""
    for wished in sync.seats:
        _restate_seat(room, sync, wished, now)
    room.confirm()
    return seen(room)


def _restate_seat(room: HostedRoom, sync: Sync, wished: WishedSeat, now: float) -> None:
    seat = room.seats.get(wished.participant_id)
    if seat is None:
        return
    envelope = {
        "request_id": _REQUEST,
        "room_id": sync.room_id,
        "room_epoch": sync.room_epoch,
        "participant_id": wished.participant_id,
        "attach_epoch": wished.attach_epoch,
    }
    kept = {each.publication_id for each in wished.publications}
    for command in _commands(wished, set(seat.publications) - kept, envelope):
        try:
            room.apply(command, now=now)
        except PeerViolation:
            # A newer socket has spoken meanwhile, or the section is gone: what is seen tells it.
            continue


def _commands(
    wished: WishedSeat, unwished: set[str], envelope: dict[str, Any]
) -> list[SeatCommand]:
    """Put a wish as the commands that make it true."""
    commands: list[SeatCommand] = [
        Unpublish(publication_id=publication_id, **envelope) for publication_id in sorted(unwished)
    ]
    commands += [
        Publish(
            publication_id=each.publication_id,
            mid=each.mid,
            source=each.source,
            is_muted=each.is_muted,
            **envelope,
        )
        for each in wished.publications
    ]
    if wished.wants is not None:
        commands.append(SetWants(wants=wished.wants, **envelope))
    commands.append(Pause(is_paused=wished.is_paused, **envelope))
    return commands
