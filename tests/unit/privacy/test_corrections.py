"""What may become of a request for correction."""

from datetime import UTC, date, datetime
from itertools import product

import pytest

from telehealth.privacy.corrections import (
    CorrectionState,
    DenialReason,
    check_answer,
    due_on,
)
from telehealth.privacy.errors import CorrectionAnswered, ReasonMissing

_S = CorrectionState


@pytest.mark.parametrize(
    ("becomes", "reason", "text"),
    list(product(_S, [None, DenialReason.ACCURATE], ["We looked.", " "])),
)
def test_an_open_request_takes_a_whole_answer_and_no_other(
    becomes: CorrectionState, reason: DenialReason | None, text: str
) -> None:
    """A denial has a ground, an acceptance has none, and both have words."""
    whole = {(_S.ACCEPTED, None), (_S.DENIED, DenialReason.ACCURATE)}
    if (becomes, reason) in whole and text.strip():
        check_answer(_S.OPEN, becomes=becomes, reason=reason, text=text)
    else:
        with pytest.raises(ReasonMissing):
            check_answer(_S.OPEN, becomes=becomes, reason=reason, text=text)


@pytest.mark.parametrize("state", [_S.ACCEPTED, _S.DENIED])
def test_an_answer_stands(state: CorrectionState) -> None:
    with pytest.raises(CorrectionAnswered):
        check_answer(state, becomes=_S.ACCEPTED, reason=None, text="We looked again.")


def test_an_answer_is_owed_within_sixty_days() -> None:
    assert due_on(datetime(2026, 1, 1, 23, 0, tzinfo=UTC)) == date(2026, 3, 2)
