"""The encodings of one publication: which are wanted, which arrive, which may rest.  Pure.

An encoding nobody wants for five seconds is told to rest, since not sending is the biggest saving
there is; wanted again, it is told at once.  One that is wanted and silent for a second counts as
dead until a packet of it arrives: its viewers get the next lower one meanwhile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from media.core.allocator import Reason, Step

REST_AFTER_S: Final = 5.0
DEAD_AFTER_S: Final = 1.0

RANK_BPS: Final = (150_000, 500_000, 1_500_000)
"""By rank of a camera's three encodings: 320×180, 640×360, 1280×720."""
RANK_WIDTH_PX: Final = (320, 640, 1_280)
LOAD_WIDTH_PX: Final = (1_280, 640, 320)
"""Widest picture forwarded, by the node's overload level: all, h, q."""
HALF_RATE_BPS: Final = 90_000
SINGLE_BPS: Final = 500_000
SINGLE_LEAST_BPS: Final = 100_000


@dataclass(slots=True)
class _Encoding:
    is_wanted: bool = True
    """As the sender was told; at first everything is."""
    wanted_at: float = 0.0
    """When the last viewer wanted it."""
    told_at: float = 0.0
    heard: int = -1
    """Packets received, as last told to us."""
    heard_at: float = float("-inf")


class Layers:
    """The watch over one publication.

    Args:
        count: How many encodings it has.
        now: Monotonic instant in seconds.
    """

    def __init__(self, *, count: int, now: float) -> None:
        self._encodings = [_Encoding(wanted_at=now, told_at=now) for _ in range(count)]

    @property
    def count(self) -> int:
        """How many encodings there are."""
        return len(self._encodings)

    @property
    def wanted(self) -> tuple[bool, ...]:
        """What the sender was told, by rank."""
        return tuple(each.is_wanted for each in self._encodings)

    def hear(self, received: Sequence[int], *, now: float) -> None:
        """Learn how many packets of each encoding have arrived so far, by rank."""
        for each, count in zip(self._encodings, received, strict=True):
            if count != each.heard:
                each.heard, each.heard_at = count, now

    def want(self, ranks: Iterable[int], *, now: float) -> bool:
        """Learn what all viewers together want now; True when the sender must be told anew.

        With no viewer at all the last told stays: a publication is not switched off by us.
        """
        wished = set(ranks)
        was = self.wanted
        for rank, each in enumerate(self._encodings):
            if rank in wished:
                each.wanted_at = now
                if not each.is_wanted:
                    each.is_wanted, each.told_at = True, now
            elif wished and now - each.wanted_at >= REST_AFTER_S:
                each.is_wanted = False
        return self.wanted != was

    def excuse(self, *, now: float) -> None:
        """Hold nothing against a sender that is muted, or was until now."""
        for each in self._encodings:
            each.told_at = now

    def usable(self, *, now: float) -> tuple[int, ...]:
        """Return the ranks that arrive or may be asked for, ascending.

        While nothing of a publication arrives at all, no encoding is better than another.
        """
        alive = [
            rank
            for rank, each in enumerate(self._encodings)
            if not each.is_wanted or now - max(each.heard_at, each.told_at) < DEAD_AFTER_S
        ]
        is_silent = all(now - each.heard_at >= DEAD_AFTER_S for each in self._encodings)
        return tuple(range(self.count)) if is_silent else tuple(alive)


def rank_for_width(max_width_px: int, count: int) -> int:
    """Return the smallest rank whose picture fills a tile; -1 for a tile that is not shown."""
    if max_width_px <= 0:
        return -1
    for rank, width_px in enumerate(RANK_WIDTH_PX[-count:]):
        if width_px >= max_width_px:
            return rank
    return count - 1


def under_load(
    steps: tuple[Step, ...], limit: Reason, *, count: int, level: int
) -> tuple[tuple[Step, ...], Reason]:
    """Return what is left of a viewer's steps on a node that is overloaded, and what bounds it.

    The smallest encoding always stays, and so does a publication's only one, as a screen has.

    Args:
        steps: As `steps_of` gives them.
        limit: Likewise.
        count: How many encodings the publication has.
        level: 0 no overload, 1 cap to h, 2 cap to q.
    """
    widest = [
        rank
        for rank, width_px in enumerate(RANK_WIDTH_PX[-count:])
        if width_px <= LOAD_WIDTH_PX[level]
    ]
    top = max(widest, default=0)
    if count == 1 or not steps or steps[-1].rank <= top:
        return steps, limit
    left = tuple(each for each in steps if each.rank <= top) or steps[:1]
    return left, Reason.LOAD


def cost_bps(rank: int, count: int, measured_bps: float) -> int:
    """Return what a rank is reckoned to cost.

    A single encoding has no nominal rate: what it sends counts, within bounds.
    """
    if count == 1:
        return int(min(max(measured_bps, SINGLE_LEAST_BPS), SINGLE_BPS))
    return RANK_BPS[-count:][rank]


def steps_of(
    layers: Layers, *, max_width_px: int, top_temporal: int, measured_bps: float, now: float
) -> tuple[tuple[Step, ...], Reason]:
    """Return what a viewer could get of a publication, ascending, and what bounds it.

    Args:
        layers: The publication's.
        max_width_px: Of the viewer's tile; 0 for one that is not shown.
        top_temporal: Highest temporal layer seen in its smallest encoding; 0 or less: none to drop.
        measured_bps: What its single encoding sends.
        now: Monotonic instant in seconds.
    """
    best = rank_for_width(max_width_px, layers.count)
    if best < 0:
        return (), Reason.WISH
    usable = layers.usable(now=now)
    fitting = [rank for rank in usable if rank <= best] or list(usable[:1])
    steps = [Step(rank=rank, bps=cost_bps(rank, layers.count, measured_bps)) for rank in fitting]
    if steps and steps[0].rank == 0 and top_temporal > 0:
        half = min(HALF_RATE_BPS, steps[0].bps * 6 // 10)
        steps.insert(0, Step(rank=0, temporal=top_temporal - 1, bps=half))
    if best not in usable:
        return tuple(steps), Reason.SENDER
    return tuple(steps), Reason.FULL if best == layers.count - 1 else Reason.WISH
