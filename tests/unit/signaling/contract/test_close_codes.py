"""A close code says who may come back, and the ranges say it even to an older client."""

import pytest

from signaling.contract.close_codes import WHO_MAY_RETRY, CloseCode, Retry

OWN = [code for code in CloseCode if code >= 4000]


def test_every_code_says_who_may_retry() -> None:
    assert set(WHO_MAY_RETRY) == set(CloseCode)


@pytest.mark.parametrize("code", OWN)
def test_only_codes_that_applications_may_use_are_ours(code: CloseCode) -> None:
    """RFC 6455 section 7.4.2."""
    assert 4000 <= code <= 4999


@pytest.mark.parametrize("code", [each for each in OWN if each < 4500])
def test_below_4500_no_program_comes_back_with_what_it_holds(code: CloseCode) -> None:
    assert WHO_MAY_RETRY[code] is not Retry.PROGRAM


@pytest.mark.parametrize("code", [each for each in OWN if each >= 4500])
def test_from_4500_on_the_program_comes_back(code: CloseCode) -> None:
    assert WHO_MAY_RETRY[code] is Retry.PROGRAM


def test_two_devices_never_take_a_seat_from_each_other_without_a_person() -> None:
    assert WHO_MAY_RETRY[CloseCode.SUPERSEDED] is Retry.PERSON


def test_the_numbers_are_those_browsers_know() -> None:
    """Renumbering one is a new subprotocol."""
    assert {code.name: code.value for code in CloseCode} == {
        "LEFT": 1000,
        "BINARY": 1003,
        "BAD_MESSAGE": 4400,
        "NOT_AUTHENTICATED": 4401,
        "REMOVED": 4403,
        "SUPERSEDED": 4409,
        "ENDED": 4410,
        "INTERNAL": 4500,
        "NOT_READY": 4503,
        "LIMIT": 4529,
        "DRAINING": 4900,
        "TOO_SLOW": 4901,
        "SILENT": 4902,
    }
