"""A client of the socket in Python, over the contract only; for tests and load.

It keeps requests apart from events, as a page does, and knows nothing of the server behind it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from itertools import count
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from signaling.contract.codec import FRAME_BYTES_MAX, decode_from_server, encode
from signaling.contract.messages import (
    SUBPROTOCOL,
    Client,
    FromClient,
    FromServer,
    Hello,
    Refused,
    Request,
    SeatTaken,
    TakeOver,
    Welcome,
)

ANSWER_LIMIT_S: Final = 10.0
_ME: Final = Client(name="telehealth-python", version="1")

M = TypeVar("M")


class RequestRefused(Exception):
    """The server said no.

    Args:
        refused: The answer.
    """

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.code)
        self.refused = refused
        self.code = refused.code


class SocketClosed(Exception):
    """The server closed the socket.

    Args:
        code: Close code; 1006 when there was none.
    """

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class SignalingClient:
    """One socket.  Use as an async context manager."""

    def __init__(self, socket: ClientConnection, *, device_id: str) -> None:
        self.socket = socket
        self.device_id = device_id
        self.told: list[FromServer] = []
        """Everything heard, in order."""
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[FromServer]] = {}
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, url: str, *, origin: str, device_id: str = "device-of-python"
    ) -> AsyncIterator[Self]:
        """Open a socket that has said nothing yet.

        Args:
            url: `ws://…/v1/socket`.
            origin: As a browser would send it.
            device_id: Tells two devices of one person apart.

        Raises:
            websockets.exceptions.InvalidStatus: The upgrade was refused.
        """
        async with connect(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            origin=Origin(origin),
            proxy=None,
            compression=None,
            max_size=4 * FRAME_BYTES_MAX,
            close_timeout=1.0,
        ) as socket:
            client = cls(socket, device_id=device_id)
            async with client:
                yield client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading

    async def hello(self, ticket: str, *, features: tuple[str, ...] = ()) -> Welcome | SeatTaken:
        """Show a ticket, and say which optional behaviour this client has.

        Raises:
            RequestRefused: No seat.
            SocketClosed: Closed before an answer came.
        """
        hello = Hello(id=1, ticket=ticket, device_id=self.device_id, client=_ME, features=features)
        answer = await self.ask(hello)
        assert isinstance(answer, Welcome | SeatTaken), answer  # noqa: S101  (the protocol's word)
        return answer

    async def take_over(self) -> Welcome:
        """Move the seat here, after `seat-taken`."""
        answer = await self.ask(TakeOver(id=1))
        assert isinstance(answer, Welcome), answer  # noqa: S101  (the protocol's word)
        return answer

    async def ask(self, request: Request) -> FromServer:
        """Send a request under the next id and return its answer.

        Raises:
            RequestRefused, SocketClosed: As `hello`.
        """
        answer: asyncio.Future[FromServer] = asyncio.get_running_loop().create_future()
        number = next(self._ids)
        self._waiting[number] = answer
        try:
            await self._send(replace(request, id=number))
            async with asyncio.timeout(ANSWER_LIMIT_S):
                told = await answer
        finally:
            del self._waiting[number]
        if isinstance(told, Refused):
            raise RequestRefused(told)
        return told

    async def tell(self, request: Request) -> None:
        """Send a request whose answer is an event, or nothing."""
        await self._send(replace(request, id=next(self._ids)))

    async def heard(
        self,
        kind: type[M],
        *,
        where: Callable[[M], bool] = lambda _: True,
        within_s: float = ANSWER_LIMIT_S,
    ) -> M:
        """Return the first message of a kind, past or to come.

        Raises:
            TimeoutError: None came.
            SocketClosed: None can come any more.
        """

        def found() -> M | None:
            return next(
                (each for each in self.told if isinstance(each, kind) and where(each)), None
            )

        async with asyncio.timeout(within_s), self._news:
            while (message := found()) is None:
                if self._reading.done():
                    raise SocketClosed(await self.closed())
                await self._news.wait()
        return message

    async def closed(self, *, within_s: float = ANSWER_LIMIT_S) -> int:
        """Wait until the socket is closed; return the code."""
        async with asyncio.timeout(within_s):
            await asyncio.shield(self._reading)
        code = self.socket.close_code
        return 1006 if code is None else code

    async def _send(self, request: Any) -> None:  # noqa: ANN401  (a member of FromClient)
        message: FromClient = request
        try:
            await self.socket.send(encode(message), text=True)
        except ConnectionClosed as closed:
            raise SocketClosed(1006 if closed.rcvd is None else closed.rcvd.code) from None

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in self.socket:
                await self._take(decode_from_server(str(frame)))
        async with self._news:
            self._news.notify_all()
        code = self.socket.close_code
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(SocketClosed(1006 if code is None else code))

    async def _take(self, message: FromServer) -> None:
        answer = self._waiting.get(getattr(message, "re", None) or 0)
        if answer is not None and not answer.done():
            answer.set_result(message)
        async with self._news:
            self.told.append(message)
            self._news.notify_all()
