"""What the packet plane keeps of one peer: what it sends, where that goes, what it receives.

Bare state with the few verbs that keep it whole; `forwarder`, `feedback` and `engine` do the work.
"""

from dataclasses import dataclass

from media.core.allocator import FULL_RATE, OFF
from media.core.bandwidth import Estimator
from media.core.engine_face import Addr, PeerKey, ReceiveSection
from media.core.reports import RoundTrips
from media.core.twcc import Arrivals, SentLog
from media.shell.slots import BEST, Encoding, Slot
from media.shell.srtp import Transform


class PeerStreams:
    """One peer as the packet plane knows it."""

    __slots__ = (
        "arrivals",
        "arrived_at",
        "arrived_numbers",
        "bytes_in",
        "encodings",
        "estimator",
        "feedback_ssrc",
        "heard_at",
        "heard_told_at",
        "held_mids",
        "is_paused",
        "key",
        "key_frames_asked",
        "live",
        "muted_mids",
        "nacked",
        "owing",
        "packets_in",
        "path",
        "probe",
        "protect",
        "protect_rtcp",
        "resent",
        "routes",
        "rtcp_in",
        "rtx",
        "sections",
        "selected",
        "sent_log",
        "slot_of_ssrc",
        "slots",
        "ssrcs_seen",
        "totals",
        "trips",
        "twcc_id",
        "unprotect",
        "unprotect_rtcp",
        "valid",
    )

    def __init__(  # noqa: PLR0915  (one field a line)
        self, key: PeerKey, *, feedback_ssrc: int
    ) -> None:
        self.key = key
        self.feedback_ssrc = feedback_ssrc
        self.sections: dict[str, ReceiveSection] = {}
        self.encodings: dict[int, Encoding] = {}
        """By SSRC."""
        self.live: dict[str, dict[int, Encoding]] = {}
        """By mid and rank: the encodings that may be forwarded."""
        self.owing: dict[Encoding, None] = {}
        """Encodings with packets missing or a key frame asked for: the tick looks at these."""
        self.rtx: dict[int, Encoding] = {}
        self.slots: dict[str, Slot] = {}
        self.slot_of_ssrc: dict[int, Slot] = {}
        self.routes: dict[str, list[Slot]] = {}
        """By mid of a send section, bound or not: the slots it is routed to."""
        self.muted_mids: set[str] = set()
        self.held_mids: set[str] = set()
        """Publications the server holds, whatever their owner says."""
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
        self.arrivals = Arrivals()
        self.arrived_numbers = self.arrivals.numbers
        self.arrived_at = self.arrivals.times
        self.twcc_id: int | None = None
        """Of the transport-wide number in what this peer sends."""
        self.sent_log = SentLog()
        self.estimator = Estimator()
        self.probe = Probe()
        self.totals = Totals()
        """As they were when the peer was last asked about."""
        self.nacked = 0
        self.resent = 0
        self.key_frames_asked = 0
        self.heard_at = float("-inf")
        self.heard_told_at = float("-inf")
        self.packets_in = 0
        self.bytes_in = 0
        self.rtcp_in = 0

    @property
    def has_transport_cc(self) -> bool:
        """Say whether this peer tells what becomes of each packet we send it."""
        return any(slot.template.has_twcc for slot in self.slots.values())

    def settle_path(self) -> None:
        """Send to where the path goes, unless paused."""
        self.selected = None if self.is_paused else self.path

    def drops(self, mid: str) -> bool:
        """Say whether what arrives in a send section goes nowhere."""
        return self.is_paused or mid in self.muted_mids or mid in self.held_mids

    def attach(self, mid: str, slot: Slot) -> None:
        """Route a send section to a slot that has no route; it waits for the section's start."""
        slot.route = (self.key, mid)
        slot.rank, slot.temporal_wanted = BEST, FULL_RATE
        slot.temporal = FULL_RATE
        self.routes.setdefault(mid, []).append(slot)
        self.spread(mid)

    def detach(self, mid: str, slot: Slot) -> None:
        """End a route at once; one that is not there has ended already."""
        if slot.route != (self.key, mid):
            return
        slot.route = None
        slot.release()
        self.routes[mid].remove(slot)
        self.spread(mid)

    def spread(self, mid: str) -> None:
        """Point each slot of a section at the encoding it should have."""
        live = self.live.get(mid)
        if live is None:
            return
        for slot in self.routes.get(mid, ()):
            slot.point_at(_best_of(live, slot))
        for encoding in live.values():
            if not encoding.is_watched:
                encoding.forget_debts()

    def bring_live(self, encoding: Encoding) -> bool:
        """Forward this encoding of its section from now on, unless a declared one is there.

        An SSRC the offer named must not be displaced by one it did not (RFC 8843 section 9.2).
        """
        live = self.live.setdefault(encoding.publication.mid, {})
        before = live.get(encoding.rank)
        if before is not None:
            if before.is_declared and not encoding.is_declared:
                return False
            for slot in (*before.slots, *before.waiting):
                slot.stop()
                slot.wait_for(None)
        live[encoding.rank] = encoding
        self.spread(encoding.publication.mid)
        return True


class Probe:
    """What one peer is sent beyond its media, to learn whether more is carried."""

    __slots__ = ("bytes_sent", "credit", "measured_at", "rate_bps", "wanted_bps")

    def __init__(self) -> None:
        self.wanted_bps = 0
        """What the next step up would need; 0: nothing waits."""
        self.rate_bps = 0.0
        self.credit = 0.0
        """Bytes that may go now."""
        self.bytes_sent = 0
        """Of media, when it was last measured."""
        self.measured_at = 0.0


@dataclass(slots=True, kw_only=True)
class Totals:
    """Counts of one peer since it was opened, at one instant."""

    at: float = 0.0
    expected: int = 0
    received: int = 0
    bytes_in: int = 0
    packets_out: int = 0
    bytes_out: int = 0
    nacked: int = 0
    resent: int = 0
    key_frames_asked: int = 0


def _best_of(live: dict[int, Encoding], slot: Slot) -> Encoding | None:
    """Return the encoding nearest to what a slot should have, the lower one first."""
    if slot.rank == OFF or slot.is_paused or not live:
        return None
    below = [rank for rank in live if rank <= slot.rank]
    return live[max(below) if below else min(live)]
