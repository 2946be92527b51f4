"""A browser without a screen: talks to the public application in this process.

It keeps cookies, repeats the CSRF cookie in its header and says where it comes from, as our
pages' scripts do.
"""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from limits.aio.storage import MemoryStorage, RedisStorage
from pydantic import SecretStr

from telehealth.app import VisitService, create_app
from telehealth.platform.clock import Clock
from telehealth.platform.config import VisitServiceSettings
from telehealth.platform.guards import CSRF_COOKIE
from telehealth.platform.sealing.providers import Mode
from telehealth.platform.sealing.settings import ProviderKind
from telehealth.platform.signing import make_key_file
from tests.support.sealing import keys_database_url, root_key_file

ORIGIN = "https://clinic.example.org"
SERVICE_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")


def settings_for_tests(database_url: str, folder: Path, **changes: Any) -> VisitServiceSettings:
    """Make settings around a test's database; keys are drawn into `folder`."""
    keys_file = folder / "keys.json"
    if not keys_file.exists():
        make_key_file(keys_file)
    given: dict[str, Any] = {
        "database_url": SecretStr(database_url),
        "mode": Mode.DEVELOPMENT,
        "keys_database_url": SecretStr(keys_database_url(database_url)),
        "key_provider": ProviderKind.LOCAL_FILE,
        "root_key_file": root_key_file(database_url),
        "listen": "127.0.0.1:0",
        "internal_listen": "127.0.0.1:0",
        "public_origin": ORIGIN,
        "allowed_origins": [ORIGIN],
        "signaling_socket_url": "wss://calls.example.org/v1/socket",
        "keys_file": keys_file,
        "service_key": SecretStr(SERVICE_KEY),
        "redis_url": SecretStr("unix:///nowhere/redis.sock"),
        # Most tests are about something else; those of the door ask for more.
        "staff_second_factor": "offered",
        "refusal_after_s": 0.0,
        **changes,
    }
    return VisitServiceSettings(**given)


class AppClient:
    """One browser."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.http = client

    async def open(self, path: str) -> httpx.Response:
        """Open a page, as by typing its address."""
        headers = {"accept": "text/html", "sec-fetch-mode": "navigate"}
        return await self.http.get(path, headers=headers)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Fetch something, as a script of ours."""
        return await self.http.get(path, **options)

    async def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send an unsafe request, as a script of ours: Origin, and the cookie repeated."""
        if CSRF_COOKIE not in self.http.cookies:
            await self.http.get("/v1/me")
        own = {"origin": ORIGIN, "x-csrf-token": self.http.cookies[CSRF_COOKIE]}
        return await self.http.request(method, path, json=body, headers={**own, **(headers or {})})

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """POST, as a script of ours."""
        return await self.send("POST", path, {} if body is None else body)

    async def put(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        """PUT, as a script of ours."""
        return await self.send("PUT", path, body)

    async def sign_in(self, email: str, password: str) -> httpx.Response:
        """Sign in as a member of staff."""
        return await self.post("/v1/sign-in", {"email": email, "password": password})

    async def open_link(
        self, secret: str, birth_date: str, *, take_over: bool = False
    ) -> httpx.Response:
        """Come in by a visit link."""
        body = {"birth_date": birth_date, "take_over": take_over}
        return await self.post(f"/v1/visit-links/{secret}/open", body)


@asynccontextmanager
async def browser_of(made: VisitService) -> AsyncIterator[AppClient]:
    """Open a browser without cookies."""
    transport = httpx.ASGITransport(made.public)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield AppClient(client)


@asynccontextmanager
async def running_app(
    database_url: str,
    folder: Path,
    *,
    clock: Clock | None = None,
    counts: RedisStorage | MemoryStorage | None = None,
    **changes: Any,
) -> AsyncIterator[VisitService]:
    """Make the applications around a test's database and close them in the end.

    Requests are counted in this process unless `counts` says otherwise.
    """
    settings = settings_for_tests(database_url, folder, **changes)
    made = create_app(settings, clock=clock, counts=counts or MemoryStorage())
    try:
        yield made
    finally:
        await made.close()
