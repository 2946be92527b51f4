"""From numbers to one word: how a connection fares.  Pure.

Source:
    Our connection indicator; its borders follow a published scheme (Jitsi), whose poor range is
    taken down to nothing.
"""

from collections import deque
from typing import Final

from media.contract.stats import Link

READINGS_KEPT: Final = 5
DOWN_AFTER: Final = 2
"""Worse readings in a row until the word falls."""
UP_AFTER_S: Final = 10.0

_ORDER: Final = (Link.LOST, Link.POOR, Link.FAIR, Link.GOOD)


def grade(*, share: float, loss: float) -> Link:
    """Return the word for one way of a connection.

    Args:
        share: Of the rate asked for, how much arrives: 0 to 1.
        loss: Share of packets lost, before repair.
    """
    if share < 0.3 or loss > 0.08:  # noqa: PLR2004  (the scheme's own borders)
        return Link.POOR
    if share < 0.5 or loss >= 0.06:  # noqa: PLR2004
        return Link.FAIR
    return Link.GOOD


class LinkWatch:
    """One participant's word: quick to fall, slow to rise, so that it does not flicker."""

    def __init__(self) -> None:
        self.link = Link.GOOD
        self._readings: deque[tuple[float, float, float, float]] = deque(maxlen=READINGS_KEPT)
        self._worse = 0
        self._better_since: float | None = None

    def read(
        self, *, share_up: float, loss_up: float, share_down: float, loss_down: float, now: float
    ) -> Link:
        """Take one second's figures, both ways; return the word to show."""
        self._readings.append((share_up, loss_up, share_down, loss_down))
        count = len(self._readings)
        up, lost_up, down, lost_down = (
            sum(each) / count for each in zip(*self._readings, strict=True)
        )
        word = min(
            grade(share=up, loss=lost_up),
            grade(share=down, loss=lost_down),
            key=_ORDER.index,
        )
        return self._settle(word, now)

    def lose(self) -> Link:
        """Nothing comes any more: said at once."""
        self._readings.clear()
        self.link, self._worse, self._better_since = Link.LOST, 0, None
        return self.link

    def find(self) -> Link:
        """Something comes again: said at once; the next readings tell how good it is."""
        if self.link is Link.LOST:
            self.link = Link.POOR
        return self.link

    def _settle(self, word: Link, now: float) -> Link:
        place, shown = _ORDER.index(word), _ORDER.index(self.link)
        self._worse = self._worse + 1 if place < shown else 0
        if place <= shown:
            self._better_since = None
        elif self._better_since is None:
            self._better_since = now
        if self._worse >= DOWN_AFTER:
            self.link, self._worse = word, 0
        elif self._better_since is not None and now - self._better_since >= UP_AFTER_S:
            self.link, self._better_since = word, None
        return self.link
