"""Numbers of one peer's offers: each answered once, none out of order.

The client alone offers, so two descriptions never meet; this machine refuses what is old and
drops an answer that comes too late.
"""

from typing import Final

from signaling.contract.errors import (
    BadMessage,
    LimitReached,
    MediaUnavailable,
    StaleOffer,
    StaleRoomEpoch,
)

CANDIDATES_MAX: Final = 32
NO_MEDIA_RETRY_MS: Final = 1_000


class Negotiation:
    """One peer's offers, from `admitted` on; without media before that."""

    def __init__(self) -> None:
        self._room_epoch: int | None = None
        self._offer_id = 0
        self._is_answered = True
        self._candidates = 0

    def open(self, room_epoch: int) -> None:
        """Note where the room's media is now; a pending answer of another place is void."""
        self._room_epoch = room_epoch
        self._is_answered = True

    def close(self) -> None:
        """Take no offer until media is open again."""
        self._room_epoch = None
        self._is_answered = True

    def offer(self, offer_id: int, room_epoch: int) -> None:
        """Take an offer; at most one answer is owed, for the newest.

        Raises:
            MediaUnavailable: Media is not open for this seat.
            StaleRoomEpoch: Made for a place the media has left.
            StaleOffer: The number was used, or is lower than one used.
        """
        if self._room_epoch is None:
            raise MediaUnavailable(retry_after_ms=NO_MEDIA_RETRY_MS)
        if room_epoch != self._room_epoch:
            raise StaleRoomEpoch
        if offer_id <= self._offer_id:
            raise StaleOffer
        self._offer_id = offer_id
        self._is_answered = False
        self._candidates = 0

    def candidate(self, offer_id: int) -> None:
        """Count a candidate.

        Raises:
            LimitReached: More than 32 for one offer.
            BadMessage: For an offer that was never made.
        """
        if offer_id > self._offer_id:
            raise BadMessage
        self._candidates += 1
        if self._candidates > CANDIDATES_MAX:
            raise LimitReached

    def answer(self, offer_id: int) -> bool:
        """Say whether an answer may be told: it is for the newest offer, and the first one."""
        is_due = offer_id == self._offer_id and not self._is_answered
        if is_due:
            self._is_answered = True
        return is_due
