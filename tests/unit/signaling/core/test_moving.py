"""A planned move: spread over the time there is, over when all have come or the time is up."""

from itertools import pairwise

import pytest

from signaling.contract.ids import ParticipantId
from signaling.core.moving import MOVE_LIMIT_S, SPACING_S, Departure, starts_s

ANN, BOB = ParticipantId("ann"), ParticipantId("bob")
LATE = 100.0


def departure(*, ends_at: float = LATE) -> Departure:
    return Departure({ANN: 3, BOB: 5}, ends_at=ends_at)


def test_a_node_without_rooms_has_nothing_to_spread() -> None:
    assert starts_s(0, ends_in_s=30.0) == []


@pytest.mark.parametrize("rooms", [1, 2, 80, 2_000])
@pytest.mark.parametrize("ends_in_s", [0.0, 0.5, 6.0, 8.0, 30.0, 120.0])
def test_every_room_begins_in_time_to_end_its_move(rooms: int, ends_in_s: float) -> None:
    starts = starts_s(rooms, ends_in_s=ends_in_s)

    assert len(starts) == rooms
    assert starts[0] == 0.0
    assert starts[-1] <= max(0.0, ends_in_s - MOVE_LIMIT_S)
    assert all(0.0 <= later - earlier <= SPACING_S + 1e-9 for earlier, later in pairwise(starts))


def test_with_time_enough_rooms_follow_one_another_slowly() -> None:
    assert starts_s(3, ends_in_s=60.0) == [0.0, SPACING_S, 2 * SPACING_S]


def test_the_place_before_is_kept_until_everybody_gets_all_from_the_new_one() -> None:
    leaving = departure()

    leaving.on_ready(ANN)
    leaving.on_ready(ANN)
    assert leaving.wait_s(now=10.0) == LATE - 10.0
    leaving.on_ready(BOB)

    assert leaving.wait_s(now=10.0) == 0.0


def test_from_the_first_who_is_told_the_time_runs_and_no_later_one_prolongs_it() -> None:
    leaving = departure()

    leaving.on_told(now=10.0)
    leaving.on_told(now=12.0)

    assert leaving.deadline == 10.0 + MOVE_LIMIT_S
    assert leaving.wait_s(now=12.0) == MOVE_LIMIT_S - 2.0
    assert leaving.wait_s(now=10.0 + MOVE_LIMIT_S) == 0.0


def test_the_end_of_the_node_bounds_every_move() -> None:
    leaving = departure(ends_at=11.0)

    leaving.on_told(now=10.0)

    assert leaving.wait_s(now=10.0) == 1.0
    assert leaving.wait_s(now=12.0) == 0.0


def test_whoever_is_gone_is_waited_for_no_more_and_has_no_peer_there() -> None:
    leaving = departure()
    assert leaving.holds(ANN, 3)

    leaving.on_gone(ANN)
    leaving.on_ready(BOB)

    assert not leaving.holds(ANN, 3)
    assert leaving.attach_epoch_of(ANN) is None
    assert leaving.wait_s(now=0.0) == 0.0


def test_a_newer_socket_has_no_peer_at_the_place_before() -> None:
    assert not departure().holds(ANN, 4)
    assert departure().attach_epoch_of(ANN) == 3


def test_a_new_place_that_is_lost_too_puts_everybody_back() -> None:
    leaving = departure()
    leaving.on_told(now=10.0)
    leaving.on_ready(ANN)
    leaving.on_gone(BOB)

    leaving.on_new_place()

    assert leaving.wait_s(now=12.0) == LATE - 12.0
    leaving.on_told(now=20.0)
    assert leaving.wait_s(now=20.0) == MOVE_LIMIT_S
    leaving.on_ready(ANN)
    assert leaving.wait_s(now=20.0) == 0.0


def test_with_nobody_there_nothing_is_kept() -> None:
    assert Departure({}, ends_at=LATE).wait_s(now=0.0) == 0.0
