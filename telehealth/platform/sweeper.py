"""Runs what must happen when time has passed: sweeps, each in a transaction of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

import structlog

from telehealth.platform.clock import Clock
from telehealth.platform.db import Database, UnitOfWork

EVERY_S: Final = 15.0
_log = structlog.get_logger(__name__)


class Sweep(Protocol):
    """Does what is due at `now`, and says how much that was."""

    def __call__(self, uow: UnitOfWork, *, now: datetime) -> Awaitable[int]:
        """Sweep once."""
        ...


async def keep_sweeping(
    sweeps: Sequence[Sweep],
    *,
    database: Database,
    clock: Clock,
    rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Sweep until cancelled; one that fails is tried again at the next turn.

    Cancel safety: a cancelled sweep is rolled back.
    """
    while True:
        await sweep_once(sweeps, database=database, clock=clock)
        await rest(EVERY_S)


async def sweep_once(sweeps: Sequence[Sweep], *, database: Database, clock: Clock) -> int:
    """Run each sweep once; returns how much they did."""
    done = 0
    for sweep in sweeps:
        try:
            async with database.unit_of_work() as uow:
                done += await sweep(uow, now=clock.now())
        except Exception as failure:  # noqa: BLE001  (a loop's driver: the others go on)
            _log.error("sweep.failed", exc_info=failure)
    return done
