"""A visit moves along its table only, and a cancelled one never again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telehealth.visits.actions.steps import move
from telehealth.visits.errors import IllegalVisitStep
from telehealth.visits.lifecycle import BACK, NEXT, VisitState, VisitStep
from telehealth.visits.tables import Visit

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
histories = st.lists(
    st.tuples(st.sampled_from(VisitStep), st.integers(min_value=0, max_value=7200)), max_size=40
)
# Without these most of a history is refused steps.
_LEGAL = {
    state: [step for (at, step) in (*NEXT, *BACK) if at is state] or list(VisitStep)
    for state in VisitState
}


def fresh() -> Visit:
    return Visit(
        id=UUID(int=1),
        state=VisitState.SCHEDULED,
        state_before=None,
        state_since=NOON,
        version=1,
        waiting_since=None,
        started_at=None,
    )


def facts(visit: Visit) -> tuple[object, ...]:
    return (
        visit.state,
        visit.state_before,
        visit.state_since,
        visit.version,
        visit.waiting_since,
        visit.started_at,
    )


def is_allowed(before: VisitState, earlier: VisitState | None, step: VisitStep) -> bool:
    return (before, step) in NEXT or earlier in BACK.get((before, step), frozenset())


@pytest.mark.requirement("INV-10")
@given(histories)
def test_any_history_moves_along_the_table_and_refusals_change_nothing(
    history: list[tuple[VisitStep, int]],
) -> None:
    visit, now = fresh(), NOON

    for step, seconds in history:
        now += timedelta(seconds=seconds)
        before, earlier, known = visit.state, visit.state_before, facts(visit)
        version = visit.version
        try:
            move(visit, step, now=now)
        except IllegalVisitStep:
            assert facts(visit) == known
            assert not is_allowed(before, earlier, step)
        else:
            assert is_allowed(before, earlier, step)
            assert (visit.version, visit.state_since) == (version + 1, now)
            assert visit.state is NEXT.get((before, step), earlier)


@pytest.mark.requirement("INV-10")
@given(st.data())
def test_however_it_came_to_be_cancelled_it_stays_so(data: st.DataObject) -> None:
    visit, now, was_cancelled_at = fresh(), NOON, None

    for _ in range(25):
        now += timedelta(minutes=1)
        steps = _LEGAL[visit.state] if was_cancelled_at is None else list(VisitStep)
        try:
            move(visit, data.draw(st.sampled_from(steps)), now=now)
        except IllegalVisitStep:
            continue
        assert was_cancelled_at is None
        if visit.state is VisitState.CANCELLED:
            was_cancelled_at = now

    assert was_cancelled_at is None or visit.state_since == was_cancelled_at


@given(st.data())
def test_the_wait_clock_starts_once_and_only_a_new_arrival_resets_it(data: st.DataObject) -> None:
    """Put back, No-show undone, gone and back: nobody loses the minutes already waited."""
    visit, now = fresh(), NOON

    for _ in range(25):
        now += timedelta(minutes=1)
        known, before = visit.waiting_since, visit.state
        step = data.draw(st.sampled_from(_LEGAL[visit.state]))
        try:
            move(visit, step, now=now)
        except IllegalVisitStep:
            continue
        if known is not None and visit.waiting_since != known:
            assert (before, step) == (VisitState.LEFT, VisitStep.OPEN)
        if visit.state is VisitState.WAITING:
            assert visit.waiting_since is not None
