"""Codes that open once: of an app (RFC 6238) and from paper."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pyotp
import pytest

from telehealth.identity.factors import codes

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""ASCII "12345678901234567890", the secret of RFC 6238 appendix B."""


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "eight_digits"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
    ],
)
@pytest.mark.requirement("SEC-AUTH-03")
def test_the_vectors_of_the_standard(seconds: int, eight_digits: str) -> None:
    code = eight_digits[2:]

    assert codes.step_of(code, secret=SECRET, last_step=None, now=at(seconds)) == seconds // 30


@pytest.mark.parametrize(
    ("early_s", "is_taken"), [(0, True), (30, True), (60, False), (-30, True), (-60, False)]
)
@pytest.mark.requirement("SEC-AUTH-03", "SEC-AUTH-06")
def test_a_clock_may_be_one_step_off_and_no_more(early_s: int, is_taken: bool) -> None:  # noqa: FBT001
    now = 1_900_000_000
    code = pyotp.TOTP(SECRET).at(now + early_s)

    found = codes.step_of(code, secret=SECRET, last_step=None, now=at(now))

    assert (found is not None) is is_taken


@pytest.mark.requirement("SEC-AUTH-03", "SEC-AUTH-06")
def test_a_used_code_never_opens_again_nor_one_before_it() -> None:
    now = 1_900_000_000
    step = now // 30
    before, this, after = (pyotp.TOTP(SECRET).at(now + offset) for offset in (-30, 0, 30))

    def is_taken(code: str) -> bool:
        return codes.step_of(code, secret=SECRET, last_step=step, now=at(now)) is not None

    assert [is_taken(code) for code in (before, this, after)] == [False, False, True]


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "12 34 5x", "-12345"]
)
def test_what_is_no_code_is_wrong(typed: str) -> None:
    assert codes.step_of(typed, secret=SECRET, last_step=None, now=at(59)) is None


def test_blanks_between_figures_do_not_count() -> None:
    assert codes.step_of(" 287 082 ", secret=SECRET, last_step=None, now=at(59)) == 1


def test_an_app_secret_has_160_bits_and_no_two_are_alike() -> None:
    drawn = {codes.new_app_secret() for _ in range(1000)}

    assert len(drawn) == 1000
    assert all(re.fullmatch(r"[A-Z2-7]{32}", secret) for secret in drawn)


def test_the_picture_needs_nothing_a_strict_policy_forbids() -> None:
    uri = codes.app_uri(SECRET, account="grace@riverside.example", issuer="Riverside Clinic")
    picture = codes.picture_of(uri)

    assert uri.startswith("otpauth://totp/Riverside%20Clinic:grace%40riverside.example?secret=")
    assert picture.startswith("data:image/svg+xml")
    assert not re.search(r"script|style|href|%20on", picture)


@pytest.mark.requirement("SEC-AUTH-03")
def test_ten_recovery_codes_of_eighty_bits(figure: Callable[[str], None]) -> None:
    drawn = [code for _ in range(1000) for code in codes.new_recovery_codes()]

    assert len(drawn) == len(set(drawn)) == 10_000
    assert all(re.fullmatch(r"([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}", c) for c in drawn)
    figure("10,000 recovery codes of 80 bits, no two alike")


def test_letters_that_look_alike_are_read_as_meant() -> None:
    assert codes.plain_recovery_code(" OIL0-1abc ") == "01101abc"
