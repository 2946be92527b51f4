from datetime import UTC, datetime, timedelta

import pytest

from telehealth.identity.tries import FREE_TRIES, LOCKED_AFTER, Standing, standing, wait_after

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def test_the_first_tries_are_free() -> None:
    assert {wait_after(n) for n in range(FREE_TRIES)} == {timedelta()}


def test_the_wait_doubles_to_a_quarter_of_an_hour() -> None:
    waits = [wait_after(n).total_seconds() for n in range(FREE_TRIES, FREE_TRIES + 7)]

    assert waits == [30, 60, 120, 240, 480, 900, 900]


@pytest.mark.requirement("SEC-AUTH-02")
def test_fifty_in_a_row_lock_the_account_whatever_time_passes() -> None:
    later = NOON + timedelta(days=365)

    assert standing(LOCKED_AFTER - 1, None, now=NOON) is Standing.OPEN
    assert standing(LOCKED_AFTER, None, now=later) is Standing.LOCKED
    assert standing(LOCKED_AFTER, NOON, now=later) is Standing.LOCKED


def test_an_account_waits_until_its_time_and_no_longer() -> None:
    until = NOON + timedelta(seconds=30)

    assert standing(FREE_TRIES, until, now=NOON) is Standing.WAITS
    assert standing(FREE_TRIES, until, now=until) is Standing.OPEN


def test_nobody_gets_a_hundred_tries_in_a_row() -> None:
    """The bound of NIST SP 800-63B-4 section 3.2.2."""
    now, until, tries = NOON, None, 0
    while standing(tries, until, now=now) is not Standing.LOCKED:
        tries += 1
        until = now + wait_after(tries)
        now = until

    assert tries == 50
    assert now - NOON > timedelta(hours=9)
