"""FakeTwilioTokens: Twilio's Tokens resource on loopback, with a fault script and a ledger."""

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

TOKEN = {
    "username": "dc2d2894d5a9023620c467b0e71cfa6a35457e6679785ed6ae9856fe5bdfa269",
    "password": "tE2DajzSJwnsSbc123",
    "ttl": "600",
    "ice_servers": [
        {"url": "stun:global.stun.example:3478", "urls": "stun:global.stun.example:3478"},
        {
            "url": "turn:global.turn.example:3478?transport=udp",
            "urls": "turn:global.turn.example:3478?transport=udp",
            "username": "dc2d2894d5a9",
            "credential": "tE2DajzSJwnsSbc123",
        },
    ],
}


@dataclass
class FakeTwilioTokens:
    """Answers POST …/Tokens.json as the published resource does.

    `script` holds what the next answers are instead: a status, or a body.
    """

    script: deque[int | bytes] = field(default_factory=deque)
    ledger: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeTwilioTokens"]:
        """Listen for the length of a `with` block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        basic = headers.get("authorization", "").removeprefix("Basic ")
        self.ledger.append(
            {
                "request": lines[0].rpartition(" ")[0],
                "account": base64.b64decode(basic).decode(),
                "ttl": parse_qs(body.decode()).get("Ttl", [""])[0],
            }
        )
        fault = self.script.popleft() if self.script else 201
        status = fault if isinstance(fault, int) else 201
        answer = fault if isinstance(fault, bytes) else json.dumps(TOKEN).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(answer)}\r\nConnection: close\r\n\r\n".encode()
            + answer
        )
        await writer.drain()
        writer.close()
