"""Relay (TURN) credentials for browsers that cannot reach the media port: ours, or Twilio's.

Ours are made on the spot from the secret shared with coturn.  Twilio's come over the network, so
one token is kept fresh for the whole node and nobody's joining waits for it: without a token
people get our own relay or none, never an error.  Not here: what a relay may reach
(`deploy/coturn`), revocation (the media node ends a participant; a credential only runs out).

Source:
    draft-uberti-behave-turn-rest-00 for time-limited credentials, as coturn's `use-auth-secret`
    checks them; Twilio Network Traversal Service, Tokens resource.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import structlog

from signaling.contract.messages import IceServer

LIFE_S: Final = 600
"""How long a credential lets a browser allocate; running allocations outlive it."""
RENEW_EVERY_S: Final = LIFE_S // 2
ASK_AGAIN_S: Final = 30.0
ANSWER_WITHIN_S: Final = 5.0
ANSWER_BYTES_MAX: Final = 65_536
SERVERS_MAX: Final = 8

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRelay:
    """A coturn of ours.

    Args:
        urls: `turn:` and `turns:` addresses, as browsers take them.
        secret: coturn's `static-auth-secret`.
    """

    urls: tuple[str, ...]
    secret: bytes = field(repr=False)

    def credentials(self, subject: str, *, wall: float) -> IceServer:
        """Make credentials that let `subject` allocate until `LIFE_S` from now.

        Args:
            subject: Opaque: it tells one holder from another in coturn's quota, not who they are.
            wall: Seconds since the epoch.
        """
        username = f"{int(wall) + LIFE_S}:{subject}"
        digest = hmac.digest(self.secret, username.encode(), hashlib.sha1)
        return IceServer(
            urls=self.urls, username=username, credential=base64.b64encode(digest).decode()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    """Whose Network Traversal tokens are taken."""

    base_url: str
    sid: str
    auth_token: str = field(repr=False)


class IceServers:
    """What browsers are told of relays.

    Args:
        own: Our relay, if there is one.
        twilio: The account whose tokens are taken as well, if any.
        wall: Seconds since the epoch.
        now: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        own: OwnRelay | None,
        twilio: TwilioAccount | None,
        wall: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._own = own
        self._twilio = twilio
        self._wall = wall
        self._now = now
        self._bought: tuple[IceServer, ...] = ()
        self._bought_until = 0.0

    @property
    def is_any(self) -> bool:
        """Say whether there is anything to tell, and so to renew."""
        return self._own is not None or self._twilio is not None

    def for_participant(self, participant_id: str) -> tuple[IceServer, ...]:
        """Return fresh entries for one participant; empty when no relay is configured."""
        subject = hashlib.sha256(participant_id.encode()).hexdigest()[:16]
        own = () if self._own is None else (self._own.credentials(subject, wall=self._wall()),)
        bought = self._bought if self._now() < self._bought_until else ()
        return own + bought

    async def run(self) -> None:
        """Keep Twilio's token fresh until cancelled; returns at once where there is no account.

        Cancel safety: a cancelled renewal leaves the token before it.
        """
        if self._twilio is None:
            return
        async with httpx.AsyncClient(
            base_url=self._twilio.base_url,
            auth=(self._twilio.sid, self._twilio.auth_token),
            timeout=ANSWER_WITHIN_S,
            follow_redirects=False,
            trust_env=False,
        ) as client:
            while True:
                has_token = await self._buy(client, self._twilio.sid)
                await asyncio.sleep(RENEW_EVERY_S if has_token else ASK_AGAIN_S)

    async def _buy(self, client: httpx.AsyncClient, sid: str) -> bool:
        path = f"/2010-04-01/Accounts/{sid}/Tokens.json"
        try:
            answer = await client.post(path, data={"Ttl": str(LIFE_S)})
            answer.raise_for_status()
            self._bought = _servers_of(answer)
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            _log.warning("relay_token.not_given")
            return False
        self._bought_until = self._now() + LIFE_S
        return True


def _servers_of(answer: httpx.Response) -> tuple[IceServer, ...]:
    """Read the relays of a token; entries without a credential (STUN) are of no use to us."""
    if len(answer.content) > ANSWER_BYTES_MAX:
        raise ValueError("longer than any token")
    token: dict[str, Any] = answer.json()
    found = tuple(
        IceServer(
            urls=(str(entry.get("urls") or entry["url"]),),
            username=str(entry["username"]),
            credential=str(entry["credential"]),
        )
        for entry in token["ice_servers"]
        if entry.get("credential")
    )
    if not found:
        raise ValueError("no relay in it")
    return found[:SERVERS_MAX]
