"""Whether one life of a media node is over.  Nothing is moved on less than proof.

A cut channel alone proves nothing: the media of a running call does not pass through it.  Two
witnesses are asked, the node's channel and its heartbeat, and either the first has seen the process
gone, or both have been silent for long.  Whoever cannot ask the second moves nobody.
"""

from dataclasses import dataclass
from typing import Final

NO_BEAT_S: Final = 1.5
"""A heartbeat younger than this is a sign of life whatever the channel met."""
SILENT_S: Final = 3.0
"""For how long both must have been silent when neither has seen the process gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """What is known of one life of a node; ages in seconds."""

    boot_id: str
    """The life in question."""
    channel_boot_id: str | None
    """Who answered last on the channel."""
    is_channel_up: bool
    was_refused: bool
    """The newest try to reach the node met a closed port."""
    unanswered_s: float
    """Since anything was heard on the channel."""
    beat_boot_id: str | None
    """Whose heartbeat is in Redis; None when it has run out there."""
    beat_age_s: float
    """Its age by Redis time."""


def is_over(seen: Witnesses) -> bool:
    """Say whether that life is proven to be over."""
    if seen.is_channel_up and seen.channel_boot_id == seen.boot_id:
        return False
    if seen.beat_boot_id == seen.boot_id and seen.beat_age_s < NO_BEAT_S:
        return False
    if seen.was_refused or _is_another(seen.channel_boot_id, seen):
        return True
    is_beat_stale = seen.beat_boot_id is None or seen.beat_age_s >= SILENT_S
    return _is_another(seen.beat_boot_id, seen) or (is_beat_stale and seen.unanswered_s >= SILENT_S)


def _is_another(boot_id: str | None, seen: Witnesses) -> bool:
    return boot_id is not None and boot_id != seen.boot_id
