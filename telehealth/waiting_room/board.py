"""What the day board says of each visit, and the day in numbers.  Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from telehealth.delivery.lifecycle import EntryState
from telehealth.visits.lifecycle import VisitState
from telehealth.waiting_room.check_in import DeviceOutcome

LATE_AFTER: Final = timedelta(minutes=1)
LINK_EXPECTED_BEFORE: Final = timedelta(minutes=15)
"""Who has not opened the link by then is worth a look."""

_S = VisitState
_EXPECTED: Final = frozenset({_S.SCHEDULED, _S.CHECKING_IN})
_WAITS: Final = frozenset({_S.WAITING, _S.CALLED, _S.PAUSED})


class Flag(StrEnum):
    """What somebody who runs the day should look at."""

    LATE = "late"
    LINK_UNOPENED = "link_unopened"
    AWAY = "away"
    CALL_ME = "call_me"
    DEVICE_FAILED = "device_failed"
    NO_DEVICE_CHECK = "no_device_check"
    NEEDS_WRAP_UP = "needs_wrap_up"
    NOTE_UNSIGNED = "note_unsigned"


class Counter(StrEnum):
    """The day in numbers."""

    EXPECTED = "expected"
    WAITING = "waiting"
    IN_CALL = "in_call"
    LATE = "late"
    NO_SHOW = "no_show"
    DONE = "done"


class ChartWord(StrEnum):
    """How far a visit has come on its way into the chart."""

    PENDING = "pending"
    SENT = "sent"
    CONFIRMED = "confirmed"
    NEEDS_ATTENTION = "needs_attention"


_CHART: Final[Mapping[EntryState, ChartWord]] = MappingProxyType(
    {
        EntryState.PENDING: ChartWord.PENDING,
        EntryState.LEASED: ChartWord.PENDING,
        EntryState.SENT: ChartWord.SENT,
        EntryState.CONFIRMED: ChartWord.CONFIRMED,
        EntryState.UNKNOWN: ChartWord.NEEDS_ATTENTION,
        EntryState.PARKED: ChartWord.NEEDS_ATTENTION,
    }
)
"""A cancelled entry is owed no more: nothing is said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the rules ask of one visit."""

    state: VisitState
    starts_at: datetime
    is_present: bool
    outcome: DeviceOutcome | None
    has_device_failed: bool
    owes_note: bool


def is_late(standing: Standing, *, now: datetime) -> bool:
    """Say whether the patient should be here and has not come."""
    return standing.state is _S.SCHEDULED and now - standing.starts_at >= LATE_AFTER


def flags_of(standing: Standing, *, now: datetime) -> list[Flag]:
    """Return what to look at, most urgent first."""
    state, waits = standing.state, standing.state in _WAITS
    is_near = now >= standing.starts_at - LINK_EXPECTED_BEFORE
    raised = {
        Flag.LATE: is_late(standing, now=now),
        Flag.LINK_UNOPENED: state is _S.SCHEDULED and is_near,
        Flag.AWAY: waits and not standing.is_present,
        Flag.CALL_ME: waits and standing.outcome is DeviceOutcome.CALL_ME,
        Flag.DEVICE_FAILED: waits and standing.has_device_failed,
        Flag.NO_DEVICE_CHECK: waits and standing.outcome is DeviceOutcome.SKIPPED,
        Flag.NEEDS_WRAP_UP: state is _S.WRAP_UP,
        Flag.NOTE_UNSIGNED: state is _S.WRAP_UP and standing.owes_note,
    }
    return [flag for flag, is_raised in raised.items() if is_raised]


def counters_of(standings: Sequence[Standing], *, now: datetime) -> dict[Counter, int]:
    """Count the day; somebody late is expected as well."""

    def count(*states: VisitState) -> int:
        return sum(standing.state in states for standing in standings)

    return {
        Counter.EXPECTED: count(*_EXPECTED),
        Counter.WAITING: count(_S.WAITING),
        Counter.IN_CALL: count(_S.IN_CALL),
        Counter.LATE: sum(is_late(standing, now=now) for standing in standings),
        Counter.NO_SHOW: count(_S.NO_SHOW),
        Counter.DONE: count(_S.COMPLETED),
    }


def chart_word(state: EntryState | None) -> ChartWord | None:
    """Return the word for a visit's chart entries; None: nothing is owed."""
    return None if state is None else _CHART.get(state)


def day_between(day: date, *, zone: str) -> tuple[datetime, datetime]:
    """Return when a day begins and when the next one does; 23 to 25 hours, as the clocks go."""
    midnight = time(tzinfo=ZoneInfo(zone))
    return datetime.combine(day, midnight), datetime.combine(day + timedelta(days=1), midnight)
