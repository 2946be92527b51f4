"""ASGI middleware: an act under a key runs once, whatever becomes of the answers.

Source:
    IETF draft-ietf-httpapi-idempotency-key-header-07, sections 2.2 to 2.7.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telehealth.platform.db import UnitOfWork, marking_commits
from telehealth.platform.errors import TelehealthError
from telehealth.platform.http import BODY_LIMIT_BYTES, Services, read_limited
from telehealth.platform.idempotency import repository
from telehealth.platform.idempotency.answers import (
    DEAD_AFTER,
    KEPT_FOR,
    KEY_FORM,
    Answer,
    Name,
)
from telehealth.platform.idempotency.errors import AlreadyDone, KeyRefused, KeyReused, StillRunning
from telehealth.platform.idempotency.tables import NamedAct
from telehealth.platform.ids import new_uuid
from telehealth.platform.problems import problem_of

HEADER: Final = b"idempotency-key"
_LARGEST_ANSWER: Final = 64 * 1024
_SERVER_FAILED: Final = 500
_TRY_AGAIN: Final = frozenset({401, 429})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Whose acts the keys of a request name."""

    person_id: UUID
    clinic_id: UUID


class OnceOnly:
    """Carries out an act under a key once and gives its answer again.

    Args:
        app: What is served.
        services: Asked for at each request.
        asker_of: Says whose acts a request's keys name; None: the header counts for nothing.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        services: Callable[[], Services],
        asker_of: Callable[[Scope], Asker | None],
    ) -> None:
        self._app = app
        self._services = services
        self._asker_of = asker_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        keys = [value for name, value in scope.get("headers", ()) if name == HEADER]
        asker = self._asker_of(scope) if keys else None
        if scope["type"] != "http" or asker is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._answer(scope, receive, keys, asker)
        except TelehealthError as refusal:
            _log.info("request.refused", code=refusal.code, method=scope["method"])
            answer = problem_of(refusal)
        await answer(scope, receive, send)

    async def _answer(
        self, scope: Scope, receive: Receive, keys: list[bytes], asker: Asker
    ) -> Response:
        if len(keys) != 1 or not KEY_FORM.fullmatch(keys[0]):
            raise KeyRefused
        body = await read_limited(Request(scope, receive), BODY_LIMIT_BYTES)
        services = self._services()
        name = Name(
            keys[0],
            person_id=asker.person_id,
            clinic_id=asker.clinic_id,
            secret=services.service_key,
        )
        act = _act(name, name.act_mac(scope["method"], scope["path"], body), services.clock.now())
        async with services.database.unit_of_work() as uow:
            earlier = await _earlier_answer(uow, act, name)
        if earlier is not None:
            return _response(earlier, is_repeat=True)
        return await self._run(scope, body, act, name)

    async def _run(self, scope: Scope, body: bytes, act: NamedAct, name: Name) -> Response:
        services, run, key_hash = self._services(), act.run, act.key_hash

        async def mark(session: AsyncSession) -> None:
            now = services.clock.now()
            if not await repository.mark_done(session, key_hash, run=run, now=now):
                raise StillRunning

        try:
            with marking_commits(services.database, mark):
                answer = await _heard(self._app, scope, body)
        except Exception:
            await self._forget(act)
            raise
        if answer.status >= _SERVER_FAILED or answer.status in _TRY_AGAIN:
            await self._forget(act)
        elif len(answer.body) <= _LARGEST_ANSWER:
            sealed = name.seal(answer)
            async with services.database.unit_of_work() as uow:
                await repository.keep_answer(
                    uow.session, key_hash, run=run, status=answer.status, sealed=sealed
                )
        return _response(answer, is_repeat=False)

    async def _forget(self, act: NamedAct) -> None:
        async with self._services().database.unit_of_work() as uow:
            await repository.forget(uow.session, act.key_hash, run=act.run)


async def sweep(uow: UnitOfWork, *, now: datetime) -> int:
    """Forget acts whose day is over; returns how many."""
    return await repository.sweep(uow.session, now=now)


def _act(name: Name, mac: str, now: datetime) -> NamedAct:
    return NamedAct(
        key_hash=name.hash,
        act_mac=mac,
        run=new_uuid(),
        started_at=now,
        done_at=None,
        status=None,
        sealed_answer=None,
        expires_at=now + KEPT_FOR,
    )


async def _earlier_answer(uow: UnitOfWork, act: NamedAct, name: Name) -> Answer | None:
    """Claim the act for this try, or return what an earlier one was answered.

    Raises:
        KeyReused: The key stands for another act.
        StillRunning: Another try is at it.
        AlreadyDone: It was done, and its answer is lost.
    """
    if await repository.claim(uow.session, act):
        return None
    found = await repository.unscoped_act(uow.session, act.key_hash)
    if found is None:
        raise StillRunning
    if found.act_mac != act.act_mac:
        raise KeyReused
    if found.status is not None and found.sealed_answer is not None:
        answer = name.open(found.sealed_answer, status=found.status)
        if answer is None:
            raise AlreadyDone
        return answer
    await _take_over(uow, found, act)
    return None


async def _take_over(uow: UnitOfWork, found: NamedAct, act: NamedAct) -> None:
    """Take the act from a try that died before it did anything."""
    if act.started_at < found.started_at + DEAD_AFTER:
        raise StillRunning
    if found.done_at is not None:
        raise AlreadyDone
    is_ours = await repository.take_over(
        uow.session, found, run=act.run, now=act.started_at, expires_at=act.expires_at
    )
    if not is_ours:
        raise StillRunning


async def _heard(app: ASGIApp, scope: Scope, body: bytes) -> Answer:
    """Run the application on a body already read; return all it answered."""
    status, content_type, said = 0, "", bytearray()
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status, content_type
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {bytes(name).lower(): value for name, value in message["headers"]}
            content_type = headers.get(b"content-type", b"").decode("latin-1")
        else:
            said.extend(message.get("body", b""))

    await app(scope, receive, send)
    return Answer(status=status, content_type=content_type, body=bytes(said))


def _response(answer: Answer, *, is_repeat: bool) -> Response:
    headers = {"Cache-Control": "no-store"}
    if answer.content_type:
        headers["Content-Type"] = answer.content_type
    if is_repeat:
        headers["Idempotency-Replayed"] = "true"
    return Response(answer.body, answer.status, headers)
