"""A partner that refuses everything, and counts how often it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Refusing(StrEnum):
    """How it refuses."""

    BROKEN = "500"
    AWAY = "503"
    NOT_SIGNED_IN = "401"
    FORBIDDEN = "403"
    TOO_MANY = "429"
    TOO_MANY_COME_AT_ONCE = "429, Retry-After: 0"
    BAD_REQUEST = "400"
    MOVED = "302"
    HANGS_UP = "hangs up"
    """The request is read, and the connection closed."""


@dataclass
class FakeRefuser:
    """Refuses each request, but for paths that `grants` names; `asked` is its ledger."""

    how: Refusing = Refusing.BROKEN
    grants: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeRefuser"]:
        """Listen on loopback."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            sizes = [line for line in head.lower().split("\r\n") if line.startswith("content-len")]
            if sizes:
                await reader.readexactly(int(sizes[0].partition(":")[2]))
            method, path = head.split(" ", 2)[:2]
            self.asked.append(f"{method} {path}")
            writer.write(self._answer(path))
            await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    def _answer(self, path: str) -> bytes:
        """One answer a connection, so that a retry of any layer is a request of its own."""
        if path in self.grants:
            return _http("200 OK", json.dumps(self.grants[path]).encode())
        if self.how is Refusing.HANGS_UP:
            return b""
        status = f"{self.how.value[:3]} No"
        extra = {
            Refusing.MOVED: "Location: /elsewhere\r\n",
            Refusing.TOO_MANY_COME_AT_ONCE: "Retry-After: 0\r\n",
        }.get(self.how, "")
        return _http(status, b"{}", extra)


def _http(status: str, body: bytes, extra: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\n{extra}Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body
