"""The order of the consult queue is total and does not depend on how it was read."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from telehealth.waiting_room.queue import Waiting, ahead_of, in_order, next_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
queues = st.lists(
    st.builds(
        Waiting,
        visit_id=st.uuids(),
        # Few instants, so that many came at once.
        arrived_at=st.integers(0, 3).map(lambda minute: NOON + timedelta(minutes=minute)),
        is_present=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda each: each.visit_id,
)


@given(queues, st.integers())
def test_the_order_is_the_same_however_the_rows_arrive(queue: list[Waiting], seed: int) -> None:
    shuffled = queue.copy()
    Random(seed).shuffle(shuffled)

    assert in_order(shuffled) == in_order(queue)
    assert next_of(shuffled) == next_of(queue)


@given(queues)
def test_nobody_is_called_before_somebody_who_came_earlier(queue: list[Waiting]) -> None:
    order = in_order(queue)

    assert sorted(order, key=lambda each: each.visit_id) == sorted(
        queue, key=lambda each: each.visit_id
    )
    arrivals = [each.arrived_at for each in order]
    assert arrivals == sorted(arrivals)


@given(queues)
def test_places_count_from_nobody_ahead_without_a_gap(queue: list[Waiting]) -> None:
    places = [ahead_of(queue, each.visit_id) for each in in_order(queue)]

    assert places == list(range(len(queue)))


@given(queues, st.data())
def test_somebody_who_goes_away_changes_nobodys_place(
    queue: list[Waiting], data: st.DataObject
) -> None:
    away = data.draw(st.sets(st.sampled_from([each.visit_id for each in queue] or [UUID(int=0)])))
    gone = [
        Waiting(visit_id=each.visit_id, arrived_at=each.arrived_at, is_present=False)
        if each.visit_id in away
        else each
        for each in queue
    ]

    assert [each.visit_id for each in in_order(gone)] == [each.visit_id for each in in_order(queue)]
    assert next_of(gone) not in away


@given(queues, queues)
def test_who_comes_later_never_moves_somebody_back(
    queue: list[Waiting], later: list[Waiting]
) -> None:
    newcomers = [
        Waiting(
            visit_id=each.visit_id,
            arrived_at=each.arrived_at + timedelta(hours=1),
            is_present=each.is_present,
        )
        for each in later
    ]
    known = {each.visit_id for each in queue}
    both = [*queue, *(each for each in newcomers if each.visit_id not in known)]

    for each in queue:
        assert ahead_of(both, each.visit_id) == ahead_of(queue, each.visit_id)
