"""Who may talk to us, and what a browser may do with the answer."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import LogCapture

from telehealth.platform.guards import (
    CSRF_COOKIE,
    KnownHost,
    LastResort,
    OwnPagesOnly,
    SecurityHeaders,
    ServiceCallersOnly,
    SmallBodies,
    cookies_of,
    security_headers,
)

ORIGIN = "https://clinic.example.org"
SOCKET = "wss://calls.example.org:9443/v1/socket"


async def ok(request: Request) -> Response:
    await request.body()
    return PlainTextResponse("ok")


async def static(_request: Request) -> Response:
    return PlainTextResponse("x", headers={"Cache-Control": "public, max-age=31536000"})


async def breaks(_request: Request) -> Response:
    raise RuntimeError("Ada Lovelace, born 1815")


async def breaks_late(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError("late")


def browser(app: Starlette | None = None, origin: str = ORIGIN) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app or whole()), base_url=origin)


def whole(origin: str = ORIGIN) -> Starlette:
    return Starlette(
        routes=[
            Route("/v1/x", ok, methods=["GET", "POST", "PUT", "DELETE"]),
            Route("/static/h/x.js", static, methods=["GET", "POST"]),
            Route("/breaks", breaks),
        ],
        middleware=[
            Middleware(SecurityHeaders, public_origin=origin, socket_url=SOCKET),
            Middleware(LastResort),
            Middleware(KnownHost, public_origin=origin),
            Middleware(SmallBodies),
            Middleware(OwnPagesOnly, allowed_origins=frozenset({origin})),
        ],
    )


async def test_every_answer_says_what_a_browser_may_do_with_it() -> None:
    async with browser() as client:
        fine = await client.get("/v1/x")
        missing = await client.get("/nothing")
        broken = await client.get("/breaks")

    for response in (fine, missing, broken):
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self' wss://calls.example.org:9443;" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cross-origin-opener-policy"] == "same-origin"
        assert response.headers["strict-transport-security"]
        assert response.headers["cache-control"] == "no-store"
        assert "camera=(self)" in response.headers["permissions-policy"]


def test_hsts_is_not_promised_without_tls() -> None:
    local = security_headers(public_origin="http://localhost:8000", socket_url=SOCKET)

    assert "Strict-Transport-Security" not in local


async def test_static_files_keep_their_own_caching() -> None:
    async with browser() as client:
        response = await client.get("/static/h/x.js")
        missing = await client.get("/static/h/none.js")

    assert response.headers["cache-control"] == "public, max-age=31536000"
    assert missing.headers["cache-control"] == "no-store"
    assert "set-cookie" not in response.headers


@pytest.fixture
def logged() -> Iterator[LogCapture]:
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[capture])
    yield capture
    structlog.configure(**before)


async def test_what_nobody_expected_is_answered_without_a_word_about_it(
    logged: LogCapture,
) -> None:
    async with browser() as client:
        response = await client.get("/breaks")

    assert response.status_code == 500
    assert response.json()["code"] == "request.failed"
    assert "Ada" not in response.text
    assert [entry["event"] for entry in logged.entries] == ["request.failed"]


async def test_an_answer_that_breaks_half_way_is_logged_once(logged: LogCapture) -> None:
    """The server sees an answer without an end and cuts the connection."""
    sent: list[str] = []

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await LastResort(breaks_late)({"type": "http", "method": "GET"}, _never, send)

    assert sent == ["http.response.start"]
    assert [entry["event"] for entry in logged.entries] == ["request.failed"]


HOSTS = [
    "",
    "clinic.example.org:8443",
    "clinic.example.org.evil.example",
    "evil.example",
    "clinic.example.org@evil.example",
    "clinic.example.org/v1/sign-in",
    "clinic.example.org#",
    "clinic.example.org?",
    "clinic.example.org ",
    " clinic.example.org",
    "clinic.example.org.",
    "localhost",
    "127.0.0.1",
    "[::1]",
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/v1/x", "/static/h/x.js", "/nothing"])
async def test_only_our_own_host_is_answered(host: str, path: str) -> None:
    async with browser() as client:
        response = await client.get(path, headers={"host": host})

    assert (response.status_code, response.json()["code"]) == (421, "request.wrong_host")


async def test_a_host_in_capitals_is_the_same_host_only_as_browsers_write_it() -> None:
    """Browsers write hosts in lower case; nothing else needs to be let in."""
    async with browser() as client:
        response = await client.get("/v1/x", headers={"host": "CLINIC.example.org"})

    assert response.status_code == 421


async def test_two_hosts_are_none() -> None:
    async with browser() as client:
        request = client.build_request("GET", "/v1/x")
        request.headers = httpx.Headers([("host", "clinic.example.org"), ("host", "evil.example")])
        response = await client.send(request)

    assert response.status_code == 421


async def test_a_browser_without_the_cookie_is_given_one() -> None:
    async with browser() as client:
        first = await client.get("/v1/x")
        second = await client.get("/v1/x")

    assert first.headers["set-cookie"].startswith(f"{CSRF_COOKIE}=")
    assert first.headers["set-cookie"].endswith("; Path=/; Secure; SameSite=Lax")
    assert "set-cookie" not in second.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_our_own_pages_may_send(method: str) -> None:
    async with browser() as client:
        await client.get("/v1/x")
        headers = {"origin": ORIGIN, "x-csrf-token": client.cookies[CSRF_COOKIE]}
        response = await client.request(method, "/v1/x", headers=headers)

    assert response.status_code == 200


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", "http://clinic.example.org", ORIGIN + ".evil.example",
     ORIGIN + ":443", ORIGIN + "/", ""],
)  # fmt: skip
async def test_a_page_that_is_not_ours_may_not(origin: str | None) -> None:
    async with browser() as client:
        await client.get("/v1/x")
        headers = {"x-csrf-token": client.cookies[CSRF_COOKIE]}
        if origin is not None:
            headers["origin"] = origin
        response = await client.post("/v1/x", headers=headers)

    assert (response.status_code, response.json()["code"]) == (403, "request.origin_refused")


@pytest.mark.parametrize("repeated", [None, b"", b"x", b"\xfc"])
async def test_without_the_cookie_repeated_nothing_is_sent(repeated: bytes | None) -> None:
    async with browser() as client:
        await client.get("/v1/x")
        headers = {b"origin": ORIGIN.encode()}
        if repeated is not None:
            headers[b"x-csrf-token"] = repeated
        response = await client.post("/v1/x", headers=headers)

    assert (response.status_code, response.json()["code"]) == (403, "request.csrf_refused")


@pytest.mark.parametrize(
    "cookie", [None, f"{CSRF_COOKIE}=", f"{CSRF_COOKIE}=a; {CSRF_COOKIE}=b", "csrf=a", CSRF_COOKIE]
)
async def test_without_one_cookie_nothing_can_be_repeated(cookie: str | None) -> None:
    async with browser() as client:
        headers = {"origin": ORIGIN, "x-csrf-token": "a", **({"cookie": cookie} if cookie else {})}
        response = await client.post("/v1/x", headers=headers)

    assert response.json()["code"] == "request.csrf_refused"


@pytest.mark.parametrize("length", ["65537", "999999999999", "-1", "x", "1_0", ""])
async def test_a_declared_length_over_the_limit_is_refused_unread(length: str) -> None:
    async with browser() as client:
        await client.get("/v1/x")
        headers = {"origin": ORIGIN, "x-csrf-token": client.cookies[CSRF_COOKIE]}
        response = await client.post("/v1/x", headers={**headers, "content-length": length})

    assert (response.status_code, response.json()["code"]) == (413, "request.too_large")


async def test_other_connections_are_not_our_business() -> None:
    seen: list[str] = []

    async def app(scope: object, _receive: object, _send: object) -> None:
        assert isinstance(scope, dict)
        seen.append(scope["type"])

    guarded = SecurityHeaders(
        LastResort(
            KnownHost(
                SmallBodies(
                    OwnPagesOnly(
                        ServiceCallersOnly(app, is_ours=bool, open_paths=frozenset()),
                        allowed_origins=frozenset(),
                    )
                ),
                public_origin=ORIGIN,
            )
        ),
        public_origin=ORIGIN,
        socket_url=SOCKET,
    )
    await guarded({"type": "lifespan", "headers": []}, _never, _never)

    assert seen == ["lifespan"]


async def _never(*_: object) -> Any:
    raise AssertionError


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "right"}, 401),
        ({"authorization": "Basic right"}, 401),
        ({"authorization": "Bearer right"}, 200),
        ({"authorization": "bearer right"}, 200),
    ],
)
async def test_the_inner_door_opens_for_our_own_services(
    header: dict[str, str], status: int
) -> None:
    app = Starlette(
        routes=[Route("/inner", ok), Route("/healthz", ok)],
        middleware=[
            Middleware(
                ServiceCallersOnly,
                is_ours=lambda token: token == "right",
                open_paths=frozenset({"/healthz"}),
            )
        ],
    )
    async with browser(app) as client:
        assert (await client.get("/inner", headers=header)).status_code == status
        assert (await client.get("/healthz")).status_code == 200
        # Not a prefix: what only looks like a probe is not one.
        assert (await client.get("/healthz/../inner")).status_code in {401, 404}


def test_a_cookie_sent_twice_is_none() -> None:
    scope = {"headers": [(b"cookie", b"a=1; b=2; noise"), (b"cookie", b"b=3; c=\xfc")]}

    assert dict(cookies_of(scope)) == {"a": "1", "c": "ü"}
