"""One stream a peer sends: its history, its losses, and the slots it goes to.

Bare state with the few verbs that keep it whole.
"""

from typing import TYPE_CHECKING, Final

from media.core.engine_face import Kind, PeerKey, PublicationKey, ReceiveSection
from media.core.history import AUDIO_PACKETS, VIDEO_PACKETS, PacketRing
from media.core.keyframes import QUIET_PERIOD_S, KeyframeGate
from media.core.nack import LossWatch
from media.core.reports import Reception
from media.core.vp8 import NOTHING_SENT, Counters

if TYPE_CHECKING:
    from media.shell.slots import Slot

AUDIO_TRIES: Final = 2
VIDEO_TRIES: Final = 10
QUIET_HIGHER_S: Final = 1.0
"""Between two key-frame requests for any encoding but the smallest."""
NO_MARK: Final = b"-"
"""Compares unequal to four bytes of any packet."""


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

    def __init__(self, peer: PeerKey, section: ReceiveSection, ssrc: int, *, rank: int = 0) -> None:
        self.publication = PublicationKey(peer=peer, mid=section.mid)
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

    def hold_slots(self) -> None:
        """Let every slot wait for a new start: what follows is no continuation."""
        for slot in self.slots:
            slot.stop()
            slot.wait_for(slot.target or self)

    def forget_debts(self) -> None:
        """Owe no key frame and miss nothing: nobody looks."""
        self.gate.on_key_frame()
        self.loss.forget()
