"""Relay credentials reach whoever is in a call, are renewed there, and nobody else gets any."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from signaling.contract.messages import IceServersRenewed
from signaling.shell.ice_servers import LIFE_S, IceServers, OwnRelay, TwilioAccount
from tests.support.fake_twilio_tokens import FakeTwilioTokens
from tests.support.redis import RedisServer
from tests.support.signaling_lab import signaling_lab, until

SECRET = "invented-secret-of-thirty-two-chars"
RELAY = {
    "turn_urls": ["turn:relay.clinic.example:3478"],
    "turn_secret": SECRET,
    "turn_version": "4.10.0",
}
SID = "AC" + "0" * 32


async def test_whoever_is_admitted_is_given_credentials_and_fresh_ones_later(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    async with (
        signaling_lab(redis_server, tmp_path, **RELAY) as lab,
        lab.provider() as provider,
        lab.waiting() as patient,
    ):
        (given,) = (await provider.admitted()).ice_servers

        lab.node.rooms.renew_relays()

        told = await provider.client.heard(IceServersRenewed)
        expected = OwnRelay(urls=given.urls, secret=SECRET.encode())
        subject = (given.username or "").partition(":")[2]
        again = expected.credentials(subject, wall=time.time())
        assert told.ice_servers[0].urls == ("turn:relay.clinic.example:3478",)
        assert (told.ice_servers[0].username or "").endswith(subject)
        assert again.urls == given.urls
        assert told.expires_in_s == LIFE_S
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await patient.client.heard(IceServersRenewed)


async def test_a_node_whose_relay_has_known_flaws_is_not_ready(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    old = {**RELAY, "turn_version": "4.6.1"}
    async with signaling_lab(redis_server, tmp_path, **old) as lab:
        assert not lab.node._is_ready()


async def test_tokens_are_bought_ahead_and_a_failed_purchase_is_no_ones_error() -> None:
    async with FakeTwilioTokens().running() as twilio:
        twilio.script.extend([500, b"{}", b"not json"])
        account = TwilioAccount(base_url=twilio.url, sid=SID, auth_token="invented")
        relays = IceServers(own=None, twilio=account, wall=time.time, now=time.monotonic)
        for _ in range(3):
            await _until_asked(relays, twilio)
            assert relays.for_participant("p") == ()

        await _until_asked(relays, twilio)

        (bought,) = relays.for_participant("p")
        assert bought.urls == ("turn:global.turn.example:3478?transport=udp",)
        assert bought.credential == "tE2DajzSJwnsSbc123"
        assert (
            twilio.ledger
            == [
                {
                    "request": f"POST /2010-04-01/Accounts/{SID}/Tokens.json",
                    "account": f"{SID}:invented",
                    "ttl": "600",
                }
            ]
            * 4
        )


async def _until_asked(relays: IceServers, twilio: FakeTwilioTokens) -> None:
    """Let it ask once."""
    before = len(twilio.ledger)
    running = asyncio.create_task(relays.run())
    await until(lambda: len(twilio.ledger) > before)
    await asyncio.sleep(0.2)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
