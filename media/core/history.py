"""What was received and what was sent, for as long as somebody may ask for it again.  Pure.

One copy of each source packet serves every subscriber; a slot remembers only which source packet
went out under which number.  A packet is held for one to two seconds, and never more packets than
the ring has places.  The hot path writes the rings itself; the verbs are for the rest.
"""

from array import array
from typing import Final

AUDIO_PACKETS: Final = 256
VIDEO_PACKETS: Final = 1_024
RESENDS_A_PACKET: Final = 3
RESENDS_REMEMBERED: Final = 512


class PacketRing:
    """Plaintext of the last packets of one encoding, by extended sequence number.

    Args:
        size: A power of two.
    """

    __slots__ = ("_before", "_let_go", "mask", "numbers", "packets")

    def __init__(self, size: int) -> None:
        self.mask = size - 1
        self.packets: list[bytes] = [b""] * size
        self.numbers = array("q", [-1]) * size
        """What was there, so that it is known when it comes again, held or not."""
        self._before = self._let_go = 0

    def put(self, extended_seq: int, packet: bytes) -> None:
        """Keep a packet, in place of one `size` numbers older."""
        at = extended_seq & self.mask
        self.packets[at] = packet
        self.numbers[at] = extended_seq

    def find(self, extended_seq: int) -> bytes | None:
        """Return a packet that is still held."""
        at = extended_seq & self.mask
        return self.packets[at] or None if self.numbers[at] == extended_seq else None

    def new_second(self, highest: int) -> None:
        """Let go what is older than a second.

        Args:
            highest: Extended number of the newest packet.
        """
        for number in range(max(self._let_go, highest - self.mask), self._before):
            if self.numbers[number & self.mask] == number:
                self.packets[number & self.mask] = b""
        self._let_go, self._before = self._before, highest + 1


class SentRing:
    """Which source packet went out under which number: three machine integers a packet.

    Args:
        size: A power of two.
    """

    __slots__ = ("_resends", "eras", "mask", "numbers", "sources")

    def __init__(self, size: int) -> None:
        self.mask = size - 1
        self.numbers = array("l", [-1]) * size
        self.sources = array("q", [-1]) * size
        self.eras = array("l", [0]) * size
        self._resends: dict[tuple[int, int], tuple[int, float]] = {}

    def put(self, seq: int, source_extended_seq: int, era: int) -> None:
        """Remember that `seq` (0..65535) carried a source packet of an era of the slot."""
        at = seq & self.mask
        self.numbers[at] = seq
        self.sources[at] = source_extended_seq
        self.eras[at] = era

    def find(self, seq: int) -> tuple[int, int] | None:
        """Return (source packet, era) of `seq`; None when it is forgotten."""
        at = seq & self.mask
        return (self.sources[at], self.eras[at]) if self.numbers[at] == seq else None

    def may_resend(self, source: int, era: int, *, pause_s: float, now: float) -> bool:
        """Say whether a packet may go out again: thrice at most, with a pause between."""
        count, last_at = self._resends.get((source, era), (0, float("-inf")))
        return count < RESENDS_A_PACKET and now - last_at >= pause_s

    def note_resend(self, source: int, era: int, *, now: float) -> None:
        """Remember that a packet went out again."""
        count, _ = self._resends.pop((source, era), (0, 0.0))
        self._resends[source, era] = (count + 1, now)
        while len(self._resends) > RESENDS_REMEMBERED:
            del self._resends[next(iter(self._resends))]
