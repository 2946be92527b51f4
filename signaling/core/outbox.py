"""The bounded queue before one socket.

A peer that does not read costs at most this much and is then cut; it comes back and is told the
state anew: overload becomes a new start, never memory.
"""

from collections import OrderedDict
from typing import Final

MESSAGES_MAX: Final = 128
BYTES_MAX: Final = 256 * 1024


class Outbox:
    """Texts waiting for their turn; one with a key replaces the one waiting under that key."""

    def __init__(self, *, messages_max: int = MESSAGES_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._waiting: OrderedDict[object, tuple[str, float]] = OrderedDict()
        self._bytes = 0
        self.has_overflowed = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def bytes(self) -> int:
        """Bytes of all texts waiting, by their length as UTF-8."""
        return self._bytes

    def put(self, text: str, *, now: float, key: str | None = None) -> bool:
        """Queue a text; False, for ever after, once the bound would be exceeded.

        Args:
            text: What to send.
            now: Monotonic instant in seconds.
            key: Coalescing key: state of which only the newest matters.  A replacement takes its
                place at the end, after what was queued meanwhile.
        """
        if self.has_overflowed:
            return False
        place: object = object() if key is None else key
        replaced = self._waiting.pop(place, None)
        if replaced is not None:
            self._bytes -= _size(replaced[0])
        size = _size(text)
        if len(self._waiting) >= self._messages_max or self._bytes + size > self._bytes_max:
            self.has_overflowed = True
            return False
        self._bytes += size
        self._waiting[place] = (text, now)
        return True

    def take(self) -> str | None:
        """Take the next text; None when nothing waits."""
        if not self._waiting:
            return None
        _, (text, _) = self._waiting.popitem(last=False)
        self._bytes -= _size(text)
        return text

    def age_s(self, *, now: float) -> float:
        """Return how long the oldest text has waited; 0 when nothing waits."""
        if not self._waiting:
            return 0.0
        return now - next(iter(self._waiting.values()))[1]


def _size(text: str) -> int:
    return len(text.encode())
