"""A node stops whatever its clock was doing at that moment."""

import asyncio
import random
import time

from signaling.shell import registry
from signaling.shell.tasks import end
from tests.support.redis import RedisServer

ROUNDS = 100
PAUSE_S = 0.15
SEED = 20_261_125


async def test_a_task_that_talks_to_redis_ends_wherever_it_is_cancelled(
    redis_server: RedisServer,
) -> None:
    draw = random.Random(SEED)
    redis = registry.connect(redis_server.url)
    presence = registry.Registry(redis, node="signaling-1", clock=time.monotonic)

    async def beat() -> None:
        while True:
            await presence.probe()
            await presence.media_nodes()
            # As a node's clock does: a cancellation that the calls have dropped is heard here.
            await asyncio.sleep(PAUSE_S)

    for _ in range(ROUNDS):
        task = asyncio.create_task(beat())
        for _ in range(draw.randrange(12)):
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await end([task])
        assert task.cancelled()
    assert await presence.probe()
    await presence.close()
