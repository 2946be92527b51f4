import time
from collections.abc import Callable

import pytest

from telehealth.identity.errors import (
    PasswordAboutYou,
    PasswordCommon,
    PasswordTooLong,
    PasswordTooShort,
)
from telehealth.identity.password_rules import require_good
from telehealth.platform.errors import TelehealthError

ABOUT = ("grace.madeup@riverside-clinic.example", "Grace Madeup", "Riverside Clinic")

pytestmark = pytest.mark.requirement("SEC-AUTH-01")


def refusal(password: str, *, has_factor: bool = True) -> type[TelehealthError] | None:
    try:
        require_good(password, has_factor=has_factor, about=ABOUT)
    except TelehealthError as refused:
        return type(refused)
    return None


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "maple-Otter-7 lantern",
        "zq8!vT2#pL9x",
        "48291057364920",
        "ñandú corre lejos",
        "日本語のパスワードを使います",
        "x7 " * 5 + "tamarind",
        "grace under pressure wins",
        "a" * 5 + "zebra crossing at dawn",
    ],
)
def test_long_and_not_guessable_is_all_that_counts(password: str) -> None:
    """No figure, capital or sign is asked for: composition rules are forbidden."""
    assert refusal(password) is None


def test_twelve_characters_suffice_beside_a_second_factor_and_fifteen_alone() -> None:
    assert refusal("otter lantern", has_factor=True) is None
    assert refusal("otter lantern", has_factor=False) is PasswordTooShort
    assert refusal("otter lanter", has_factor=True) is None
    assert refusal("otter lante", has_factor=True) is PasswordTooShort
    assert refusal("otter lantern x", has_factor=False) is None


def test_the_refusal_says_how_many_are_needed() -> None:
    with pytest.raises(PasswordTooShort) as refused:
        require_good("short", has_factor=False)

    assert refused.value.log_fields == {"least": 15}


def test_a_hundred_and_twenty_eight_characters_are_taken_and_no_more() -> None:
    long = "otter lantern " * 9 + "xy"

    assert len(long) == 128
    assert refusal(long) is None
    assert refusal(f"{long}z") is PasswordTooLong


def test_a_thousand_and_twenty_four_bytes_are_the_end_of_it() -> None:
    """A letter may take four bytes: 128 of them fit, and marks that merge count as merged."""
    assert refusal("".join(chr(0x1F600 + n % 60) for n in range(128))) is None
    assert refusal("e\u0301" * 10 + "x7 tamarind") is None


@pytest.mark.parametrize(
    "password",
    [
        "123456789012",
        "098765432109",
        "abcdefghijkl",
        "passwordpassword",
        "PasswordPassword1",
        "qwerty123456!!",
        "password12345",
        "!!!iloveyou!!!",
        "111111111111",
        "aaaaaaaaaaaaaaa",
        "monkey-monkey-monkey",
        "qwertyuiopqwertyuiop",
    ],
)
def test_what_many_people_use_is_refused(password: str) -> None:
    assert refusal(password) is PasswordCommon


@pytest.mark.parametrize(
    "password",
    [
        "gracemadeup1984",
        "Grace.Madeup!!",
        "riversideclinic",
        "RiversideClinic2030!",
        "telehealth2030!",
        "video visit 12345",
        "grace.madeup@riverside-clinic.example",
        "MadeupMadeupMadeup",
    ],
)
def test_what_others_know_of_you_is_refused(password: str) -> None:
    assert refusal(password) is PasswordAboutYou


def test_a_password_with_a_name_in_it_and_much_else_is_good() -> None:
    """The whole is compared, not every word in it (NIST SP 800-63B-4 section 3.1.1.2)."""
    assert refusal("madeup otters like lanterns") is None


@pytest.mark.parametrize("hostile", ["a" * 100_000, "ab" * 64, "\u0301" * 128, "(" * 128])
def test_nothing_takes_long_to_refuse(hostile: str, figure: Callable[[str], None]) -> None:
    started = time.process_time()
    refusal(hostile)
    figure(f"worst refusal {1000 * (time.process_time() - started):.0f} ms")
