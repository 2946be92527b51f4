"""Texts by Twilio's Messages resource, or by a simulator that speaks it.

Source:
    Twilio API 2010-04-01, Messages: create (To, From, Body, StatusCallback), read multiple (To,
    DateSent>, PageSize).  There is no key for repeats, so whoever lost an answer asks what was
    sent to the number: each notice's text is its own, by its link or code.
"""

from datetime import timedelta
from typing import Final
from urllib.parse import quote

import httpx

from telehealth.delivery.ports import OutcomeCode
from telehealth.messaging.exchange import Answer, asked
from telehealth.messaging.ports import (
    Absent,
    Accepted,
    FindAnswer,
    Later,
    NotAccepted,
    Outgoing,
    SendAnswer,
    Unclear,
)
from telehealth.platform.egress import partner_client

_PAGE: Final = 100
_REFUSED_STATES: Final = frozenset({"failed", "undelivered", "canceled"})


class TwilioTexts:
    """Implements `telehealth.messaging.ports.MessageChannel`.

    Args:
        base_url: Such as `https://api.twilio.com`.
        account: Account SID.
        token: Its auth token.
        sender: Number in international form, or messaging service SID, that texts come from.
        status_callback: Where delivery states are told; None: nobody is told.
    """

    def __init__(
        self,
        base_url: str,
        *,
        account: str,
        token: str,
        sender: str,
        status_callback: str | None = None,
    ) -> None:
        self._http = partner_client(base_url=base_url)
        self._auth = httpx.BasicAuth(account, token)
        self._path = f"/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"
        self._sender = sender
        self._status_callback = status_callback

    async def send(self, message: Outgoing) -> SendAnswer:
        """Create the message."""
        form = {"To": message.to, "Body": message.text, **self._from()}
        if self._status_callback is not None:
            form["StatusCallback"] = self._status_callback
        answer = await self._ask("POST", data=form)
        if not isinstance(answer, Answer):
            return answer
        return _accepted(answer, answer.body.get("sid"))

    async def find(self, message: Outgoing) -> FindAnswer:
        """Look for this text among those sent to the number since."""
        since = (message.since - timedelta(days=1)).date().isoformat()
        params = {"To": message.to, "DateSent>": since, "PageSize": str(_PAGE)}
        answer = await self._ask("GET", params=params)
        if not isinstance(answer, Answer):
            return Unclear(code=answer.code, http_status=answer.http_status)
        listed = answer.body.get("messages")
        if not isinstance(listed, list):
            return Unclear(code=OutcomeCode.UNREADABLE_ANSWER, http_status=answer.status)
        for each in listed:
            if each.get("body") == message.text and each.get("status") not in _REFUSED_STATES:
                return _accepted(answer, each.get("sid"))
        if answer.body.get("next_page_uri"):
            # More than a page to one number: what was not read is not absent.
            return Unclear(code=OutcomeCode.UNREADABLE_ANSWER, http_status=answer.status)
        return Absent(http_status=answer.status)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _from(self) -> dict[str, str]:
        name = "MessagingServiceSid" if self._sender.startswith("MG") else "From"
        return {name: self._sender}

    async def _ask(
        self,
        method: str,
        *,
        data: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> Answer | Later | Unclear | NotAccepted:
        request = self._http.build_request(method, self._path, data=data, params=params)
        request = next(self._auth.auth_flow(request))
        return await asked(self._http, request)


def _accepted(answer: Answer, sid: object) -> Accepted | Unclear:
    if not isinstance(sid, str) or not sid:
        return Unclear(code=OutcomeCode.UNREADABLE_ANSWER, http_status=answer.status)
    return Accepted(ref=sid[:64], http_status=answer.status)
