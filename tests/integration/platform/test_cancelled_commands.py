"""A command that is cancelled takes its connection along: no later caller reads its reply.

Sockets close at any moment, and with them the tasks that wait for Redis.  redis-py once put such a
connection back into its pool, and the next caller read the reply of the one before.

Source:
    CVE-2023-28858, CVE-2023-28859.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import pytest
from redis.asyncio import ConnectionPool, Redis, UnixDomainSocketConnection
from redis.exceptions import TimeoutError as RedisTimeout

from signaling.shell import registry
from signaling.shell.scripts import Mode, Scripts
from telehealth.platform.paces import Allowance, Pace
from telehealth.platform.rates import NobodyCounts, Rates, TooMany, redis_pool, redis_storage
from tests.support.redis import RedisServer
from tests.support.requirements import Figure

IN_FULL: Final = os.environ.get("TRUST_RUNS") == "full"
CANCELLATIONS: Final = 100_000 if IN_FULL else 3_000
CALLERS: Final = 40
CONNECTIONS: Final = 64
SEED: Final = 20_261_125
ALLOWED: Final = 3

Ask: TypeAlias = Callable[[str], Awaitable[bool]]
"""Asks for what belongs to one name alone; says whether the reply is that."""


@dataclass(kw_only=True)
class Tally:
    """What became of the commands."""

    cancelled: int = 0
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    """Told so in time: on a busy machine Redis may be slower than the client waits."""


def asks_of_signaling(client: Redis) -> dict[str, Ask]:
    """Return the scripts of signaling, and the plain commands beside them."""
    scripts = Scripts(client)

    async def attach(name: str) -> bool:
        record = {"role": "patient", "kind": name, "may_admit": False}
        attached = await scripts.attach(
            name, name, mode=Mode.JOIN, record=record, device=name, state="active"
        )
        return {who: seat["kind"] for who, seat in attached.members.items()} == {name: name}

    async def append(name: str) -> bool:
        floor = int(name, 16)
        return await scripts.append(name, [("{}", "all")], floor=floor) == floor + 1

    async def pin(name: str) -> bool:
        pinned = await scripts.pin_media(
            name, node_id=name, boot_id=name, known_epoch=0, is_forced=False
        )
        return (pinned.node_id, pinned.boot_id) == (name, name)

    async def burn(name: str) -> bool:
        await client.set(name, name, ex=60)
        return await client.get(name) == name.encode()

    return {"attach": attach, "append": append, "pin": pin, "get": burn}


async def asks_of_visit_service(pool: ConnectionPool) -> dict[str, Ask]:
    """Return the counting of requests: who has used up theirs is refused, all others are not."""
    allowances = {Pace.SIGN_IN: Allowance(ALLOWED, per_s=3_600)}
    rates = Rates(redis_storage(pool), key=b"k" * 32, allowances=allowances)
    for _ in range(ALLOWED):
        await rates.take(Pace.SIGN_IN, "used up")

    async def refused(name: str) -> bool:
        del name
        try:
            await rates.take(Pace.SIGN_IN, "used up")
        except TooMany:
            return True
        return False

    async def allowed(name: str) -> bool:
        await rates.take(Pace.SIGN_IN, name)
        return True

    async def ask(name: str) -> bool:
        return await Redis(connection_pool=pool).echo(name) == name.encode()

    return {"refused": refused, "allowed": allowed, "echo": ask}


async def call_and_cancel(
    asks: dict[str, Ask], *, cancellations: int, seed: int = SEED, callers: int = CALLERS
) -> Tally:
    """Let many callers ask at once, and cancel each at a moment drawn at random."""
    draw, tally = random.Random(seed), Tally()

    async def caller() -> None:
        while tally.cancelled < cancellations:
            kind = draw.choice(sorted(asks))
            asking = asyncio.ensure_future(asks[kind](f"{draw.getrandbits(40):010x}"))
            await _a_moment(draw)
            asking.cancel()
            # Waits without raising what the command raised.
            await asyncio.wait([asking])
            if asking.cancelled():
                tally.cancelled += 1
            else:
                _verdict(asking, tally)[kind] += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    return tally


def _verdict(asked: asyncio.Future[bool], tally: Tally) -> Counter[str]:
    """Say where a command that was not cancelled is counted."""
    failure = asked.exception()
    if isinstance(failure, NobodyCounts | RedisTimeout):
        return tally.unanswered
    # A reply of another command mostly does not even have the right form.
    return tally.right if failure is None and asked.result() else tally.wrong


async def _a_moment(draw: random.Random) -> None:
    """Wait some turns of the loop, for a command takes few; sometimes a little time."""
    if draw.randrange(5):
        for _ in range(draw.randrange(8)):
            await asyncio.sleep(0)
    else:
        await asyncio.sleep(draw.uniform(0, 0.002))


async def all_connections_serve(pool: ConnectionPool) -> bool:
    """Use every connection the pool may open at once: none was lost with its caller."""
    client = Redis(connection_pool=pool)
    answers = await asyncio.gather(*(client.echo(str(n)) for n in range(CONNECTIONS)))
    return answers == [str(n).encode() for n in range(CONNECTIONS)]


@pytest.fixture
async def signaling(redis_server: RedisServer) -> AsyncIterator[Redis]:
    client = registry.connect(redis_server.url)
    yield client
    await client.aclose()


@pytest.fixture
async def pool(redis_server: RedisServer) -> AsyncIterator[ConnectionPool]:
    made = redis_pool(redis_server.url)
    yield made
    await made.disconnect()


@pytest.mark.requirement("INV-09")
@pytest.mark.timeout(3_600 if IN_FULL else 120)
async def test_no_reply_reaches_another_caller_however_commands_are_cancelled(
    signaling: Redis, pool: ConnectionPool, figure: Figure
) -> None:
    asks = {**asks_of_signaling(signaling), **await asks_of_visit_service(pool)}

    tally = await call_and_cancel(asks, cancellations=CANCELLATIONS)

    assert not tally.wrong, f"seed {SEED}: {tally}"
    assert set(tally.right) == set(asks), "each was answered as well, not only cancelled"
    assert await all_connections_serve(signaling.connection_pool)
    assert await all_connections_serve(pool)
    figure(
        f"{tally.cancelled:,} commands cancelled at random moments, {tally.right.total():,}"
        f" answered, {tally.unanswered.total():,} told that nobody answers,"
        f" 0 replies to a wrong caller (seed {SEED})"
    )


class KeepsItsConnection(UnixDomainSocketConnection):
    """What redis-py did before: a cancelled command leaves its connection as it stands."""

    async def read_response(self, *args: Any, **named: Any) -> Any:
        named["disconnect_on_error"] = False
        return await super().read_response(*args, **named)


@pytest.mark.requirement("INV-09")
async def test_a_client_that_keeps_such_connections_is_found_out(
    redis_server: RedisServer, figure: Figure
) -> None:
    """Otherwise the test above could be blind."""
    pool = ConnectionPool(
        connection_class=KeepsItsConnection,
        path=redis_server.url.removeprefix("unix://").partition("?")[0],
        max_connections=CONNECTIONS,
    )
    client = Redis(connection_pool=pool)

    tally = await call_and_cancel(asks_of_signaling(client), cancellations=500)

    assert tally.wrong
    figure("a client that keeps them is found out within 500 cancellations")
    await pool.disconnect()
