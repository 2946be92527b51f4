"""Keeps a worker from hammering a partner that does not answer.  Pure."""

from typing import Final

_FAILURES_TO_OPEN: Final = 10
_PROBE_EVERY_S: Final = 30.0


class Breaker:
    """One per partner: ten failures in a row, then one probe each thirty seconds.

    Instants are monotonic seconds.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._probe_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether only probes are let through."""
        return self._probe_at is not None

    def allowance(self, wanted: int, *, now: float) -> int:
        """Say how many of `wanted` calls may begin now."""
        if self._probe_at is None:
            return wanted
        return min(wanted, 1) if now >= self._probe_at else 0

    def begin(self, calls: int, *, now: float) -> None:
        """Learn that so many calls begin; an open breaker has used its probe."""
        if calls and self._probe_at is not None:
            self._probe_at = now + _PROBE_EVERY_S

    def succeed(self) -> None:
        """Learn that the partner answered; everything flows again."""
        self._failures, self._probe_at = 0, None

    def fail(self, *, now: float) -> None:
        """Learn that the partner did not answer."""
        self._failures += 1
        if self._failures >= _FAILURES_TO_OPEN and self._probe_at is None:
            self._probe_at = now + _PROBE_EVERY_S

    def trip(self, *, now: float) -> None:
        """Learn that nothing can succeed now, as with a refused sign-in."""
        self._failures = _FAILURES_TO_OPEN
        self._probe_at = now + _PROBE_EVERY_S
