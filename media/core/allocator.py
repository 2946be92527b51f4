"""Which layer each subscription of one peer gets, within its estimate.  Pure.

Sound is set aside first, whatever is left; then pictures by priority.  Down at once; after two
seconds in which there was room for it and a fifth more, up one step, each picture that finds room.

Source:
    Our quality ladder; the rates are what the web client asks its encoders for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

AUDIO_BPS: Final = 40_000
UP_AFTER_S: Final = 2.0
HEADROOM: Final = 1.2
OFF: Final = -1
"""Rank of no layer at all."""
FULL_RATE: Final = 7
HALF_RATE: Final = 0
"""Highest temporal layer let through."""


class Reason(StrEnum):
    """Why a subscription gets no more than it gets."""

    FULL = "full"
    """It gets the best there is."""
    WISH = "wish"
    """The viewer's tile is no larger."""
    BANDWIDTH = "bandwidth"
    """The viewer's downlink carries no more."""
    SENDER = "sender"
    """The sender's better layers do not arrive."""
    LOAD = "load"
    """The node is short of processor time."""
    MUTED = "muted"
    """The sender has switched it off, or the server paused it."""


class Step(NamedTuple):
    """One rung of a publication's ladder."""

    rank: int
    """Of the encoding: 0 the smallest; `OFF` for none."""
    temporal: int = FULL_RATE
    bps: int = 0


class Request(NamedTuple):
    """What one picture slot could get, and how dear it is."""

    slot: str
    priority: int
    """Higher goes first."""
    steps: tuple[Step, ...]
    """Ascending, without `OFF`; empty while nothing can be sent."""
    limit: Reason = Reason.FULL
    """Why there is no step above the last."""


class Choice(NamedTuple):
    """What one slot gets."""

    step: Step
    reason: Reason


NOTHING: Final = Step(rank=OFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """What all slots of a peer get."""

    choices: Mapping[str, Choice]
    wanted_bps: int
    """What the next step up would need with its headroom; 0 when nobody waits for more."""
    spent_bps: int


class Allocator:
    """The choices for one peer; keeps what it chose, to go up slowly."""

    def __init__(self) -> None:
        self._held: dict[str, Step] = {}
        """What slots have that bandwidth holds back."""
        self._room_since: float | None = None
        self.latest = Allocation(choices=MappingProxyType({}), wanted_bps=0, spent_bps=0)

    def decide(
        self, requests: Sequence[Request], *, audio_slots: int, bps: float, now: float
    ) -> Allocation:
        """Choose anew.

        Args:
            requests: All picture slots that have a source.
            audio_slots: How many sound slots have one.
            bps: The peer's present estimate.
            now: Monotonic instant in seconds.
        """
        ranked = sorted(requests, key=lambda each: -each.priority)
        left = bps - AUDIO_BPS * audio_slots
        chosen: dict[str, Step] = {}
        for each in ranked:
            # One seen for the first time starts where it fits; one held back goes up slowly.
            chosen[each.slot] = _best(each.steps[: self._known_place(each) + 1], left)
            left -= chosen[each.slot].bps
        climbers = _next_up(ranked, chosen)
        spent = bps - left
        wanted = _wanted(climbers, chosen, spent)
        if not climbers:
            self._room_since = None
        elif self._may_climb(has_room=bps >= wanted, now=now):
            # Many pictures that wait come in together: a large room does not wait two seconds each.
            while climbers and bps >= wanted:
                slot, step = climbers.pop(0)
                spent += step.bps - chosen[slot].bps
                chosen[slot] = step
                wanted = _wanted(climbers, chosen, spent)
        choices = {each.slot: _explained(each, chosen[each.slot]) for each in ranked}
        self._held = {
            slot: choice.step
            for slot, choice in choices.items()
            if choice.reason is Reason.BANDWIDTH
        }
        self.latest = Allocation(
            choices=MappingProxyType(choices), wanted_bps=wanted, spent_bps=int(spent)
        )
        return self.latest

    def _known_place(self, request: Request) -> int:
        """Return how far up the ladder, as it is now, a slot may start."""
        known = self._held.get(request.slot)
        if known is None:
            return len(request.steps)
        places = [
            place
            for place, step in enumerate(request.steps)
            if (step.rank, step.temporal) <= (known.rank, known.temporal)
        ]
        return places[-1] if places else -1

    def _may_climb(self, *, has_room: bool, now: float) -> bool:
        if not has_room:
            self._room_since = None
            return False
        if self._room_since is None:
            self._room_since = now
        if now - self._room_since < UP_AFTER_S:
            return False
        self._room_since = None
        return True


def _best(steps: Sequence[Step], left: float) -> Step:
    fitting = [step for step in steps if step.bps <= left]
    return fitting[-1] if fitting else NOTHING


def _next_up(ranked: Sequence[Request], chosen: Mapping[str, Step]) -> list[tuple[str, Step]]:
    """Return the slots that could have more, the dearest first, each with its next step."""
    found = []
    for each in ranked:
        have = chosen[each.slot]
        above = [
            step for step in each.steps if (step.rank, step.temporal) > (have.rank, have.temporal)
        ]
        if above:
            found.append((each.slot, above[0]))
    return found


def _wanted(climbers: Sequence[tuple[str, Step]], chosen: Mapping[str, Step], spent: float) -> int:
    """Return what the first of them would need in all, with its headroom; 0 for none."""
    if not climbers:
        return 0
    slot, step = climbers[0]
    return int(HEADROOM * (spent + step.bps - chosen[slot].bps))


def _explained(request: Request, step: Step) -> Choice:
    is_last = not request.steps or step == request.steps[-1]
    return Choice(step=step, reason=request.limit if is_last else Reason.BANDWIDTH)
