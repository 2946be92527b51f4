"""Loss on the way to us: what is missing, when to ask, when to give up.  Pure.

Source:
    RFC 4585 section 6.2.1 for the message; the times are ours.
"""

from dataclasses import dataclass
from typing import Final

ASK_AFTER_S: Final = 0.015
"""Packets that only overtook each other arrive by then."""
REPEAT_S: Final = 0.04
GIVE_UP_S: Final = 0.5
PENDING_MAX: Final = 1_000
GAP_MAX: Final = 512
"""A jump further than this is a new start of the sender, not loss."""


@dataclass(slots=True)
class _Missing:
    since: float
    ask_at: float
    tries: int = 0


class LossWatch:
    """Missing numbers of one encoding.

    Args:
        tries_max: How often one packet is asked for.
    """

    def __init__(self, *, tries_max: int) -> None:
        self._tries_max = tries_max
        self.missing: dict[int, _Missing] = {}
        """What is missing, by number; the tick passes an encoding by while this is empty."""

    def on_gap(self, first: int, after: int, *, now: float) -> None:
        """Note that the extended numbers from `first` up to but not `after` did not arrive."""
        if after - first > GAP_MAX:
            self.missing.clear()
            return
        for number in range(first, after):
            self.missing[number] = _Missing(now, now + ASK_AFTER_S)
        while len(self.missing) > PENDING_MAX:
            del self.missing[next(iter(self.missing))]

    def on_arrival(self, number: int) -> None:
        """Note that a late or resent packet is here: it is never asked for again."""
        self.missing.pop(number, None)

    def forget(self) -> None:
        """Ask for nothing that is missing now."""
        self.missing.clear()

    def on_key_frame(self, number: int) -> None:
        """Stop asking for what stands before a key frame: nobody decodes it any more."""
        for missing in [each for each in self.missing if each < number]:
            del self.missing[missing]

    def due(self, *, now: float, rtt_s: float) -> list[int]:
        """Return the numbers to ask for now, ascending; forget those not worth it any more."""
        asked = []
        for number, missing in list(self.missing.items()):
            if now - missing.since > GIVE_UP_S or missing.tries >= self._tries_max:
                del self.missing[number]
            elif now >= missing.ask_at:
                missing.tries += 1
                missing.ask_at = now + max(rtt_s, REPEAT_S)
                asked.append(number)
        return sorted(asked)
