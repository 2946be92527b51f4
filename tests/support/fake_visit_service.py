"""FakeVisitService: the internal door of the visit service, as `telehealth.contract` describes it.

It checks the service token, keeps a ledger of all it was asked, and follows a fault script: for
each path, answers to give before it behaves again.  "silence" answers nothing.
"""

import asyncio
import base64
import contextlib
import secrets
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from telehealth.contract import (
    JOIN_TICKET_TYP,
    Admission,
    AttendanceKind,
    Entry,
    PresenceEvent,
    PresenceEvents,
    Removal,
)
from telehealth.platform.clock import SystemClock
from telehealth.platform.signing import TokenSigner, secret_bytes, verify_service_token
from tests.support.keys import key_for_tests

ADMISSIONS, REMOVALS = "/internal/v1/admissions", "/internal/v1/removals"
PRESENCE, KEYS = "/internal/v1/presence-events", "/internal/v1/keys"
SILENCE = 0


class FakeVisitService:
    """One server on loopback."""

    def __init__(self) -> None:
        self.key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        self.signer = TokenSigner([key_for_tests()], clock=SystemClock())
        self.admissions: list[Admission] = []
        self.removals: list[Removal] = []
        self.events: list[PresenceEvent] = []
        self.faults: dict[str, deque[int]] = defaultdict(deque)
        """Fault script: status codes to answer next, by path; SILENCE for none."""
        self.fetches = 0
        self._server: uvicorn.Server | None = None
        self.url = ""

    def ticket(self, **changes: object) -> str:
        """Sign a join ticket; `typ` and any claim may be changed."""
        issued_at = int(datetime.now(UTC).timestamp())  # noqa: TID251  (the machine's clock it is)
        typ = str(changes.pop("typ", JOIN_TICKET_TYP))
        claims: dict[str, object] = {
            "iss": "telehealth",
            "aud": "signaling",
            "sub": str(uuid4()),
            "jti": secrets.token_urlsafe(16),
            "iat": issued_at,
            "exp": issued_at + 60,
            "room": str(uuid4()),
            "participant": str(uuid4()),
            "role": "patient",
            "kind": AttendanceKind.PATIENT.value,
            "may_admit": False,
            "entry": Entry.DIRECT.value,
        }
        claims.update(changes)
        told = {name: value for name, value in claims.items() if value is not None}
        key = key_for_tests()
        return jwt.encode(told, key.private, "EdDSA", {"typ": typ, "kid": key.kid})

    def kinds(self, participant_id: str) -> list[str]:
        """What was told of one seat, in order."""
        return [e.kind.value for e in self.events if str(e.participant_id) == participant_id]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["FakeVisitService"]:
        """Serve for the length of a `with` block."""
        app = Starlette(
            routes=[
                Route(ADMISSIONS, self._admissions, methods=["POST"]),
                Route(REMOVALS, self._removals, methods=["POST"]),
                Route(PRESENCE, self._presence, methods=["POST"]),
                Route(KEYS, self._keys, methods=["GET"]),
            ]
        )
        config = uvicorn.Config(
            app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110  (uvicorn tells it no other way)
            await asyncio.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            self._server.should_exit = True
            self._server.force_exit = True
            await serving

    async def _faulty(self, request: Request) -> Response | None:
        verify_service_token(
            request.headers["authorization"].removeprefix("Bearer "),
            key=secret_bytes(self.key),
            issuer="signaling",
            audience="visit-service",
            now=SystemClock().now(),
        )
        script = self.faults[request.url.path]
        if not script:
            return None
        status = script.popleft()
        if status == SILENCE:
            await asyncio.sleep(30)
        return Response(status_code=status)

    async def _admissions(self, request: Request) -> Response:
        self.admissions.append(Admission.model_validate_json(await request.body()))
        return await self._faulty(request) or Response(status_code=204)

    async def _removals(self, request: Request) -> Response:
        self.removals.append(Removal.model_validate_json(await request.body()))
        return await self._faulty(request) or Response(status_code=204)

    async def _presence(self, request: Request) -> Response:
        if (fault := await self._faulty(request)) is not None:
            return fault
        batch = PresenceEvents.model_validate_json(await request.body())
        known = {event.event_id for event in self.events}
        self.events += [event for event in batch.events if event.event_id not in known]
        return Response(status_code=204)

    async def _keys(self, request: Request) -> Response:
        self.fetches += 1
        fault = await self._faulty(request)
        return fault or JSONResponse({"keys": self.signer.public_keys()})
