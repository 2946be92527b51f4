"""A planned move of a room: when it begins, who has come over, when it is done.  Pure.

A media node that is told to go serves on for a while.  Its rooms use that time: everybody gets a
second peer elsewhere while the first still flows.  Not here: how anybody is told, and the place
itself (`shell.place_behind`).
"""

from collections.abc import Mapping
from typing import Final

from signaling.contract.ids import ParticipantId

MOVE_LIMIT_S: Final = 6.0
"""How long two places may serve one room, from the first who is told.  Long enough for a phone on
a relay to connect; short, since everybody sends twice meanwhile."""
SPACING_S: Final = 0.2
"""Between the beginnings of two rooms' moves: each is a handful of handshakes at another node."""
MOVE_LOAD_MAX: Final = 0.6
"""A room that may stay for a while is moved only to a node with room to spare: one that refused it
would leave it between two places."""


def starts_s(rooms: int, *, ends_in_s: float) -> list[float]:
    """Spread the beginnings of moves over the time that is left; the last must find time to end.

    Args:
        rooms: How many rooms must leave.
        ends_in_s: Seconds after which the node ends what is left on it.

    Returns:
        Seconds from now for each room, rising.
    """
    if rooms == 0:
        return []
    spacing_s = min(SPACING_S, max(0.0, ends_in_s - MOVE_LIMIT_S) / rooms)
    return [each * spacing_s for each in range(rooms)]


class Departure:
    """One room's move away from a place that still serves.

    Args:
        seats: Who has a peer there, under which attach epoch.
        ends_at: Monotonic instant in seconds at which that place ends whatever happens here.
    """

    def __init__(self, seats: Mapping[ParticipantId, int], *, ends_at: float) -> None:
        self._seats = dict(seats)
        self._missing = set(seats)
        self._ends_at = ends_at
        self.deadline = ends_at

    def holds(self, participant_id: ParticipantId, attach_epoch: int) -> bool:
        """Say whether this socket of a participant has a peer at the place before."""
        return self._seats.get(participant_id) == attach_epoch

    def attach_epoch_of(self, participant_id: ParticipantId) -> int | None:
        """Return the attach epoch of a participant's peer there; None without one."""
        return self._seats.get(participant_id)

    def on_told(self, *, now: float) -> None:
        """Somebody was asked to come over: from the first on the time runs."""
        if self.deadline == self._ends_at:
            self.deadline = min(self._ends_at, now + MOVE_LIMIT_S)

    def on_ready(self, participant_id: ParticipantId) -> None:
        """Somebody gets everything from the new place."""
        self._missing.discard(participant_id)

    def on_gone(self, participant_id: ParticipantId) -> None:
        """Somebody's peer at the place before is ended for good."""
        self._seats.pop(participant_id, None)
        self._missing.discard(participant_id)

    def on_new_place(self) -> None:
        """The place they were asked to is lost too: everybody starts from the one before."""
        self._missing = set(self._seats)
        self.deadline = self._ends_at

    def wait_s(self, *, now: float) -> float:
        """Return for how long the place before is still needed at most; 0 when it is over."""
        return max(0.0, self.deadline - now) if self._missing else 0.0
