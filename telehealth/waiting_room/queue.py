"""In which order waiting patients are called.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One waiting patient."""

    visit_id: UUID
    arrived_at: datetime
    is_present: bool


def in_order(waiting: Sequence[Waiting]) -> list[Waiting]:
    """Return who waits in order of arrival; somebody away keeps the place."""
    return sorted(waiting, key=lambda each: (each.arrived_at, each.visit_id))


def next_of(waiting: Sequence[Waiting]) -> UUID | None:
    """Return the first who is present."""
    return next((each.visit_id for each in in_order(waiting) if each.is_present), None)


def ahead_of(waiting: Sequence[Waiting], visit_id: UUID) -> int | None:
    """Return how many are before a visit; None if it does not wait."""
    ids = [each.visit_id for each in in_order(waiting)]
    return ids.index(visit_id) if visit_id in ids else None
