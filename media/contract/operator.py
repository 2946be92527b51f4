"""What an operator may ask of a running node through its own door, and what is answered.

One JSON object a line over a Unix socket of mode 0600: whoever may open the file may ask.  Answers
hold ids, states and counts; no address, name, key or description of a session.
"""

from typing import TypeAlias

from msgspec import Struct

from media.contract.control import SeatSeen


class Ask(Struct, frozen=True, kw_only=True, tag_field="ask"):
    """Root of what is asked."""


class InspectRoom(Ask, frozen=True, kw_only=True, tag="inspect-room"):
    """Show one room."""

    room_id: str


class Drain(Ask, frozen=True, kw_only=True, tag="drain"):
    """Take no new room from now on; the process goes on until it is told to end."""


class Record(Ask, frozen=True, kw_only=True, tag="record"):
    """Begin to record rooms opened from now on, or end it."""

    is_on: bool


Question: TypeAlias = InspectRoom | Drain | Record


class SlotSeen(Struct, frozen=True, kw_only=True):
    """One receive section of somebody."""

    mid: str
    publication_id: str | None
    is_routed: bool
    """Whether the client has acknowledged the map, so that packets enter."""


class SeatShown(Struct, frozen=True, kw_only=True):
    """One seat with its slots."""

    seat: SeatSeen
    peer_epoch: int
    """Attach epoch of the command that made the peer."""
    slots: tuple[SlotSeen, ...]


class RoomShown(Struct, frozen=True, kw_only=True, tag="room", tag_field="answer"):
    """One room as it is."""

    room_id: str
    room_epoch: int
    is_confirmed: bool
    """False after the node slept, until signaling has restated the room."""
    seats: tuple[SeatShown, ...]
    counters: dict[str, int]
    """Of the whole node, since it began."""


class NodeShown(Struct, frozen=True, kw_only=True, tag="node", tag_field="answer"):
    """The node as it is, after a drain or a switch of the recorder."""

    rooms: int
    peers: int
    is_draining: bool
    is_recording: bool


class NotAnswered(Struct, frozen=True, kw_only=True, tag="refused", tag_field="answer"):
    """Why not: `unknown_room`, `bad_question` or `no_record_folder`."""

    code: str


Answer: TypeAlias = RoomShown | NodeShown | NotAnswered
