"""Which media node takes a room, from heartbeats; chance is an argument."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LOAD_MAX: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaNode:
    """One heartbeat."""

    node_id: str
    boot_id: str
    control_url: str
    load: float
    is_draining: bool
    beat_age_s: float = 0.0
    """Age of the heartbeat by Redis time."""


def place(nodes: Sequence[MediaNode], *, draw: tuple[float, float]) -> MediaNode | None:
    """Choose between two candidates drawn at random: the less loaded one; None if none may.

    Two choices keep many signaling nodes, all reading the same second-old loads, from sending
    every new room to the same media node.

    Args:
        nodes: Those with a living heartbeat.
        draw: Two random numbers in [0, 1).

    Source:
        Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001).
    """
    open_nodes = [each for each in nodes if not each.is_draining and each.load < LOAD_MAX]
    if not open_nodes:
        return None
    drawn = [open_nodes[int(number * len(open_nodes))] for number in draw]
    return min(drawn, key=lambda node: node.load)
