"""ASGI middleware: from a cookie to the Actor on whose behalf the request runs.

A pass is believed for five minutes by its signature, and asked about at each request all the
same: whoever is signed out, or replaced by a newer opening of the same link, is out at once.
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telehealth.access.errors import NotSignedIn
from telehealth.access.http import put_actor, put_holder
from telehealth.identity import door
from telehealth.identity.access_tokens import ACCESS_LIFE, Pass, read_pass, sign_pass
from telehealth.identity.cookies import ACCESS_COOKIE, REFRESH_COOKIE, set_cookies
from telehealth.identity.door import SignedIn
from telehealth.identity.errors import SessionEnded
from telehealth.identity.proofs import Holder
from telehealth.platform.guards import STATIC, cookies_of
from telehealth.platform.http import Services

_HOLDER_KEY: Final = "telehealth.login_session"


class Entrance:
    """Says on whose behalf a request runs; lets everybody through, routes ask for the actor.

    A page that is opened with a pass out of date, but with a secret to renew it, is renewed on
    the way in: nobody is sent to the sign-in page for having had lunch.

    Args:
        app: What is served.
        services: Asked for at each request; made when the application starts.
    """

    def __init__(self, app: ASGIApp, *, services: Callable[[], Services]) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and not scope["path"].startswith(STATIC):
            send = await self._admit(scope, send)
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope, send: Send) -> Send:
        services, cookies = self._services(), cookies_of(scope)
        if access := cookies.get(ACCESS_COOKIE):
            try:
                given = read_pass(services.signer, access)
            except SessionEnded:
                given = None
            if given is not None and (holder := await _in_force(services, given)) is not None:
                _put(scope, holder)
                return send
        if (secret := cookies.get(REFRESH_COOKIE)) and _opens_a_page(scope):
            return await self._renew(scope, send, secret)
        return send

    async def _renew(self, scope: Scope, send: Send, secret: str) -> Send:
        services = self._services()
        async with services.database.unit_of_work() as uow:
            renewed = await door.refresh(uow, secret=secret, now=services.clock.now())
        if isinstance(renewed, SessionEnded):
            return send
        _put(scope, Holder(renewed.session_id, renewed.actor, renewed.may_only_enrol))
        return send if renewed.refresh_secret is None else _with_cookies(send, services, renewed)


def session_of(scope: Scope) -> UUID | None:
    """Return the login session a request came with."""
    found = scope.get(_HOLDER_KEY)
    return found.session_id if isinstance(found, Holder) else None


def holder_of(request: HTTPConnection) -> Holder:
    """Return whose login session a request came with, even one that may only enrol.

    For the routes of one's own sign-in alone: every other asks for the actor, and a session that
    may only enrol has none.

    Raises:
        NotSignedIn: Nobody's.
    """
    found = request.scope.get(_HOLDER_KEY)
    if not isinstance(found, Holder):
        raise NotSignedIn
    return found


def give_cookies(headers: MutableHeaders, services: Services, signed_in: SignedIn) -> None:
    """Put the cookies of a new or renewed session on an answer."""
    if signed_in.refresh_secret is None:
        raise ValueError("another page was given the secret")
    now = services.clock.now()
    set_cookies(
        headers,
        access=sign_pass(services.signer, signed_in.given_pass, now=now),
        access_life_s=int(ACCESS_LIFE.total_seconds()),
        refresh=signed_in.refresh_secret,
        refresh_life_s=max(1, int((signed_in.expires_at - now).total_seconds())),
    )


def _put(scope: Scope, holder: Holder) -> None:
    scope[_HOLDER_KEY] = holder
    put_holder(scope, holder.actor)
    # Without an actor no route of the product answers: who has still to enrol acts on nothing.
    if not holder.may_only_enrol:
        put_actor(scope, holder.actor)


async def _in_force(services: Services, given: Pass) -> Holder | None:
    async with services.database.reading() as session:
        found = await door.in_force(session, session_id=given.session_id, now=services.clock.now())
        if found is None:
            return None
        return Holder(given.session_id, given.actor, found.may_only_enrol)


def _opens_a_page(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return (
        scope["method"] == "GET"
        and "text/html" in headers.get("accept", "")
        and headers.get("sec-fetch-mode", "navigate") == "navigate"
    )


def _with_cookies(send: Send, services: Services, renewed: SignedIn) -> Send:
    async def send_cookies(message: Message) -> None:
        if message["type"] == "http.response.start":
            give_cookies(MutableHeaders(scope=message), services, renewed)
        await send(message)

    return send_cookies
