"""The one writing task of a socket: a bounded outbox, a limit for each write, an end.

Nobody else writes, so a peer that does not read holds up nobody else.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from signaling.contract.close_codes import CloseCode
from signaling.contract.codec import encode
from signaling.contract.messages import (
    FromServer,
    LayersWanted,
    Quality,
    SlotsMapped,
    Speakers,
)
from signaling.core.outbox import Outbox

SEND_LIMIT_S: Final = 5.0


class Sender:
    """Writes what is queued, in order, then closes.

    Args:
        socket: Where to.
        on_abort: Called with the cause when the peer is cut without a close frame.
        now: Monotonic clock in seconds.
    """

    def __init__(
        self,
        socket: ServerConnection,
        *,
        on_abort: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self._socket = socket
        self._on_abort = on_abort
        self._now = now
        self._outbox = Outbox()
        self._news = asyncio.Event()
        self._close_with: CloseCode | None = None

    @property
    def bytes(self) -> int:
        """Bytes waiting here."""
        return self._outbox.bytes

    @property
    def unsent_s(self) -> float:
        """Age of the oldest text waiting."""
        return self._outbox.age_s(now=self._now())

    def put(self, message: FromServer) -> None:
        """Queue a message; a peer whose outbox overflows is cut."""
        if self._close_with is not None:
            return
        if not self._outbox.put(encode(message), now=self._now(), key=_key_of(message)):
            self.abort("overflow")
        self._news.set()

    def close(self, code: CloseCode) -> None:
        """Close once what was queued is out."""
        self._close_with = self._close_with or code
        self._news.set()

    def abort(self, cause: str) -> None:
        """Cut the connection now."""
        if not self._socket.transport.is_closing():
            self._on_abort(cause)
            self._socket.transport.abort()

    async def run(self) -> None:
        """Write until the socket is closed or the task is cancelled."""
        try:
            while (text := await self._next()) is not None:
                async with asyncio.timeout(SEND_LIMIT_S):
                    await self._socket.send(text, text=True)
            if self._close_with is not None:
                await self._socket.close(self._close_with)
        except TimeoutError:
            self.abort("slow")
        except ConnectionClosed:
            return

    async def _next(self) -> str | None:
        """Wait for a text; None when all are out and the socket shall close."""
        while True:
            text = self._outbox.take()
            if text is not None or self._close_with is not None:
                return text
            self._news.clear()
            await self._news.wait()


def _key_of(message: FromServer) -> str | None:
    """Name state of which only the newest matters; None: every one of these counts."""
    match message:
        case SlotsMapped():
            return "slots-mapped"
        case Speakers():
            return "speakers"
        case LayersWanted(publication_id=publication_id):
            return f"layers-wanted {publication_id}"
        case Quality(participant_id=participant_id):
            return f"quality {participant_id}"
        case _:
            return None
