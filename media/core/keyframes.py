"""One key-frame request for many viewers, repeated until the frame is there.  Pure.

The patient's phone is the weakest encoder in the room: it must not pay once for each viewer.

Source:
    RFC 4585 section 6.3.1 for the message; the times are ours.
"""

from typing import Final

QUIET_PERIOD_S: Final = 0.5
RETRY_MIN_S: Final = 0.2
RETRY_MAX_S: Final = 1.0
TRIES_MAX: Final = 10


class KeyframeGate:
    """Joins the key-frame requests of one encoding's subscriptions."""

    def __init__(self, *, quiet_period_s: float = QUIET_PERIOD_S) -> None:
        self._quiet_period_s = quiet_period_s
        self._last_sent: float | None = None
        self._tries = 0
        self.is_stalled = False
        self.deadline: float | None = None

    def ask(self, *, now: float) -> bool:
        """Say whether a Picture Loss Indication must go to the sender now.

        A request inside the quiet period is kept: at `deadline` the caller owes `on_deadline`.

        Args:
            now: Monotonic instant in seconds; never earlier than one already given.
        """
        if self._last_sent is None or now - self._last_sent >= self._quiet_period_s:
            if self.deadline is None:
                self._tries = 0
                self.is_stalled = False
            return self._send(now, rtt_s=0.0)
        if self.deadline is None:
            self.deadline = self._last_sent + self._quiet_period_s
        return False

    def keep(self, *, now: float) -> None:
        """Keep a request for the sender's next tick, no earlier than the quiet period allows."""
        if self.deadline is None:
            self._tries = 0
            self.is_stalled = False
            last = self._last_sent
            self.deadline = now if last is None else max(now, last + self._quiet_period_s)

    def on_deadline(self, *, now: float, rtt_s: float) -> bool:
        """Answer a kept request, or repeat one the sender did not answer.

        After ten tries without a key frame `is_stalled` turns true, and the asking stops until
        somebody asks anew.
        """
        if self.deadline is None or now < self.deadline:
            return False
        if self._tries >= TRIES_MAX:
            self.is_stalled = True
            self.deadline = None
            return False
        return self._send(now, rtt_s=rtt_s)

    def on_key_frame(self) -> None:
        """The frame is here: nothing is owed any more."""
        self.deadline = None
        self._tries = 0
        self.is_stalled = False

    def _send(self, now: float, *, rtt_s: float) -> bool:
        self._last_sent = now
        self._tries += 1
        self.deadline = now + min(max(2 * rtt_s, RETRY_MIN_S), RETRY_MAX_S)
        return True
