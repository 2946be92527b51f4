"""When the glass may be broken, and for how long it stays open.  Pure.

Source:
    45 CFR 164.312(a)(2)(ii), emergency access procedure.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from telehealth.break_glass.errors import ReasonTooShort

LASTS: Final = timedelta(minutes=60)
SHORTEST_REASON: Final = 10
LONGEST_REASON: Final = 500


class EndedHow(StrEnum):
    """Why an opened record was closed.  Stored."""

    BY_HAND = "by_hand"
    BY_TIME = "by_time"


def check_reason(reason: str) -> str:
    """Return the reason as it is kept: spaces joined.

    Raises:
        ReasonTooShort: Fewer than ten letters and signs, or the same few repeated.
    """
    kept = " ".join(reason.split())
    if len(kept) < SHORTEST_REASON or len(set(kept)) <= SHORTEST_REASON // 3:
        raise ReasonTooShort(least=SHORTEST_REASON)
    return kept


def is_open(*, ends_at: datetime, ended_at: datetime | None, now: datetime) -> bool:
    """Say whether an opened record may be read at `now`."""
    return ended_at is None and now < ends_at
