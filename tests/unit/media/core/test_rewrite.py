"""One stream for the slot's whole life, whoever fills it."""

import pytest

from media.core.rewrite import RANGES_MAX, TOO_OLD, Rewriter

VIDEO = 90_000


def rewriter(
    *, start_seq: int = 100, start_ts: int = 5_000, clock_rate_hz: int = VIDEO
) -> Rewriter:
    return Rewriter(start_seq=start_seq, start_ts=start_ts, clock_rate_hz=clock_rate_hz)


def out_ts(numbers: Rewriter, timestamp: int) -> int:
    return (timestamp + numbers.ts_shift) % 2**32


def test_the_first_number_and_timestamp_are_the_drawn_ones() -> None:
    numbers = rewriter(start_seq=40_000, start_ts=2**33 + 9)

    numbers.begin(extended_seq=70_000, timestamp=123, now=1.0)

    assert numbers.place(70_000, 123, 1.0) == 40_000 - 32_768
    assert out_ts(numbers, 123) == 9


def test_loss_and_reorder_of_the_source_are_seen_by_the_receiver() -> None:
    """It must be able to ask for what is missing."""
    numbers = rewriter()
    numbers.begin(extended_seq=10, timestamp=0, now=0.0)

    assert [numbers.place(each, 0, 0.0) for each in (10, 13, 11)] == [100, 103, 101]


def test_a_change_of_source_leaves_no_hole() -> None:
    numbers = rewriter()
    numbers.begin(extended_seq=10, timestamp=0, now=0.0)
    numbers.place(10, 0, 0.0)
    numbers.place(12, 3_000, 0.1)

    numbers.begin(extended_seq=60_000, timestamp=777, now=0.2)

    assert numbers.place(60_000, 777, 0.2) == 103


def test_a_source_that_sent_nothing_costs_no_number() -> None:
    numbers = rewriter()
    numbers.begin(extended_seq=10, timestamp=0, now=0.0)

    numbers.begin(extended_seq=500, timestamp=0, now=0.0)

    assert numbers.place(500, 0, 0.0) == 100


def test_a_packet_from_before_the_start_is_too_old() -> None:
    numbers = rewriter()
    numbers.begin(extended_seq=10, timestamp=0, now=0.0)

    assert numbers.place(9, 0, 0.0) == TOO_OLD


def test_the_number_wraps() -> None:
    numbers = rewriter(start_seq=32_767)
    numbers.begin(extended_seq=0, timestamp=0, now=0.0)

    assert numbers.place(32_769, 0, 0.0) == 0


def test_padding_costs_no_number() -> None:
    numbers = rewriter()
    numbers.begin(extended_seq=10, timestamp=0, now=0.0)
    placed = [numbers.place(10, 0, 0.0)]

    numbers.pass_over(11)
    placed.append(numbers.place(12, 0, 0.0))

    assert placed == [100, 101]


def test_what_padding_overtook_keeps_its_place() -> None:
    numbers = rewriter()
    numbers.begin(extended_seq=10, timestamp=0, now=0.0)
    numbers.place(10, 0, 0.0)
    numbers.pass_over(12)

    assert numbers.place(13, 0, 0.0) == 102
    assert numbers.place(11, 0, 0.0) == 101
    assert numbers.place(12, 0, 0.0) == TOO_OLD, "its number went to its successor"


def test_only_the_newest_packet_can_be_passed_over() -> None:
    numbers = rewriter()
    numbers.pass_over(3)
    numbers.begin(extended_seq=10, timestamp=0, now=0.0)
    numbers.place(10, 0, 0.0)
    numbers.place(12, 0, 0.0)

    numbers.pass_over(11)

    assert numbers.place(13, 0, 0.0) == 103


def test_the_memory_of_padding_is_bounded() -> None:
    numbers = rewriter()
    numbers.begin(extended_seq=0, timestamp=0, now=0.0)
    numbers.place(0, 0, 0.0)

    for number in range(1, 2 * RANGES_MAX + 3, 2):
        numbers.pass_over(number)
        numbers.place(number + 1, 0, 0.0)

    assert numbers.place(2 * RANGES_MAX + 3, 0, 0.0) == 100 + RANGES_MAX + 2
    assert numbers.place(0, 0, 0.0) == TOO_OLD
    assert len(numbers._starts) == RANGES_MAX


@pytest.mark.parametrize(
    ("rate", "passed_s", "ticks"),
    [
        (VIDEO, 0.5, 45_000),
        (VIDEO, 0.001, 3_000),
        (VIDEO, 30.0, 90_000),
        (48_000, 0.0, 960),
        (8_000, 0.0, 160),
    ],
)
def test_time_goes_on_across_a_change_of_source(rate: int, passed_s: float, ticks: int) -> None:
    """At least a frame, or the decoder drops it; at most a second, or the picture stands."""
    numbers = rewriter(clock_rate_hz=rate)
    numbers.begin(extended_seq=1, timestamp=50, now=7.0)
    numbers.place(1, 50, 7.0)
    before = out_ts(numbers, 50)

    numbers.begin(extended_seq=900, timestamp=2**32 - 5, now=7.0 + passed_s)

    assert out_ts(numbers, 2**32 - 5) - before == ticks


def test_a_source_on_the_same_clock_goes_on_where_the_last_one_stood() -> None:
    numbers = rewriter()
    numbers.begin(extended_seq=10, timestamp=1_000, now=0.0)
    numbers.place(10, 1_000, 0.0)

    numbers.begin(extended_seq=70, timestamp=55, now=9.0, same_clock=7_000)

    assert out_ts(numbers, 55) == 5_000 + 6_000


def test_a_source_that_would_step_back_on_that_clock_goes_on_by_a_frame() -> None:
    numbers = rewriter()
    numbers.begin(extended_seq=10, timestamp=1_000, now=0.0)
    numbers.place(10, 1_000, 0.0)

    numbers.begin(extended_seq=70, timestamp=55, now=9.0, same_clock=400)

    assert out_ts(numbers, 55) == 5_000 + 3_000


def test_a_number_is_left_out_where_that_is_asked_for() -> None:
    numbers = rewriter()
    numbers.begin(extended_seq=10, timestamp=0, now=0.0)
    numbers.place(10, 0, 0.0)
    assert numbers.newest == 100

    numbers.begin(extended_seq=70, timestamp=0, now=0.0, skip=True)

    assert numbers.place(70, 0, 0.0) == 102
