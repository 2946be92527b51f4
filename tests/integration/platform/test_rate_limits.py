"""Requests are counted in Redis for all nodes together; what that costs when Redis is silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from telehealth.access.route_table import PUBLIC_ROUTES
from telehealth.app import VisitService
from telehealth.platform.paces import ALLOWANCE, GUESSABLE, Allowance, Pace
from telehealth.platform.rates import Rates, TooMany, redis_pool, redis_storage
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.clock import FakeClock
from tests.support.redis import RedisServer
from tests.support.requirements import Figure


@pytest.fixture
async def nodes(
    sqlite_url: str, tmp_path: Path, redis_server: RedisServer
) -> AsyncIterator[list[VisitService]]:
    """Two nodes of one installation: one database, one Redis, one secret."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            pool = redis_pool(redis_server.url)
            stack.push_async_callback(pool.disconnect)
            counts = redis_storage(pool)
            app = running_app(sqlite_url, tmp_path, clock=FakeClock(), counts=counts)
            made.append(await stack.enter_async_context(app))
        yield made


async def knock(browser: AppClient) -> int:
    return (await browser.sign_in("nobody@nowhere.example", "wrong")).status_code


@pytest.mark.requirement("SEC-RATE-01")
async def test_two_nodes_count_one_address_together(
    nodes: list[VisitService], figure: Figure
) -> None:
    allowed = ALLOWANCE[Pace.SIGN_IN].requests
    async with browser_of(nodes[0]) as first, browser_of(nodes[1]) as second:
        answers = [await knock(first if n % 2 else second) for n in range(allowed)]
        refused = await first.sign_in("nobody@nowhere.example", "wrong")

    assert set(answers) == {401}
    assert (refused.status_code, refused.json()["code"]) == (429, "request.too_many")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["retry-after"] == str(refused.json()["retry_after_s"])
    figure(f"{allowed} sign-ins a minute over two nodes, the next one 429 with Retry-After")


@pytest.mark.requirement("SEC-RATE-01")
@pytest.mark.parametrize("pace", ALLOWANCE)
async def test_each_kind_of_door_has_its_own_count(
    pace: Pace, shared_redis: RedisServer, figure: Figure
) -> None:
    pool = redis_pool(shared_redis.url)
    few = dict.fromkeys(ALLOWANCE, Allowance(20))
    rates = Rates(redis_storage(pool), key=pace.encode().ljust(32), allowances=few)

    outcomes: list[BaseException | None] = []
    for _ in range(10):
        five = (rates.take(pace, "192.0.2.1") for _ in range(5))
        outcomes += await asyncio.gather(*five, return_exceptions=True)
    await rates.take(next(each for each in ALLOWANCE if each is not pace), "192.0.2.1")
    await pool.disconnect()

    assert sum(outcome is None for outcome in outcomes) == 20
    assert sum(isinstance(outcome, TooMany) for outcome in outcomes) == 30
    figure(f"{pace}: 20 of 50 let in, five at a time")


@pytest.mark.requirement("SEC-RATE-01")
async def test_while_redis_is_silent_care_goes_on_and_nobody_guesses(
    nodes: list[VisitService], redis_server: RedisServer, figure: Figure
) -> None:
    async with browser_of(nodes[0]) as browser:
        assert await knock(browser) == 401
        redis_server.freeze()
        guess, page = await knock(browser), await browser.open("/sign-in")
        rates = nodes[0].public.state.services.rates
        uncounted = rates.uncounted
        redis_server.thaw()
        await asyncio.sleep(1.1)
        after = await knock(browser)

    assert (guess, page.status_code, after) == (503, 200, 401)
    assert uncounted >= 1
    figure("Redis frozen: sign-in 503, pages 200 and counted as uncounted; thawed: 401 again")


@pytest.mark.requirement("SEC-RATE-01")
async def test_nothing_but_hashes_with_an_end_stands_in_redis(
    nodes: list[VisitService], redis_server: RedisServer
) -> None:
    async with browser_of(nodes[0]) as browser:
        await knock(browser)
        await browser.get("/v1/me")

    pool = redis_pool(redis_server.url)
    storage = redis_storage(pool)
    client = storage.bridge.get_connection()  # type: ignore[attr-defined]  # redis-py's own client
    keys = [key async for key in client.scan_iter()]
    lives = [await client.ttl(key) for key in keys]
    await pool.disconnect()

    assert keys
    assert all(0 < life <= 2 * 60 for life in lives)
    assert not any(b"127.0.0.1" in key or b"example" in key for key in keys)


def test_every_door_that_can_be_guessed_at_stays_shut_uncounted() -> None:
    doors = {row.path: row.pace for row in PUBLIC_ROUTES if row.pace in GUESSABLE}

    assert doors["/v1/sign-in"] is Pace.SIGN_IN
    assert doors["/v1/visit-links/{secret}/open"] is Pace.LINK
