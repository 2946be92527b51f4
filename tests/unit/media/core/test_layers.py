"""Encodings: wanted at once, resting late, dead only while others arrive."""

import pytest

from media.core.allocator import FULL_RATE, Reason, Step
from media.core.layers import (
    DEAD_AFTER_S,
    HALF_RATE_BPS,
    RANK_BPS,
    REST_AFTER_S,
    SINGLE_BPS,
    SINGLE_LEAST_BPS,
    Layers,
    cost_bps,
    rank_for_width,
    steps_of,
    under_load,
)

NOW = 100.0


def three() -> Layers:
    return Layers(count=3, now=NOW)


def test_an_encoding_nobody_wants_rests_after_five_seconds_and_returns_at_once() -> None:
    layers = three()
    assert not layers.want({1}, now=NOW + REST_AFTER_S - 0.1)
    assert layers.want({1}, now=NOW + REST_AFTER_S)
    assert layers.wanted == (False, True, False)
    assert not layers.want({1}, now=NOW + 60)
    assert layers.want({0, 1}, now=NOW + 60.1)
    assert layers.wanted == (True, True, False)


def test_with_no_viewer_nothing_is_switched_off() -> None:
    layers = three()

    assert not layers.want(set(), now=NOW + 60)
    assert layers.wanted == (True, True, True)


def test_a_wanted_encoding_that_is_silent_while_another_arrives_is_dead() -> None:
    layers = three()
    for tick in range(30):
        now = NOW + tick / 10
        layers.hear([tick, tick, -1], now=now)
    assert layers.usable(now=now) == (0, 1)

    layers.hear([tick, tick, 1], now=now)
    assert layers.usable(now=now) == (0, 1, 2)


def test_while_nothing_arrives_none_is_better_than_another() -> None:
    layers = three()

    assert layers.usable(now=NOW + 10 * DEAD_AFTER_S) == (0, 1, 2)


def test_a_resting_encoding_may_be_asked_for_and_has_a_second_to_come() -> None:
    layers = three()
    layers.want({0}, now=NOW + REST_AFTER_S)
    layers.hear([1, -1, -1], now=NOW + 6)
    assert layers.usable(now=NOW + 6) == (0, 1, 2)

    layers.want({0, 2}, now=NOW + 6)
    layers.hear([2, -1, -1], now=NOW + 6.9)
    assert layers.usable(now=NOW + 6.9) == (0, 1, 2)
    layers.hear([3, -1, -1], now=NOW + 7.1)
    assert layers.usable(now=NOW + 7.1) == (0, 1)


def test_nothing_is_held_against_a_muted_sender() -> None:
    layers = three()
    layers.hear([1, -1, -1], now=NOW + 5)
    layers.excuse(now=NOW + 5)

    assert layers.usable(now=NOW + 5.5) == (0, 1, 2)


@pytest.mark.parametrize(
    ("width", "count", "rank"),
    [
        (0, 3, -1),
        (1, 3, 0),
        (320, 3, 0),
        (321, 3, 1),
        (640, 3, 1),
        (641, 3, 2),
        (9_999, 3, 2),
        (320, 2, 0),
        (641, 2, 1),
        (320, 1, 0),
        (9_999, 1, 0),
    ],
)
def test_the_smallest_picture_that_fills_the_tile(width: int, count: int, rank: int) -> None:
    assert rank_for_width(width, count) == rank


def test_what_a_rank_costs() -> None:
    assert [cost_bps(rank, 3, 0.0) for rank in range(3)] == list(RANK_BPS)
    assert cost_bps(0, 2, 0.0) == RANK_BPS[1]
    assert cost_bps(0, 1, 0.0) == SINGLE_LEAST_BPS
    assert cost_bps(0, 1, 9e9) == SINGLE_BPS
    assert cost_bps(0, 1, 200_000.0) == 200_000


def ladder(
    layers: Layers, *, width: int = 1_280, top_temporal: int = -1, now: float = NOW
) -> tuple[tuple[Step, ...], Reason]:
    return steps_of(
        layers, max_width_px=width, top_temporal=top_temporal, measured_bps=0.0, now=now
    )


def test_the_ladder_of_a_camera_has_a_step_of_half_the_frames_where_there_are_layers() -> None:
    steps, limit = ladder(three(), top_temporal=1)

    assert [(step.rank, step.temporal) for step in steps] == [
        (0, 0),
        (0, FULL_RATE),
        (1, FULL_RATE),
        (2, FULL_RATE),
    ]
    assert steps[0].bps == HALF_RATE_BPS
    assert limit is Reason.FULL


def test_a_small_tile_bounds_the_ladder_and_an_unseen_one_ends_it() -> None:
    assert ladder(three(), width=640)[1] is Reason.WISH
    assert [step.rank for step in ladder(three(), width=320)[0]] == [0]
    assert ladder(three(), width=0) == ((), Reason.WISH)


def test_the_ladder_goes_around_what_does_not_arrive() -> None:
    layers = three()
    for tick in range(30):
        now = NOW + tick / 10
        layers.hear([-1, tick, -1], now=now)

    steps, limit = ladder(layers, now=now)
    assert [step.rank for step in steps] == [1]
    assert limit is Reason.SENDER
    # Too large a picture is better than none.
    assert [step.rank for step in ladder(layers, width=320, now=now)[0]] == [1]


@pytest.mark.parametrize(
    ("count", "level", "ranks", "limit"),
    [
        (3, 0, (0, 1, 2), Reason.FULL),
        (3, 1, (0, 1), Reason.LOAD),
        (3, 2, (0,), Reason.LOAD),
        (2, 1, (0,), Reason.LOAD),
        (2, 2, (0,), Reason.LOAD),
        (1, 2, (0,), Reason.FULL),
    ],
)
def test_an_overloaded_node_forwards_no_wide_picture_but_always_the_smallest(
    count: int, level: int, ranks: tuple[int, ...], limit: Reason
) -> None:
    steps = tuple(Step(rank=rank) for rank in range(count))

    left, why = under_load(steps, Reason.FULL, count=count, level=level)

    assert tuple(each.rank for each in left) == ranks
    assert why is limit


def test_when_only_a_wide_encoding_arrives_overload_leaves_it() -> None:
    steps = (Step(rank=2),)

    assert under_load(steps, Reason.SENDER, count=3, level=2) == (steps, Reason.LOAD)
