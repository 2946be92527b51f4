"""How long an account waits after wrong passwords in a row.  Pure.

Source:
    NIST SP 800-63B-4 section 3.2.2 allows at most 100 wrong tries in a row; ours are fewer.  A
    wait, not a lock for good: otherwise anybody could keep a provider out of work.
"""

from datetime import timedelta
from typing import Final

FREE_TRIES: Final = 10
LONG_AFTER: Final = 50
_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(minutes=15)
_LONG_WAIT: Final = timedelta(hours=24)
_DOUBLINGS: Final = 5


def wait_after(wrong_tries: int) -> timedelta:
    """Return how long no password is accepted after this many wrong ones in a row."""
    if wrong_tries < FREE_TRIES:
        return timedelta()
    if wrong_tries >= LONG_AFTER:
        return _LONG_WAIT
    doublings = min(wrong_tries - FREE_TRIES, _DOUBLINGS)
    return min(_FIRST_WAIT * (1 << doublings), _LONGEST_WAIT)
