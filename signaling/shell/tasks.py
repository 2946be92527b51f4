"""Ending background tasks for certain."""

import asyncio
from collections.abc import Iterable
from typing import Final

CANCEL_AGAIN_AFTER_S: Final = 0.1


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until every one has ended; how it ended is not looked at.

    One cancellation is not enough.  Before Python 3.12 `asyncio.wait_for` drops it when the
    awaited call ends in the same turn of the loop, and the Redis client sends every command
    through it, so a task that talks to Redis each second may go on as if nothing was said.

    Cancel safety: may be cancelled; tasks that still run have been cancelled at least once.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_AFTER_S)
