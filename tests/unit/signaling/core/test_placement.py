"""Of two nodes drawn, the less loaded takes the room; one full or leaving takes none."""

import pytest

from signaling.core.placement import LOAD_MAX, MediaNode, place


def node(name: str, load: float, *, is_draining: bool = False) -> MediaNode:
    return MediaNode(
        node_id=name,
        boot_id="b1",
        control_url="ws://127.0.0.1/control",
        load=load,
        is_draining=is_draining,
    )


BUSY, CALM, IDLE = node("busy", 0.7), node("calm", 0.3), node("idle", 0.0)


def test_without_nodes_there_is_no_place() -> None:
    assert place([], draw=(0.0, 0.0)) is None


@pytest.mark.parametrize(
    "closed", [node("full", LOAD_MAX), node("over", 1.0), node("leaving", 0.0, is_draining=True)]
)
def test_a_node_full_or_leaving_is_never_chosen(closed: MediaNode) -> None:
    assert place([closed], draw=(0.0, 0.0)) is None
    assert place([closed, BUSY], draw=(0.0, 0.999)) is BUSY


@pytest.mark.parametrize(
    ("draw", "chosen"),
    [
        ((0.0, 0.34), CALM),
        ((0.34, 0.0), CALM),
        ((0.34, 0.67), IDLE),
        ((0.0, 0.999_999), IDLE),
        ((0.0, 0.0), BUSY),
    ],
)
def test_the_less_loaded_of_the_two_drawn_is_chosen(
    draw: tuple[float, float], chosen: MediaNode
) -> None:
    """Not the least loaded of all: many servers would send every new room there at once."""
    assert place([BUSY, CALM, IDLE], draw=draw) is chosen


def test_of_two_alike_the_first_drawn_is_chosen() -> None:
    one, other = node("one", 0.5), node("other", 0.5)

    assert place([one, other], draw=(0.6, 0.1)) is other


def test_the_bound_is_the_one_promised() -> None:
    assert LOAD_MAX == 0.8
