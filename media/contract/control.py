"""Commands, events and refusals between signaling and a media node.

One WebSocket per pair of nodes, subprotocol `telehealth.media.v1`, one JSON object a text frame.
First frame `hello`, answered `welcome`.  Each command gets one `done` or `refused` with its
`request_id`.  Repeating a command (same participant, attach epoch and request id) repeats its
result and does nothing.  A lower epoch than the last one seen is refused.
"""

from enum import StrEnum
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from media.contract.stats import Link, PeerStats, Rung, RungCause

SUBPROTOCOL = "telehealth.media.v1"
CONTROL_TOKEN_TYP = "media-control+jwt"  # noqa: S105  (a media type, no secret)
CONTROL_TOKEN_LIFE_S = 60
HEARTBEAT_LIFE_MS = 3_000
"""Life of a node's heartbeat in Redis, written each second: what is left of it tells its age."""

Epoch: TypeAlias = Annotated[int, Meta(ge=0)]
Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=96)]
Mid: TypeAlias = Annotated[str, Meta(min_length=1, max_length=16)]


class Source(StrEnum):
    """What a publication carries."""

    MIC = "mic"
    CAMERA = "camera"
    SCREEN = "screen"


class Frame(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Root of all frames."""


class ControlHello(Frame, frozen=True, kw_only=True, tag="hello"):
    """Show the control token (JWT, HS256, typ `media-control+jwt`, audience = node id)."""

    token: Annotated[str, Meta(max_length=4096)]


class ControlWelcome(Frame, frozen=True, kw_only=True, tag="welcome"):
    """The channel is open.  `boot_id` differs after every restart of the node."""

    node_id: str
    boot_id: str
    seats_max: int


class Command(Frame, frozen=True, kw_only=True):
    """What every command carries."""

    request_id: Id
    room_id: Id
    room_epoch: Epoch


class SeatCommand(Command, frozen=True, kw_only=True):
    """A command about one participant's connection."""

    participant_id: Id
    attach_epoch: Epoch


class OpenRoom(Command, frozen=True, kw_only=True, tag="open-room"):
    """Make the room, or adopt its higher epoch (which closes the old room first)."""

    seats: Annotated[int, Meta(ge=1, le=12)] = 12


class CloseRoom(Command, frozen=True, kw_only=True, tag="close-room"):
    """End every peer of the room and forget it; its epoch is remembered for 300 s."""


class AttachPeer(SeatCommand, frozen=True, kw_only=True, tag="attach-peer"):
    """Give a participant a peer, replacing one of a lower attach epoch."""

    may_publish: Annotated[tuple[Source, ...], Meta(max_length=3)]


class DetachReason(StrEnum):
    """Why a peer ends."""

    LEFT = "left"
    REMOVED = "removed"
    RETURNED = "returned"
    SUPERSEDED = "superseded"
    TIMEOUT = "timeout"
    ENDED = "ended"


class DetachPeer(SeatCommand, frozen=True, kw_only=True, tag="detach-peer"):
    """End a participant's peer at once: nothing flows to or from it afterwards."""

    reason: DetachReason


class Offer(SeatCommand, frozen=True, kw_only=True, tag="offer"):
    """Negotiate; `done.sdp` is the answer.  A lower or repeated offer id is `stale_offer`."""

    offer_id: Annotated[int, Meta(ge=1)]
    sdp: Annotated[str, Meta(min_length=1, max_length=49_152)]
    ice_restart: bool = False


class Publish(SeatCommand, frozen=True, kw_only=True, tag="publish"):
    """Name a send section; its packets may now be subscribed to."""

    publication_id: Id
    mid: Mid
    source: Source
    is_muted: bool = False


class Unpublish(SeatCommand, frozen=True, kw_only=True, tag="unpublish"):
    """Take a publication back; its slots fall empty."""

    publication_id: Id


class Mute(SeatCommand, frozen=True, kw_only=True, tag="mute"):
    """Drop a publication's packets at ingress, or stop doing so."""

    publication_id: Id
    is_muted: bool


class Want(Struct, frozen=True, kw_only=True):
    """One wished publication."""

    publication_id: Id
    max_width_px: int = 1280
    priority: int = 50


class SetWants(SeatCommand, frozen=True, kw_only=True, tag="set-wants"):
    """State the whole wish of one participant; answered by a `slot-map` event."""

    wants: Annotated[tuple[Want, ...], Meta(max_length=64)]


class AckSlots(SeatCommand, frozen=True, kw_only=True, tag="ack-slots"):
    """The client has applied this map; its re-assigned slots may now carry media."""

    map_id: Annotated[int, Meta(ge=1)]


class Pause(SeatCommand, frozen=True, kw_only=True, tag="pause"):
    """Hold all media to and from a participant, or let it flow again; path and keys stay.

    With a publication named, that one alone is held, whatever its owner says of muting.  What was
    sent meanwhile stays unheard.
    """

    is_paused: bool
    publication_id: Id | None = None


class WishedPublication(Struct, frozen=True, kw_only=True):
    """A publication as signaling knows it."""

    publication_id: Id
    mid: Mid
    source: Source
    is_muted: bool = False


class WishedSeat(Struct, frozen=True, kw_only=True):
    """What one participant should have; None leaves the wishes as they are."""

    participant_id: Id
    attach_epoch: Epoch
    is_paused: bool = False
    publications: Annotated[tuple[WishedPublication, ...], Meta(max_length=8)] = ()
    wants: Annotated[tuple[Want, ...], Meta(max_length=64)] | None = None


class Sync(Command, frozen=True, kw_only=True, tag="sync"):
    """Restate the wished state after a channel came back; `done.seats` is what is there.

    Seats not named stay as they are: another signaling node may speak for them.  A node that
    slept forwards nothing in a room until this command has confirmed the room's epoch.
    """

    seats: Annotated[tuple[WishedSeat, ...], Meta(max_length=12)]


ControlCommand: TypeAlias = (
    OpenRoom
    | CloseRoom
    | AttachPeer
    | DetachPeer
    | Offer
    | Publish
    | Unpublish
    | Mute
    | SetWants
    | AckSlots
    | Pause
    | Sync
)
ToMedia: TypeAlias = ControlHello | ControlCommand


class PathState(StrEnum):
    """How a peer's path stands."""

    NEW = "new"
    LIVE = "live"
    SUSPECT = "suspect"
    LOST = "lost"


class SeatSeen(Struct, frozen=True, kw_only=True):
    """One participant's peer as it is."""

    participant_id: str
    attach_epoch: int
    path: PathState
    is_connected: bool
    """ICE and DTLS have been up."""
    is_paused: bool
    publications: tuple[str, ...]


class Done(Frame, frozen=True, kw_only=True, tag="done"):
    """A command took effect; `sdp` only for an offer, `seats` only for a sync."""

    request_id: str
    sdp: str | None = None
    seats: tuple[SeatSeen, ...] | None = None


class RefusalCode(StrEnum):
    """Why a command was refused."""

    BAD_COMMAND = "bad_command"
    UNSUPPORTED_COMMAND = "unsupported_command"
    NOT_AUTHENTICATED = "not_authenticated"
    STALE_ROOM_EPOCH = "stale_room_epoch"
    STALE_ATTACH_EPOCH = "stale_attach_epoch"
    STALE_OFFER = "stale_offer"
    UNKNOWN_ROOM = "unknown_room"
    UNKNOWN_PARTICIPANT = "unknown_participant"
    UNKNOWN_PUBLICATION = "unknown_publication"
    UNKNOWN_MID = "unknown_mid"
    ROOM_FULL = "room_full"
    NODE_FULL = "node_full"
    DRAINING = "draining"
    BAD_SDP = "bad_sdp"
    TOO_MANY_SLOTS = "too_many_slots"
    FINGERPRINT_CHANGED = "fingerprint_changed"
    INTERNAL = "internal"


class CommandRefused(Frame, frozen=True, kw_only=True, tag="refused"):
    """An expected no."""

    request_id: str | None
    code: RefusalCode
    retry_after_ms: int | None = None


class Event(Frame, frozen=True, kw_only=True):
    """What every event carries; `number` rises by one on each channel."""

    number: int
    room_id: str
    room_epoch: int


class SeatEvent(Event, frozen=True, kw_only=True):
    """An event about one participant's peer."""

    participant_id: str
    attach_epoch: int


class PeerConnected(SeatEvent, frozen=True, kw_only=True, tag="peer-connected"):
    """ICE and DTLS are up; packets may flow."""

    srtp_profile: str


class PeerSuspect(SeatEvent, frozen=True, kw_only=True, tag="peer-suspect"):
    """Nothing authenticated arrived for 2 s."""


class PeerLost(SeatEvent, frozen=True, kw_only=True, tag="peer-lost"):
    """Nothing authenticated arrived for 3 s: the client should restart ICE."""


class PeerClosed(SeatEvent, frozen=True, kw_only=True, tag="peer-closed"):
    """The peer is gone; `reason` is one of our dotted codes."""

    reason: str


class SlotAssignment(Struct, frozen=True, kw_only=True):
    """Who fills one receive section of the client."""

    mid: str
    publication_id: str | None


class SlotMap(SeatEvent, frozen=True, kw_only=True, tag="slot-map"):
    """The whole map; media enters a re-assigned slot only after `ack-slots`."""

    map_id: int
    slots: tuple[SlotAssignment, ...]


class PublicationLive(SeatEvent, frozen=True, kw_only=True, tag="publication-live"):
    """The first packet of a publication arrived."""

    publication_id: str


class KeyFrameStall(SeatEvent, frozen=True, kw_only=True, tag="key-frame-stall"):
    """Ten key-frame requests went unanswered."""

    publication_id: str


class EncodingWanted(Struct, frozen=True, kw_only=True):
    """Whether somebody wants one simulcast encoding."""

    rid: str
    is_wanted: bool


class LayersWanted(SeatEvent, frozen=True, kw_only=True, tag="layers-wanted"):
    """Told to a publisher: send these encodings of a publication and let the others rest."""

    publication_id: str
    encodings: tuple[EncodingWanted, ...]


class QualityTold(SeatEvent, frozen=True, kw_only=True, tag="quality"):
    """How a participant's connection fares, and how far its pictures had to step down.

    At most once a second: on change, else every five seconds.
    """

    link: Link
    """The worse of both ways."""
    rung: Rung
    cause: RungCause
    stats: PeerStats


class SpeakersTold(Event, frozen=True, kw_only=True, tag="speakers"):
    """Who speaks now, the loudest first; on change alone, at most twice a second."""

    participant_ids: tuple[str, ...]


class RoomLost(Event, frozen=True, kw_only=True, tag="room-lost"):
    """The node gave the room up (empty for 300 s, or drained)."""

    cause: str


class NodeEvent(Frame, frozen=True, kw_only=True):
    """An event about the node itself, told on every channel; `number` as in `Event`."""

    number: int


class NodeDraining(NodeEvent, frozen=True, kw_only=True, tag="draining"):
    """The node takes no new room; what is left of it then is lost after `ends_in_ms`."""

    ends_in_ms: int


class NodeOverloaded(NodeEvent, frozen=True, kw_only=True, tag="overload"):
    """The node has more work than it should: 0 none too much, 1 cap to h, 2 cap to q."""

    level: int


class SyncNeeded(NodeEvent, frozen=True, kw_only=True, tag="sync-needed"):
    """The node was stopped for a while: nothing flows in a room until `sync` confirms it."""

    slept_ms: int


ControlEvent: TypeAlias = (
    PeerConnected
    | PeerSuspect
    | PeerLost
    | PeerClosed
    | SlotMap
    | PublicationLive
    | KeyFrameStall
    | LayersWanted
    | QualityTold
    | SpeakersTold
    | RoomLost
)
NodeNews: TypeAlias = NodeDraining | NodeOverloaded | SyncNeeded
FromMedia: TypeAlias = ControlWelcome | Done | CommandRefused | ControlEvent | NodeNews
