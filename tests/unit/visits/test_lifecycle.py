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


@pytest.mark.requirement("INV-10")
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


@pytest.mark.requirement("INV-10")
@pytest.mark.parametrize("step", VisitStep)
def test_a_cancelled_visit_never_moves_again(step: VisitStep) -> None:
    assert (VisitState.CANCELLED, step) not in NEXT
    assert (VisitState.CANCELLED, step) not in BACK


@pytest.mark.requirement("INV-10")
def test_a_visit_that_is_done_goes_back_to_wrap_up_and_nowhere_else() -> None:
    leads_to = {then for (state, _), then in NEXT.items() if state is VisitState.COMPLETED}

    assert leads_to == {VisitState.WRAP_UP}
    assert not [state for state, _ in BACK if state is VisitState.COMPLETED]


@pytest.mark.parametrize("state", VisitState)
def test_every_state_has_a_word(state: VisitState) -> None:
    assert word(state)


def test_somebody_called_who_leaves_comes_back_as_waiting() -> None:
    assert before_leaving(VisitState.CALLED) is VisitState.WAITING
    assert before_leaving(VisitState.PAUSED) is VisitState.PAUSED
