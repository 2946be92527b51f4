"""The pure table with a model partner: whatever happens, nothing is lost and nothing doubled.

The machine plays worker, partner, clock and crashes by the rules of `lifecycle.py` and
`settlement.py` alone, without a database.
"""

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from telehealth.delivery.lanes import POLICY, EntryKind, WhenUnknown
from telehealth.delivery.lifecycle import SETTLED, EntryState, EntryStep, advance
from telehealth.delivery.ports import (
    DeliverOutcome,
    Done,
    FindOutcome,
    Found,
    NoAnswer,
    NotFound,
    OutcomeCode,
    Refused,
    TryLater,
    Unknown,
)
from telehealth.delivery.settlement import Settlement, Standing, after_call, after_query, lost

START = datetime(2030, 3, 4, 12, tzinfo=UTC)


class Ledger(RuleBasedStateMachine):
    """One owed effect and the partner it is owed to."""

    kinds: ClassVar = (EntryKind.CHART_ENCOUNTER, EntryKind.ROOM_ENDED)

    @initialize(kind=st.sampled_from(kinds))
    def owe(self, kind: EntryKind) -> None:
        self.policy = POLICY[kind]
        self.now = START
        self.state = EntryState.PENDING
        self.attempts = 0
        self.next_at = START
        self.give_up_at = START + self.policy.try_for
        self.quiet_until: datetime | None = None
        self.is_calling = False
        self.in_flight = 0  # sent, not yet taken in by the partner
        self.taken = 0  # times the partner took it
        self.effects = 0  # times it had an effect there
        self.sends = 0
        self.answered_not_found = 0
        self.refusals = 0

    @rule(seconds=st.integers(1, 100_000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.intake_drains()

    @precondition(lambda self: self.state is EntryState.PENDING and self.now >= self.next_at)
    @rule(is_called=st.booleans())
    def claim(self, is_called: bool) -> None:  # noqa: FBT001  (drawn)
        self.state = advance(self.state, EntryStep.CLAIM)
        self.attempts += 1
        self.is_calling = is_called
        if is_called:
            self.sends += 1
            self.quiet_until = self.now + self.policy.quiet

    @precondition(lambda self: self.state is EntryState.LEASED and self.is_calling)
    @rule(
        draw=st.floats(0, 0.999),
        turn=st.sampled_from(["take", "lose_before", "lose_after", "late", "refuse", "later"]),
    )
    def call_ends(self, draw: float, turn: str) -> None:
        outcome: DeliverOutcome
        match turn:
            case "take":
                self.take()
                outcome = Done()
            case "lose_after":
                self.take()
                outcome = Unknown(code=OutcomeCode.ANSWER_LOST)
            case "late":
                self.in_flight += 1
                outcome = Unknown(code=OutcomeCode.ANSWER_LOST)
            case "lose_before":
                outcome = Unknown(code=OutcomeCode.ANSWER_LOST)
            case "refuse":
                self.refusals += 1
                outcome = Refused(code=OutcomeCode.REJECTED_BY_PARTNER)
            case _:
                outcome = TryLater(code=OutcomeCode.UNREACHABLE)
        self.apply(after_call(outcome, self.standing, now=self.now, draw=draw))

    @precondition(lambda self: self.state is EntryState.LEASED)
    @rule(draw=st.floats(0, 0.999), took=st.booleans())
    def worker_dies(self, draw: float, took: bool) -> None:  # noqa: FBT001  (drawn)
        """Its lease runs out; only the committed `call_started` is known afterwards."""
        if self.is_calling:
            if took:
                self.take()
            self.state, self.next_at = lost(
                self.standing, EntryStep.LEASE_OVER_CALLED, now=self.now, draw=draw
            )
        else:
            self.state = advance(self.state, EntryStep.LEASE_OVER_UNCALLED)
            self.next_at = self.now
        self.is_calling = False

    @precondition(lambda self: self.state is EntryState.UNKNOWN and self.now >= self.next_at)
    @rule(draw=st.floats(0, 0.999), is_deaf=st.booleans())
    def ask(self, draw: float, is_deaf: bool) -> None:  # noqa: FBT001  (drawn)
        outcome: FindOutcome
        if is_deaf:
            outcome = NoAnswer(code=OutcomeCode.UNREACHABLE)
        else:
            outcome = Found() if self.taken else NotFound()
        before = self.state
        self.apply(after_query(outcome, self.standing, now=self.now, draw=draw))
        if before is EntryState.UNKNOWN and self.state is EntryState.PENDING:
            self.answered_not_found += 1

    @precondition(lambda self: self.state is EntryState.PARKED)
    @rule()
    def a_person_has_it_checked(self) -> None:
        self.state = advance(self.state, EntryStep.CHECK_AGAIN)
        self.give_up_at = self.now + self.policy.try_for
        self.next_at = self.now

    @property
    def standing(self) -> Standing:
        return Standing(
            state=self.state,
            attempts=self.attempts,
            give_up_at=self.give_up_at,
            quiet_until=self.quiet_until,
            policy=self.policy,
        )

    def apply(self, settlement: Settlement) -> None:
        self.state, self.next_at = settlement.state, settlement.next_at
        self.is_calling = False

    def take(self) -> None:
        """The partner takes it; where it drops repeats, a repeat has no effect."""
        self.taken += 1
        drops_repeats = self.policy.when_unknown is WhenUnknown.REPEAT
        if not (drops_repeats and self.effects):
            self.effects += 1

    def intake_drains(self) -> None:
        """What sat in the partner's intake is taken within the quiet time we grant it."""
        while self.in_flight:
            self.in_flight -= 1
            self.take()

    @invariant()
    def it_has_an_effect_at_most_once(self) -> None:
        assert self.effects <= 1

    @invariant()
    def it_is_confirmed_only_if_the_partner_has_it(self) -> None:
        if self.state is EntryState.CONFIRMED:
            assert self.effects == 1

    @invariant()
    def it_is_never_forgotten(self) -> None:
        """Not confirmed means somebody still works on it, or a person sees it."""
        assert self.state in {*EntryState} - (SETTLED - {EntryState.CONFIRMED})


class QuietLedger(Ledger):
    """The same, but time moves by less than the quiet time after a call: the early *not found*."""

    @rule(seconds=st.integers(1, 59))
    def a_little_time_passes(self, seconds: int) -> None:
        """Nothing drains from the intake yet."""
        if self.quiet_until is None or self.now + timedelta(seconds=seconds) < self.quiet_until:
            self.now += timedelta(seconds=seconds)


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestQuietLedger = QuietLedger.TestCase
TestQuietLedger.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
