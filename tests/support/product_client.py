"""A browser without a screen before a running product, over real sockets.

Cookies of `http://localhost` are Secure: a browser sends them there, Python's own jar does not.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from telehealth.platform.guards import CSRF_COOKIE


class ProductClient:
    """One browser; `origin` is what people type, `address` where it is served."""

    def __init__(self, http: httpx.AsyncClient, *, origin: str) -> None:
        self.http = http
        self.origin = origin
        self.cookies: dict[str, str] = {}

    async def get(self, path: str) -> httpx.Response:
        """Fetch something, as a script of ours."""
        return await self._send("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """POST, as a script of ours."""
        if CSRF_COOKIE not in self.cookies:
            await self.get("/v1/me")
        return await self._send("POST", path, body or {})

    async def sign_in(self, email: str, password: str) -> httpx.Response:
        """Sign in as a member of staff."""
        return await self.post("/v1/sign-in", {"email": email, "password": password})

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        headers = {
            "host": self.origin.partition("://")[2],
            "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        if method != "GET":
            headers |= {"origin": self.origin, "x-csrf-token": self.cookies.get(CSRF_COOKIE, "")}
        answer = await self.http.request(method, path, json=body, headers=headers)
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        # Ours, not the library's: it would keep them and send none.
        self.http.cookies.clear()
        return answer


@asynccontextmanager
async def client_of(origin: str, *, address: str | None = None) -> AsyncIterator[ProductClient]:
    """Open a browser without cookies."""
    async with httpx.AsyncClient(base_url=address or origin, trust_env=False, timeout=60) as http:
        yield ProductClient(http, origin=origin)
