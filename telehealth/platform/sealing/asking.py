"""One request to a key provider; whatever goes wrong is *keys unavailable*, said without words."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx
import structlog

from telehealth.platform.egress import EgressRefused, partner_client
from telehealth.platform.sealing.errors import KeysUnavailable

TIMEOUT_S: Final = 2.0
_ANSWER_LIMIT_BYTES: Final = 64 * 1024
_log = structlog.get_logger(__name__)


class Asking:
    """A client for one provider.

    Args:
        base_url: Configured by the operator; plain http is for this machine only.
    """

    def __init__(self, base_url: str) -> None:
        self._client = partner_client(
            base_url=base_url, timeout_s=TIMEOUT_S, answer_limit_bytes=_ANSWER_LIMIT_BYTES
        )

    async def post(
        self, path: str, content: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        """Send a body; return status and JSON object of any answer below 500 but 429.

        Raises:
            KeysUnavailable: No answer, a fault of the provider's, or no JSON object.
        """
        try:
            answer = await self._client.post(path, content=content, headers=dict(headers))
            told = json.loads(answer.content)
        except (httpx.HTTPError, EgressRefused, ValueError, OSError):
            _log.warning("sealing.provider_silent")
            raise KeysUnavailable from None
        is_down = (
            answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
            or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        )
        if is_down or not isinstance(told, dict):
            _log.warning("sealing.provider_refused", status=answer.status_code)
            raise KeysUnavailable(status=answer.status_code)
        return answer.status_code, told

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
