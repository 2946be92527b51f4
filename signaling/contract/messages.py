"""One frozen struct per message; two tagged unions, `FromClient` and `FromServer`.

One JSON object per text frame; `type` is the tag.  Both sides ignore unknown fields.  A client
ignores server types it does not know; the server answers an unknown client type with
`refused unsupported_message`.  No name, symptom or free text ever passes here.
"""

from enum import StrEnum
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from signaling.contract.ids import ParticipantId, PublicationId, RoomId

SUBPROTOCOL = "telehealth.v1"
MEDIA_MOVE = "media-move"
"""Feature of a client that can hold two peer connections: it moves where others rebuild."""

# Above 2**53 - 1 a browser's number is no longer exact (RFC 8259 section 6).
Epoch: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
RequestId: TypeAlias = Annotated[int, Meta(ge=1, le=2**53 - 1)]
OfferId: TypeAlias = Annotated[int, Meta(ge=1, le=2**53 - 1)]
MapId: TypeAlias = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Mid: TypeAlias = Annotated[str, Meta(min_length=1, max_length=16)]
ShortText: TypeAlias = Annotated[str, Meta(max_length=64)]
SeatNamed: TypeAlias = Annotated[ParticipantId, Meta(min_length=1, max_length=96)]
TrackNamed: TypeAlias = Annotated[PublicationId, Meta(min_length=1, max_length=96)]


class Source(StrEnum):
    """What a publication shows or sounds like."""

    MIC = "mic"
    CAMERA = "camera"
    SCREEN = "screen"


class SeatState(StrEnum):
    """Where a participant sits; `…_away` is a seat kept for somebody silent."""

    LOBBY = "lobby"
    ACTIVE = "active"
    LOBBY_AWAY = "lobby_away"
    ACTIVE_AWAY = "active_away"


class Cause(StrEnum):
    """Why a stay ended."""

    LEFT = "left"
    PAGE_CLOSED = "page_closed"
    TIMEOUT = "timeout"
    REMOVED = "removed"
    ENDED = "ended"


class RemoveCause(StrEnum):
    """Why a host removes somebody."""

    WRONG_PERSON = "wrong_person"
    DISTURBANCE = "disturbance"
    NO_LONGER_NEEDED = "no_longer_needed"


class MediaState(StrEnum):
    """What the browser says of its peer connection."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


class Link(StrEnum):
    """A participant's connection in one word."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    LOST = "lost"


class Rung(StrEnum):
    """How much of the call a participant gets."""

    VIDEO = "video"
    LOW_VIDEO = "low_video"
    AUDIO_ONLY = "audio_only"
    PHONE_OFFERED = "phone_offered"


class RungCause(StrEnum):
    """Why it is no more."""

    NONE = "none"
    OWN_CONNECTION = "own_connection"
    SENDERS = "senders"
    NO_MEDIA = "no_media"


class Action(StrEnum):
    """What a client does after `goodbye`."""

    STOP = "stop"
    REJOIN = "rejoin"


class Message(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=False):
    """Root of all messages."""


class Request(Message, frozen=True, kw_only=True):
    """A client message; `id` counts from 1 at `hello` and is answered by `re`."""

    id: RequestId


class Client(Struct, frozen=True, kw_only=True):
    """Program at the other end, for support; never used to decide."""

    name: ShortText
    version: ShortText


# --- from the client ---------------------------------------------------------------------------


class Hello(Request, frozen=True, kw_only=True, tag="hello"):
    """Show the join ticket; first frame of every socket, within 5 s, at most 8 KiB.

    Sent in: greeting.  Answered by: `welcome`, or `seat-taken`, or `refused` and a close.
    Audit: visit.entered_lobby or visit.joined.
    """

    ticket: Annotated[str, Meta(min_length=1, max_length=4096)]
    device_id: Annotated[str, Meta(min_length=8, max_length=64)]
    client: Client
    features: Annotated[tuple[ShortText, ...], Meta(max_length=16)] = ()


class TakeOver(Request, frozen=True, kw_only=True, tag="take-over"):
    """Move the seat to this device, after `seat-taken`.

    Answered by: `welcome`; the other device is closed with 4409.
    """


class Ping(Request, frozen=True, kw_only=True, tag="ping"):
    """Ask for a `pong`; a page cannot see protocol pings."""


class Offer(Request, frozen=True, kw_only=True, tag="offer"):
    """Start or restart negotiation.  The client alone offers.

    Sent in: active.  Answered by: `answer` with this `offer_id`, or `refused stale_offer`.
    """

    offer_id: OfferId
    room_epoch: Epoch
    sdp: Annotated[str, Meta(min_length=1, max_length=49_152)]
    ice_restart: bool = False


class Candidate(Request, frozen=True, kw_only=True, tag="candidate"):
    """Tell a candidate.  Accepted and ignored: a lite agent learns addresses from checks.

    Answered by: nothing unless refused.
    """

    offer_id: OfferId
    candidate: Annotated[str, Meta(max_length=512)] | None


class MediaStateReport(Request, frozen=True, kw_only=True, tag="media-state"):
    """Say how the peer connection fares.  Answered by: nothing."""

    offer_id: OfferId
    state: MediaState


class Publish(Request, frozen=True, kw_only=True, tag="publish"):
    """Offer a track to the room; repeated safely, the publication id is the same.

    Answered by: `ok` with `publication_id`, and `publication-added` to all.
    """

    source: Source
    mid: Mid
    is_muted: bool = False


class Unpublish(Request, frozen=True, kw_only=True, tag="unpublish"):
    """Withdraw a track.  Answered by: `ok` and `publication-removed`."""

    publication_id: TrackNamed


class Mute(Request, frozen=True, kw_only=True, tag="mute"):
    """Mute or unmute one's own publication; the server drops a muted one at ingress.

    Answered by: `ok` and `publication-changed`.
    """

    publication_id: TrackNamed
    is_muted: bool


class Want(Struct, frozen=True, kw_only=True):
    """One wished publication; a higher priority gets its slot first."""

    publication_id: TrackNamed
    max_width_px: Annotated[int, Meta(ge=0, le=7680)] = 1280
    priority: Annotated[int, Meta(ge=0, le=100)] = 50


class Subscribe(Request, frozen=True, kw_only=True, tag="subscribe"):
    """State the whole wish, replacing the last.  Answered by: `slots-mapped`."""

    wants: Annotated[tuple[Want, ...], Meta(max_length=64)]


class AckSlots(Request, frozen=True, kw_only=True, tag="ack-slots"):
    """Say that a slot map is applied; media enters a re-assigned slot only now.

    Answered by: nothing.
    """

    map_id: MapId


class MediaReady(Request, frozen=True, kw_only=True, tag="media-ready"):
    """Say that all one wished for arrives over the connection to the new place.

    Sent in: active, after `media-move`.  Answered by: nothing; `media-move-over` follows when
    everybody has said so, or the time is up.
    """

    room_epoch: Epoch


class AdmitParticipant(Request, frozen=True, kw_only=True, tag="admit-participant"):
    """Let someone in from the lobby.

    Sent by: a host, when active.  Answered by: `ok` and, to all, `participant-admitted`; or
    `refused` with `not_permitted` or `audit_unavailable`.  Audit: visit.admitted.
    """

    participant_id: SeatNamed


class ReturnToLobby(Request, frozen=True, kw_only=True, tag="return-to-lobby"):
    """Send someone back to the lobby; their media is cut first.  Sent by: a host."""

    participant_id: SeatNamed


class RemoveParticipant(Request, frozen=True, kw_only=True, tag="remove-participant"):
    """Remove someone for good; socket and media end.  Sent by: a host."""

    participant_id: SeatNamed
    cause: RemoveCause


class Leave(Request, frozen=True, kw_only=True, tag="leave"):
    """Leave the room; others may stay.  Answered by: `goodbye` and close 1000."""

    cause: Cause = Cause.LEFT


FromClient: TypeAlias = (
    Hello
    | TakeOver
    | Ping
    | Offer
    | Candidate
    | MediaStateReport
    | Publish
    | Unpublish
    | Mute
    | Subscribe
    | AckSlots
    | MediaReady
    | AdmitParticipant
    | ReturnToLobby
    | RemoveParticipant
    | Leave
)

# --- from the server ---------------------------------------------------------------------------


class IceServer(Struct, frozen=True, kw_only=True):
    """One entry of the browser's iceServers."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


class PublicationSeen(Struct, frozen=True, kw_only=True):
    """A track offered to the room."""

    publication_id: PublicationId
    participant_id: ParticipantId
    source: Source
    is_muted: bool


class ParticipantSeen(Struct, frozen=True, kw_only=True):
    """A seat as the others see it."""

    participant_id: ParticipantId
    role: str
    kind: str
    state: SeatState
    is_reconnecting: bool = False


class RoomSnapshot(Struct, frozen=True, kw_only=True):
    """The room as its receiver may see it; a lobby seat sees only itself."""

    room_id: RoomId
    participants: tuple[ParticipantSeen, ...]
    publications: tuple[PublicationSeen, ...]


class Limits(Struct, frozen=True, kw_only=True):
    """What the server will take from this client."""

    frame_bytes: int
    sdp_bytes: int
    candidates: int
    messages_per_s: int
    audio_slots: int
    video_slots: int


class Welcome(Message, frozen=True, kw_only=True, tag="welcome"):
    """The seat is taken; afterwards only events later than `seq` follow."""

    re: RequestId
    participant_id: ParticipantId
    attach_epoch: Epoch
    state: SeatState
    may_admit: bool
    seq: int
    room: RoomSnapshot
    limits: Limits
    ping_every_s: int
    features: tuple[str, ...]


class SeatTaken(Message, frozen=True, kw_only=True, tag="seat-taken"):
    """This person is present on another device; answer `take-over` within 30 s, or go."""

    re: RequestId
    since_s: int


class Admitted(Message, frozen=True, kw_only=True, tag="admitted"):
    """The seat is active; only now are relay credentials given."""

    room_epoch: Epoch
    ice_servers: tuple[IceServer, ...]
    slots_max: int


class Answer(Message, frozen=True, kw_only=True, tag="answer"):
    """Answer to one offer, all server candidates inside; an older offer's is never sent."""

    re: RequestId
    offer_id: int
    sdp: str


class SlotFilled(Struct, frozen=True, kw_only=True):
    """Who fills one receive section."""

    mid: Mid
    publication_id: PublicationId | None


class SlotsMapped(Message, frozen=True, kw_only=True, tag="slots-mapped"):
    """The whole slot map; acknowledge it with `ack-slots`."""

    map_id: int
    slots: tuple[SlotFilled, ...]


class EncodingWanted(Struct, frozen=True, kw_only=True):
    """Whether somebody wants one simulcast encoding."""

    rid: str
    is_wanted: bool


class LayersWanted(Message, frozen=True, kw_only=True, tag="layers-wanted"):
    """Told to a publisher: send these encodings, let the others rest (`encodings[i].active`)."""

    publication_id: PublicationId
    encodings: tuple[EncodingWanted, ...]


class Quality(Message, frozen=True, kw_only=True, tag="quality"):
    """How a participant's connection fares; told on change, the newest counts.

    `rung` and `cause` are told to the participant alone; others get null.
    """

    participant_id: ParticipantId
    link: Link
    rung: Rung | None = None
    cause: RungCause | None = None


class Speakers(Message, frozen=True, kw_only=True, tag="speakers"):
    """Who speaks now, the loudest first; told on change, the newest counts."""

    participant_ids: tuple[ParticipantId, ...]


class MediaRebuild(Message, frozen=True, kw_only=True, tag="media-rebuild"):
    """Media was lost: make a new peer connection, offer again, publish and subscribe anew."""

    room_epoch: Epoch
    cause: str
    retry_after_ms: int
    ice_servers: tuple[IceServer, ...]


class MediaMove(Message, frozen=True, kw_only=True, tag="media-move"):
    """The media node will go: make a second peer connection, and keep the first meanwhile.

    Told to clients that name the feature `media-move`; others get `media-rebuild`.  Offers,
    publications, wishes and slot maps concern the new place from now on.  The first connection
    goes on as it is, is sent to as before, and is closed at `media-move-over`, when `ends_in_ms`
    have passed, or when anything else tells to build anew.
    """

    room_epoch: Epoch
    ends_in_ms: int
    ice_servers: tuple[IceServer, ...]


class MediaMoveOver(Message, frozen=True, kw_only=True, tag="media-move-over"):
    """Nothing comes from the place before any more: close the connection to it."""

    room_epoch: Epoch


class MediaMoved(Message, frozen=True, kw_only=True, tag="media-moved"):
    """The room's media has another place; `media-rebuild` or `media-move` follows for each."""

    seq: int
    room_epoch: Epoch


class IceRestartWanted(Message, frozen=True, kw_only=True, tag="ice-restart-wanted"):
    """Nothing of yours arrives at the media node: offer again with `ice_restart`, same peer."""

    room_epoch: Epoch


class IceServersRenewed(Message, frozen=True, kw_only=True, tag="ice-servers"):
    """Fresh relay credentials for the next ICE restart; told at half life of those before."""

    ice_servers: tuple[IceServer, ...]
    expires_in_s: int


class ParticipantWaiting(Message, frozen=True, kw_only=True, tag="participant-waiting"):
    """Someone sits in the lobby; told to hosts."""

    seq: int
    participant: ParticipantSeen


class ParticipantJoined(Message, frozen=True, kw_only=True, tag="participant-joined"):
    """Someone takes an active seat."""

    seq: int
    participant: ParticipantSeen


class ParticipantAdmitted(Message, frozen=True, kw_only=True, tag="participant-admitted"):
    """Someone came in from the lobby."""

    seq: int
    participant: ParticipantSeen


class ParticipantReturned(Message, frozen=True, kw_only=True, tag="participant-returned"):
    """Someone went back to the lobby; their publications are gone with it."""

    seq: int
    participant_id: ParticipantId


class ParticipantChanged(Message, frozen=True, kw_only=True, tag="participant-changed"):
    """A flag of a seat changed."""

    seq: int
    participant: ParticipantSeen


class ParticipantAway(Message, frozen=True, kw_only=True, tag="participant-away"):
    """A seat fell silent; it is kept."""

    seq: int
    participant_id: ParticipantId


class ParticipantBack(Message, frozen=True, kw_only=True, tag="participant-back"):
    """A silent seat is heard again."""

    seq: int
    participant_id: ParticipantId


class ParticipantLeft(Message, frozen=True, kw_only=True, tag="participant-left"):
    """A stay ended; told exactly once for each stay.  Its publications are gone with it."""

    seq: int
    participant_id: ParticipantId
    cause: Cause


class PublicationAdded(Message, frozen=True, kw_only=True, tag="publication-added"):
    """A track can be wished for."""

    seq: int
    publication: PublicationSeen


class PublicationChanged(Message, frozen=True, kw_only=True, tag="publication-changed"):
    """A track was muted or unmuted."""

    seq: int
    publication: PublicationSeen


class PublicationRemoved(Message, frozen=True, kw_only=True, tag="publication-removed"):
    """A track is gone."""

    seq: int
    publication_id: PublicationId


class VisitChanged(Message, frozen=True, kw_only=True, tag="visit-changed"):
    """The visit changed; fetch it by REST."""

    seq: int
    version: int


class RoomEnded(Message, frozen=True, kw_only=True, tag="room-ended"):
    """The visit is over for everybody."""

    seq: int


class Ok(Message, frozen=True, kw_only=True, tag="ok"):
    """A request took effect."""

    re: RequestId
    publication_id: PublicationId | None = None


class Pong(Message, frozen=True, kw_only=True, tag="pong"):
    """Answer to `ping`; `server_at` in RFC 3339 UTC."""

    re: RequestId
    server_at: str


class Refused(Message, frozen=True, kw_only=True, tag="refused"):
    """An expected no; `re` is null when the frame could not be read."""

    re: RequestId | None
    code: str
    may_retry: bool
    retry_after_ms: int | None = None


class Goodbye(Message, frozen=True, kw_only=True, tag="goodbye"):
    """Told just before the server closes, where it still can."""

    cause: str
    action: Action
    retry_after_ms: int | None = None


RoomEvent: TypeAlias = (
    ParticipantWaiting
    | ParticipantJoined
    | ParticipantAdmitted
    | ParticipantReturned
    | ParticipantChanged
    | ParticipantAway
    | ParticipantBack
    | ParticipantLeft
    | PublicationAdded
    | PublicationChanged
    | PublicationRemoved
    | VisitChanged
    | MediaMoved
    | RoomEnded
)

FromServer: TypeAlias = (
    Welcome
    | SeatTaken
    | Admitted
    | Answer
    | SlotsMapped
    | LayersWanted
    | Quality
    | Speakers
    | MediaRebuild
    | MediaMove
    | MediaMoveOver
    | IceRestartWanted
    | IceServersRenewed
    | RoomEvent
    | Ok
    | Pong
    | Refused
    | Goodbye
)
