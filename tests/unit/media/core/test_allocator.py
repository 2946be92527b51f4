"""Sound first, then pictures by priority; down at once, up slowly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.core.allocator import (
    AUDIO_BPS,
    FULL_RATE,
    HEADROOM,
    NOTHING,
    OFF,
    UP_AFTER_S,
    Allocation,
    Allocator,
    Choice,
    Reason,
    Request,
    Step,
)

LADDER = (
    Step(rank=0, temporal=0, bps=90_000),
    Step(rank=0, bps=150_000),
    Step(rank=1, bps=500_000),
    Step(rank=2, bps=1_500_000),
)


def camera(
    slot: str = "6",
    *,
    priority: int = 50,
    steps: tuple[Step, ...] = LADDER,
    limit: Reason = Reason.FULL,
) -> Request:
    return Request(slot=slot, priority=priority, steps=steps, limit=limit)


def ranks(allocation: Allocation) -> dict[str, tuple[int, int]]:
    return {
        slot: (choice.step.rank, choice.step.temporal)
        for slot, choice in allocation.choices.items()
    }


def decide(
    allocator: Allocator, bps: float, now: float, *requests: Request, audio: int = 1
) -> Allocation:
    return allocator.decide(requests or (camera(),), audio_slots=audio, bps=bps, now=now)


def test_a_picture_seen_first_starts_where_it_fits() -> None:
    allocation = decide(Allocator(), 800_000, 100.0)

    assert ranks(allocation) == {"6": (1, FULL_RATE)}
    assert allocation.choices["6"].reason is Reason.BANDWIDTH
    assert allocation.spent_bps == 540_000
    assert allocation.wanted_bps == int(HEADROOM * 1_540_000)


def test_down_at_once_and_up_one_step_after_two_seconds_with_room() -> None:
    allocator = Allocator()
    decide(allocator, 800_000, 100.0)
    assert ranks(decide(allocator, 200_000, 100.1)) == {"6": (0, FULL_RATE)}
    assert ranks(decide(allocator, 9_000_000, 100.2)) == {"6": (0, FULL_RATE)}
    assert ranks(decide(allocator, 9_000_000, 100.2 + UP_AFTER_S)) == {"6": (1, FULL_RATE)}
    assert ranks(decide(allocator, 9_000_000, 100.3 + UP_AFTER_S)) == {"6": (1, FULL_RATE)}
    assert ranks(decide(allocator, 9_000_000, 100.4 + 2 * UP_AFTER_S)) == {"6": (2, FULL_RATE)}
    last = decide(allocator, 9_000_000, 120.0)
    assert last.choices["6"].reason is Reason.FULL
    assert last.wanted_bps == 0


def test_many_pictures_that_wait_come_in_together_as_far_as_there_is_room() -> None:
    allocator = Allocator()
    nine = [camera(str(slot), steps=LADDER[:2]) for slot in range(9)]

    def shown(bps: float, now: float) -> int:
        made = allocator.decide(nine, audio_slots=3, bps=bps, now=now)
        return sum(choice.step != NOTHING for choice in made.choices.values())

    few = shown(400_000, 100.0)
    waiting = shown(9_000_000, 100.1)
    some = shown(1_000_000, 100.1 + 2 * UP_AFTER_S)
    assert few < some < 9
    assert waiting == few
    shown(9_000_000, 110.0)
    assert shown(9_000_000, 110.0 + UP_AFTER_S) == 9


def test_room_that_goes_again_starts_the_wait_anew() -> None:
    allocator = Allocator()
    decide(allocator, 200_000, 100.0)
    decide(allocator, 9_000_000, 100.1)
    decide(allocator, 200_000, 101.0)
    decide(allocator, 9_000_000, 101.5)

    assert ranks(decide(allocator, 9_000_000, 102.5)) == {"6": (0, FULL_RATE)}


def test_the_last_steps_are_half_the_frames_and_sound_alone() -> None:
    allocator = Allocator()
    assert ranks(decide(allocator, 135_000, 100.0)) == {"6": (0, 0)}
    assert decide(allocator, 64_000, 100.1).choices["6"] == Choice(
        step=NOTHING, reason=Reason.BANDWIDTH
    )
    assert ranks(decide(allocator, 200_000, 100.2)) == {"6": (OFF, FULL_RATE)}
    assert ranks(decide(allocator, 200_000, 102.3)) == {"6": (0, 0)}


def test_the_dearer_picture_goes_first() -> None:
    """Screen before pinned before others: the caller's priorities."""
    allocation = decide(
        Allocator(),
        700_000,
        100.0,
        camera("6", priority=50),
        camera("7", priority=1_090, steps=(Step(rank=0, bps=500_000),)),
        camera("8", priority=70),
        audio=1,
    )

    assert ranks(allocation) == {
        "7": (0, FULL_RATE),
        "8": (0, FULL_RATE),
        "6": (OFF, FULL_RATE),
    }


def test_a_muted_picture_costs_nothing_and_returns_to_where_it_fits() -> None:
    allocator = Allocator()
    silent = camera(steps=(), limit=Reason.MUTED)
    allocation = decide(allocator, 2_000_000, 100.0, silent)
    assert allocation.choices["6"] == Choice(step=NOTHING, reason=Reason.MUTED)
    assert allocation.spent_bps == AUDIO_BPS

    assert ranks(decide(allocator, 2_000_000, 100.1)) == {"6": (2, FULL_RATE)}


def test_a_tile_bounds_a_picture_and_a_larger_one_is_served_at_once() -> None:
    allocator = Allocator()
    small = camera(steps=LADDER[:2], limit=Reason.WISH)
    assert decide(allocator, 2_000_000, 100.0, small).choices["6"].reason is Reason.WISH

    assert ranks(decide(allocator, 2_000_000, 100.1)) == {"6": (2, FULL_RATE)}


def test_nobody_to_serve_is_served() -> None:
    allocation = Allocator().decide((), audio_slots=0, bps=800_000, now=100.0)

    assert (dict(allocation.choices), allocation.spent_bps, allocation.wanted_bps) == ({}, 0, 0)


REQUESTS = st.lists(
    st.tuples(st.integers(0, 100), st.integers(0, len(LADDER))), min_size=0, max_size=11
)


@pytest.mark.requirement("REL-NET-04")
@given(
    st.lists(
        st.tuples(REQUESTS, st.integers(0, 11), st.integers(64_000, 20_000_000), st.floats(0, 3)),
        min_size=1,
        max_size=12,
    )
)
def test_sound_is_never_dropped_before_pictures(
    turns: list[tuple[list[tuple[int, int]], int, int, float]],
) -> None:
    """Whatever the estimates: pictures share only what sound leaves, and never more."""
    allocator, now = Allocator(), 100.0
    for wished, audio, bps, passed in turns:
        now += passed
        requests = [
            camera(str(slot), priority=priority, steps=LADDER[:length])
            for slot, (priority, length) in enumerate(wished)
        ]
        allocation = allocator.decide(requests, audio_slots=audio, bps=bps, now=now)

        pictures = sum(choice.step.bps for choice in allocation.choices.values())
        assert pictures <= max(0, bps - AUDIO_BPS * audio)
        assert allocation.spent_bps == pictures + AUDIO_BPS * audio
        assert set(allocation.choices) == {each.slot for each in requests}
        for request in requests:
            step = allocation.choices[request.slot].step
            assert step == NOTHING or step in request.steps
