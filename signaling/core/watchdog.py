"""Which peers are pinged, away, or to be cut, from ages and sizes alone."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PING_EVERY_S: Final = 10.0
AWAY_AFTER_S: Final = 15.0
ABORT_AFTER_S: Final = 30.0
UNSENT_MAX_S: Final = 5.0
WRITE_BUFFER_MAX_BYTES: Final = 64 * 1024
WRITE_BUFFER_MAX_S: Final = 5.0


class Verdict(StrEnum):
    """What to do about a peer now."""

    FINE = "fine"
    PING = "ping"
    AWAY = "away"
    CUT_SILENT = "cut_silent"
    CUT_SLOW = "cut_slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What is known of one socket."""

    heard_s: float
    """Seconds since its last frame or pong."""
    pinged_s: float
    """Seconds since our last ping."""
    unsent_s: float
    """Age of the oldest text not yet handed to the socket."""
    write_buffer_bytes: int


class Watchdog:
    """Judges one peer at each tick; remembers only since when its write buffer is full."""

    def __init__(self) -> None:
        self._full_since: float | None = None

    def judge(self, vitals: Vitals, *, now: float) -> Verdict:
        """Say what to do.  A ping would wait behind a full buffer, so it is not sent then."""
        is_full = vitals.write_buffer_bytes > WRITE_BUFFER_MAX_BYTES
        if not is_full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = now
        if self._is_slow(vitals, now):
            return Verdict.CUT_SLOW
        if vitals.heard_s >= ABORT_AFTER_S:
            return Verdict.CUT_SILENT
        if vitals.pinged_s >= PING_EVERY_S and not is_full:
            return Verdict.PING
        return Verdict.AWAY if vitals.heard_s >= AWAY_AFTER_S else Verdict.FINE

    def _is_slow(self, vitals: Vitals, now: float) -> bool:
        is_stuck = self._full_since is not None and now - self._full_since >= WRITE_BUFFER_MAX_S
        return is_stuck or vitals.unsent_s > UNSENT_MAX_S
