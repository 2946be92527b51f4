"""How signaling finds this node: a heartbeat in Redis each second, gone after three.

Redis being away ends no room: the heartbeat tries again and readiness falls meanwhile.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import time
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from media.contract.control import HEARTBEAT_LIFE_MS

NODES_KEY: Final = "sig:media:nodes"
NODE_KEY: Final = "sig:media:node:{node_id}"
HEARTBEAT_S: Final = 1.0
NODES_LIFE_MS: Final = 60_000
STALE_AFTER_S: Final = 3.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What a node tells of itself."""

    node_id: str
    boot_id: str
    control_url: str
    load: float
    """0 to 1: the busier of processor time and rooms."""
    rooms: int
    seats_max: int
    is_draining: bool


class Registry:
    """Writes one node's heartbeat until it is stopped, then takes the node out."""

    def __init__(self, redis: Redis, beat: Callable[[], Heartbeat]) -> None:
        self._redis = redis
        self._beat = beat
        self._beaten_at: float | None = None
        self._is_silent = False
        self._stopping = asyncio.Event()

    @property
    def is_fresh(self) -> bool:
        """Say whether signaling can see this node now."""
        if self._beaten_at is None:
            return False
        return asyncio.get_running_loop().time() < self._beaten_at + STALE_AFTER_S

    async def run(self) -> None:
        """Beat each second until `stop`; do not cancel it.

        Cancel safety: none.  A cancellation may be swallowed inside the Redis client while it
        gives a connection back, hence `stop`, which is noticed within a second.
        """
        while not self._stopping.is_set():
            await self.beat()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._stopping.wait()

    def stop(self) -> None:
        """Let `run` return."""
        self._stopping.set()

    async def beat(self) -> None:
        """Write one heartbeat; a silent Redis is noted, not raised."""
        heartbeat = self._beat()
        key = NODE_KEY.format(node_id=heartbeat.node_id)
        try:
            async with asyncio.timeout(HEARTBEAT_S), self._redis.pipeline() as pipe:
                pipe.set(key, json.dumps(asdict(heartbeat)), px=HEARTBEAT_LIFE_MS)
                pipe.zadd(NODES_KEY, {heartbeat.node_id: time()})
                pipe.pexpire(NODES_KEY, NODES_LIFE_MS)
                await pipe.execute()
        except (RedisError, OSError, TimeoutError):
            if not self._is_silent:
                _log.warning("registry.fell_silent")
            self._is_silent = True
        else:
            self._beaten_at = asyncio.get_running_loop().time()
            self._is_silent = False

    async def leave(self) -> None:
        """Take the node out, so that nothing new is placed on it; best effort."""
        node_id = self._beat().node_id
        try:
            async with asyncio.timeout(HEARTBEAT_S), self._redis.pipeline() as pipe:
                pipe.delete(NODE_KEY.format(node_id=node_id))
                pipe.zrem(NODES_KEY, node_id)
                await pipe.execute()
        except (RedisError, OSError, TimeoutError):
            _log.warning("registry.fell_silent")
        await self._redis.aclose()
