"""Whatever is put and taken: within its bounds, in order, and nothing lost but what is replaced."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from signaling.core.outbox import Outbox

TEXTS = st.text(max_size=12)
KEYS = st.sampled_from([None, None, "quality", "slots-mapped"])


@dataclass
class Waiting:
    """A text that was put and neither taken nor replaced."""

    text: str
    key: str | None
    since: float


@dataclass
class Book:
    """What should be in the outbox."""

    waiting: list[Waiting] = field(default_factory=list)

    def put(self, text: str, key: str | None, now: float) -> None:
        self.waiting = [each for each in self.waiting if key is None or each.key != key]
        self.waiting.append(Waiting(text, key, now))


class OutboxHistory(RuleBasedStateMachine):
    """A fast and a slow reader at once, as chance will have it."""

    @initialize(messages_max=st.integers(1, 6), bytes_max=st.integers(0, 48))
    def open(self, messages_max: int, bytes_max: int) -> None:
        self.messages_max, self.bytes_max = messages_max, bytes_max
        self.outbox = Outbox(messages_max=messages_max, bytes_max=bytes_max)
        self.book = Book()
        self.now = 0.0

    @rule(text=TEXTS, key=KEYS)
    def put(self, text: str, key: str | None) -> None:
        self.now += 1.0
        had_overflowed = self.outbox.has_overflowed

        is_taken = self.outbox.put(text, now=self.now, key=key)

        assert is_taken is not self.outbox.has_overflowed
        assert self.outbox.has_overflowed >= had_overflowed
        if is_taken:
            self.book.put(text, key, self.now)

    @rule()
    def take(self) -> None:
        text = self.outbox.take()

        if self.outbox.has_overflowed:
            return
        expected = self.book.waiting.pop(0).text if self.book.waiting else None
        assert text == expected

    @invariant()
    def it_stays_within_its_bounds(self) -> None:
        assert len(self.outbox) <= self.messages_max
        assert 0 <= self.outbox.bytes <= self.bytes_max

    @invariant()
    def it_knows_what_it_holds(self) -> None:
        if self.outbox.has_overflowed:
            return
        waiting = self.book.waiting
        assert len(self.outbox) == len(waiting)
        assert self.outbox.bytes == sum(len(each.text.encode()) for each in waiting)
        oldest = min((each.since for each in waiting), default=self.now)
        assert self.outbox.age_s(now=self.now) == self.now - oldest


TestOutboxHistory = OutboxHistory.TestCase
TestOutboxHistory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
