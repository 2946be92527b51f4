"""How many bits a second one peer's downlink carries, from what became of our packets.  Pure.

Congestion shows as delay that grows, or as loss.  Delay is judged by the quickest packet of a
third of a second, so that jitter alone does not count.  Loss without delay lowers the estimate
only down to `LOSS_ALONE_FLOOR`: a radio link loses packets at any rate, and sending less would
not help it; beyond a loss of nearly a half there is no such mercy.

The estimate grows only as far as what was really carried bears it out (`CARRIED_FACTOR`), so a
higher layer is reached by probing: `probe_bps` says how much more to send meanwhile.

Source:
    Our constants; after draft-ietf-rmcat-gcc-02 sections 5 and 6.
"""

from collections import deque
from typing import Final

from media.core.twcc import Fates

START_BPS: Final = 800_000
FLOOR_BPS: Final = 64_000
CEILING_BPS: Final = 20_000_000
DECREASE: Final = 0.85
DECREASE_EVERY_S: Final = 0.3
STEP_AGAIN_S: Final = 1.0
"""What was lowered shows only when the layers have followed."""
GROWTH_A_S: Final = 0.08
EAGER_GROWTH_A_S: Final = 0.4
"""Until the link has shown a limit: a room of four has its pictures within six seconds."""
GROWTH_MIN_BPS_A_S: Final = 20_000
"""So that a link which had sunk to the floor carries pictures again within ten seconds."""
LOSS_HIGH: Final = 0.10
LOSS_LOW: Final = 0.02
LOSS_HOPELESS: Final = 0.45
LOSS_ALONE_FLOOR: Final = 250_000
QUEUE_MAX_S: Final = 0.08
QUEUE_FALLS_S: Final = 0.01
WINDOW_S: Final = 0.3
CARRIED_WINDOW_S: Final = 1.0
CARRIED_FACTOR: Final = 1.5
CARRIED_SLACK_BPS: Final = 60_000
BASE_WINDOW_S: Final = 10.0
SAMPLES_MIN: Final = 10
SILENT_AFTER_S: Final = 1.5
PROBE_OVER: Final = 1.1
"""Media and probes together; a fifth over the estimate at most."""
PROBE_PAUSE_S: Final = 3.0
PACKET_OVERHEAD: Final = 28
"""UDP and IPv4."""
_NOT_YET: Final = float("-inf")


class Estimator:
    """The downlink of one peer; `bps` is the present estimate."""

    def __init__(self) -> None:
        self.bps = float(START_BPS)
        self.loss = 0.0
        """Share lost of what was told in the last second."""
        self.queue_s = 0.0
        """Delay of the quickest packet of the window beyond the quickest of the last 10 s."""
        self._told: deque[tuple[float, Fates]] = deque()
        """The last second's, with the instant each was told."""
        self._bases: deque[tuple[float, float]] = deque()
        """(when told, least one-way delay of its window), the least of later ones kept."""
        self._fed_at: float | None = None
        self._lowered_at = _NOT_YET
        self._grown_at: float | None = None
        self._probe_from = 0.0
        self._is_probing = False
        self._remb_bps: float | None = None

    def on_fates(self, fates: Fates, *, now: float) -> None:
        """Take what one feedback packet told of our packets."""
        self._fed_at = now
        self._told.append((now, fates))
        if fates.least_delay_s is not None:
            self._note_base(fates.least_delay_s, now)
        self._forget(now)
        self._judge(now)

    def on_remb(self, bps: int, *, now: float) -> None:
        """Take a receiver's own estimate, where that is all it gives: a ceiling."""
        self._fed_at = now
        self._remb_bps = float(bps)
        self.bps = min(max(float(bps), FLOOR_BPS), CEILING_BPS)

    def on_reported_loss(self, share: float, *, now: float) -> None:
        """Take the loss of a reception report, for a peer that tells nothing better."""
        self.loss = share
        if share > LOSS_HIGH:
            self._lower(self.bps * DECREASE, now)

    def on_silence(self, *, now: float) -> None:
        """Lower the estimate while packets leave and nothing is told of them any more."""
        if self._fed_at is not None and now - self._fed_at > SILENT_AFTER_S:
            self._lower(self.bps * DECREASE, now)

    def carried_bps(self, *, now: float, window_s: float = CARRIED_WINDOW_S) -> float:
        """Return what arrived in the last second, or less, in bits a second on the wire."""
        recent = [fates for at, fates in self._told if at > now - window_s]
        octets = sum(each.octets + PACKET_OVERHEAD * each.received for each in recent)
        return octets * 8 / window_s

    def probe_bps(self, *, sent_bps: float, wanted_bps: float, now: float) -> float:
        """Return how much to send beyond the media, to learn whether more is carried.

        Args:
            sent_bps: What goes to this peer now.
            wanted_bps: What the next higher layer would need; 0: nobody waits for more.
            now: Monotonic instant in seconds.
        """
        is_fed = self._fed_at is not None and self._remb_bps is None
        self._is_probing = is_fed and self.bps < wanted_bps and now >= self._probe_from
        if not self._is_probing or self.loss > LOSS_LOW:
            return 0.0
        return max(0.0, min(PROBE_OVER * self.bps, wanted_bps) - sent_bps)

    def _judge(self, now: float) -> None:
        received = sum(fates.received for _, fates in self._told)
        lost = max(0, sum(fates.lost for _, fates in self._told))
        if received + lost < SAMPLES_MIN:
            return
        self.loss = lost / (received + lost)
        if self._is_queue_growing(now) or self.loss > LOSS_HOPELESS:
            self._lower_below_carried(now)
        elif self.loss > LOSS_HIGH and self.bps > LOSS_ALONE_FLOOR:
            self._lower(max(self.bps * DECREASE, LOSS_ALONE_FLOOR), now)
        if self.loss < LOSS_LOW and self.queue_s <= QUEUE_MAX_S:
            self._grow(now)
        else:
            self._grown_at = now

    def _is_queue_growing(self, now: float) -> bool:
        """Measure the queue; say whether it is long and not shrinking."""
        recent = (fates.least_delay_s for at, fates in self._told if at > now - WINDOW_S)
        delays = [delay for delay in recent if delay is not None]
        if not delays:
            return False
        before, self.queue_s = self.queue_s, min(delays) - self._bases[0][1]
        return self.queue_s > QUEUE_MAX_S and self.queue_s > before - QUEUE_FALLS_S

    def _lower_below_carried(self, now: float) -> None:
        """Go a little below what is surely carried; where that is no step, one a second."""
        below = DECREASE * self.carried_bps(now=now, window_s=WINDOW_S)
        if below < self.bps:
            self._lower(below, now)
        elif now - self._lowered_at >= STEP_AGAIN_S:
            self._lower(self.bps * DECREASE, now)

    def _lower(self, bps: float, now: float) -> None:
        if now - self._lowered_at < DECREASE_EVERY_S:
            return
        self._lowered_at = now
        self.bps = max(float(FLOOR_BPS), bps)
        if self._is_probing:
            self._probe_from = now + PROBE_PAUSE_S

    def _grow(self, now: float) -> None:
        """Eight per cent a second, more before the first limit, as far as was carried."""
        since = now if self._grown_at is None else self._grown_at
        self._grown_at = now
        passed = min(now - since, 1.0)
        bound = CARRIED_FACTOR * self.carried_bps(now=now) + CARRIED_SLACK_BPS
        share = EAGER_GROWTH_A_S if self._lowered_at == _NOT_YET else GROWTH_A_S
        grown = self.bps + passed * max(share * self.bps, GROWTH_MIN_BPS_A_S)
        self.bps = min(max(self.bps, min(grown, bound)), CEILING_BPS)

    def _note_base(self, delay: float, now: float) -> None:
        """Keep the least delay of the last ten seconds at the front."""
        while self._bases and self._bases[-1][1] >= delay:
            self._bases.pop()
        self._bases.append((now, delay))

    def _forget(self, now: float) -> None:
        while self._told and self._told[0][0] <= now - CARRIED_WINDOW_S:
            self._told.popleft()
        while len(self._bases) > 1 and self._bases[0][0] <= now - BASE_WINDOW_S:
            self._bases.popleft()
