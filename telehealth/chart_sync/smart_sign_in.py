"""SMART Backend Services: how this service proves to an EHR who it is.

A JWT signed with our private key is exchanged for an access token, kept until shortly before it
ends.

Source: SMART App Launch 2.2, backend-services and client-confidential-asymmetric; RFC 7523.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import jwt

from telehealth.chart_sync import scopes
from telehealth.chart_sync.answers import json_object, trouble
from telehealth.chart_sync.ports import Exchange, NoReply, Reply, Trouble, TroubleKind
from telehealth.delivery.ports import OutcomeCode
from telehealth.platform.clock import Clock

_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFE: Final = timedelta(minutes=4)
"""The limit is five minutes; one is left for a clock that runs ahead."""
_RENEW_BEFORE: Final = timedelta(seconds=30)
_LONGEST_TRUST: Final = timedelta(minutes=60)
_ALGORITHMS: Final[Mapping[tuple[str, str | None], str]] = {
    ("EC", "P-384"): "ES384",
    ("RSA", None): "RS384",
}


class KeyUnusable(Exception):
    """The private key is neither RSA nor P-384, or has no key id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """Our registered key at the EHR."""

    key_id: str
    algorithm: str
    key: jwt.PyJWK = field(repr=False)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "ClientKey":
        """Read a private JSON Web Key.

        Raises:
            KeyUnusable: No key id, or a kind of key SMART does not ask for.
        """
        algorithm = _ALGORITHMS.get((str(jwk.get("kty")), jwk.get("crv")))
        if algorithm is None or not jwk.get("kid") or "d" not in jwk:
            raise KeyUnusable
        key = jwt.PyJWK.from_dict(dict(jwk), algorithm=algorithm)
        return cls(key_id=str(jwk["kid"]), algorithm=algorithm, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    text: str = field(repr=False)
    renew_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Discovered:
    token_endpoint: str
    scope: str


class BackendSignIn:
    """Keeps one access token for one EHR.

    Args:
        exchange: Sends one request.
        base_url: FHIR base; discovery is appended to it.
        client_id: Our registration at the EHR.
        key: Our registered key.
        clock: Tells instants.
        open_exchange: Makes an exchange with the token endpoint, which may be another host.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        base_url: str,
        client_id: str,
        key: ClientKey,
        clock: Clock,
        open_exchange: Callable[[str], Exchange],
    ) -> None:
        self._exchange = exchange
        self._base_url = base_url
        self._client_id = client_id
        self._key = key
        self._clock = clock
        self._open_exchange = open_exchange
        self._token: _Token | None = None

    def forget(self) -> None:
        """Drop the token: the EHR refused it."""
        self._token = None

    async def token(self) -> str | Trouble:
        """Return an access token, asking for one when there is none or it ends soon.

        Two calls at once may ask twice; both answers are good.
        """
        if self._token is not None and self._clock.now() < self._token.renew_at:
            return self._token.text
        discovered = await self._discover()
        if isinstance(discovered, Trouble):
            return discovered
        reply = await self._ask_for_token(discovered)
        taken = self._read_token(reply, asked_at=self._clock.now())
        if isinstance(taken, Trouble):
            return taken
        self._token = taken
        return taken.text

    async def _discover(self) -> _Discovered | Trouble:
        url = f"{self._base_url}/.well-known/smart-configuration"
        reply = await self._exchange("GET", url, headers={"Accept": "application/json"})
        if isinstance(reply, NoReply):
            return _later(OutcomeCode.UNREACHABLE)
        document = json_object(reply.body) if reply.status == HTTPStatus.OK else None
        if document is None:
            return _later(OutcomeCode.UNREADABLE_ANSWER, reply)
        endpoint = document.get("token_endpoint")
        if not isinstance(endpoint, str) or not is_secure_or_loopback(endpoint):
            return _shut(OutcomeCode.SIGN_IN_REFUSED, reply)
        if not self._speaks_our_way(document):
            return _shut(OutcomeCode.SIGN_IN_REFUSED, reply)
        is_v2 = "permission-v2" in _texts(document.get("capabilities"))
        return _Discovered(token_endpoint=endpoint, scope=scopes.wanted(is_v2=is_v2))

    def _speaks_our_way(self, document: Mapping[str, Any]) -> bool:
        """Check the method and, where they are listed, the algorithms."""
        methods = _texts(document.get("token_endpoint_auth_methods_supported"))
        if methods and "private_key_jwt" not in methods:
            return False
        algorithms = _texts(document.get("token_endpoint_auth_signing_alg_values_supported"))
        return not algorithms or self._key.algorithm in algorithms

    async def _ask_for_token(self, discovered: _Discovered) -> Reply | NoReply:
        exchange = self._open_exchange(discovered.token_endpoint)
        try:
            return await exchange(
                "POST",
                discovered.token_endpoint,
                headers={
                    "Accept": "application/json",
                    "Content-Type": "application/x-www-form-urlencoded",
                },
                content=self._request(discovered).encode(),
            )
        finally:
            await exchange.close()

    def _request(self, discovered: _Discovered) -> str:
        now = self._clock.now()
        assertion = jwt.encode(
            {
                "iss": self._client_id,
                "sub": self._client_id,
                "aud": discovered.token_endpoint,
                "iat": int(now.timestamp()),
                "exp": int((now + _ASSERTION_LIFE).timestamp()),
                "jti": str(uuid4()),
            },
            self._key.key,
            algorithm=self._key.algorithm,
            headers={"kid": self._key.key_id, "typ": "JWT"},
        )
        return urlencode(
            {
                "grant_type": "client_credentials",
                "scope": discovered.scope,
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": assertion,
            }
        )

    def _read_token(self, reply: Reply | NoReply, *, asked_at: datetime) -> _Token | Trouble:
        if isinstance(reply, NoReply):
            return _later(OutcomeCode.UNREACHABLE)
        if reply.status != HTTPStatus.OK:
            return _refusal(reply, now=asked_at)
        document = json_object(reply.body) or {}
        text, life_s = document.get("access_token"), document.get("expires_in")
        is_bearer = str(document.get("token_type", "")).lower() == "bearer"
        if not isinstance(text, str) or not isinstance(life_s, int) or not text or not is_bearer:
            return _later(OutcomeCode.UNREADABLE_ANSWER, reply)
        if not scopes.is_enough(str(document.get("scope", ""))):
            return _shut(OutcomeCode.SCOPE_TOO_NARROW, reply)
        life = min(timedelta(seconds=min(max(life_s, 0), 86_400)), _LONGEST_TRUST)
        return _Token(text=text, renew_at=asked_at + life - _RENEW_BEFORE)


def is_secure_or_loopback(url: str) -> bool:
    """Say whether a URL may be sent a secret: TLS, or this machine itself."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
    )


def _refusal(reply: Reply, *, now: datetime) -> Trouble:
    """Read a refused token request: ours to mend, unless the server itself is in trouble."""
    told = trouble(reply, now=now)
    if told.kind is TroubleKind.REFUSED or told.pauses_partner:
        return _shut(OutcomeCode.SIGN_IN_REFUSED, reply)
    return Trouble(
        kind=TroubleKind.LATER,
        code=told.code,
        http_status=told.http_status,
        not_before=told.not_before,
        counts=told.counts,
    )


def _later(code: OutcomeCode, reply: Reply | None = None) -> Trouble:
    status = None if reply is None else reply.status
    return Trouble(kind=TroubleKind.LATER, code=code, http_status=status)


def _shut(code: OutcomeCode, reply: Reply) -> Trouble:
    return Trouble(kind=TroubleKind.LATER, code=code, http_status=reply.status, pauses_partner=True)


def _texts(listed: object) -> frozenset[str]:
    if not isinstance(listed, list):
        return frozenset()
    return frozenset(item for item in listed if isinstance(item, str))
