"""Where an entry may go; the whole product of states and steps."""

from datetime import UTC, datetime, timedelta

import pytest

from telehealth.delivery.errors import IllegalEntryStep
from telehealth.delivery.lifecycle import (
    NEXT,
    SETTLED,
    EntryState,
    EntryStep,
    advance,
    back_off,
    counts_as_not_found,
    is_time_over,
    may_call,
)

NOON = datetime(2030, 3, 4, 12, tzinfo=UTC)
A_MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("state", EntryState)
@pytest.mark.parametrize("step", EntryStep)
def test_a_step_is_in_the_table_or_is_refused(state: EntryState, step: EntryStep) -> None:
    if (state, step) in NEXT:
        assert advance(state, step) is NEXT[state, step]
    else:
        with pytest.raises(IllegalEntryStep) as refused:
            advance(state, step)
        assert refused.value.log_fields == {"state": state, "step": step}


@pytest.mark.parametrize("state", SETTLED)
def test_an_end_state_is_never_left(state: EntryState) -> None:
    assert not [step for held, step in NEXT if held is state]


@pytest.mark.parametrize("step", EntryStep)
def test_every_step_is_used(step: EntryStep) -> None:
    assert any(taken is step for _, taken in NEXT)


def test_every_state_but_the_first_can_be_reached() -> None:
    reached = {EntryState.PENDING}
    for _ in EntryState:
        reached |= {after for (held, _), after in NEXT.items() if held in reached}

    assert reached == set(EntryState)


def test_unknown_is_never_left_towards_sending_without_an_answer() -> None:
    """Only a *not found*, or a partner that drops repeats, allows a second send."""
    towards_sending = {
        step
        for (state, step), after in NEXT.items()
        if state is EntryState.UNKNOWN and after in {EntryState.PENDING, EntryState.LEASED}
    }

    assert towards_sending == {EntryStep.NOT_FOUND, EntryStep.REPEAT}


def test_a_called_lease_that_ran_out_is_never_sent_again_unasked() -> None:
    assert advance(EntryState.LEASED, EntryStep.LEASE_OVER_CALLED) is EntryState.UNKNOWN
    assert advance(EntryState.LEASED, EntryStep.LEASE_OVER_UNCALLED) is EntryState.PENDING


@pytest.mark.parametrize(
    ("attempts", "longest_s"), [(0, 2), (1, 2), (2, 4), (5, 32), (9, 512), (10, 900), (10**6, 900)]
)
def test_a_wait_is_drawn_between_nothing_and_a_doubling_cap(
    attempts: int, longest_s: float
) -> None:
    assert back_off(attempts, draw=0.0) == timedelta(0)
    assert back_off(attempts, draw=0.5) == timedelta(seconds=longest_s / 2)


@pytest.mark.parametrize(("off", "is_over"), [(-1, False), (0, True), (1, True)])
def test_trying_ends_at_its_instant(off: int, is_over: bool) -> None:  # noqa: FBT001  (a table)
    assert is_time_over(give_up_at=NOON, now=NOON + timedelta(seconds=off)) is is_over


@pytest.mark.parametrize(("left_s", "may"), [(60, True), (30, True), (29, False), (-5, False)])
def test_a_call_begins_only_with_half_of_the_lease_left(
    left_s: int,
    may: bool,  # noqa: FBT001  (a table)
) -> None:
    until = NOON + timedelta(seconds=left_s)

    assert may_call(lease_until=until, lease=A_MINUTE, now=NOON) is may


@pytest.mark.parametrize(
    ("quiet_until", "counts"),
    [(None, True), (NOON - A_MINUTE, True), (NOON, True), (NOON + A_MINUTE, False)],
)
def test_a_not_found_counts_only_after_the_quiet_time(
    quiet_until: datetime | None,
    counts: bool,  # noqa: FBT001  (a table)
) -> None:
    assert counts_as_not_found(quiet_until=quiet_until, now=NOON) is counts
