"""The Engine: all work done once per packet, behind one face.

The Python engine (`media.shell.engine`) is its reference; a native one may stand beside it.
Called from the loop's thread only; `now` is monotonic seconds.  No event per packet, no
callback: events are batched and drained by whoever owns the loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple, NewType, Protocol, TypeAlias

Addr: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""As the socket gives it: IPv4 pair or IPv6 quadruple."""
PeerKey = NewType("PeerKey", str)
"""`<room_id>/<participant_id>/<attach_epoch>`: unique for the node's life."""


class Kind(StrEnum):
    """Media kind of a section."""

    AUDIO = "audio"
    VIDEO = "video"


class SrtpProfile(IntEnum):
    """DTLS-SRTP protection profiles we accept, by IANA number (RFC 5764, RFC 7714)."""

    AES128_CM_SHA1_80 = 0x0001
    AEAD_AES_128_GCM = 0x0007
    AEAD_AES_256_GCM = 0x0008


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtpKeys:
    """Master key followed by master salt, each way."""

    profile: SrtpProfile
    rx_key: bytes = field(repr=False)
    tx_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One payload type of a section, as the client numbered it."""

    payload_type: int
    name: str
    """Lower case: `opus`, `pcmu`, `vp8`, `rtx`."""
    clock_rate_hz: int
    apt: int | None = None
    """For `rtx`: the payload type it repeats (RFC 4588)."""
    feedback: frozenset[str] = frozenset()
    """Agreed `a=rtcp-fb` values, such as `nack`, `nack pli`, `goog-remb`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """Agreed header-extension ids of a section (RFC 8285); None where not agreed."""

    mid: int | None = None
    audio_level: int | None = None
    rid: int | None = None
    repaired_rid: int | None = None
    transport_cc: int | None = None
    abs_send_time: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveSection:
    """A section the client sends in."""

    mid: str
    kind: Kind
    codecs: tuple[Codec, ...]
    extensions: Extensions
    ssrcs: tuple[int, ...] = ()
    """Declared primary SSRCs of the offer."""
    rtx_ssrcs: tuple[int, ...] = ()
    """Declared RTX SSRCs, in the order of `ssrcs`."""
    rids: tuple[str, ...] = ()
    """Agreed simulcast encodings, the smallest picture first; empty for a single one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSpec:
    """A slot: a section the client receives in.  Its SSRCs belong to it for the peer's life."""

    mid: str
    kind: Kind
    codecs: tuple[Codec, ...]
    extensions: Extensions
    ssrc: int
    rtx_ssrc: int | None
    cname: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveFacts:
    """What an agreed offer says of one peer."""

    sections: tuple[ReceiveSection, ...]
    slots: tuple[SendSpec, ...]


class PublicationKey(NamedTuple):
    """A publication inside the node."""

    peer: PeerKey
    mid: str


class SlotKey(NamedTuple):
    """A slot inside the node."""

    peer: PeerKey
    mid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Packets of `publication` go to `slot`; made by `attach`, ended by `detach`."""

    publication: PublicationKey
    slot: SlotKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteEdit:
    """One change to the forwarding table; a list of them is applied between two datagrams."""

    route: Route
    is_attached: bool


class StreamSample(NamedTuple):
    """What has arrived of one encoding since it was bound; counts only ever rise."""

    rank: int
    """0 is the smallest encoding of its publication."""
    received: int
    octets: int
    """Payload bytes."""
    loud: int
    """Packets whose audio level is that of speech."""
    top_temporal: int
    """Highest temporal layer seen; -1 when its packets tell none."""


class SlotSample(NamedTuple):
    """What fills one slot now."""

    mid: str
    rank: int
    """Of the encoding that flows; -1 when nothing does."""
    is_waiting: bool
    """A key frame is awaited."""


class PeerSample(NamedTuple):
    """How one peer fared since it was last asked about."""

    span_s: float
    estimate_bps: int
    rtt_s: float
    loss_up: float
    """Share of its packets that did not reach us, before repair."""
    loss_down: float
    """Share of ours that did not reach it, before repair."""
    jitter_s: float
    """The worst of its streams."""
    queue_s: float
    """Delay on its downlink beyond the least of the last seconds."""
    bps_in: int
    """Payload bits a second."""
    bps_out: int
    packets_in: int
    packets_out: int
    nacked: int
    """Packets it asked for again."""
    resent: int
    key_frames_asked: int
    slots: tuple[SlotSample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationBound:
    """The first packet of a publication was bound."""

    publication: PublicationKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFrameStalled:
    """Ten requests for a key frame went unanswered."""

    publication: PublicationKey


class Authenticated(NamedTuple):
    """A packet of this peer passed SRTP or SRTCP authentication since the last drain."""

    peer: PeerKey
    at: float


EngineEvent: TypeAlias = PublicationBound | KeyFrameStalled | Authenticated


class Engine(Protocol):
    """The packet plane of one media node."""

    def open_peer(self, peer: PeerKey, *, now: float) -> None:
        """Know a peer; nothing is accepted from it before `set_keys` and `set_path`."""
        ...

    def set_facts(self, peer: PeerKey, facts: ReceiveFacts) -> None:
        """Learn or extend what the peer's offer agreed; slots keep their SSRCs."""
        ...

    def set_keys(self, peer: PeerKey, keys: SrtpKeys) -> None:
        """Take the keys of a DTLS association whose fingerprint was verified."""
        ...

    def set_path(self, peer: PeerKey, valid: frozenset[Addr], selected: Addr | None) -> None:
        """Set the addresses heard from and the one sent to; None stops sending."""
        ...

    def set_muted(self, publication: PublicationKey, *, is_muted: bool) -> None:
        """Drop a publication's packets at ingress, or stop doing so."""
        ...

    def set_paused(self, peer: PeerKey, *, is_paused: bool) -> None:
        """Hold everything to and from a peer, or let it flow again; path and keys stay."""
        ...

    def hold(self, publication: PublicationKey, *, is_held: bool) -> None:
        """Drop a publication's packets because the server says so, whatever its owner says."""
        ...

    def steer(self, slot: SlotKey, *, rank: int, temporal: int) -> None:
        """Give a slot another encoding, at that one's next key frame, or none at once.

        Args:
            slot: Where.
            rank: 0 is the smallest encoding; -1 for none.
            temporal: Highest temporal layer to let through.
        """
        ...

    def set_wanted(self, peer: PeerKey, wanted_bps: int) -> None:
        """Say what the next step up would need; 0 ends the probing for it."""
        ...

    def streams(self, publication: PublicationKey) -> tuple[StreamSample, ...]:
        """Say what of a publication arrives: one entry a bound encoding."""
        ...

    def estimate_bps(self, peer: PeerKey) -> float:
        """Return the present estimate of a peer's downlink; 0 for one that is closed."""
        ...

    def sample(self, peer: PeerKey, *, now: float) -> PeerSample | None:
        """Say how a peer fared since the last time it was asked; None for one that is closed."""
        ...

    def route(self, edits: Sequence[RouteEdit], *, now: float) -> None:
        """Apply edits at once, between two datagrams; a new video route asks for a key frame."""
        ...

    def on_srtp(self, addr: Addr, data: bytes, now: float) -> None:
        """Take a datagram whose first byte is 128–191 and second is no RTCP type."""
        ...

    def on_srtcp(self, addr: Addr, data: bytes, now: float) -> None:
        """Take a datagram whose first byte is 128–191 and second byte 192–223."""
        ...

    def on_tick(self, *, now: float) -> None:
        """Do the periodic work: NACK, key-frame retries, reports, REMB.  Called each 10 ms."""
        ...

    def take_events(self) -> list[EngineEvent]:
        """Hand over what happened since the last call."""
        ...

    def counters(self) -> dict[str, int]:
        """Counts since boot by name: packets, drops by guard, retransmissions, requests."""
        ...

    def close_peer(self, peer: PeerKey) -> None:
        """Forget a peer: not one packet flows to or from it afterwards."""
        ...
