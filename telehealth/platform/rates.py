"""How often one caller has knocked, counted in Redis for all nodes together.

Callers are counted under keyed hashes: no address and no person's id enters Redis.
"""

import hashlib
import hmac
import math
import time
from collections.abc import Mapping
from typing import Final

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from starlette.types import Scope

from telehealth.platform.errors import TelehealthError
from telehealth.platform.paces import ALLOWANCE, GUESSABLE, Allowance, Pace

_ANSWER_WITHIN_S: Final = 0.5
_REST_S: Final = 1.0
"""After a silence nobody asks again for so long: each request would pay the time-out."""
_log = structlog.get_logger(__name__)


class TooMany(TelehealthError):
    """Too many requests from one caller."""

    code = "request.too_many"
    public_message = "Too many tries. Please wait a minute and try again."
    told_fields = frozenset({"retry_after_s"})


class NobodyCounts(TelehealthError):
    """The counter is away, and this door must not be tried uncounted."""

    code = "request.nobody_counts"
    public_message = "This is not possible at the moment. Please try again in a few seconds."


class Rates:
    """Counts requests by kind of door and caller.

    Args:
        storage: Where counts are kept; `redis_storage` outside tests.
        key: Secret under which callers are hashed; the same on every node.
        allowances: Other figures than the table's.
    """

    def __init__(
        self,
        storage: RedisStorage | MemoryStorage,
        *,
        key: bytes,
        allowances: Mapping[Pace, Allowance] | None = None,
    ) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._key = key
        self._items = {
            pace: RateLimitItemPerSecond(allowance.requests, allowance.per_s, namespace="rate")
            for pace, allowance in {**ALLOWANCE, **(allowances or {})}.items()
        }
        self._silent_until = 0.0
        self.uncounted = 0
        """Requests let through since the start because nobody counted."""

    async def take(self, pace: Pace, caller: str) -> None:
        """Count one request.

        Args:
            pace: The kind of door.
            caller: An address or an id of a person; hashed at once.

        Raises:
            TooMany: The caller has used up what the kind allows; says when to come back.
            NobodyCounts: Redis did not answer, and the kind of door can be guessed at.
        """
        if pace is Pace.UNCOUNTED:
            return
        item, name = self._items[pace], self._name(pace, caller)
        try:
            if time.monotonic() < self._silent_until:
                raise RedisConnectionError
            if await self._limiter.hit(item, name):
                return
            resets_at = (await self._limiter.get_window_stats(item, name)).reset_time
        except (RedisError, OSError, TimeoutError):
            self._uncounted(pace)
            return
        wait_s = math.ceil(resets_at - time.time())
        raise TooMany(retry_after_s=min(max(1, wait_s), item.get_expiry()), pace=pace)

    def _uncounted(self, pace: Pace) -> None:
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + _REST_S
            _log.warning("rates.lost_redis", count=self.uncounted)
        if pace in GUESSABLE:
            raise NobodyCounts(pace=pace)
        self.uncounted += 1

    def _name(self, pace: Pace, caller: str) -> str:
        said = f"{pace}:{caller}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, said, hashlib.sha256).hex()[:32]


def redis_pool(url: str) -> ConnectionPool:
    """Make the connections to a Redis-protocol server; nothing is opened yet.

    Args:
        url: `redis://…`, `rediss://…` or `unix:///path`.
    """
    return ConnectionPool.from_url(
        url,
        socket_timeout=_ANSWER_WITHIN_S,
        socket_connect_timeout=_ANSWER_WITHIN_S,
        # A connection the server closed is opened anew; silence is not waited for twice.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        max_connections=64,
    )


def redis_storage(pool: ConnectionPool) -> RedisStorage:
    """Return the counts kept at the server of `pool`; whoever made the pool closes it."""
    options: dict[str, object] = {"connection_pool": pool}
    return RedisStorage("async+redis://", implementation="redispy", key_prefix="visits", **options)  # type: ignore[arg-type]  # handed on to redis-py as it is


def address_of(scope: Scope) -> str:
    """Return the caller's address, for counting only; it is never stored or logged."""
    client = scope.get("client")
    return str(client[0]) if client else ""
