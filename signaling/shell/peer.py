"""One socket and its session machine: frames in, effects out.

The drain rule: every effect of a frame is done before the next frame is taken.  "Done" for a
message means put in the outbox; nothing here waits for the network of this peer or another.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from signaling.contract.errors import Refusal
from signaling.contract.ids import ParticipantId, RoomId
from signaling.contract.messages import FromServer, Hello, Request
from signaling.core.effects import Attach, Carry, Close, Send, SessionEffect, TakeOver
from signaling.core.session import Session
from signaling.core.watchdog import Verdict, Vitals, Watchdog
from signaling.shell.metrics import Count, Metrics
from signaling.shell.sender import Sender

_log: Final = structlog.get_logger()


class Host(Protocol):
    """What a peer tells the room it sits in."""

    room_id: RoomId

    async def on_gone(self, peer: "Peer") -> None:
        """Take note that the socket is closed."""

    def on_silent(self, peer: "Peer") -> None:
        """Take note that nothing was heard for a while."""

    def on_heard(self, peer: "Peer") -> None:
        """Take note that a silent peer was heard again."""


class Reception(Protocol):
    """Who seats a peer that shows a ticket."""

    async def seat(self, peer: "Peer", hello: Hello) -> None:
        """Seat the peer or ask about its other device; raises `Refusal`."""

    async def take_over(self, peer: "Peer", re: int) -> None:
        """Seat the peer in place of its other device; raises `Refusal`."""

    async def carry(self, peer: "Peer", request: Request) -> None:
        """Carry out a request of a seated peer; raises `Refusal`."""


class Peer:
    """One connection of somebody; outlived by their seat."""

    def __init__(
        self,
        socket: ServerConnection,
        *,
        reception: Reception,
        metrics: Metrics,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.wall = wall
        self.session = Session(now=now())
        self.host: Host | None = None
        self.participant_id = ParticipantId("")
        self.attach_epoch = 0
        self.closed_with: Close | None = None
        self._socket = socket
        self._reception = reception
        self._metrics = metrics
        self._now = now
        self._sender = Sender(
            socket, now=now, on_abort=lambda cause: metrics.count(Count.ABORTS, cause)
        )
        self._owed: list[Attach | TakeOver | Carry] = []
        self._watchdog = Watchdog()
        self._heard_at = self._pinged_at = now()
        self._is_silent = False
        self._pings: set[asyncio.Task[None]] = set()

    @property
    def is_seated(self) -> bool:
        """Whether it has shown a ticket and sits."""
        return self.host is not None

    @property
    def outbox_bytes(self) -> int:
        """Bytes waiting for this socket."""
        return self._sender.bytes

    def take_seat(self, host: Host, participant_id: ParticipantId, attach_epoch: int) -> None:
        """Note which seat this socket speaks for."""
        self.host, self.participant_id, self.attach_epoch = host, participant_id, attach_epoch

    async def run(self) -> None:
        """Serve the socket until it is closed."""
        writing = asyncio.create_task(self._sender.run())
        try:
            with contextlib.suppress(ConnectionClosed):
                async for frame in self._socket:
                    self._hear()
                    self.session.receive(frame, now=self._now())
                    await self._drain()
        finally:
            # What is queued, and the close frame, belong to the sender; it has its own limits.
            if self.closed_with is None:
                writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
            for ping in list(self._pings):
                ping.cancel()
            if self.host is not None:
                await self.host.on_gone(self)

    def tell(self, message: FromServer) -> None:
        """Send a message to a peer that has a seat."""
        self.session.tell(message)
        self.flush()

    def close(self, close: Close) -> None:
        """End this socket, politely."""
        self.session.close(close)
        self.flush()

    def flush(self) -> None:
        """Do what the session wants done at once, and keep what takes time for the driver."""
        for effect in self.session.take_effects():
            self._do(effect)

    def on_tick(self) -> None:
        """Look after deadlines and silence; called once a second."""
        self.session.on_deadline(now=self._now())
        self.flush()
        match self._watchdog.judge(self._vitals(), now=self._now()):
            case Verdict.PING:
                self._pinged_at = self._now()
                self._ping()
            case Verdict.CUT_SLOW:
                self._sender.abort("slow")
            case Verdict.CUT_SILENT:
                self._sender.abort("silent")
            case Verdict.AWAY if self.host is not None and not self._is_silent:
                self._is_silent = True
                self.host.on_silent(self)
            case _:
                pass

    def _do(self, effect: SessionEffect) -> None:
        match effect:
            case Send(message=message):
                if message.__struct_config__.tag == "refused":
                    self._metrics.count(Count.REFUSALS, getattr(message, "code", ""))
                self._sender.put(message)
            case Close(code=code, goodbye=goodbye):
                self.closed_with = effect
                if goodbye is not None:
                    self._sender.put(goodbye)
                self._metrics.count(Count.CLOSES, str(code.value))
                self._sender.close(code)
            case _:
                self._owed.append(effect)

    async def _drain(self) -> None:
        self.flush()
        while self._owed:
            await self._carry(self._owed.pop(0))
            self.flush()

    async def _carry(self, effect: Attach | TakeOver | Carry) -> None:
        match effect:
            case Attach(hello=hello):
                await self._seated(self._reception.seat(self, hello), hello.id)
            case TakeOver(re=re):
                await self._seated(self._reception.take_over(self, re), re)
            case Carry(request=request) if self.host is not None:
                try:
                    await self._reception.carry(self, request)
                except Refusal as refusal:
                    refusal.re = request.id
                    self.session.refuse(refusal)
            case _:
                pass

    async def _seated(self, seating: Awaitable[None], re: int) -> None:
        try:
            await seating
        except Refusal as refusal:
            refusal.re = re
            self._metrics.count(Count.JOINS, refusal.code)
            self.session.on_turned_away(refusal)

    def _hear(self) -> None:
        self._heard_at = self._now()
        if self._is_silent and self.host is not None:
            self._is_silent = False
            self.host.on_heard(self)

    def _vitals(self) -> Vitals:
        now = self._now()
        return Vitals(
            heard_s=now - self._heard_at,
            pinged_s=now - self._pinged_at,
            unsent_s=self._sender.unsent_s,
            write_buffer_bytes=self._socket.transport.get_write_buffer_size(),
        )

    def _ping(self) -> None:
        task = asyncio.create_task(self._ping_once())
        self._pings.add(task)
        task.add_done_callback(self._pings.discard)

    async def _ping_once(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            await (await self._socket.ping())
            self._hear()
