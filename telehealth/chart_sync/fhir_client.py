"""FHIR R4 over HTTP: conditional create and search by identifier.

Never follows a redirect, never sends our token to another host than the FHIR base's, and turns
every fault into a `Trouble`.
"""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from telehealth.chart_sync.answers import created, matched
from telehealth.chart_sync.ports import (
    CreateAnswer,
    Exchange,
    NoReply,
    Reply,
    SearchAnswer,
    Trouble,
    TroubleKind,
)
from telehealth.chart_sync.smart_sign_in import BackendSignIn
from telehealth.delivery.ports import OutcomeCode
from telehealth.platform.clock import Clock
from telehealth.platform.egress import EgressRefused, partner_client

_FHIR_JSON: Final = "application/fhir+json"
# Raised before a connection stands: nothing of the request has left.
_NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class HttpExchange:
    """One request, one answer, over a client made by `platform.egress`."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Reply | NoReply:
        """Send a request and read its answer; the client caps its size."""
        try:
            async with self._client.stream(
                method, url, headers=dict(headers), content=content, follow_redirects=False
            ) as response:
                return Reply(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=await response.aread(),
                )
        except _NEVER_LEFT:
            return NoReply(may_have_arrived=False)
        except (httpx.HTTPError, EgressRefused):
            # An answer too large to read is an answer: the request has arrived.
            return NoReply(may_have_arrived=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class FhirClient:
    """One EHR.

    Args:
        exchange: Sends one request.
        base_url: FHIR base, without a slash at the end.
        sign_in: None only for an EHR on this machine that asks for no token.
        clock: Tells instants.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        base_url: str,
        sign_in: BackendSignIn | None,
        clock: Clock,
    ) -> None:
        self._exchange = exchange
        self._base_url = base_url
        self._sign_in = sign_in
        self._clock = clock

    async def create_once(
        self, resource: Mapping[str, Any], *, system: str, value: str, send_before_s: float
    ) -> CreateAnswer:
        """Create `resource` unless the EHR has one of its type with this identifier.

        Args:
            resource: A FHIR resource; the same mapping gives the same bytes.
            system: Identifier system.
            value: Identifier value.
            send_before_s: Loop instant after which nothing may leave.

        Source: FHIR R4 http.html#ccreate; the header holds the bare query, without a `?`.
        """
        resource_type = str(resource["resourceType"])
        reply = await self._send(
            "POST",
            resource_type,
            headers={
                "Content-Type": _FHIR_JSON,
                "If-None-Exist": _identifier_query(system, value),
                "Prefer": "return=minimal",
            },
            content=serialised(resource),
            send_before_s=send_before_s,
        )
        if isinstance(reply, Trouble):
            return reply
        return created(reply, resource_type=resource_type, now=self._clock.now())

    async def find(self, resource_type: str, *, system: str, value: str) -> SearchAnswer:
        """Search one type by identifier."""
        reply = await self._send("GET", f"{resource_type}?{_identifier_query(system, value)}")
        if isinstance(reply, Trouble):
            return reply
        return matched(
            reply, resource_type=resource_type, system=system, value=value, now=self._clock.now()
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._exchange.close()

    async def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        send_before_s: float | None = None,
    ) -> Reply | NoReply | Trouble:
        """Send with a token; when it is refused, once more with a new one."""
        reply = await self._send_once(method, path, headers or {}, content, send_before_s)
        if self._sign_in is None or not isinstance(reply, Reply):
            return reply
        if reply.status == HTTPStatus.UNAUTHORIZED:
            self._sign_in.forget()
            return await self._send_once(method, path, headers or {}, content, send_before_s)
        return reply

    async def _send_once(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        content: bytes | None,
        send_before_s: float | None,
    ) -> Reply | NoReply | Trouble:
        authorised = {"Accept": _FHIR_JSON, **headers}
        if self._sign_in is not None:
            token = await self._sign_in.token()
            if isinstance(token, Trouble):
                return token
            authorised["Authorization"] = f"Bearer {token}"
        if send_before_s is not None and asyncio.get_running_loop().time() > send_before_s:
            return Trouble(kind=TroubleKind.LATER, code=OutcomeCode.LEASE_SHORT)
        return await self._exchange(
            method, f"{self._base_url}/{path}", headers=authorised, content=content
        )


def serialised(resource: Mapping[str, Any]) -> bytes:
    """Write a resource; the same content always gives the same bytes."""
    return json.dumps(resource, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def http_exchange(base_url: str) -> HttpExchange:
    """Make the exchange for one EHR: no redirects, sizes and times capped."""
    return HttpExchange(partner_client(base_url=base_url))


def _identifier_query(system: str, value: str) -> str:
    return urlencode({"identifier": f"{system}|{value}"})
