"""Staff read sentences, not codes."""

import pytest

from telehealth.delivery.ports import OutcomeCode
from telehealth.delivery.reasons import NOT_TRIED_YET, reason_for


@pytest.mark.parametrize("code", OutcomeCode)
def test_every_code_has_a_sentence(code: OutcomeCode) -> None:
    assert reason_for(code).endswith(".")


def test_what_was_never_tried_says_so() -> None:
    assert reason_for(None) == NOT_TRIED_YET
