"""Sequence and timestamp rewriting of one slot across its sources.  Pure.

A receiver sees one stream for the slot's whole life.  A change of source, and packets that are
not forwarded (padding), leave no hole in the numbers it sees; loss on the way to us does, so that
the receiver may ask for what is missing.
"""

from bisect import bisect_right
from typing import Final

from media.core.sequence import SEQ_MOD, TS_HALF, TS_MOD

RANGES_MAX: Final = 100
START_SEQ_MOD: Final = 1 << 15
VIDEO_CLOCK_HZ: Final = 90_000
FRAME_TICKS: Final = 3_000
"""Least distance between two sources' pictures: one at 30 a second."""
AUDIO_PACKETS_A_SECOND: Final = 50
TOO_OLD: Final = -1


class Rewriter:
    """Numbers of one slot.

    Args:
        start_seq: First number to send, drawn by the caller; taken below 32,768, far from the
            wrap (RFC 3711 section 3.3.1).
        start_ts: First timestamp to send, drawn by the caller.
        clock_rate_hz: Of the slot's codec.
    """

    __slots__ = (
        "_clock_rate_hz",
        "_last_at",
        "_last_source_ts",
        "_shift",
        "_shifts",
        "_start_ts",
        "_starts",
        "highest",
        "ts_shift",
    )

    def __init__(self, *, start_seq: int, start_ts: int, clock_rate_hz: int) -> None:
        self._clock_rate_hz = clock_rate_hz
        self._starts: list[int] = []
        self._shifts: list[int] = []
        # The next number to send is always `highest + 1 + _shift`.
        self.highest = -1
        """Extended number of the newest source packet placed or passed over."""
        self._shift = SEQ_MOD + start_seq % START_SEQ_MOD
        self._start_ts = start_ts % TS_MOD
        self.ts_shift = 0
        """What is added to the present source's timestamps."""
        self._last_source_ts = 0
        self._last_at = 0.0

    @property
    def newest(self) -> int:
        """The number (0..65535) before the next to send."""
        return self.highest + self._shift & SEQ_MOD - 1

    def begin(
        self,
        *,
        extended_seq: int,
        timestamp: int,
        now: float,
        same_clock: int | None = None,
        skip: bool = False,
    ) -> None:
        """Take over a new source whose first packet to forward has these numbers.

        The timestamp goes on by the time since the last packet out, at least one frame and at
        most one second.

        Args:
            extended_seq: Number of the first packet.
            timestamp: Its timestamp.
            now: Monotonic instant in seconds.
            same_clock: The timestamp the source before this one would give the same instant, of
                32 bits; None when their clocks are not known.
            skip: Leave one number out, so that a frame cut short is not taken for whole.
        """
        next_free = self.highest + 1 + self._shift + (1 if skip else 0)
        is_first = not self._starts
        self._shift = next_free - extended_seq
        self._starts, self._shifts = [extended_seq], [self._shift]
        self.highest = extended_seq - 1
        if is_first:
            target = self._start_ts
        else:
            rate = self._clock_rate_hz
            least = FRAME_TICKS if rate == VIDEO_CLOCK_HZ else rate // AUDIO_PACKETS_A_SECOND
            passed = int((now - self._last_at) * rate)
            if same_clock is not None:
                passed = (same_clock - self._last_source_ts + TS_HALF) % TS_MOD - TS_HALF
            last = self._last_source_ts + self.ts_shift
            target = last + min(max(passed, least), rate)
        self.ts_shift = (target - timestamp) % TS_MOD
        self._last_source_ts, self._last_at = timestamp, now

    def place(self, extended_seq: int, timestamp: int, now: float) -> int:
        """Return the number (0..65535) a source packet goes out under, or `TOO_OLD`.

        Each source packet is placed at most once; positional, for the hot path.
        """
        if extended_seq > self.highest:
            self.highest = extended_seq
            self._last_source_ts = timestamp
            self._last_at = now
            return extended_seq + self._shift & 0xFFFF
        return self._late(extended_seq)

    def pass_over(self, extended_seq: int) -> None:
        """Say that a source packet is not forwarded: its number goes to its successor.

        Only the newest can be passed over without a hole; an older one was a hole already.
        """
        if extended_seq <= self.highest or not self._starts:
            return
        self._shift -= 1
        self._starts.append(extended_seq + 1)
        self._shifts.append(self._shift)
        self.highest = extended_seq
        if len(self._starts) > RANGES_MAX:
            del self._starts[0], self._shifts[0]

    def _late(self, extended_seq: int) -> int:
        at = bisect_right(self._starts, extended_seq) - 1
        if at < 0:
            return TOO_OLD
        if at + 1 < len(self._starts) and extended_seq == self._starts[at + 1] - 1:
            return TOO_OLD  # it was passed over: its number went to its successor
        return extended_seq + self._shifts[at] & 0xFFFF
