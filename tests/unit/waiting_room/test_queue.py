"""In which order waiting patients are called."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from telehealth.waiting_room.queue import Waiting, ahead_of, in_order, next_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def waiting(number: int, *, minute: int, is_present: bool = True) -> Waiting:
    return Waiting(
        visit_id=UUID(int=number),
        arrived_at=NOON + timedelta(minutes=minute),
        is_present=is_present,
    )


def test_who_came_first_is_called_first() -> None:
    late, early = waiting(1, minute=5), waiting(2, minute=0)

    assert in_order([late, early]) == [early, late]
    assert next_of([late, early]) == early.visit_id


def test_two_who_came_at_once_keep_one_order() -> None:
    one, other = waiting(1, minute=0), waiting(2, minute=0)

    assert in_order([other, one]) == in_order([one, other]) == [one, other]


def test_somebody_away_keeps_the_place_but_is_not_next() -> None:
    away, here = waiting(1, minute=0, is_present=False), waiting(2, minute=3)

    assert in_order([here, away]) == [away, here]
    assert next_of([here, away]) == here.visit_id


def test_nobody_is_next_when_everybody_is_away() -> None:
    assert next_of([waiting(1, minute=0, is_present=False)]) is None
    assert next_of([]) is None


def test_a_patient_learns_how_many_are_before_them() -> None:
    queue = [waiting(3, minute=9), waiting(1, minute=0, is_present=False), waiting(2, minute=4)]

    assert [ahead_of(queue, UUID(int=number)) for number in (1, 2, 3)] == [0, 1, 2]


def test_who_does_not_wait_has_no_place() -> None:
    assert ahead_of([waiting(1, minute=0)], UUID(int=9)) is None
