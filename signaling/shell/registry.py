"""Presence in Redis: tickets burned, rooms of this node, heartbeats of media nodes.

Redis may fall silent at any moment.  The first call that fails says so for all others, which then
fail at once instead of waiting in turn; a probe each second notices the return.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from media.contract.control import HEARTBEAT_LIFE_MS
from signaling.core.placement import MediaNode
from signaling.shell.scripts import KEYS_LIFE_MS, Pin, Scripts, Status

TICKET_LIFE_MS: Final = 120_000
ANSWER_WITHIN_S: Final = 2.0
SWEEP_PAUSE_AFTER_SILENCE_S: Final = 20.0
LONG_SILENCE_S: Final = 5.0

T = TypeVar("T")


class RedisSilent(Exception):
    """Redis does not answer."""


def connect(url: str) -> Redis:
    """Make a client that waits two seconds and repeats only what met a stale connection."""
    return Redis.from_url(
        url,
        socket_timeout=ANSWER_WITHIN_S,
        socket_connect_timeout=ANSWER_WITHIN_S,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        max_connections=64,
    )


class Registry:
    """What this node writes and reads; every call raises `RedisSilent` in silence."""

    def __init__(self, redis: Redis, *, node: str, clock: Callable[[], float]) -> None:
        self._redis = redis
        self._rooms_key = f"sig:node:{node}:rooms"
        self._clock = clock
        self._silent_since: float | None = None
        self._no_sweep_before = 0.0
        self.scripts = Scripts(redis)

    @property
    def is_silent(self) -> bool:
        """Whether the last call was not answered."""
        return self._silent_since is not None

    @property
    def may_sweep(self) -> bool:
        """Whether deadlines may be acted on: not in silence, nor soon after a long one.

        Others must have the time to renew what they could not renew meanwhile.
        """
        return not self.is_silent and self._clock() >= self._no_sweep_before

    async def call(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Make one call, or fail at once while Redis is known to be silent.

        Raises:
            RedisSilent: No answer.
        """
        if self.is_silent:
            raise RedisSilent
        return await self._try(ask)

    async def probe(self) -> bool:
        """Ask whether Redis answers; called each second."""

        async def ping() -> None:
            await self._redis.ping()

        try:
            await self._try(ping)
        except RedisSilent:
            return False
        return True

    async def burn(self, jti: str) -> bool:
        """Mark a ticket as used; False if it was already."""

        async def mark() -> bool:
            return bool(await self._redis.set(f"sig:ticket:{jti}", "1", nx=True, px=TICKET_LIFE_MS))

        return await self.call(mark)

    async def remember_room(self, room: str) -> None:
        """Note a room of this node, so that a successor sweeps what a crash leaves."""

        async def note() -> None:
            await self._redis.sadd(self._rooms_key, room)
            await self._redis.pexpire(self._rooms_key, KEYS_LIFE_MS)

        await self.call(note)

    async def forget_room(self, room: str) -> None:
        """Forget a room without seats."""

        async def forget() -> None:
            await self._redis.srem(self._rooms_key, room)

        await self.call(forget)

    async def rooms(self) -> set[str]:
        """Return the rooms this node, or the process before it, has had."""

        async def read() -> set[str]:
            return {str(_text(room)) for room in await self._redis.smembers(self._rooms_key)}

        return await self.call(read)

    async def media_nodes(self) -> dict[str, MediaNode]:
        """Return the media nodes whose heartbeat lives."""

        async def read() -> dict[str, MediaNode]:
            listed = await self._redis.zrange("sig:media:nodes", 0, -1)
            names = [_text(name) for name in listed if isinstance(name, bytes | str)]
            if not names:
                return {}
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.get(f"sig:media:node:{name}")
                    pipe.pttl(f"sig:media:node:{name}")
                told = await pipe.execute()
            beats = zip(told[::2], told[1::2], strict=True)
            found = [_media_node(beat, left_ms) for beat, left_ms in beats if beat is not None]
            return {node.node_id: node for node in found if node is not None}

        return await self.call(read)

    async def media_place(self, room: str) -> Pin | None:
        """Return where a room's media is, without pinning it."""

        async def read() -> Pin | None:
            names = ["media_node", "media_boot", "room_epoch"]
            held = await self._redis.hmget(f"sig:{{{room}}}:meta", names)
            node_id, boot_id, room_epoch = (_text(each) for each in (part or "" for part in held))
            if not node_id:
                return None
            return Pin(
                status=Status.HELD, node_id=node_id, boot_id=boot_id, room_epoch=int(room_epoch)
            )

        return await self.call(read)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _try(self, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(2 * ANSWER_WITHIN_S):
                answer = await ask()
        except (RedisError, OSError, TimeoutError):
            if self._silent_since is None:
                self._silent_since = self._clock()
            raise RedisSilent from None
        if self._silent_since is not None:
            now = self._clock()
            if now - self._silent_since > LONG_SILENCE_S:
                self._no_sweep_before = now + SWEEP_PAUSE_AFTER_SILENCE_S
            self._silent_since = None
        return answer


def _media_node(beat: bytes | str, left_ms: int) -> MediaNode | None:
    """Read a heartbeat; one that cannot be read is no node."""
    try:
        told = json.loads(beat)
        return MediaNode(
            node_id=str(told["node_id"]),
            boot_id=str(told["boot_id"]),
            control_url=str(told["control_url"]),
            load=float(told["load"]),
            is_draining=bool(told["is_draining"]),
            beat_age_s=max(0, HEARTBEAT_LIFE_MS - left_ms) / 1_000,
        )
    except (ValueError, KeyError, TypeError):
        return None


def _text(part: bytes | str) -> str:
    return part.decode() if isinstance(part, bytes) else part
