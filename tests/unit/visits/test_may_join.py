"""May a patient come, and who enters the call how."""

from datetime import UTC, datetime, timedelta

import pytest

from telehealth.contract import AttendanceKind, Entry
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.may_join import (
    CLOSES_AFTER,
    OPENS_BEFORE,
    ComeAnswer,
    ComeCode,
    entry_of,
    may_come,
)

STARTS_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
ENDS_AT = STARTS_AT + timedelta(minutes=30)
SECOND = timedelta(seconds=1)
GUESTS = [AttendanceKind.INTERPRETER, AttendanceKind.FAMILY, AttendanceKind.OBSERVER]
NOT_BEGUN = [VisitState.SCHEDULED, VisitState.CHECKING_IN, VisitState.NO_SHOW, VisitState.LEFT]
UNDER_WAY = [VisitState.WAITING, VisitState.CALLED, VisitState.IN_CALL, VisitState.PAUSED]
CALL_IS_ON = {VisitState.CALLED, VisitState.IN_CALL}


def come(state: VisitState, now: datetime) -> ComeAnswer:
    return may_come(state, starts_at=STARTS_AT, ends_at=ENDS_AT, now=now)


@pytest.mark.parametrize("state", NOT_BEGUN)
def test_a_patient_may_come_from_an_hour_before_to_four_hours_after(state: VisitState) -> None:
    opens_at, closes_at = STARTS_AT - OPENS_BEFORE, ENDS_AT + CLOSES_AFTER

    told = [
        come(state, now).code
        for now in (opens_at - SECOND, opens_at, closes_at, closes_at + SECOND)
    ]

    assert told == [ComeCode.EARLY, ComeCode.OPEN, ComeCode.OPEN, ComeCode.LATE]


@pytest.mark.parametrize("state", UNDER_WAY)
def test_a_visit_under_way_stays_open_however_late_it_gets(state: VisitState) -> None:
    answer = come(state, ENDS_AT + CLOSES_AFTER + timedelta(hours=2))

    assert (answer.is_allowed, answer.code) == (True, ComeCode.OPEN)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (VisitState.WRAP_UP, ComeCode.DONE),
        (VisitState.COMPLETED, ComeCode.DONE),
        (VisitState.CANCELLED, ComeCode.CANCELLED),
    ],
)
def test_nobody_comes_to_a_visit_that_is_over(state: VisitState, code: ComeCode) -> None:
    answer = come(state, STARTS_AT)

    assert (answer.is_allowed, answer.code) == (False, code)


@pytest.mark.parametrize("state", VisitState)
def test_somebody_early_is_told_when_to_come(state: VisitState) -> None:
    assert come(state, STARTS_AT - timedelta(days=1)).opens_at == STARTS_AT - timedelta(hours=1)


@pytest.mark.parametrize("state", VisitState)
def test_the_provider_enters_once_the_patient_is_called(state: VisitState) -> None:
    entry = entry_of(AttendanceKind.PROVIDER, state, is_admitted=False)

    assert entry is (Entry.DIRECT if state in CALL_IS_ON else None)


@pytest.mark.parametrize("state", VisitState)
def test_a_patient_waits_in_the_lobby_until_called(state: VisitState) -> None:
    entry = entry_of(AttendanceKind.PATIENT, state, is_admitted=False)

    if state in CALL_IS_ON:
        assert entry is Entry.DIRECT
    else:
        assert entry is (Entry.LOBBY if state in UNDER_WAY else None)


@pytest.mark.parametrize("state", VisitState)
@pytest.mark.parametrize("kind", GUESTS)
@pytest.mark.parametrize("is_admitted", [True, False])
def test_a_guest_goes_straight_in_only_into_a_call_they_were_admitted_to(
    kind: AttendanceKind, state: VisitState, *, is_admitted: bool
) -> None:
    entry = entry_of(kind, state, is_admitted=is_admitted)

    if state not in UNDER_WAY:
        assert entry is None
    else:
        is_direct = is_admitted and state is VisitState.IN_CALL
        assert entry is (Entry.DIRECT if is_direct else Entry.LOBBY)
