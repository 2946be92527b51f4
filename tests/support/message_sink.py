"""The simulated message service, in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from telehealth.messaging.email_client import HttpMail
from telehealth.messaging.policy import Channel
from telehealth.messaging.ports import MessageChannel
from telehealth.messaging.twilio_client import TwilioTexts
from telehealth.sandbox.faults import Faults, Plan
from telehealth.sandbox.message_sink import make_app

ACCOUNT, TOKEN = "AC" + 32 * "1", "token-for-tests"


@dataclass(frozen=True, slots=True)
class RunningSink:
    """Where it listens."""

    url: str

    def texts(self, *, token: str = TOKEN) -> TwilioTexts:
        """Make an adapter for texts."""
        return TwilioTexts(self.url, account=ACCOUNT, token=token, sender="+13125550100")

    def channels(self) -> dict[Channel, MessageChannel]:
        """Make both adapters."""
        mail = HttpMail(f"{self.url}/mail", token=TOKEN, sender="visits@clinic.example")
        return {Channel.TEXT: self.texts(), Channel.EMAIL: mail}

    async def messages(self) -> dict[str, Any]:
        """Return everything taken."""
        async with httpx.AsyncClient() as client:
            return dict((await client.get(f"{self.url}/messages")).json())

    async def ledger(self) -> list[dict[str, Any]]:
        """Return everything asked."""
        async with httpx.AsyncClient() as client:
            return list((await client.get(f"{self.url}/ledger")).json()["entries"])


@contextlib.asynccontextmanager
async def message_sink(plan: str | None = None) -> AsyncIterator[RunningSink]:
    """Run it for the length of a `with` block, with a plan of faults or none."""
    faults = Faults(None if plan is None else Plan.parse(plan))
    app = make_app(account=ACCOUNT, token=TOKEN, faults=faults)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  (uvicorn tells it no other way)
        await asyncio.sleep(0.01)
    try:
        yield RunningSink(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
    finally:
        server.should_exit = True
        server.force_exit = True
        await serving
