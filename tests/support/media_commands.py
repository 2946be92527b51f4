"""Control commands with the fields a test does not care about filled in."""

from itertools import count
from typing import Any, TypeVar

from media.contract.control import (
    AckSlots,
    AttachPeer,
    CloseRoom,
    DetachPeer,
    DetachReason,
    Mute,
    Offer,
    OpenRoom,
    Pause,
    Publish,
    SeatCommand,
    SetWants,
    Source,
    Unpublish,
    Want,
)

_request_ids = count(1)
Command = TypeVar("Command", bound=SeatCommand)
ROOM = "room-1"


def fresh_id() -> str:
    """Return a request id nobody has used."""
    return f"q{next(_request_ids)}"


def open_room(room_id: str = ROOM, *, epoch: int = 1, seats: int = 12) -> OpenRoom:
    """Open."""
    return OpenRoom(request_id=fresh_id(), room_id=room_id, room_epoch=epoch, seats=seats)


def close_room(room_id: str = ROOM, *, epoch: int = 1) -> CloseRoom:
    """Close."""
    return CloseRoom(request_id=fresh_id(), room_id=room_id, room_epoch=epoch)


def attach(name: str, **changed: Any) -> AttachPeer:
    """Attach with every right."""
    return _seat(AttachPeer, name, {"may_publish": tuple(Source)}, changed)


def detach(name: str, **changed: Any) -> DetachPeer:
    """Detach."""
    return _seat(DetachPeer, name, {"reason": DetachReason.LEFT}, changed)


def offer(name: str, sdp: str, **changed: Any) -> Offer:
    """Offer, the first."""
    return _seat(Offer, name, {"sdp": sdp, "offer_id": 1}, changed)


def publish(name: str, source: Source = Source.MIC, **changed: Any) -> Publish:
    """Publish in the section a trimmed offer has for it."""
    mid = {Source.MIC: "0", Source.CAMERA: "1", Source.SCREEN: "2"}[source]
    facts = {"publication_id": f"{name}.{source}", "mid": mid, "source": source}
    return _seat(Publish, name, facts, changed)


def unpublish(name: str, publication_id: str, **changed: Any) -> Unpublish:
    """Unpublish."""
    return _seat(Unpublish, name, {"publication_id": publication_id}, changed)


def mute(name: str, publication_id: str, *, is_muted: bool, **changed: Any) -> Mute:
    """Mute or unmute."""
    facts = {"publication_id": publication_id, "is_muted": is_muted}
    return _seat(Mute, name, facts, changed)


def wants(name: str, *publication_ids: str, **changed: Any) -> SetWants:
    """Wish for these."""
    wished = tuple(Want(publication_id=each) for each in publication_ids)
    return _seat(SetWants, name, {"wants": wished}, changed)


def ack(name: str, map_id: int, **changed: Any) -> AckSlots:
    """Acknowledge a map."""
    return _seat(AckSlots, name, {"map_id": map_id}, changed)


def pause(name: str, *, is_paused: bool, **changed: Any) -> Pause:
    """Hold, or let flow."""
    return _seat(Pause, name, {"is_paused": is_paused}, changed)


def _seat(
    kind: type[Command], name: str, facts: dict[str, Any], changed: dict[str, Any]
) -> Command:
    envelope = {
        "request_id": fresh_id(),
        "room_id": ROOM,
        "room_epoch": 1,
        "participant_id": name,
        "attach_epoch": 1,
    }
    return kind(**{**envelope, **facts, **changed})
