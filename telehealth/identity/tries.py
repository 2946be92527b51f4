"""How long an account waits after wrong passwords and codes in a row, and when it locks.  Pure.

Source:
    NIST SP 800-63B-4 section 3.2.2 allows at most 100 wrong tries in a row; ours are fewer.  A
    wait first: otherwise anybody could keep a provider out of work with a handful of tries.  A
    passkey is nothing to guess at, so it goes on working while guesses have to wait.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

FREE_TRIES: Final = 10
LOCKED_AFTER: Final = 50
_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(minutes=15)
_DOUBLINGS: Final = 5


class Standing(StrEnum):
    """What an account lets somebody try."""

    OPEN = "open"
    WAITS = "waits"
    LOCKED = "locked"
    """Until an administrator unlocks it."""


def wait_after(wrong_tries: int) -> timedelta:
    """Return how long nothing is accepted after this many wrong tries in a row."""
    if wrong_tries < FREE_TRIES:
        return timedelta()
    doublings = min(wrong_tries - FREE_TRIES, _DOUBLINGS)
    return min(_FIRST_WAIT * (1 << doublings), _LONGEST_WAIT)


def standing(wrong_tries: int, wait_until: datetime | None, *, now: datetime) -> Standing:
    """Say whether a password or code may be tried at `now`."""
    if wrong_tries >= LOCKED_AFTER:
        return Standing.LOCKED
    if wait_until is not None and now < wait_until:
        return Standing.WAITS
    return Standing.OPEN
