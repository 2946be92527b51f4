"""ASGI middleware around every route: who may talk to us, and what a browser may do with it.

Plain ASGI: nothing here buffers a body or an answer.  Decisions read `scope["path"]` and raw
headers only, never a URL rebuilt from the Host header.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telehealth.platform.errors import TelehealthError
from telehealth.platform.http import BODY_LIMIT_BYTES, BodyTooLarge
from telehealth.platform.problems import problem_of, unexpected
from telehealth.platform.signing import TokenRefused

CSRF_COOKIE: Final = "__Host-csrf"
CSRF_HEADER: Final = b"x-csrf-token"
STATIC: Final = "/static/"
_FIRST_REFUSAL: Final = 400
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_log = structlog.get_logger(__name__)


class WrongHost(TelehealthError):
    """The request was sent to a host that is not ours."""

    code = "request.wrong_host"
    public_message = "This address is not served here."


class OriginRefused(TelehealthError):
    """An unsafe request from a page that is not ours, or from no page at all."""

    code = "request.origin_refused"
    public_message = "This request did not come from one of our pages."


class CsrfRefused(TelehealthError):
    """An unsafe request that does not repeat the cookie only our own pages can read."""

    code = "request.csrf_refused"
    public_message = "Please reload the page and try again."


class UnknownAddress(TelehealthError):
    """Nothing is served at this address."""

    code = "request.unknown_address"
    public_message = "There is nothing at this address."


class WrongMethod(TelehealthError):
    """The address is served, but not in this way."""

    code = "request.wrong_method"
    public_message = "This address cannot be used in this way."


class LastResort:
    """Answers what nobody expected, and says nothing of it but its kind and place."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except Exception as failure:  # noqa: BLE001  (below this nothing may escape to the server)
            _log.error("request.failed", method=scope["method"], exc_info=failure)
            if not started:
                await unexpected()(scope, receive, send)


class SecurityHeaders:
    """Puts on every answer what a browser may do with it.

    Args:
        app: What is served.
        public_origin: HSTS is sent only when it is https.
        socket_url: Its origin is the one other place our pages may connect to.

    Source:
        Content Security Policy Level 3; WHATWG Fetch (nosniff, CORP), HTML (COOP).
    """

    def __init__(self, app: ASGIApp, *, public_origin: str, socket_url: str) -> None:
        self._app = app
        self._headers = security_headers(public_origin=public_origin, socket_url=socket_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_static = scope["path"].startswith(STATIC)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                if not is_static or message["status"] >= _FIRST_REFUSAL:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, with_headers)


class KnownHost:
    """Answers only what was sent to the public origin's host; once, and in no other spelling."""

    def __init__(self, app: ASGIApp, *, public_origin: str) -> None:
        self._app = app
        self._host = urlsplit(public_origin).netloc.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and _all(scope, b"host") != [self._host]:
            await problem_of(WrongHost())(scope, receive, send)
            return
        await self._app(scope, receive, send)


class SmallBodies:
    """Refuses a body over 64 KiB by its declared length, before a byte of it is read.

    What is streamed without a length is counted by `body_of`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        declared = _all(scope, b"content-length") if scope["type"] == "http" else []
        if any(not size.isdigit() or int(size) > BODY_LIMIT_BYTES for size in declared):
            await problem_of(BodyTooLarge(limit_bytes=BODY_LIMIT_BYTES))(scope, receive, send)
            return
        await self._app(scope, receive, send)


class OwnPagesOnly:
    """Lets unsafe requests in from our own pages only: known Origin, and the cookie repeated.

    A browser that has no such cookie yet is given one with any answer to a safe request.  The
    cookie carries the `__Host-` prefix, so no other host can plant it.

    Source:
        OWASP CSRF Prevention Cheat Sheet: verifying the origin; double submit.
    """

    def __init__(self, app: ASGIApp, *, allowed_origins: frozenset[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"].startswith(STATIC):
            await self._app(scope, receive, send)
            return
        cookie = cookies_of(scope).get(CSRF_COOKIE)
        if scope["method"] not in _SAFE and (refusal := self._refusal(scope, cookie)):
            _log.info("request.refused", code=refusal.code, method=scope["method"])
            await problem_of(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send if cookie else _with_cookie(send))

    def _refusal(self, scope: Scope, cookie: str | None) -> TelehealthError | None:
        origins, repeated = _all(scope, b"origin"), _all(scope, CSRF_HEADER)
        if len(origins) != 1 or origins[0] not in self._origins:
            return OriginRefused()
        is_repeated = (
            cookie is not None
            and len(repeated) == 1
            and hmac.compare_digest(cookie.encode("latin-1", "replace"), repeated[0])
        )
        return None if is_repeated else CsrfRefused()


class ServiceCallersOnly:
    """Lets only our own services in, by their token; probes need none.

    Args:
        app: What is served.
        is_ours: Says whether a bearer token is one of a service that may call here.
        open_paths: Answered to anybody who can reach the port.
    """

    def __init__(
        self, app: ASGIApp, *, is_ours: Callable[[str], bool], open_paths: frozenset[str]
    ) -> None:
        self._app = app
        self._is_ours = is_ours
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and scope["path"] not in self._open_paths:
            shown = _all(scope, b"authorization")
            kind, _, token = (shown[0] if len(shown) == 1 else b"").partition(b" ")
            if kind.lower() != b"bearer" or not self._is_ours(token.decode("latin-1")):
                await problem_of(TokenRefused())(scope, receive, send)
                return
        await self._app(scope, receive, send)


def security_headers(*, public_origin: str, socket_url: str) -> Mapping[str, str]:
    """Return the headers of every answer, pages included."""
    signaling = urlsplit(socket_url)
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "media-src": "'self' blob: mediastream:",
        "connect-src": f"'self' {signaling.scheme}://{signaling.netloc}",
        "font-src": "'self'",
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {what}" for name, what in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": (
            "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()"
        ),
    }
    if public_origin.startswith("https://"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


def cookies_of(scope: Scope) -> Mapping[str, str]:
    """Return the cookies of a request; of a name sent twice, none.

    Two cookies of one name mean that somebody planted one of them.
    """
    found: dict[str, str] = {}
    twice: set[str] = set()
    for header in _all(scope, b"cookie"):
        for pair in header.decode("latin-1").split(";"):
            name, equals, value = pair.strip().partition("=")
            if not equals:
                continue
            if name in found:
                twice.add(name)
            found[name] = value
    return {name: value for name, value in found.items() if name not in twice}


def _with_cookie(send: Send) -> Send:
    async def send_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            # Readable by our scripts on purpose: repeating it is the proof.
            MutableHeaders(scope=message).append(
                "Set-Cookie",
                f"{CSRF_COOKIE}={secrets.token_urlsafe(24)}; Path=/; Secure; SameSite=Lax",
            )
        await send(message)

    return send_cookie


def _all(scope: Scope, name: bytes) -> Sequence[bytes]:
    return [value for header, value in scope["headers"] if header == name]
