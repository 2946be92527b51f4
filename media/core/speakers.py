"""Who is speaking, from the audio levels packets carry.  Pure.

The hot path only adds: per encoding, packets heard and packets loud since the last window.

Source:
    RFC 6464 section 3 (level in -dBov: 0 the loudest, 127 silence); the windows are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LOUD_MAX: Final = 35
WINDOW_S: Final = 0.4
LOUD_SHARE: Final = 0.4
PACKETS_A_WINDOW: Final = 20
"""At 20 ms a packet; a sender that is silent under DTX sends fewer, and those not loud."""
WINDOWS_TO_CHANGE: Final = 2
TOLD_EVERY_S: Final = 0.5
SPEAKERS_MAX: Final = 3


@dataclass(slots=True)
class _Voice:
    loudness: float = 0.0
    """Share of loud packets, smoothed over two windows."""
    streak: int = 0
    """Windows in a row that speak against the present state."""
    is_speaking: bool = False
    spoke_at: float = float("-inf")


class Speakers:
    """The voices of one room."""

    def __init__(self) -> None:
        self._voices: dict[str, _Voice] = {}
        self._told: tuple[str, ...] = ()
        self._told_at = float("-inf")

    @property
    def active(self) -> tuple[str, ...]:
        """Who speaks now, the loudest first."""
        speaking = [
            (each.loudness, name) for name, each in self._voices.items() if each.is_speaking
        ]
        return tuple(name for _, name in sorted(speaking, key=lambda pair: -pair[0]))[:SPEAKERS_MAX]

    @property
    def recent(self) -> tuple[str, ...]:
        """Everybody who ever spoke, the latest first."""
        spoke = [(each.spoke_at, name) for name, each in self._voices.items() if each.spoke_at > 0]
        return tuple(name for _, name in sorted(spoke, key=lambda pair: -pair[0]))

    def on_window(self, loud: Mapping[str, int], *, now: float) -> None:
        """Take how many loud packets each voice sent in the window that ends; all voices."""
        self._voices = {name: self._voices.get(name) or _Voice() for name in loud}
        for name, count in loud.items():
            voice = self._voices[name]
            share = min(1.0, count / PACKETS_A_WINDOW)
            voice.loudness = (voice.loudness + share) / 2
            is_against = (share >= LOUD_SHARE) is not voice.is_speaking
            voice.streak = voice.streak + 1 if is_against else 0
            if voice.streak >= WINDOWS_TO_CHANGE:
                voice.is_speaking, voice.streak = not voice.is_speaking, 0
            if voice.is_speaking:
                voice.spoke_at = now

    def news(self, *, now: float) -> tuple[str, ...] | None:
        """Return who speaks, if that is to be told now: on change, at most twice a second."""
        active = self.active
        if set(active) == set(self._told) or now - self._told_at < TOLD_EVERY_S:
            return None
        self._told, self._told_at = active, now
        return active
