"""How much one peer may send: token buckets, offers, and strikes.  Time is an argument."""

from collections import deque
from typing import Final

MESSAGES_PER_S: Final = 50
MESSAGES_BURST: Final = 100
BYTES_PER_S: Final = 128 * 1024
BYTES_BURST: Final = 256 * 1024
OFFERS_PER_S: Final = 1
OFFERS_BURST: Final = 5
VIOLATIONS_MAX: Final = 3
VIOLATIONS_SPAN_S: Final = 10.0


class TokenBucket:
    """Tokens that come back at a steady rate, up to a burst.

    Args:
        burst: Most tokens held; the bucket begins full.
        per_s: Tokens that come back each second.
        now: Monotonic instant in seconds.
    """

    def __init__(self, *, burst: float, per_s: float, now: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._held = burst
        self._at = now

    def take(self, wanted: float = 1, *, now: float) -> float:
        """Take `wanted` tokens, all or none; 0 if taken, else seconds until they are there."""
        self._held = min(self._burst, self._held + max(0.0, now - self._at) * self._per_s)
        self._at = max(self._at, now)
        if self._held >= wanted:
            self._held -= wanted
            return 0.0
        return (wanted - self._held) / self._per_s


class PeerLimits:
    """The budget of one socket."""

    def __init__(self, *, now: float) -> None:
        self._messages = TokenBucket(burst=MESSAGES_BURST, per_s=MESSAGES_PER_S, now=now)
        self._bytes = TokenBucket(burst=BYTES_BURST, per_s=BYTES_PER_S, now=now)
        self._offers = TokenBucket(burst=OFFERS_BURST, per_s=OFFERS_PER_S, now=now)
        self._violations: deque[float] = deque(maxlen=VIOLATIONS_MAX)

    def has_room_for(self, size_bytes: int, *, now: float) -> bool:
        """Take one frame from the budget; False if it is a flood."""
        has_message = self._messages.take(now=now) == 0
        return self._bytes.take(size_bytes, now=now) == 0 and has_message

    def wait_for_offer_s(self, *, now: float) -> float:
        """Take one offer from the budget; 0 if it may be made now, else seconds to wait."""
        return self._offers.take(now=now)

    def is_last_strike(self, *, now: float) -> bool:
        """Note one violation; True at the third in ten seconds."""
        self._violations.append(now)
        is_full = len(self._violations) == VIOLATIONS_MAX
        return is_full and now - self._violations[0] <= VIOLATIONS_SPAN_S
