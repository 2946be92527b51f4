"""E-mails by a mail relay that takes HTTP: `PUT /messages/{message_id}`, `GET` the same.

A relay of this shape drops repeats of one id, so an e-mail is never sent twice.  It is the shape of
our own simulator; an adapter for an SMTP server or a mail service stands beside this file and
implements the same port.
"""

import httpx

from telehealth.messaging.exchange import Answer, asked
from telehealth.messaging.ports import (
    Absent,
    Accepted,
    FindAnswer,
    NotAccepted,
    Outgoing,
    SendAnswer,
    Unclear,
)
from telehealth.platform.egress import partner_client

_ABSENT = 404


class HttpMail:
    """Implements `telehealth.messaging.ports.MessageChannel`.

    Args:
        base_url: Of the relay.
        token: Bearer token it knows us by.
        sender: Address that e-mails come from.
    """

    def __init__(self, base_url: str, *, token: str, sender: str) -> None:
        self._base = base_url.rstrip("/")
        self._http = partner_client(base_url=self._base)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._sender = sender

    async def send(self, message: Outgoing) -> SendAnswer:
        """Hand the e-mail over under its id."""
        content = {
            "from": self._sender,
            "to": message.to,
            "subject": message.subject,
            "text": message.text,
        }
        request = self._http.build_request(
            "PUT", self._url(message), json=content, headers=self._headers
        )
        answer = await asked(self._http, request)
        if isinstance(answer, Answer):
            return Accepted(ref=str(message.message_id), http_status=answer.status)
        return answer

    async def find(self, message: Outgoing) -> FindAnswer:
        """Ask for the e-mail by its id."""
        request = self._http.build_request("GET", self._url(message), headers=self._headers)
        answer = await asked(self._http, request)
        match answer:
            case Answer():
                return Accepted(ref=str(message.message_id), http_status=answer.status)
            case NotAccepted(http_status=404):
                return Absent(http_status=_ABSENT)
            case _:
                return Unclear(code=answer.code, http_status=answer.http_status)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _url(self, message: Outgoing) -> httpx.URL:
        return httpx.URL(f"{self._base}/messages/{message.message_id}")
