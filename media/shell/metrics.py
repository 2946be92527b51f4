"""Prometheus text of a node: counters by guard, gauges with units in their names.

No label names a room, a person or an address.
"""

from collections.abc import Mapping
from typing import Final

_PREFIX: Final = "media_"


def rendered(counters: Mapping[str, int], gauges: Mapping[str, float]) -> str:
    """Return the exposition text (version 0.0.4), names sorted."""
    lines: list[str] = []
    for name, count in sorted(counters.items()):
        lines += [f"# TYPE {_PREFIX}{name}_total counter", f"{_PREFIX}{name}_total {count}"]
    for name, value in sorted(gauges.items()):
        lines += [f"# TYPE {_PREFIX}{name} gauge", f"{_PREFIX}{name} {value:g}"]
    return "\n".join(lines) + "\n"
