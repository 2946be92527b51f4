"""What the day board says of each visit."""

from datetime import UTC, date, datetime, timedelta

import pytest

from telehealth.delivery.lifecycle import EntryState
from telehealth.visits.lifecycle import VisitState
from telehealth.waiting_room.board import (
    ChartWord,
    Counter,
    Flag,
    Standing,
    chart_word,
    counters_of,
    day_between,
    flags_of,
    is_late,
)
from telehealth.waiting_room.check_in import DeviceOutcome

STARTS_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
WAITS = [VisitState.WAITING, VisitState.CALLED, VisitState.PAUSED]


def standing(
    state: VisitState,
    *,
    is_present: bool = True,
    outcome: DeviceOutcome | None = DeviceOutcome.PASSED,
    has_device_failed: bool = False,
    owes_note: bool = True,
) -> Standing:
    return Standing(
        state=state,
        starts_at=STARTS_AT,
        is_present=is_present,
        outcome=outcome,
        has_device_failed=has_device_failed,
        owes_note=owes_note,
    )


def test_a_patient_who_has_not_come_a_minute_after_the_start_is_late() -> None:
    seen = standing(VisitState.SCHEDULED)

    late = [is_late(seen, now=STARTS_AT + timedelta(seconds=after)) for after in (59, 60)]

    assert late == [False, True]


def test_whoever_has_come_is_not_late() -> None:
    now = STARTS_AT + timedelta(hours=1)

    late = {state for state in VisitState if is_late(standing(state), now=now)}

    assert late == {VisitState.SCHEDULED}


def test_an_unopened_link_is_shown_a_quarter_of_an_hour_before_the_start() -> None:
    seen = standing(VisitState.SCHEDULED)

    flags = [flags_of(seen, now=STARTS_AT - timedelta(minutes=before)) for before in (16, 15)]

    assert flags == [[], [Flag.LINK_UNOPENED]]


def test_the_most_urgent_flag_comes_first() -> None:
    now = STARTS_AT + timedelta(minutes=10)

    assert flags_of(standing(VisitState.SCHEDULED), now=now) == [Flag.LATE, Flag.LINK_UNOPENED]


@pytest.mark.parametrize("state", VisitState)
def test_what_is_wrong_with_page_and_devices_matters_while_somebody_waits(
    state: VisitState,
) -> None:
    troubled = standing(state, is_present=False, outcome=None, has_device_failed=True)
    wanted = [Flag.AWAY, Flag.DEVICE_FAILED] if state in WAITS else []

    flags = flags_of(troubled, now=STARTS_AT - timedelta(hours=1))

    assert [flag for flag in flags if flag in {Flag.AWAY, Flag.DEVICE_FAILED}] == wanted


@pytest.mark.parametrize("state", VisitState)
@pytest.mark.parametrize(
    ("outcome", "flag"),
    [
        (DeviceOutcome.CALL_ME, Flag.CALL_ME),
        (DeviceOutcome.SKIPPED, Flag.NO_DEVICE_CHECK),
        (DeviceOutcome.PASSED, None),
    ],
)
def test_how_the_device_check_ended_is_shown_while_somebody_waits(
    state: VisitState, outcome: DeviceOutcome, flag: Flag | None
) -> None:
    flags = flags_of(standing(state, outcome=outcome), now=STARTS_AT - timedelta(hours=1))

    told = {Flag.CALL_ME, Flag.NO_DEVICE_CHECK} & set(flags)
    assert told == ({flag} if flag is not None and state in WAITS else set())


@pytest.mark.parametrize("owes_note", [True, False])
def test_a_visit_in_wrap_up_is_shown_with_what_it_owes(*, owes_note: bool) -> None:
    flags = flags_of(standing(VisitState.WRAP_UP, owes_note=owes_note), now=STARTS_AT)

    assert flags == [Flag.NEEDS_WRAP_UP, *([Flag.NOTE_UNSIGNED] if owes_note else [])]


def test_the_day_is_counted() -> None:
    day = [standing(state) for state in VisitState]

    counted = counters_of(day, now=STARTS_AT + timedelta(minutes=5))

    assert counted == {
        Counter.EXPECTED: 2,
        Counter.WAITING: 1,
        Counter.IN_CALL: 1,
        Counter.LATE: 1,
        Counter.NO_SHOW: 1,
        Counter.DONE: 1,
    }


def test_an_empty_day_counts_nothing() -> None:
    assert set(counters_of([], now=STARTS_AT).values()) == {0}


@pytest.mark.parametrize("state", EntryState)
def test_every_chart_entry_has_a_word_until_it_is_owed_no_more(state: EntryState) -> None:
    assert (chart_word(state) is None) == (state is EntryState.CANCELLED)


def test_what_may_or_may_not_have_arrived_needs_a_person() -> None:
    assert chart_word(EntryState.UNKNOWN) is ChartWord.NEEDS_ATTENTION
    assert chart_word(EntryState.CONFIRMED) is ChartWord.CONFIRMED
    assert chart_word(None) is None


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 7), 24), (date(2026, 3, 8), 23), (date(2026, 11, 1), 25)],
)
def test_a_day_is_as_long_as_the_clinics_clocks_make_it(day: date, hours: int) -> None:
    """Daylight time in Chicago begins on 8 March 2026 and ends on 1 November."""
    first, after = day_between(day, zone="America/Chicago")

    assert after.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=hours)
    assert (first.hour, after.hour) == (0, 0)
