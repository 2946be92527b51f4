"""One tick a node drives every deadline; garbage is collected when we say so."""

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Final

import structlog

TICK_S: Final = 0.01
COLLECT_EVERY_S: Final = 10.0

_log = structlog.get_logger()


class Ticker:
    """Calls `call(now)` each `interval_s` until stopped; a late tick is not made up for.

    Automatic collection is off while it runs: a young one is made every ten seconds instead, so
    that no packet waits for a full one.  The packet path makes no cycles.

    A call that raises ends neither the ticking nor the node: it is counted in `failures`, and the
    first of each kind is logged.
    """

    def __init__(
        self,
        call: Callable[[float], None],
        interval_s: float = TICK_S,
        *,
        collect_every_s: float = COLLECT_EVERY_S,
    ) -> None:
        self._call = call
        self._interval_s = interval_s
        self._collect_every_s = collect_every_s
        self._task: asyncio.Task[None] | None = None
        self._failed: set[str] = set()
        self.failures = 0
        self.gc_pause_s = 0.0
        """How long the last young collection took."""

    def start(self) -> None:
        """Begin ticking."""
        gc.disable()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop ticking; automatic collection is on again.

        Cancel safety: may be cancelled; the ticking has stopped all the same.
        """
        gc.enable()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        collected_at = monotonic()
        while True:
            await asyncio.sleep(self._interval_s)
            now = monotonic()
            try:
                self._call(now)
            except Exception as fault:  # noqa: BLE001  (a driver loop: one fault must not end it)
                self._note(type(fault).__name__)
            if now - collected_at >= self._collect_every_s:
                collected_at = now
                self._collect()

    def _collect(self) -> None:
        began_at = monotonic()
        gc.collect(0)
        self.gc_pause_s = monotonic() - began_at

    def _note(self, fault: str) -> None:
        self.failures += 1
        if fault not in self._failed:
            self._failed.add(fault)
            _log.error("tick.failed", error=fault)
