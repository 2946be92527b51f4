"""When the glass may be broken, and for how long it stays open.  Pure.

Source:
    45 CFR 164.312(a)(2)(ii), emergency access procedure.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from telehealth.break_glass.errors import ProofStale, ReasonTooShort

LASTS: Final = timedelta(minutes=60)
PROOF_IS_FRESH_FOR: Final = timedelta(minutes=10)
"""Long enough to find the patient's number after signing in, too short for a desk left alone."""
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


def check_proof(proved_at: datetime | None, *, now: datetime) -> None:
    """Refuse unless whoever asks has proved lately that it is them.

    Args:
        proved_at: When they last did; None: never in this login session.
        now: Aware instant.

    Raises:
        ProofStale: Too long ago, never, or in the future.
    """
    if proved_at is None or not proved_at <= now < proved_at + PROOF_IS_FRESH_FOR:
        raise ProofStale


def is_open(*, ends_at: datetime, ended_at: datetime | None, now: datetime) -> bool:
    """Say whether an opened record may be read at `now`."""
    return ended_at is None and now < ends_at
