"""Seeded faults of a simulator: slow, lost answer, wrong answer, outage.

A plan is written `SEED:FAULT=CHANCE,FAULT@NUMBER,…`: a chance for each request, or the number of
one write, counted from 1.  The same seed gives the same faults for the same requests.
"""

import random
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """What goes wrong with one request."""

    SLOW = "slow"
    """The answer comes late."""
    LOST = "lost"
    """What was asked is done, then the connection breaks."""
    WRONG = "wrong"
    """What was asked is done, then the answer claims a failure."""
    OUTAGE = "outage"
    """Nothing is done, and nothing is done for a while."""


class PlanUnreadable(Exception):
    """A fault plan is not written as it should be."""


OUTAGE_REQUESTS: Final = 5
_ITEM: Final = re.compile(r"(slow|lost|wrong|outage)(?:=(0?\.\d+|[01](?:\.0)?)|@([1-9]\d{0,5}))")


@dataclass(frozen=True, slots=True)
class Plan:
    """Chances by fault, and faults by the number of a write."""

    seed: int
    chances: tuple[tuple[Fault, float], ...] = ()
    at_write: tuple[tuple[int, Fault], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Plan":
        """Read `SEED:PLAN`.

        Raises:
            PlanUnreadable: It is written some other way.
        """
        seed, separator, items = text.partition(":")
        found = [_ITEM.fullmatch(item.strip()) for item in items.split(",")]
        if not separator or not seed.isdecimal() or None in found:
            raise PlanUnreadable(text)
        matches = [match for match in found if match is not None]
        return cls(
            seed=int(seed),
            chances=tuple((Fault(match[1]), float(match[2])) for match in matches if match[2]),
            at_write=tuple((int(match[3]), Fault(match[1])) for match in matches if match[3]),
        )


class Faults:
    """Draws the fault of each request."""

    def __init__(self, plan: Plan | None) -> None:
        self._plan = plan or Plan(seed=0)
        self._dice = random.Random(self._plan.seed)  # noqa: S311  (repeatable is the point)
        self._writes = 0
        self._down_for = 0

    def next(self, *, is_write: bool) -> Fault | None:
        """Say what goes wrong with the next request; None: nothing."""
        self._writes += is_write
        if self._down_for:
            self._down_for -= 1
            return Fault.OUTAGE
        fault = self._numbered() if is_write else None
        fault = fault or self._drawn()
        if fault is Fault.OUTAGE:
            self._down_for = OUTAGE_REQUESTS - 1
        return fault

    def _numbered(self) -> Fault | None:
        return dict(self._plan.at_write).get(self._writes)

    def _drawn(self) -> Fault | None:
        drawn = self._dice.random()
        for fault, chance in self._plan.chances:
            if drawn < chance:
                return fault
            drawn -= chance
        return None
