"""Feedback says of each packet what is true, whatever the order, the gaps and the wraps."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.core.twcc import (
    PACKETS_AT_ONCE,
    SENT_REMEMBERED,
    STATUSES_MAX,
    TICK_S,
    Arrivals,
    BadFeedback,
    SentLog,
    TransportFeedback,
    read_feedback,
)


def told(arrivals: Arrivals, *, now: float = 200.0) -> list[TransportFeedback]:
    parts = arrivals.take(sender_ssrc=1, media_ssrc=2, now=now)
    assert all(len(part) % 4 == 0 for part in parts)
    return [read_feedback(part, 0, len(part)) for part in parts]


def arrive(arrivals: Arrivals, *packets: tuple[int, float]) -> None:
    for number, at in packets:
        arrivals.numbers.append(number)
        arrivals.times.append(at)


def test_what_arrived_and_what_did_not_is_told_in_order() -> None:
    arrivals = Arrivals()
    arrive(arrivals, (10, 100.0), (11, 100.02), (14, 100.05))

    (feedback,) = told(arrivals)

    assert feedback.first == 10
    assert feedback.statuses == (400_000, 400_080, None, None, 400_200)
    assert arrivals.numbers == arrivals.times == []


def test_the_next_feedback_goes_on_where_the_last_one_ended() -> None:
    arrivals = Arrivals()
    arrive(arrivals, (65_534, 100.0))
    told(arrivals)
    arrive(arrivals, (1, 100.1))

    (feedback,) = told(arrivals)

    assert feedback.first == 65_535
    assert [status is None for status in feedback.statuses] == [True, True, False]


def test_what_comes_late_is_told_alone() -> None:
    """Or the others told with it would be told as lost a second time."""
    arrivals = Arrivals()
    arrive(arrivals, (1, 100.0), (4, 100.1))
    told(arrivals)
    arrive(arrivals, (2, 100.2), (5, 100.3))

    late, fresh = told(arrivals)

    assert (late.first, len(late.statuses)) == (2, 1)
    assert (fresh.first, len(fresh.statuses)) == (5, 1)


def test_late_packets_alone_make_no_other_feedback() -> None:
    arrivals = Arrivals()
    arrive(arrivals, (1, 100.0), (4, 100.1))
    told(arrivals)
    arrive(arrivals, (3, 100.2))

    assert [each.first for each in told(arrivals)] == [3]


def test_packets_that_overtook_each_other_and_doubles_are_told_once_each() -> None:
    arrivals = Arrivals()
    arrive(arrivals, (3, 100.0), (2, 100.01), (3, 100.5), (4, 100.02))

    (feedback,) = told(arrivals)

    assert feedback.statuses == (400_040, 400_000, 400_080)


def test_a_jump_longer_than_a_feedback_holds_is_a_new_beginning() -> None:
    arrivals = Arrivals()
    arrive(arrivals, (1, 100.0), (1 + 2 * STATUSES_MAX, 100.1))

    first, second = told(arrivals)

    assert (first.first, len(first.statuses)) == (1, 1)
    assert (second.first, len(second.statuses)) == (1 + 2 * STATUSES_MAX, 1)


def test_a_jump_between_two_feedbacks_is_a_new_beginning_too() -> None:
    arrivals = Arrivals()
    arrive(arrivals, (1, 100.0))
    told(arrivals)
    arrive(arrivals, (2 + STATUSES_MAX, 100.1))

    (feedback,) = told(arrivals)

    assert (feedback.first, len(feedback.statuses)) == (2 + STATUSES_MAX, 1)


def test_more_than_a_feedback_holds_is_parted_with_nothing_left_out() -> None:
    arrivals = Arrivals()
    arrive(arrivals, *((number, 100 + number / 1_000) for number in range(0, 900, 3)))

    parts = told(arrivals)

    assert sum(len(part.statuses) for part in parts) == 898
    assert sum(status is not None for part in parts for status in part.statuses) == 300


def test_arrivals_too_far_apart_for_a_delta_are_told_apart() -> None:
    arrivals = Arrivals()
    arrive(arrivals, (1, 100.0), (2, 109.0))

    assert [part.statuses for part in told(arrivals)] == [(400_000,), (436_000,)]


def test_feedback_is_due_by_count_or_by_time_and_never_for_nothing() -> None:
    arrivals = Arrivals()
    assert not arrivals.is_due(now=100.0)
    arrive(arrivals, (1, 100.0))
    assert arrivals.is_due(now=100.0)
    told(arrivals, now=100.0)
    arrive(arrivals, (2, 100.01))
    assert not arrivals.is_due(now=100.05)
    assert arrivals.is_due(now=100.11)
    arrive(arrivals, *((number, 100.02) for number in range(3, 2 + PACKETS_AT_ONCE)))
    assert arrivals.is_due(now=100.03)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:19],
        lambda data: data[:20],
        lambda data: data[:22],
        lambda data: data[:14] + b"\xff\xff" + data[16:],
        lambda data: data[:20] + b"\x00\x00" + data[22:],
        lambda data: data[:20] + b"\x60\x02" + data[22:],
    ],
    ids=["no head", "no chunk", "no delta", "too many", "an empty run", "a reserved symbol"],
)
def test_feedback_that_lies_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    arrivals = Arrivals()
    arrive(arrivals, (1, 100.0), (2, 100.02))
    (part,) = arrivals.take(sender_ssrc=1, media_ssrc=2, now=100.1)
    spoilt = spoil(part)

    with pytest.raises(BadFeedback):
        read_feedback(spoilt, 0, len(spoilt))


def test_a_vector_of_single_bits_is_read_too() -> None:
    """Chromium writes these; we do not."""
    head = bytes([0x8F, 205, 0, 6]) + bytes(8) + b"\x00\x07\x00\x03" + b"\x00\x00\x01\x00"
    data = head + b"\xa8\x00" + bytes([4, 8]) + bytes(2)

    assert read_feedback(data, 0, len(data)).statuses == (260, None, 268)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(-200, 40_000)), min_size=1, max_size=120),
    st.integers(0, 65_535),
)
def test_whatever_arrived_is_read_back_as_it_was(steps: list[tuple[int, int]], first: int) -> None:
    arrivals, number, ticks = Arrivals(), first, 400_000
    expected = {}
    for step, passed in steps:
        number += step
        ticks += passed
        expected[number % 65_536] = ticks
        arrive(arrivals, (number % 65_536, ticks * TICK_S))

    read = {
        (part.first + place) % 65_536: status
        for part in told(arrivals)
        for place, status in enumerate(part.statuses)
    }

    assert {each: status for each, status in read.items() if status is not None} == expected


# --- what the receiver says ---------------------------------------------------------------------


def test_what_became_of_our_packets_is_summed_once() -> None:
    log = SentLog()
    for place in range(4):
        log.put(100 + place, now=50.0 + place / 100)
    feedback = TransportFeedback(first=0, statuses=(4_000, None, 4_120, 4_130))

    fates = log.fates(feedback)

    assert (fates.received, fates.lost, fates.octets) == (3, 1, 100 + 102 + 103)
    assert fates.least_delay_s == pytest.approx(4_000 * TICK_S - 50.0)
    again = log.fates(feedback)
    assert (again.received, again.lost, again.octets, again.least_delay_s) == (0, 0, 0, None)


def test_what_was_told_as_lost_and_came_after_all_was_only_overtaken() -> None:
    log = SentLog()
    log.put(100, now=50.0)

    lost = log.fates(TransportFeedback(first=0, statuses=(None,)))
    found = log.fates(TransportFeedback(first=0, statuses=(4_000,)))

    assert (lost.received, lost.lost) == (0, 1)
    assert (found.received, found.lost) == (1, -1)


def test_the_receivers_clock_starts_anew_unseen() -> None:
    log = SentLog()
    log.put(100, now=50.0)
    log.put(100, now=50.5)
    end = 2**32

    before = log.fates(TransportFeedback(first=0, statuses=(end - 1_000,)))
    after = log.fates(TransportFeedback(first=1, statuses=(1_000,)))

    assert before.least_delay_s is not None
    assert after.least_delay_s == pytest.approx(before.least_delay_s + 2_000 * TICK_S - 0.5)


def test_feedback_of_packets_we_never_sent_says_nothing() -> None:
    log = SentLog()
    assert log.fates(TransportFeedback(first=7, statuses=(1, 2, None))).received == 0
    for _ in range(SENT_REMEMBERED + 10):
        log.put(100, now=50.0)

    forgotten = log.fates(TransportFeedback(first=0, statuses=(1,) * 5))
    ahead = log.fates(TransportFeedback(first=SENT_REMEMBERED + 10, statuses=(1,) * 5))
    assert (forgotten.received, ahead.received) == (0, 0)


@given(
    st.integers(0, 65_000),
    st.lists(st.integers(0, 255), min_size=1, max_size=STATUSES_MAX),
)
def test_the_short_way_writes_what_the_long_way_writes(first: int, deltas: list[int]) -> None:
    short, long = Arrivals(), Arrivals()
    ticks = 400_000
    for place, delta in enumerate(deltas):
        ticks += delta
        for arrivals in (short, long):
            arrive(arrivals, (first + place, ticks * TICK_S))
    arrive(long, (first, ticks * TICK_S))  # a double: no short way, and no difference

    assert short.take(sender_ssrc=1, media_ssrc=2, now=1.0) == long.take(
        sender_ssrc=1, media_ssrc=2, now=1.0
    )
    assert short._base == long._base


def test_a_clock_that_steps_back_a_little_is_followed() -> None:
    log = SentLog()
    log.put(100, now=50.0)
    log.put(100, now=50.0)

    log.fates(TransportFeedback(first=0, statuses=(1_000,)))
    fates = log.fates(TransportFeedback(first=1, statuses=(900,)))

    assert fates.least_delay_s == pytest.approx(900 * TICK_S - 50.0)
