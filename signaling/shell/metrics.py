"""Counters and gauges of a signaling node, in the text form of Prometheus.

No label holds a room, a person or an address.
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum


class Count(StrEnum):
    """What is counted; the label's name stands behind the colon."""

    JOINS = "sig_joins_total:result"
    CLOSES = "sig_closes_total:code"
    REFUSALS = "sig_refusals_total:code"
    ABORTS = "sig_aborts_total:cause"
    UPGRADES_REFUSED = "sig_upgrades_refused_total:cause"
    FENCED = "sig_fenced_total:script"
    SWEEPS = "sig_sweeps_total:cause"
    MEDIA_MOVES = "sig_media_moves_total:cause"
    MEDIA_NEWS = "sig_media_news_total:kind"
    ROOM_COMMANDS = "sig_room_commands_total:kind"


class Metrics:
    """The node's counters."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Count, str]] = Counter()

    def count(self, what: Count, label: str) -> None:
        """Count one."""
        self._counts[what, label] += 1

    def of(self, what: Count, label: str) -> int:
        """Return one counter."""
        return self._counts[what, label]

    def rendered(self, gauges: Mapping[str, float]) -> str:
        """Return the exposition text."""
        lines = []
        for (what, label), value in sorted(self._counts.items()):
            name, _, label_name = what.value.partition(":")
            lines.append(f'{name}{{{label_name}="{label}"}} {value}')
        lines += [f"{name} {value:g}" for name, value in sorted(gauges.items())]
        return "\n".join(lines) + "\n"
