"""A fake partner: takes, loses answers, refuses and is asked, as a script says; keeps a ledger."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from telehealth.delivery.ports import (
    DeliverOutcome,
    Done,
    FindOutcome,
    Found,
    NoAnswer,
    NotFound,
    OutcomeCode,
    OwedEntry,
    Refused,
    TryLater,
    Unknown,
)


class Turn(StrEnum):
    """What the partner does with one call."""

    TAKE = "take"
    LOSE_BEFORE = "lose_before"
    """The call never reached it, but nobody can know."""
    LOSE_AFTER = "lose_after"
    """It did what was asked, then the answer was lost."""
    REFUSE = "refuse"
    UNREACHABLE = "unreachable"
    LIMIT = "limit"


@dataclass
class FakePartner:
    """Implements `telehealth.delivery.ports.Deliverer`; drops repeats of a key."""

    turns: deque[Turn] = field(default_factory=deque)
    """Next turns; when none is left it takes."""
    is_deaf: bool = False
    """Answers no question."""
    calls: list[OwedEntry] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)
    was_called: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def that(cls, turns: Iterable[Turn]) -> "FakePartner":
        """Make one with a script."""
        return cls(turns=deque(turns))

    async def deliver(self, entry: OwedEntry) -> DeliverOutcome:
        """Do as the script says."""
        self.calls.append(entry)
        self.was_called.set()
        match self.turns.popleft() if self.turns else Turn.TAKE:
            case Turn.TAKE:
                self._take(entry)
                return Done(partner_ref=f"ref/{entry.key}", http_status=201)
            case Turn.LOSE_BEFORE:
                return Unknown(code=OutcomeCode.ANSWER_LOST)
            case Turn.LOSE_AFTER:
                self._take(entry)
                return Unknown(code=OutcomeCode.ANSWER_LOST)
            case Turn.REFUSE:
                return Refused(code=OutcomeCode.REJECTED_BY_PARTNER, http_status=422)
            case Turn.LIMIT:
                return TryLater(code=OutcomeCode.RATE_LIMITED, counts=False, http_status=429)
            case Turn.UNREACHABLE:
                return TryLater(code=OutcomeCode.UNREACHABLE)

    async def find(self, entry: OwedEntry) -> FindOutcome:
        """Say whether it has the key."""
        self.asked.append(entry.key)
        if self.is_deaf:
            return NoAnswer(code=OutcomeCode.UNREACHABLE)
        if self.effects[entry.key]:
            return Found(partner_ref=f"ref/{entry.key}")
        return NotFound()

    async def close(self) -> None:
        """Hold nothing."""

    def _take(self, entry: OwedEntry) -> None:
        self.effects[entry.key] += 1
        self.order.append(entry.key)
