"""What the packet plane keeps: peers, the encodings they send, the slots they receive in.

Bare state with the few verbs that keep it whole; `forwarder`, `feedback` and `engine` do the work.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from media.core.engine_face import (
    Addr,
    Kind,
    PeerKey,
    PublicationKey,
    ReceiveSection,
    SendSpec,
)
from media.core.history import AUDIO_PACKETS, VIDEO_PACKETS, PacketRing, SentRing
from media.core.keyframes import KeyframeGate
from media.core.nack import LossWatch
from media.core.packets import HeaderTemplate
from media.core.reports import Reception, RoundTrips
from media.core.rewrite import Rewriter
from media.core.vp8 import NO_SHIFT, NOTHING_SENT, Counters, shift_onto, shifted

AUDIO_TRIES: Final = 2
VIDEO_TRIES: Final = 10
RESENDS_MIN: Final = 50
"""Packets a second a slot may be resent whatever its rate; beyond, a tenth of its rate."""

ERAS_KEPT: Final = 4
"""Starts of one source in a slot whose packets may still be asked for again."""

Transform: TypeAlias = Callable[[bytes], bytes]
Era: TypeAlias = tuple["Encoding", int, Counters]
"""(source, what was added to its timestamps, what was added to its VP8 counters)."""


class Encoding:
    """One stream a peer sends: its history, its losses, and the slots it goes to."""

    __slots__ = (
        "codec_of",
        "counters",
        "floor",
        "gate",
        "is_declared",
        "is_muted",
        "is_video",
        "level_at",
        "level_id",
        "level_mark",
        "loss",
        "may_ask_again",
        "publication",
        "reception",
        "ring",
        "rtx_to_primary",
        "slots",
        "ssrc",
    )

    def __init__(self, peer: PeerKey, section: ReceiveSection, ssrc: int) -> None:
        self.publication = PublicationKey(peer=peer, mid=section.mid)
        self.ssrc = ssrc
        self.is_video = section.kind is Kind.VIDEO
        self.is_muted = False
        self.is_declared = ssrc in section.ssrcs
        self.codec_of = {
            codec.payload_type: codec.name for codec in section.codecs if codec.name != "rtx"
        }
        self.rtx_to_primary = {
            codec.payload_type: codec.apt for codec in section.codecs if codec.apt is not None
        }
        self.may_ask_again = any("nack" in codec.feedback for codec in section.codecs)
        self.level_id = section.extensions.audio_level
        # Where the level's id byte stood last, and the length word and id byte it stood under.
        self.level_at = 0
        self.level_mark = b""
        self.ring = PacketRing(VIDEO_PACKETS if self.is_video else AUDIO_PACKETS)
        self.floor = 0
        """Extended number below which nothing is taken: what came while muted stays unheard."""
        self.loss = LossWatch(tries_max=VIDEO_TRIES if self.is_video else AUDIO_TRIES)
        self.gate = KeyframeGate()
        self.reception = Reception(ssrc=ssrc, clock_rate_hz=section.codecs[0].clock_rate_hz)
        self.counters: Counters = NOTHING_SENT
        """VP8 counters of the newest packet, the picture id widened."""
        self.slots: tuple[Slot, ...] = ()

    def hold_slots(self) -> None:
        """Let every slot wait for a new start: what follows is no continuation."""
        for slot in self.slots:
            slot.hold()


class Slot:
    """One section a peer receives in: its numbers, and what it may be asked to repeat."""

    __slots__ = (
        "allowed",
        "awaits_start",
        "bytes_sent",
        "era",
        "eras",
        "is_video",
        "last",
        "packets_sent",
        "payload_types",
        "peer",
        "resent",
        "rewriter",
        "route",
        "rtx_payload_type",
        "rtx_seq",
        "sent",
        "shift",
        "source",
        "spec",
        "ssrc",
        "template",
        "window_from",
    )

    def __init__(self, peer: "PeerStreams", spec: SendSpec, *, draw: Callable[[], int]) -> None:
        self.peer = peer
        self.spec = spec
        self.ssrc = spec.ssrc
        self.is_video = spec.kind is Kind.VIDEO
        self.payload_types = {
            codec.name: codec.payload_type for codec in reversed(spec.codecs) if codec.name != "rtx"
        }
        repaired = {codec.apt: codec.payload_type for codec in spec.codecs if codec.name == "rtx"}
        main = self.payload_types.get("vp8")
        self.rtx_payload_type = None if main is None else repaired.get(main)
        self.template = HeaderTemplate(
            mid_id=spec.extensions.mid,
            mid=spec.mid,
            level_id=None if self.is_video else spec.extensions.audio_level,
        )
        self.rewriter = Rewriter(
            start_seq=draw(), start_ts=draw(), clock_rate_hz=spec.codecs[0].clock_rate_hz
        )
        self.sent = SentRing(VIDEO_PACKETS if self.is_video else AUDIO_PACKETS)
        self.rtx_seq = draw() & 0x7FFF
        self.route: tuple[PeerStreams, str] | None = None
        """The send section that fills this slot, bound or not."""
        self.source: Encoding | None = None
        self.awaits_start = True
        self.last: Counters = NOTHING_SENT
        """VP8 counters that went out last, under the source before this one."""
        self.shift: Counters = NO_SHIFT
        self.era = 0
        self.eras: dict[int, Era] = {}
        """What may still be resent: the present source's packets, in their shifts."""
        self.packets_sent = 0
        self.bytes_sent = 0
        self.window_from = 0
        self.resent = 0
        self.allowed = RESENDS_MIN

    def begin(
        self, source: Encoding, number: int, timestamp: int, counters: Counters, now: float
    ) -> None:
        """Let a source's packets in from this one on, numbered onto what went out before."""
        self.rewriter.begin(extended_seq=number, timestamp=timestamp, now=now)
        self.shift = shift_onto(self.last, counters)
        self.era += 1
        self.eras[self.era] = (source, self.rewriter.ts_shift, self.shift)
        self.eras.pop(self.era - ERAS_KEPT, None)
        self.awaits_start = False

    def hold(self) -> None:
        """Let nothing in until a new start; the source stays."""
        if not self.awaits_start and self.source is not None:
            self.last = shifted(self.source.counters, self.shift, self.last)
        self.awaits_start = True

    def release(self) -> None:
        """Leave the source: not even a resend of its packets enters any more."""
        self.hold()
        self.source = None
        self.eras.clear()

    def take(self, source: Encoding) -> None:
        """Wait for the start of a source, leaving the one before it."""
        if self.source is not source:
            self.release()
            self.source = source

    def new_second(self) -> None:
        """Reckon how much may be resent in the second that begins."""
        self.allowed = max(RESENDS_MIN, (self.packets_sent - self.window_from) // 10)
        self.window_from = self.packets_sent
        self.resent = 0


class PeerStreams:
    """One peer as the packet plane knows it."""

    __slots__ = (
        "bytes_in",
        "encodings",
        "feedback_ssrc",
        "heard_at",
        "heard_told_at",
        "is_paused",
        "key",
        "live",
        "muted_mids",
        "packets_in",
        "path",
        "protect",
        "protect_rtcp",
        "routes",
        "rtcp_in",
        "rtx",
        "sections",
        "selected",
        "slot_of_ssrc",
        "slots",
        "ssrcs_seen",
        "trips",
        "unprotect",
        "unprotect_rtcp",
        "valid",
    )

    def __init__(self, key: PeerKey, *, feedback_ssrc: int) -> None:
        self.key = key
        self.feedback_ssrc = feedback_ssrc
        self.sections: dict[str, ReceiveSection] = {}
        self.encodings: dict[int, Encoding] = {}
        """By SSRC."""
        self.live: dict[str, Encoding] = {}
        """By mid: the one encoding of a section that is forwarded."""
        self.rtx: dict[int, Encoding] = {}
        self.slots: dict[str, Slot] = {}
        self.slot_of_ssrc: dict[int, Slot] = {}
        self.routes: dict[str, list[Slot]] = {}
        """By mid of a send section, bound or not: the slots it is routed to."""
        self.muted_mids: set[str] = set()
        self.ssrcs_seen: set[int] = set()
        self.valid: frozenset[Addr] = frozenset()
        self.path: Addr | None = None
        """The address the path has chosen."""
        self.selected: Addr | None = None
        """The address sent to: the chosen one, or none while paused."""
        self.is_paused = False
        self.unprotect: Transform | None = None
        self.unprotect_rtcp: Transform | None = None
        self.protect: Transform | None = None
        self.protect_rtcp: Transform | None = None
        self.trips = RoundTrips()
        self.heard_at = float("-inf")
        self.heard_told_at = float("-inf")
        self.packets_in = 0
        self.bytes_in = 0
        self.rtcp_in = 0

    def settle_path(self) -> None:
        """Send to where the path goes, unless paused."""
        self.selected = None if self.is_paused else self.path

    def drops(self, mid: str) -> bool:
        """Say whether what arrives in a send section goes nowhere."""
        return self.is_paused or mid in self.muted_mids

    def attach(self, mid: str, slot: Slot) -> None:
        """Route a send section to a slot, which waits for its start; ends its route before."""
        if slot.route == (self, mid):
            return
        if slot.route is not None:
            before, before_mid = slot.route
            before.detach(before_mid, slot)
        slot.route = (self, mid)
        self.routes.setdefault(mid, []).append(slot)
        self.spread(mid)

    def detach(self, mid: str, slot: Slot) -> None:
        """End a route at once; one that is not there has ended already."""
        if slot.route != (self, mid):
            return
        slot.route = None
        slot.release()
        self.routes[mid].remove(slot)
        self.spread(mid)

    def spread(self, mid: str) -> None:
        """Copy a section's routes into the tuple the hot path walks."""
        live = self.live.get(mid)
        if live is None:
            return
        live.slots = tuple(self.routes.get(mid, ()))
        if not live.slots:  # nobody sees it: nothing is owed and nothing is missed
            live.gate.on_key_frame()
            live.loss.forget()
        for slot in live.slots:
            slot.take(live)

    def bring_live(self, encoding: Encoding) -> bool:
        """Forward this encoding of its section from now on, unless a declared one is there.

        An SSRC the offer named must not be displaced by one it did not (RFC 8843 section 9.2).
        """
        mid = encoding.publication.mid
        before = self.live.get(mid)
        if before is not None:
            if before.is_declared and not encoding.is_declared:
                return False
            before.slots = ()
        self.live[mid] = encoding
        self.spread(mid)
        return True
