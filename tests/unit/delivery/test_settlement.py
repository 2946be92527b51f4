"""What an answer, or its absence, makes of an entry."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from telehealth.delivery.lanes import POLICY, EntryKind
from telehealth.delivery.lifecycle import WAIT_WHEN_LIMITED, EntryState, EntryStep
from telehealth.delivery.ports import (
    Done,
    Found,
    NoAnswer,
    NotFound,
    OutcomeCode,
    Refused,
    Rejected,
    TryLater,
    Unknown,
)
from telehealth.delivery.settlement import Health, Standing, after_call, after_query, lost

NOON = datetime(2030, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHART = POLICY[EntryKind.CHART_ENCOUNTER]
ROOM = POLICY[EntryKind.ROOM_ENDED]

LEASED = Standing(
    state=EntryState.LEASED, attempts=3, give_up_at=NOON + HOUR, quiet_until=None, policy=CHART
)
ASKED = replace(LEASED, state=EntryState.UNKNOWN)


def test_a_final_done_confirms_and_keeps_the_partners_reference() -> None:
    done = Done(partner_ref="Encounter/1", http_status=201)

    settlement = after_call(done, LEASED, now=NOON, draw=0.5)

    assert settlement.state is EntryState.CONFIRMED
    assert settlement.is_settled
    assert settlement.partner_ref == "Encounter/1"
    assert settlement.http_status == 201
    assert settlement.confirm_by is None
    assert settlement.health is Health.ANSWERS


@pytest.mark.parametrize(
    ("confirm_within", "expected"), [(timedelta(minutes=5), timedelta(minutes=5)), (None, None)]
)
def test_a_done_that_is_not_final_waits_for_the_last_word(
    confirm_within: timedelta | None, expected: timedelta | None
) -> None:
    standing = replace(LEASED, policy=replace(CHART, confirm_within=confirm_within))

    settlement = after_call(Done(is_final=False), standing, now=NOON, draw=0.5)

    assert settlement.state is EntryState.SENT
    assert not settlement.is_settled
    assert settlement.confirm_by == NOON + (expected or CHART.try_for)


def test_a_refusal_parks_at_once() -> None:
    refused = Refused(code=OutcomeCode.PATIENT_NOT_FOUND, http_status=200)

    settlement = after_call(refused, LEASED, now=NOON, draw=0.5)

    assert settlement.state is EntryState.PARKED
    assert settlement.code is OutcomeCode.PATIENT_NOT_FOUND
    assert settlement.health is Health.ANSWERS


def test_try_later_waits_with_jitter() -> None:
    later = TryLater(code=OutcomeCode.UNREACHABLE)

    settlement = after_call(later, LEASED, now=NOON, draw=0.5)

    assert settlement.state is EntryState.PENDING
    assert settlement.next_at == NOON + timedelta(seconds=4)
    assert settlement.health is Health.FAILS


def test_a_rate_limit_is_no_try_and_is_obeyed() -> None:
    later = TryLater(code=OutcomeCode.RATE_LIMITED, not_before=NOON + HOUR / 2, counts=False)

    settlement = after_call(later, LEASED, now=NOON, draw=0.5)

    assert settlement.next_at == NOON + HOUR / 2
    assert not settlement.counts
    assert settlement.health is Health.SAYS_NOTHING


@pytest.mark.parametrize("named", [None, NOON, NOON - HOUR], ids=["none", "now", "past"])
def test_a_rate_limit_that_names_no_wait_is_waited_for_all_the_same(
    named: datetime | None,
) -> None:
    """It lets no wait grow: without a least one the partner would be asked without end."""
    later = TryLater(code=OutcomeCode.RATE_LIMITED, not_before=named, counts=False)

    settlement = after_call(later, LEASED, now=NOON, draw=0.0)

    assert settlement.next_at == NOON + WAIT_WHEN_LIMITED


def test_a_refused_sign_in_shuts_the_partner() -> None:
    later = TryLater(code=OutcomeCode.SIGN_IN_REFUSED, pauses_partner=True)

    assert after_call(later, LEASED, now=NOON, draw=0.5).health is Health.SHUT


def test_a_lost_answer_is_asked_about_at_once() -> None:
    settlement = after_call(Unknown(code=OutcomeCode.ANSWER_LOST), LEASED, now=NOON, draw=0.5)

    assert settlement.state is EntryState.UNKNOWN
    assert settlement.next_at == NOON
    assert settlement.health is Health.FAILS


def test_an_unknown_that_names_an_instant_is_asked_about_then() -> None:
    unknown = Unknown(code=OutcomeCode.PARTNER_ERROR, not_before=NOON + HOUR / 4)

    assert after_call(unknown, LEASED, now=NOON, draw=0.5).next_at == NOON + HOUR / 4


def test_where_repeats_are_dropped_a_lost_answer_is_sent_again_after_a_wait() -> None:
    standing = replace(LEASED, policy=ROOM)

    settlement = after_call(
        Unknown(code=OutcomeCode.NOT_ACKNOWLEDGED), standing, now=NOON, draw=0.5
    )

    assert settlement.state is EntryState.PENDING
    assert settlement.next_at == NOON + timedelta(seconds=4)


def test_where_repeats_are_dropped_too_long_a_try_is_parked() -> None:
    standing = replace(LEASED, policy=ROOM, give_up_at=NOON)

    state, _ = lost(standing, EntryStep.LEASE_OVER_CALLED, now=NOON, draw=0.5)

    assert state is EntryState.PARKED


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Found(partner_ref="Encounter/1"), EntryState.CONFIRMED),
        (Found(is_final=False), EntryState.SENT),
        (Rejected(code=OutcomeCode.DUPLICATES_AT_PARTNER), EntryState.PARKED),
        (NotFound(), EntryState.PENDING),
        (NoAnswer(code=OutcomeCode.UNREACHABLE), EntryState.UNKNOWN),
    ],
    ids=["found", "found, not final", "rejected", "not found", "no answer"],
)
def test_an_answer_settles_what_was_unknown(
    answer: Found | Rejected | NotFound | NoAnswer, state: EntryState
) -> None:
    assert after_query(answer, ASKED, now=NOON, draw=0.5).state is state


def test_a_not_found_asked_too_early_is_asked_again_when_it_counts() -> None:
    """The first call may still sit in the partner's intake."""
    standing = replace(ASKED, quiet_until=NOON + timedelta(seconds=40))

    settlement = after_query(NotFound(), standing, now=NOON, draw=0.5)

    assert settlement.state is EntryState.UNKNOWN
    assert settlement.next_at == NOON + timedelta(seconds=40)


def test_no_answer_to_a_question_waits_as_long_as_the_partner_asked() -> None:
    answer = NoAnswer(code=OutcomeCode.RATE_LIMITED, not_before=NOON + HOUR / 2)

    assert after_query(answer, ASKED, now=NOON, draw=0.5).next_at == NOON + HOUR / 2


@pytest.mark.parametrize("answer", [NotFound(), NoAnswer(code=OutcomeCode.UNREACHABLE)])
def test_a_question_is_not_asked_for_ever(answer: NotFound | NoAnswer) -> None:
    standing = replace(ASKED, give_up_at=NOON)

    assert after_query(answer, standing, now=NOON, draw=0.5).state is EntryState.PARKED


def test_a_send_is_not_tried_for_ever() -> None:
    later = TryLater(code=OutcomeCode.UNREACHABLE)
    standing = replace(LEASED, give_up_at=NOON)

    assert after_call(later, standing, now=NOON, draw=0.5).state is EntryState.PARKED


def test_a_late_success_is_still_a_success() -> None:
    standing = replace(LEASED, give_up_at=NOON - HOUR)

    assert after_call(Done(), standing, now=NOON, draw=0.5).state is EntryState.CONFIRMED
