"""Many sign-ins at once, from a process of their own so that they hold up nobody's clock.

`python -m tests.support.sign_in_storm ORIGIN EMAIL PASSWORD COUNT` prints one JSON object:
answers by status, and how many of the busy ones said when to come back.
"""

import asyncio
import json
import sys
import time
from collections import Counter

import httpx

from tests.support.product_client import ProductClient


async def storm(origin: str, email: str, password: str, count: int) -> dict[str, object]:
    """Sign in `count` times at once."""
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(
        base_url=origin.replace("localhost", "127.0.0.1"),
        trust_env=False,
        timeout=60,
        limits=limits,
    ) as http:
        browsers = [ProductClient(http, origin=origin) for _ in range(count)]
        first = browsers[0]
        await first.get("/v1/me")
        for browser in browsers[1:]:
            browser.cookies.update(first.cookies)
        started = time.monotonic()
        answers = await asyncio.gather(*(each.sign_in(email, password) for each in browsers))
        took_s = time.monotonic() - started
    busy = [each for each in answers if each.status_code == 503]
    return {
        "statuses": dict(Counter(str(each.status_code) for each in answers)),
        "told_when": sum("retry-after" in each.headers for each in busy),
        "took_s": took_s,
    }


if __name__ == "__main__":
    ORIGIN, EMAIL, PASSWORD, COUNT = sys.argv[1:]
    print(json.dumps(asyncio.run(storm(ORIGIN, EMAIL, PASSWORD, int(COUNT)))))
