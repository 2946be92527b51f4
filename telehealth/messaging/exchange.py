"""One request to a channel over the egress client, and what its fate means for a message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httpx

from telehealth.delivery.ports import OutcomeCode
from telehealth.messaging.ports import Later, NotAccepted, Unclear
from telehealth.platform.egress import EgressRefused

# Raised before a connection stands: nothing of the request has left.
_NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_FIRST_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A success."""

    status: int
    body: Mapping[str, Any] = field(repr=False)


async def asked(
    client: httpx.AsyncClient, request: httpx.Request
) -> Answer | Later | Unclear | NotAccepted:
    """Send one request; a fault is told by what it means.

    A 4xx is a refusal, 401 and 403 one that no other message would escape, 429 a wait; after a
    5xx, a lost or an unreadable answer nobody knows what was done.
    """
    try:
        response = await client.send(request)
    except _NEVER_LEFT:
        return Later(code=OutcomeCode.UNREACHABLE)
    except (httpx.HTTPError, EgressRefused):
        return Unclear(code=OutcomeCode.ANSWER_LOST)
    if response.is_success:
        return _read(response)
    return _trouble(response.status_code)


def _read(response: httpx.Response) -> Answer | Unclear:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return Unclear(code=OutcomeCode.UNREADABLE_ANSWER, http_status=response.status_code)
    return Answer(status=response.status_code, body=body)


def _trouble(status: int) -> Later | Unclear | NotAccepted:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Later(code=OutcomeCode.SIGN_IN_REFUSED, http_status=status, pauses_partner=True)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Later(code=OutcomeCode.RATE_LIMITED, http_status=status, counts=False)
    if status >= _FIRST_SERVER_ERROR:
        return Unclear(code=OutcomeCode.PARTNER_ERROR, http_status=status)
    return NotAccepted(code=OutcomeCode.REJECTED_BY_PARTNER, http_status=status)
