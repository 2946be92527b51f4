"""Whether this node takes one room or one peer more, by what it costs.  Pure.

Load is reckoned from packets by a cost model, and the model from the processor time really spent.
What was let in and does not flow yet counts as if it did.  Not here: fixed limits (rooms, peers),
the wire's refusals (`shell.node`).

Source:
    The figures of the model: our own measurements of the drain loop, decision 0001; the limits in
    per cent are ours, decision 0041.
"""

from collections import deque
from typing import Final

COST_IN_S: Final = 9e-6
"""Processor seconds of one packet taken in."""
COST_OUT_S: Final = 5e-6
"""Processor seconds of one packet sent."""
PACKETS_A_PEER: Final = 200
"""Packets a second each way of one peer with microphone and camera."""
RECALIBRATE_EVERY_S: Final = 10.0
CALIBRATE_FROM: Final = 0.02
"""Share of a core below which other work of the process would colour the model."""
SCALE_LEAST: Final = 0.5
SCALE_MOST: Final = 4.0
RIPE_AFTER_S: Final = 10.0
"""What was let in counts by the model for this long; then it is in what is measured."""
ROOM_LOAD_MAX: Final = 0.70
JOIN_LOAD_MAX: Final = 0.85
LAG_P99_MAX_S: Final = 0.020
LAG_WINDOW_TICKS: Final = 3_000
"""Thirty seconds of ticks of ten milliseconds."""
LAG_COUNTS_FROM: Final = 0.20
"""Share of a core from which lateness counts: below, it is another process that is in the way,
and to refuse a visit would help nobody."""
OVERLOAD_AFTER_S: Final = 5.0
EASE_AFTER_S: Final = 10.0
LEVELS_MAX: Final = 2
SMOOTH_SECONDS: Final = 5


class Admission:
    """The load of one node, as it is and as it would be.

    Args:
        now: Monotonic instant in seconds at which the node began.
        room_load_max: Share of a core up to which rooms are taken; 0 leaves load out of it.
    """

    def __init__(self, *, now: float, room_load_max: float = ROOM_LOAD_MAX) -> None:
        self._room_load_max = room_load_max
        self._join_load_max = min(1.0, room_load_max + (JOIN_LOAD_MAX - ROOM_LOAD_MAX))
        self._lateness: deque[float] = deque(maxlen=LAG_WINDOW_TICKS)
        self._lag_p99_s = 0.0
        self._seconds: deque[tuple[float, float]] = deque(maxlen=SMOOTH_SECONDS)
        self._counted: tuple[float, float, int, int] | None = None
        self._calibrate_at = now + RECALIBRATE_EVERY_S
        self._calibrated = (0.0, 0.0)
        self._unripe: deque[tuple[float, float]] = deque()
        self._strained_since: float | None = None
        self._eased_since: float | None = None
        self.scale = 1.0
        """What one packet costs here, against the model."""
        self.level = 0
        """0 no overload, 1 cap layers to h, 2 cap layers to q."""

    @property
    def load(self) -> float:
        """Share of the core in use, over the last seconds; of measured and modelled the more."""
        if not self._seconds:
            return 0.0
        measured = sum(cpu for cpu, _ in self._seconds) / len(self._seconds)
        modelled = sum(model for _, model in self._seconds) / len(self._seconds)
        return max(measured, modelled * self.scale)

    @property
    def lag_p99_s(self) -> float:
        """Lateness that one tick in a hundred of the last thirty seconds exceeds."""
        return self._lag_p99_s

    def on_tick(self, late_s: float) -> None:
        """Note how late a tick came."""
        self._lateness.append(max(0.0, late_s))

    def on_second(self, *, now: float, cpu_s: float, packets_in: int, packets_out: int) -> None:
        """Take the process's totals since it began; called about once a second."""
        before, self._counted = self._counted, (now, cpu_s, packets_in, packets_out)
        if self._lateness:
            ranked = sorted(self._lateness)
            self._lag_p99_s = ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)]
        if before is None or now <= before[0]:
            return
        span_s = now - before[0]
        cpu = (cpu_s - before[1]) / span_s
        model_s = (packets_in - before[2]) * COST_IN_S + (packets_out - before[3]) * COST_OUT_S
        self._seconds.append((cpu, model_s / span_s))
        self._calibrate(now, cpu_s - before[1], model_s)
        while self._unripe and now >= self._unripe[0][0]:
            self._unripe.popleft()
        self._judge(now)

    def refuse_room(self, *, now: float) -> int | None:
        """Say after how many milliseconds to try again, or None: the room is taken."""
        if self._room_load_max == 0:
            return None
        is_late = self._lag_p99_s >= LAG_P99_MAX_S and self.load >= LAG_COUNTS_FROM
        cost = 2 * self._peer_cost()
        if is_late or self._projected() + cost > self._room_load_max:
            return self._retry_after_ms(now)
        self._unripe.append((now + RIPE_AFTER_S, cost))
        return None

    def refuse_join(self, *, now: float) -> int | None:
        """As `refuse_room`, for one peer in a room that runs."""
        if self._room_load_max == 0:
            return None
        if self._projected() + self._peer_cost() > self._join_load_max:
            return self._retry_after_ms(now)
        return None

    def _peer_cost(self) -> float:
        return PACKETS_A_PEER * (COST_IN_S + COST_OUT_S) * self.scale

    def _projected(self) -> float:
        return self.load + sum(cost for _, cost in self._unripe)

    def _retry_after_ms(self, now: float) -> int:
        ripe_at = self._unripe[0][0] if self._unripe else now + 2.0
        return int(1_000 * min(max(ripe_at - now, 1.0), RIPE_AFTER_S))

    def _calibrate(self, now: float, cpu_s: float, model_s: float) -> None:
        """Weigh the model by ten seconds of what was really spent."""
        spent, reckoned = self._calibrated
        self._calibrated = (spent + cpu_s, reckoned + model_s)
        if now < self._calibrate_at:
            return
        spent, reckoned = self._calibrated
        if reckoned >= CALIBRATE_FROM * RECALIBRATE_EVERY_S:
            self.scale = min(max(spent / reckoned, SCALE_LEAST), SCALE_MOST)
        self._calibrate_at, self._calibrated = now + RECALIBRATE_EVERY_S, (0.0, 0.0)

    def _judge(self, now: float) -> None:
        """Rise a level after five strained seconds, fall one after ten eased ones."""
        self._strained_since = _since(self._strained_since, now, holds=self.load > JOIN_LOAD_MAX)
        self._eased_since = _since(self._eased_since, now, holds=self.load < ROOM_LOAD_MAX)
        if self._strained_since is not None and now >= self._strained_since + OVERLOAD_AFTER_S:
            self.level = min(self.level + 1, LEVELS_MAX)
            self._strained_since = now
        if self._eased_since is not None and now >= self._eased_since + EASE_AFTER_S:
            self.level = max(self.level - 1, 0)
            self._eased_since = now


def _since(before: float | None, now: float, *, holds: bool) -> float | None:
    """Return since when something holds without a break."""
    if not holds:
        return None
    return now if before is None else before
