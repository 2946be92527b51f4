"""Rewritten numbers have no hole of our making, whatever came, got lost or was overtaken."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from media.core.nack import PENDING_MAX, LossWatch
from media.core.rewrite import TOO_OLD, Rewriter
from media.core.sequence import SEQ_MOD, extend
from media.core.vp8 import PICTURE_ID_MASK, Counters, shift_onto, shifted, widened

STARTS = st.integers(SEQ_MOD, 2**40)
SOURCES = st.lists(st.tuples(STARTS, st.integers(1, 60)), min_size=1, max_size=8)


@given(st.integers(SEQ_MOD, 2**48), st.integers(-0x8000, 0x7FFF))
def test_a_number_is_extended_to_the_one_it_was(highest: int, apart: int) -> None:
    number = highest + apart

    assert extend(number % SEQ_MOD, highest) == number


@given(SOURCES, st.integers(0, 2**32), st.data())
def test_numbers_are_contiguous_across_sources_and_padding(
    sources: list[tuple[int, int]], start_seq: int, data: st.DataObject
) -> None:
    numbers = Rewriter(start_seq=start_seq, start_ts=0, clock_rate_hz=90_000)
    out = []
    for first, length in sources:
        numbers.begin(extended_seq=first, timestamp=0, now=0.0)
        for number in range(first, first + length):
            if number > first and data.draw(st.booleans()):
                numbers.pass_over(number)
            else:
                out.append(numbers.place(number, 0, 0.0))

    begin = start_seq % 0x8000
    assert out == [(begin + index) % SEQ_MOD for index in range(len(out))]


@given(st.integers(20, 120), st.integers(0, 2**32), st.booleans())
def test_a_disturbed_source_keeps_the_numbers_it_would_have_had(
    length: int,
    seed: int,
    is_passed: bool,  # noqa: FBT001  (drawn)
) -> None:
    """Loss and reorder shift nobody; no two packets ever share a number."""
    source = random.Random(seed)
    numbers = Rewriter(start_seq=0, start_ts=0, clock_rate_hz=90_000)
    numbers.begin(extended_seq=SEQ_MOD, timestamp=0, now=0.0)
    arriving = [SEQ_MOD + each for each in range(length) if source.random() > 0.2]
    arriving.sort(key=lambda number: number + source.uniform(0, 6))
    padding = {number for number in arriving if is_passed and source.random() < 0.1}

    out: dict[int, int] = {}
    for number in arriving:
        if number in padding:
            numbers.pass_over(number)
        else:
            out[number] = numbers.place(number, 0, 0.0)

    placed = {number: seq for number, seq in out.items() if seq != TOO_OLD}
    assert len(set(placed.values())) == len(placed)
    assert sorted(placed, key=placed.__getitem__) == sorted(placed), "order is kept"
    if not padding:
        assert placed == {number: number - SEQ_MOD for number in arriving}


@given(
    st.lists(
        st.tuples(st.integers(0, 0x7FFF), st.integers(-1, 255), st.integers(-1, 31)), min_size=2
    ),
    st.integers(1, 300),
)
def test_picture_ids_rise_by_one_across_sources(firsts: list[Counters], frames: int) -> None:
    last: Counters = (-1, -1, -1)
    out = []
    for first in firsts:
        shift = shift_onto(last, first)
        ids = [first[0] + frame & PICTURE_ID_MASK for frame in range(frames)]
        out += [each + shift[0] & PICTURE_ID_MASK for each in ids]
        last = shifted((ids[-1], first[1], first[2]), shift, last)

    steps = {(after - before) % 2**15 for before, after in pairwise(out)}
    assert steps <= {1}


@given(st.integers(0, 127), st.lists(st.integers(0, 127), max_size=50))
def test_short_picture_ids_are_widened_to_rising_ones_and_back_again(
    first: int, steps: list[int]
) -> None:
    wide = widened(first, -1, is_later=True)
    for step in steps:
        after = widened(wide + step & 0x7F, wide, is_later=True)
        assert (after - wide) % 2**15 == step
        assert widened(wide & 0x7F, after, is_later=False) == wide
        wide = after


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("packet"), st.integers(0, 700)),
            st.tuples(st.just("wait"), st.integers(1, 80)),
        ),
        max_size=120,
    ),
    st.integers(1, 10),
)
def test_what_arrived_is_never_asked_for_and_what_is_asked_for_is_bounded(
    steps: list[tuple[str, int]], tries_max: int
) -> None:
    loss = LossWatch(tries_max=tries_max)
    now, highest = 0.0, 0
    arrived: set[int] = {0}
    asked: dict[int, int] = {}
    for kind, amount in steps:
        if kind == "wait":
            now += amount / 1_000
            due = loss.due(now=now, rtt_s=0.02)
            assert due == sorted(due)
            assert not arrived.intersection(due)
            assert len(due) <= PENDING_MAX
            for number in due:
                asked[number] = asked.get(number, 0) + 1
        else:
            number = max(1, highest + 300 - amount)
            if number > highest + 1:
                loss.on_gap(highest + 1, number, now=now)
            elif number <= highest:
                loss.on_arrival(number)
            arrived.add(number)
            highest = max(highest, number)
    assert all(times <= tries_max for times in asked.values())
