"""The table of a visit."""

import pytest

from telehealth.visits.errors import IllegalVisitStep
from telehealth.visits.lifecycle import (
    BACK,
    NEXT,
    VisitState,
    VisitStep,
    advance,
    before_leaving,
    word,
)


@pytest.mark.parametrize("state", VisitState)
@pytest.mark.parametrize("step", VisitStep)
@pytest.mark.parametrize("before", [None, *VisitState])
def test_a_step_is_in_the_table_or_is_refused(
    state: VisitState, step: VisitStep, before: VisitState | None
) -> None:
    if (state, step) in NEXT:
        assert advance(state, step, before=before) is NEXT[state, step]
    elif before in BACK.get((state, step), frozenset()):
        assert advance(state, step, before=before) is before
    else:
        with pytest.raises(IllegalVisitStep):
            advance(state, step, before=before)


@pytest.mark.parametrize("step", VisitStep)
def test_a_cancelled_visit_never_moves_again(step: VisitStep) -> None:
    assert (VisitState.CANCELLED, step) not in NEXT
    assert (VisitState.CANCELLED, step) not in BACK


@pytest.mark.parametrize("state", VisitState)
def test_every_state_has_a_word(state: VisitState) -> None:
    assert word(state)


def test_somebody_called_who_leaves_comes_back_as_waiting() -> None:
    assert before_leaving(VisitState.CALLED) is VisitState.WAITING
    assert before_leaving(VisitState.PAUSED) is VisitState.PAUSED
