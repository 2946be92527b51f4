"""What a room's participants should have at the media node, and the commands that say so.  Pure.

Kept while a peer lives, so that it can be restated whole after a channel was down.  Not here: when
anything is sent (`shell.room_media`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from msgspec.structs import replace

from media.contract.control import (
    AttachPeer,
    CloseRoom,
    DetachPeer,
    DetachReason,
    Mute,
    OpenRoom,
    Pause,
    Publish,
    SeatCommand,
    SetWants,
    Source,
    Sync,
    Unpublish,
    Want,
    WishedPublication,
    WishedSeat,
)
from signaling.contract.ids import ParticipantId, RoomId
from signaling.core.effects import CutReason


class Opening(StrEnum):
    """How a participant comes by a peer."""

    FIRST = "first"
    REBUILD = "rebuild"
    """In place of one that is gone."""
    MOVE = "move"
    """Beside one at another place, which goes on until everybody has come over."""


@dataclass(slots=True, kw_only=True)
class Wish:
    """One participant who should have a peer."""

    attach_epoch: int
    may_publish: tuple[Source, ...]
    is_attached: bool = False
    was_told: bool = False
    """Whether `admitted` was sent; from then on a new place is told as a rebuild."""
    is_paused: bool = False
    publications: dict[str, WishedPublication] = field(default_factory=dict)
    wants: tuple[Want, ...] | None = None

    def note(self, command: SeatCommand) -> None:
        """Keep what a command that was done has made true."""
        match command:
            case Publish(publication_id=name, mid=mid, source=source, is_muted=is_muted):
                self.publications[name] = WishedPublication(
                    publication_id=name, mid=mid, source=source, is_muted=is_muted
                )
            case Mute(publication_id=name, is_muted=is_muted) if name in self.publications:
                self.publications[name] = replace(self.publications[name], is_muted=is_muted)
            case Unpublish(publication_id=name):
                self.publications.pop(name, None)
            case SetWants(wants=wants):
                self.wants = wants
            case _:
                pass

    def lose(self) -> None:
        """Forget a peer that is gone, and all it carried."""
        self.is_attached = self.is_paused = False
        self.publications.clear()
        self.wants = None


@dataclass(frozen=True, slots=True)
class Place:
    """A room under one epoch: what every command about it carries."""

    room_id: RoomId
    room_epoch: int

    @property
    def envelope(self) -> dict[str, Any]:
        """The channel gives each command a request id of its own."""
        return {"request_id": "-", "room_id": self.room_id, "room_epoch": self.room_epoch}

    def open(self) -> OpenRoom:
        """Open the room."""
        return OpenRoom(**self.envelope)

    def close(self) -> CloseRoom:
        """Close the room."""
        return CloseRoom(**self.envelope)

    def attach(self, participant_id: ParticipantId, wish: Wish) -> AttachPeer:
        """Give a peer."""
        return AttachPeer(
            **self.envelope,
            participant_id=participant_id,
            attach_epoch=wish.attach_epoch,
            may_publish=wish.may_publish,
        )

    def detach(
        self, participant_id: ParticipantId, attach_epoch: int, reason: CutReason
    ) -> DetachPeer:
        """End a peer."""
        return DetachPeer(
            **self.envelope,
            participant_id=participant_id,
            attach_epoch=attach_epoch,
            reason=DetachReason(reason.value),
        )

    def pause(self, participant_id: ParticipantId, wish: Wish) -> Pause:
        """Hold a peer's media, or let it flow."""
        return Pause(
            **self.envelope,
            participant_id=participant_id,
            attach_epoch=wish.attach_epoch,
            is_paused=wish.is_paused,
        )

    def sync(self, wishes: Mapping[ParticipantId, Wish]) -> Sync:
        """Restate everything."""
        seats = tuple(
            WishedSeat(
                participant_id=participant_id,
                attach_epoch=wish.attach_epoch,
                is_paused=wish.is_paused,
                publications=tuple(wish.publications.values()),
                wants=wish.wants,
            )
            for participant_id, wish in wishes.items()
        )
        return Sync(**self.envelope, seats=seats)
