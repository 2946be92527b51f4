"""Where a ledger entry stands, what may happen to it next, when it is tried again.  Pure.

Randomness is handed in.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from telehealth.delivery.errors import IllegalEntryStep


class EntryState(StrEnum):
    """Where an owed effect stands.  Stored: renaming one is a migration."""

    PENDING = "pending"
    """Due at `next_at`; nothing is outstanding with the partner."""
    LEASED = "leased"
    """One worker holds it until `lease_until`."""
    SENT = "sent"
    """The partner took it; its final word is outstanding until `confirm_by`."""
    CONFIRMED = "confirmed"
    """The partner has it for good.  End."""
    UNKNOWN = "unknown"
    """It may or may not have arrived: the partner is asked before anything is sent again."""
    PARKED = "parked"
    """A person must look."""
    CANCELLED = "cancelled"
    """Owed no more.  End."""


class EntryStep(StrEnum):
    """What can happen to an entry."""

    CLAIM = "claim"
    TAKE = "take"
    CONFIRM = "confirm"
    REJECT = "reject"
    PUT_OFF = "put_off"
    LOSE_ANSWER = "lose_answer"
    LEASE_OVER_UNCALLED = "lease_over_uncalled"
    LEASE_OVER_CALLED = "lease_over_called"
    CONFIRM_OVERDUE = "confirm_overdue"
    NOT_FOUND = "not_found"
    REPEAT = "repeat"
    STILL_UNKNOWN = "still_unknown"
    TIME_OVER = "time_over"
    EXPIRE = "expire"
    CANCEL = "cancel"
    CHECK_AGAIN = "check_again"
    SEND_AGAIN = "send_again"
    DONE_BY_HAND = "done_by_hand"
    GIVE_UP = "give_up"


_S, _T = EntryState, EntryStep

NEXT: Final[Mapping[tuple[EntryState, EntryStep], EntryState]] = MappingProxyType(
    {
        (_S.PENDING, _T.CLAIM): _S.LEASED,
        # Word from the partner may overtake our own bookkeeping.
        (_S.PENDING, _T.TAKE): _S.SENT,
        (_S.PENDING, _T.CONFIRM): _S.CONFIRMED,
        (_S.PENDING, _T.REJECT): _S.PARKED,
        (_S.PENDING, _T.TIME_OVER): _S.PARKED,
        (_S.PENDING, _T.EXPIRE): _S.CANCELLED,
        (_S.PENDING, _T.CANCEL): _S.CANCELLED,
        (_S.LEASED, _T.TAKE): _S.SENT,
        (_S.LEASED, _T.CONFIRM): _S.CONFIRMED,
        (_S.LEASED, _T.REJECT): _S.PARKED,
        # Nothing reached the partner: refused connection, rate limit, or given back.
        (_S.LEASED, _T.PUT_OFF): _S.PENDING,
        (_S.LEASED, _T.LOSE_ANSWER): _S.UNKNOWN,
        (_S.LEASED, _T.LEASE_OVER_UNCALLED): _S.PENDING,
        (_S.LEASED, _T.LEASE_OVER_CALLED): _S.UNKNOWN,
        (_S.SENT, _T.CONFIRM): _S.CONFIRMED,
        (_S.SENT, _T.REJECT): _S.PARKED,
        (_S.SENT, _T.CONFIRM_OVERDUE): _S.UNKNOWN,
        # Unknown is left by an answer to a question, never by sending blindly.
        (_S.UNKNOWN, _T.TAKE): _S.SENT,
        (_S.UNKNOWN, _T.CONFIRM): _S.CONFIRMED,
        (_S.UNKNOWN, _T.REJECT): _S.PARKED,
        (_S.UNKNOWN, _T.NOT_FOUND): _S.PENDING,
        # Only for partners that drop repeats of a message id.
        (_S.UNKNOWN, _T.REPEAT): _S.PENDING,
        (_S.UNKNOWN, _T.STILL_UNKNOWN): _S.UNKNOWN,
        (_S.UNKNOWN, _T.TIME_OVER): _S.PARKED,
        # A person checks first, even where a program parked it before sending.
        (_S.PARKED, _T.CHECK_AGAIN): _S.UNKNOWN,
        (_S.PARKED, _T.SEND_AGAIN): _S.PENDING,
        (_S.PARKED, _T.DONE_BY_HAND): _S.CONFIRMED,
        (_S.PARKED, _T.GIVE_UP): _S.CANCELLED,
    }
)

SETTLED: Final = frozenset({EntryState.CONFIRMED, EntryState.CANCELLED})

WAIT_WHEN_LIMITED: Final = timedelta(seconds=30)
"""Least wait after a partner's *too many*: it lets no wait grow, and may name one of nothing."""
_FIRST_WAIT_S: Final = 2.0
_LONGEST_WAIT_S: Final = 15 * 60.0


def advance(state: EntryState, step: EntryStep) -> EntryState:
    """Return the state after `step`.

    Raises:
        IllegalEntryStep: The table has no such row; nothing changed.
    """
    try:
        return NEXT[state, step]
    except KeyError:
        raise IllegalEntryStep(state=state, step=step) from None


def back_off(attempts: int, *, draw: float) -> timedelta:
    """Return how long to wait before the next try: full jitter.

    Args:
        attempts: Tries so far, at least 1.
        draw: Uniform in [0, 1), handed in so that tests can repeat it.

    Source:
        Uniform in 0 to min(15 min, 2 s * 2^n): decision of ours, full jitter so that many
        entries held up by one outage do not come back together.
    """
    exponent = min(max(attempts - 1, 0), 16)
    return timedelta(seconds=draw * min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**exponent))


def is_time_over(*, give_up_at: datetime, now: datetime) -> bool:
    """Say whether the kind's time for trying has passed, so that a person must look."""
    return now >= give_up_at


def may_call(*, lease_until: datetime, lease: timedelta, now: datetime) -> bool:
    """Say whether enough of the lease is left to begin a call: at least half."""
    return now <= lease_until - lease / 2


def counts_as_not_found(*, quiet_until: datetime | None, now: datetime) -> bool:
    """Say whether a *not found* may be believed.

    Asked too early it says nothing: the call may still sit in the partner's intake, or the holder
    of the old lease may still be sending.
    """
    return quiet_until is None or now >= quiet_until
