"""What a patient states at check-in."""

import pytest

from telehealth.waiting_room.check_in import masked_number, normal_number
from telehealth.waiting_room.errors import CallBackNumberRefused


@pytest.mark.parametrize(
    "typed",
    [
        "3125550101",
        "312-555-0101",
        "(312) 555-0101",
        "312.555.0101",
        "1 312 555 0101",
        "+1 (312) 555-0101",
        "13125550101",
    ],
)
def test_a_number_is_understood_however_it_is_typed(typed: str) -> None:
    assert normal_number(typed) == "+13125550101"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "555-0101",
        "1125550101",  # an area code begins with 2 to 9
        "0125550101",
        "+44 20 7946 0101",
        "23125550101",
        "312555010a",
        "312555010١",  # an Arabic-Indic digit
        "31255501011",
        "++13125550101",
    ],
)
def test_what_cannot_be_called_is_refused(typed: str) -> None:
    with pytest.raises(CallBackNumberRefused):
        normal_number(typed)


def test_a_masked_number_shows_two_digits() -> None:
    """Enough to say "that is mine" to somebody who knows it, and no more."""
    masked = masked_number("+13125550101")

    assert masked.endswith("01")
    assert sum(character.isdigit() for character in masked) == 2
