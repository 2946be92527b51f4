"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta

MORNING = datetime(2030, 3, 4, 15, 0, tzinfo=UTC)


class FakeClock:
    """Implements `telehealth.platform.clock.Clock`; tests move it by hand."""

    def __init__(self, now: datetime = MORNING) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the instant it stands at."""
        return self._now

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Move forward and return the new instant."""
        self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self._now
