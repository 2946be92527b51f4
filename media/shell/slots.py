"""The two ends of a route: one stream a peer sends, one section a peer receives in.

Bare state with the few verbs that keep it whole.  A slot has what flows (`source`) and what it
waits for (`target`): the one flows on until the other starts, so a change of layer shows no gap.
"""

from collections.abc import Callable
from typing import Final, Protocol

from media.core.allocator import FULL_RATE
from media.core.engine_face import Addr, Kind, PeerKey, PublicationKey, ReceiveSection, SendSpec
from media.core.history import AUDIO_PACKETS, VIDEO_PACKETS, PacketRing, SentRing
from media.core.keyframes import QUIET_PERIOD_S, KeyframeGate
from media.core.nack import LossWatch
from media.core.packets import HeaderTemplate, number_position
from media.core.reports import Reception, RoundTrips, aligned
from media.core.rewrite import Rewriter
from media.core.twcc import SentLog
from media.core.vp8 import (
    NO_SHIFT,
    NOTHING_SENT,
    PICTURE_ID_MASK,
    Counters,
    dropped_before,
    shift_onto,
    shifted,
)
from media.shell.srtp import Transform

AUDIO_TRIES: Final = 2
VIDEO_TRIES: Final = 10
QUIET_HIGHER_S: Final = 1.0
"""Between two key-frame requests for any encoding but the smallest."""
NO_MARK: Final = b"-"
"""Compares unequal to four bytes of any packet."""
RESENDS_MIN: Final = 50
"""Packets a second a slot may be resent whatever its rate; beyond, a tenth of its rate."""
ERAS_KEPT: Final = 4
"""Starts of one source in a slot whose packets may still be asked for again."""
DROPS_KEPT: Final = 64
"""Frames left out of a slot that its late packets are still numbered around."""
BEST: Final = 99
"""Rank of a slot nobody has steered yet: the best encoding there is."""


class Receiver(Protocol):
    """The peer of a slot, as far as the way to it is concerned."""

    selected: Addr | None
    protect: Transform | None
    sent_log: SentLog
    trips: RoundTrips
    nacked: int
    resent: int
    key_frames_asked: int


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
        "loud",
        "may_ask_again",
        "octets",
        "owing",
        "publication",
        "rank",
        "reception",
        "ring",
        "rtx_to_primary",
        "slots",
        "ssrc",
        "top_temporal",
        "twcc_at",
        "twcc_head",
        "twcc_id",
        "twcc_mark",
        "waiting",
    )

    def __init__(
        self,
        peer: PeerKey,
        section: ReceiveSection,
        ssrc: int,
        *,
        rank: int = 0,
        owing: "dict[Encoding, None] | None" = None,
    ) -> None:
        self.publication = PublicationKey(peer=peer, mid=section.mid)
        self.owing = {} if owing is None else owing
        """Its peer's encodings of which something is still to come."""
        self.ssrc = ssrc
        self.rank = rank
        """0 is the smallest of a publication's encodings."""
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
        self.loud = 0
        """Packets whose audio level is that of speech."""
        self.twcc_id = section.extensions.transport_cc
        self.twcc_head = 0 if self.twcc_id is None else self.twcc_id << 4 | 1
        self.twcc_at = 0
        self.twcc_mark = NO_MARK
        self.ring = PacketRing(VIDEO_PACKETS if self.is_video else AUDIO_PACKETS)
        self.floor = 0
        """Extended number below which nothing is taken: what came while muted stays unheard."""
        self.loss = LossWatch(tries_max=VIDEO_TRIES if self.is_video else AUDIO_TRIES)
        self.gate = KeyframeGate(quiet_period_s=QUIET_HIGHER_S if rank else QUIET_PERIOD_S)
        self.reception = Reception(ssrc=ssrc, clock_rate_hz=section.codecs[0].clock_rate_hz)
        self.top_temporal = -1
        """Highest temporal layer seen."""
        self.octets = 0
        """Payload bytes received."""
        self.counters: Counters = NOTHING_SENT
        """VP8 counters of the newest packet, the picture id widened."""
        self.slots: tuple[Slot, ...] = ()
        """Where every packet goes."""
        self.waiting: tuple[Slot, ...] = ()
        """Who comes in at the next key frame, or at once for sound."""

    @property
    def is_watched(self) -> bool:
        """Say whether a slot has it or waits for it."""
        return bool(self.slots or self.waiting)

    def find_number(self, packet: bytes) -> int:
        """Look for the transport-wide number where it was not before; remember the place."""
        at = 0 if self.twcc_id is None else number_position(packet, self.twcc_id)
        self.twcc_at, self.twcc_mark = at, packet[12:16] if at else NO_MARK
        return at

    def miss(self, first: int, after: int, now: float) -> None:
        """Note that the numbers from `first` up to but not `after` did not arrive."""
        self.loss.on_gap(first, after, now=now)
        self.owing[self] = None

    def need_key_frame(self, now: float) -> None:
        """Have a key frame asked for at the next tick that may."""
        self.gate.keep(now=now)
        self.owing[self] = None

    def may_ask_key_frame(self, now: float) -> bool:
        """Say whether a key frame is to be asked for at once; else a later tick does."""
        self.owing[self] = None
        return self.gate.ask(now=now)

    def hold_slots(self) -> None:
        """Let every slot wait for a new start: what follows is no continuation."""
        for slot in self.slots:
            slot.stop()
            slot.wait_for(slot.target or self)

    def forget_debts(self) -> None:
        """Owe no key frame and miss nothing: nobody looks."""
        self.gate.on_key_frame()
        self.loss.forget()


class Era:
    """One start of a source in a slot: how its packets are numbered, for resends too."""

    __slots__ = ("dropped", "shift", "source", "ts_shift")

    def __init__(self, source: Encoding, ts_shift: int, shift: Counters) -> None:
        self.source = source
        self.ts_shift = ts_shift
        self.shift = shift
        """What is added to the source's VP8 counters, before frames left out."""
        self.dropped: list[int] = []
        """Picture ids of the last frames left out, in order."""

    def shift_at(self, picture_id: int) -> Counters:
        """Return the shift of one frame: each frame left out before it counts one back."""
        if not self.dropped or picture_id < 0:
            return self.shift
        before = dropped_before(self.dropped, picture_id)
        return self.shift[0] - before & PICTURE_ID_MASK, self.shift[1], self.shift[2]

    def drop(self, picture_id: int) -> Counters:
        """Leave a frame out; return the shift of the frames after it."""
        if not self.dropped or self.dropped[-1] != picture_id:
            self.dropped.append(picture_id)
        if len(self.dropped) > DROPS_KEPT:
            del self.dropped[0]
            picture, tl0, key = self.shift
            self.shift = picture - 1 & PICTURE_ID_MASK, tl0, key
        return self.shift_at(picture_id + 1 & PICTURE_ID_MASK)


class Slot:
    """One section a peer receives in: its numbers, and what it may be asked to repeat."""

    __slots__ = (
        "allowed",
        "bytes_sent",
        "era",
        "eras",
        "is_paused",
        "is_video",
        "kept_id",
        "last",
        "packets_sent",
        "payload_types",
        "peer",
        "rank",
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
        "target",
        "template",
        "temporal",
        "temporal_wanted",
        "window_from",
    )

    def __init__(self, peer: Receiver, spec: SendSpec, *, draw: Callable[[], int]) -> None:
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
            twcc_id=spec.extensions.transport_cc,
            level_id=None if self.is_video else spec.extensions.audio_level,
        )
        self.rewriter = Rewriter(
            start_seq=draw(), start_ts=draw(), clock_rate_hz=spec.codecs[0].clock_rate_hz
        )
        self.sent = SentRing(VIDEO_PACKETS if self.is_video else AUDIO_PACKETS)
        self.rtx_seq = draw() & 0x7FFF
        self.route: tuple[PeerKey, str] | None = None
        """The send section that fills this slot, bound or not."""
        self.source: Encoding | None = None
        """What flows."""
        self.target: Encoding | None = None
        """What it waits for; the source flows until that starts."""
        self.rank = BEST
        """The encoding it should get; `OFF` for none."""
        self.is_paused = False
        self.temporal = self.temporal_wanted = FULL_RATE
        """Highest temporal layer let through, and to be let through from its next entry on."""
        self.kept_id = -1
        """Picture id of a frame that was under way when its layer was shut out."""
        self.last: Counters = NOTHING_SENT
        """VP8 counters that went out last, under the source before this one."""
        self.shift: Counters = NO_SHIFT
        self.era = 0
        self.eras: dict[int, Era] = {}
        """What may still be resent: the present publication's packets, in their shifts."""
        self.packets_sent = 0
        self.bytes_sent = 0
        self.window_from = 0
        self.resent = 0
        self.allowed = RESENDS_MIN

    def begin(
        self, source: Encoding, number: int, timestamp: int, counters: Counters, now: float
    ) -> None:
        """Let a source's packets in from this one on, numbered onto what went out before."""
        before, is_cut_short = self.source, self._is_frame_cut_short()
        self.stop()
        self.wait_for(None)
        since = None
        if before is not None and before is not source:
            since = aligned(before.reception, source.reception, timestamp)
        self.rewriter.begin(
            extended_seq=number, timestamp=timestamp, now=now, same_clock=since, skip=is_cut_short
        )
        self.shift = shift_onto(self.last, counters)
        self.era += 1
        self.eras[self.era] = Era(source, self.rewriter.ts_shift, self.shift)
        self.eras.pop(self.era - ERAS_KEPT, None)
        self.source = source
        source.slots += (self,)

    def stop(self) -> None:
        """Let nothing in until a new start."""
        if self.source is None:
            return
        self.last = shifted(self.source.counters, self.shift, self.last)
        self.source.slots = without(self.source.slots, self)
        self.source = None

    def wait_for(self, target: Encoding | None) -> None:
        """Come in at the start of a source; None waits for nothing."""
        if self.target is target:
            return
        if self.target is not None:
            self.target.waiting = without(self.target.waiting, self)
        self.target = target
        if target is not None:
            target.waiting += (self,)

    def release(self) -> None:
        """Leave the publication: not even a resend of its packets enters any more."""
        self.stop()
        self.wait_for(None)
        self.eras.clear()

    def point_at(self, best: Encoding | None) -> None:
        """Have this encoding of the publication, at its next start; none ends what flows."""
        if best is None:
            self.stop()
        self.wait_for(None if best is self.source else best)

    def limit_temporal(self, wanted: int) -> None:
        """Let through temporal layers up to this one; fewer at once, more when they may enter."""
        self.temporal_wanted = wanted
        if wanted < self.temporal:
            self.temporal = wanted
            self.kept_id = -1 if self.source is None else self.source.counters[0]

    def leave_out(self, number: int, picture_id: int) -> None:
        """Leave out a packet of a temporal layer that is shut out, its whole frame with it.

        Numbers close up behind the newest packet only: around a late one they are given already.
        """
        if number > self.rewriter.highest and 0 <= picture_id != self.kept_id:
            self.shift = self.eras[self.era].drop(picture_id)
        self.rewriter.pass_over(number)

    def new_second(self) -> None:
        """Reckon how much may be resent in the second that begins."""
        self.allowed = max(RESENDS_MIN, (self.packets_sent - self.window_from) // 10)
        self.window_from = self.packets_sent
        self.resent = 0

    def _is_frame_cut_short(self) -> bool:
        """Say whether the last packet that went out ends no frame."""
        if self.source is None or not self.is_video:
            return False
        found = self.sent.find(self.rewriter.newest)
        era = None if found is None else self.eras.get(found[1])
        packet = None if found is None or era is None else era.source.ring.find(found[0])
        return packet is not None and not packet[1] & 0x80


def without(slots: tuple[Slot, ...], gone: Slot) -> tuple[Slot, ...]:
    """Return the slots but one."""
    return tuple(each for each in slots if each is not gone)
