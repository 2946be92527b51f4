"""No history gets more out of a budget than its burst and its rate allow, and waits are honest."""

from hypothesis import given
from hypothesis import strategies as st

from signaling.core.limits import TokenBucket
from signaling.core.placement import LOAD_MAX, MediaNode, place

PAUSES = st.floats(0, 3, allow_nan=False)
SIZES = st.integers(1, 8)
DRAWS = st.floats(0, 1, exclude_max=True, allow_nan=False)
NODES = st.lists(
    st.builds(
        MediaNode,
        node_id=st.uuids().map(str),
        boot_id=st.just("b1"),
        control_url=st.just("ws://127.0.0.1/control"),
        load=st.floats(0, 1, allow_nan=False),
        is_draining=st.booleans(),
    ),
    max_size=6,
)


@given(
    burst=st.integers(8, 20),
    per_s=st.floats(0.5, 50),
    asked=st.lists(st.tuples(PAUSES, SIZES), max_size=40),
)
def test_a_bucket_gives_no_more_than_its_burst_and_rate(
    burst: int, per_s: float, asked: list[tuple[float, int]]
) -> None:
    bucket, now, given_out = TokenBucket(burst=burst, per_s=per_s, now=0.0), 0.0, 0

    for pause, wanted in asked:
        now += pause
        given_out += wanted if bucket.take(wanted, now=now) == 0 else 0

        assert given_out <= burst + per_s * now + 1e-6


@given(
    per_s=st.floats(0.5, 50), asked=st.lists(st.tuples(PAUSES, SIZES), max_size=20), wanted=SIZES
)
def test_whoever_waits_as_long_as_told_is_served(
    per_s: float, asked: list[tuple[float, int]], wanted: int
) -> None:
    bucket, now = TokenBucket(burst=8, per_s=per_s, now=0.0), 0.0
    for pause, size in asked:
        now += pause
        bucket.take(size, now=now)

    wait_s = bucket.take(wanted, now=now)

    # A refusal rounds up to the next whole millisecond.
    assert wait_s == 0 or bucket.take(wanted, now=now + wait_s + 0.001) == 0


@given(nodes=NODES, draw=st.tuples(DRAWS, DRAWS))
def test_a_room_goes_where_it_may_or_nowhere(
    nodes: list[MediaNode], draw: tuple[float, float]
) -> None:
    open_nodes = [each for each in nodes if not each.is_draining and each.load < LOAD_MAX]

    chosen = place(nodes, draw=draw)

    assert chosen in open_nodes if open_nodes else chosen is None


@given(nodes=NODES.filter(bool), draw=DRAWS)
def test_the_most_loaded_node_never_beats_the_other_drawn(
    nodes: list[MediaNode], draw: float
) -> None:
    alone = place(nodes, draw=(draw, draw))

    for other in (0.0, 0.5, 0.999):
        chosen = place(nodes, draw=(draw, other))
        assert alone is None or (chosen is not None and chosen.load <= alone.load)
