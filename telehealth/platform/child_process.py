"""Children that never outlive their parent, and their supervision.

A child gets its own process group, so that Ctrl-C in a terminal reaches the supervisor alone,
and a parent-death signal where the platform has one, so that a killed supervisor leaves nothing
behind.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TextIO

_PR_SET_PDEATHSIG = 1
_RESTART_AFTER_S = (0.5, 1.0, 2.0, 5.0, 10.0)


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends (Linux; elsewhere nothing).

    Source: prctl(2), PR_SET_PDEATHSIG.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def pinned_cores(count: int) -> list[int | None]:
    """Give each of `count` processes a core of its own, if some are left for everything else."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(usable) <= count:
        return [None] * count
    return list(usable[-count:])


def _before_exec(core: int | None) -> None:
    os.setpgrp()
    die_with_parent()
    if core is not None:
        os.sched_setaffinity(0, {core})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildPlan:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    is_ready: Callable[[], Awaitable[bool]]
    """Asked every 50 ms after a start until it says yes."""
    ready_within_s: float = 30.0
    stop_within_s: float = 10.0
    core: int | None = None
    """The processor it is kept on, where the platform can; None leaves it to the scheduler."""


class ChildNeverReady(Exception):
    """A child ended or stayed silent during its start."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} did not become ready")
        self.name = name


class Supervisor:
    """Starts children in order, restarts those that end, stops them in reverse order.

    Cancel safety: `run` stops every child before it lets the cancellation through.
    """

    def __init__(self, plans: Sequence[ChildPlan], *, log: TextIO) -> None:
        self._plans = plans
        self._log = log
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start every child, each after the one before it is ready.

        Raises:
            ChildNeverReady: One was not; those already started keep running until `stop`.
        """
        for plan in self._plans:
            await self._start(plan)
            self._watchers.append(asyncio.create_task(self._watch(plan)))

    async def stop(self) -> None:
        """Stop in reverse order: SIGTERM, then SIGKILL when the time is up."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for plan in reversed(self._plans):
            process = self._running.pop(plan.name, None)
            if process is not None and process.returncode is None:
                await self._end(process, plan.stop_within_s)

    def pids(self) -> Mapping[str, int]:
        """Return the process ids now running, by name."""
        return {name: process.pid for name, process in self._running.items()}

    async def _start(self, plan: ChildPlan) -> None:
        process = await asyncio.create_subprocess_exec(
            *plan.command,
            env=dict(plan.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=partial(_before_exec, plan.core),
        )
        self._running[plan.name] = process
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + plan.ready_within_s
        while not await plan.is_ready():
            if process.returncode is not None or loop.time() > give_up_at:
                raise ChildNeverReady(plan.name)
            await asyncio.sleep(0.05)

    async def _watch(self, plan: ChildPlan) -> None:
        tries = 0
        while True:
            started = asyncio.get_running_loop().time()
            code = await self._running[plan.name].wait()
            if asyncio.get_running_loop().time() - started > _RESTART_AFTER_S[-1]:
                tries = 0
            pause_s = _RESTART_AFTER_S[min(tries, len(_RESTART_AFTER_S) - 1)]
            tries += 1
            self._log.write(f"{plan.name} ended with {code}; starting again in {pause_s} s\n")
            self._log.flush()
            await asyncio.sleep(pause_s)
            with contextlib.suppress(ChildNeverReady):
                await self._start(plan)

    async def _end(self, process: asyncio.subprocess.Process, within_s: float) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), within_s)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
