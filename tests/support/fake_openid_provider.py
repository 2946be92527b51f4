"""FakeOpenIdProvider: discovery, key set and tokens as OpenID Connect describes them.

It keeps a ledger of what it was asked, and lies on demand: in its description, its keys, the
header, the claims or the signature of its tokens.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY: Final = rsa.generate_private_key(65537, 2048)
STRANGER: Final = rsa.generate_private_key(65537, 2048)


def jwk_of(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    """Return the public half under a name."""
    told: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {**told, "kid": kid, "alg": "RS256", "use": "sig"}


class FakeOpenIdProvider:
    """One provider on loopback."""

    def __init__(self, *, now: datetime) -> None:
        self.now = now
        self.issuer = ""
        self.ledger: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.metadata: dict[str, Any] = {}
        """Changes to its description; None takes a member out."""
        self.keys: list[dict[str, Any]] = [jwk_of(KEY, "key-1")]
        self.claims: dict[str, Any] = {}
        """Changes to its claims; None takes one out."""
        self.header: dict[str, Any] = {}
        self.signer: Any = KEY
        self.algorithm = "RS256"
        self.token: str | None = None
        """Another ID token altogether."""
        self.statuses: dict[str, int] = {}
        """Status to answer by path instead."""

    def id_token(self, nonce: str) -> str:
        """Make the token it answers with."""
        issued_at = int(self.now.timestamp())
        claims = {
            "iss": self.issuer,
            "sub": "subject-1",
            "aud": "telehealth",
            "iat": issued_at,
            "exp": issued_at + 300,
            "nonce": nonce,
            **self.claims,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(told, self.signer, self.algorithm, {"kid": "key-1", **self.header})

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["FakeOpenIdProvider"]:
        """Serve for the length of a `with` block."""
        app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._describe),
                Route("/keys", self._keys),
                Route("/token", self._token, methods=["POST"]),
            ]
        )
        config = uvicorn.Config(
            app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none"
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  (uvicorn tells it no other way)
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        self.issuer = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            server.should_exit = True
            server.force_exit = True
            await serving

    def _note(self, request: Request) -> Response | None:
        self.ledger.append(request.url.path)
        status = self.statuses.get(request.url.path)
        return None if status is None else JSONResponse({"error": "server_error"}, status)

    async def _describe(self, request: Request) -> Response:
        if (fault := self._note(request)) is not None:
            return fault
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }
        return JSONResponse({name: value for name, value in told.items() if value is not None})

    async def _keys(self, request: Request) -> Response:
        return self._note(request) or JSONResponse({"keys": self.keys})

    async def _token(self, request: Request) -> Response:
        if (fault := self._note(request)) is not None:
            return fault
        form = {
            name: values[0] for name, values in parse_qs((await request.body()).decode()).items()
        }
        self.forms.append(form)
        token = self.token or self.id_token(form["code"])
        return JSONResponse({"access_token": "access", "token_type": "Bearer", "id_token": token})
