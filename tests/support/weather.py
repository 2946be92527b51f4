"""What a network does to datagrams, in one direction, drawn from a seed.  Pure: time is given.

Order of what happens to a datagram: blocked, too large, lost, held by the rate cap's queue, then
delayed, perhaps overtaken, perhaps doubled.  Jitter alone keeps the order, as a queue does.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What became of a datagram; one counter each."""

    CARRIED = "carried"
    LOST = "lost"
    BLOCKED = "blocked"
    TOO_LARGE = "too large"
    QUEUE_FULL = "queue full"
    DOUBLED = "doubled"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, kw_only=True)
class Weather:
    """One direction's faults.

    Args:
        loss: Share of datagrams lost, below 1.
        burst: Mean length of a burst of losses, in datagrams (Gilbert's model); 1: each datagram
            for itself.
        delay_s, jitter_s: Each is held this long, and up to so much longer.
        overtaken: Share held `overtaken_s` longer than what comes after it.
        doubled: Share that arrives twice.
        rate_bps: What passes a second, with a queue of `queue_s` that drops what does not fit.
        mtu_bytes: Largest datagram, headers of IPv4 and UDP included.
    """

    loss: float = 0.0
    burst: float = 1.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    overtaken: float = 0.0
    overtaken_s: float = 0.03
    doubled: float = 0.0
    rate_bps: float | None = None
    queue_s: float = 0.25
    mtu_bytes: int = 65_535
    is_blocked: bool = False


CLEAR = Weather()
BLOCKED = Weather(is_blocked=True)
_HEADERS_BYTES = 28
_DOUBLE_AFTER_S = 0.002


class Road:
    """One direction of a link; `weather` may change at any time."""

    def __init__(self, source: random.Random, weather: Weather = CLEAR) -> None:
        self.weather = weather
        self.ledger: Counter[Fate] = Counter()
        self._source = source
        self._is_in_burst = False
        self._free_at = 0.0
        self._last_at = 0.0

    def fate(self, size: int, now: float) -> list[float]:
        """Say when the copies of a datagram leave; none when it does not arrive."""
        refused = self._refusal(size)
        if refused is None:
            queued_s = self._queue(size, now)
            refused = Fate.QUEUE_FULL if queued_s is None else None
        if refused is not None:
            self.ledger[refused] += 1
            return []
        assert queued_s is not None
        self.ledger[Fate.CARRIED] += 1
        return self._instants(now + queued_s)

    def _refusal(self, size: int) -> Fate | None:
        weather = self.weather
        if weather.is_blocked:
            return Fate.BLOCKED
        if size + _HEADERS_BYTES > weather.mtu_bytes:
            return Fate.TOO_LARGE
        return Fate.LOST if self._is_lost() else None

    def _is_lost(self) -> bool:
        """Draw from Bernoulli, or from Gilbert's two states with the same mean."""
        loss, burst = self.weather.loss, self.weather.burst
        if loss == 0:
            self._is_in_burst = False
        elif burst <= 1:
            return self._source.random() < loss
        elif self._is_in_burst:
            self._is_in_burst = self._source.random() >= 1 / burst
        else:
            self._is_in_burst = self._source.random() < loss / (burst * (1 - loss))
        return self._is_in_burst

    def _queue(self, size: int, now: float) -> float | None:
        """Wait for what is before it on a capped link; None when the queue is full."""
        if self.weather.rate_bps is None:
            return 0.0
        begins_at = max(now, self._free_at)
        if begins_at - now > self.weather.queue_s:
            return None
        self._free_at = begins_at + 8 * (size + _HEADERS_BYTES) / self.weather.rate_bps
        return self._free_at - now

    def _instants(self, at: float) -> list[float]:
        weather = self.weather
        at = max(at + weather.delay_s + self._source.random() * weather.jitter_s, self._last_at)
        if self._source.random() < weather.overtaken:
            self.ledger[Fate.OVERTAKEN] += 1
            at += weather.overtaken_s  # what comes after it does not wait for it
        else:
            self._last_at = at
        if self._source.random() >= weather.doubled:
            return [at]
        self.ledger[Fate.DOUBLED] += 1
        return [at, at + _DOUBLE_AFTER_S]

    def told(self) -> Mapping[str, int]:
        """Counts by fate."""
        return {fate.value: count for fate, count in self.ledger.items()}
