from datetime import timedelta

from telehealth.identity.tries import FREE_TRIES, LONG_AFTER, wait_after


def test_the_first_tries_are_free() -> None:
    assert {wait_after(n) for n in range(FREE_TRIES)} == {timedelta()}


def test_the_wait_doubles_to_a_quarter_of_an_hour() -> None:
    waits = [wait_after(n).total_seconds() for n in range(FREE_TRIES, FREE_TRIES + 7)]

    assert waits == [30, 60, 120, 240, 480, 900, 900]


def test_fifty_in_a_row_cost_a_day() -> None:
    assert wait_after(LONG_AFTER - 1) == timedelta(minutes=15)
    assert wait_after(LONG_AFTER) == timedelta(hours=24)


def test_nobody_gets_a_hundred_tries_in_an_hour() -> None:
    """The bound of NIST SP 800-63B-4 section 3.2.2, reached at full speed."""
    elapsed, tries = timedelta(), 0
    while elapsed < timedelta(hours=1):
        tries += 1
        elapsed += wait_after(tries)

    assert tries < 100
