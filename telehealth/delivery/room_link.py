"""Deliverer of lane `room`: a control socket to every signaling node.

A command is done only when every configured node has acknowledged it: any of them may hold the
room, and a revoked seat must hear of it even while Redis is silent.  Nodes drop repeats of a
command id, so the same command may be sent again after any doubt.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final
from uuid import UUID

import structlog
from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from telehealth.contract import (
    SIGNALING_AUDIENCE,
    VISIT_SERVICE_AUDIENCE,
    ControlDone,
    ControlHello,
    RoomCommand,
    RoomCommandKind,
    VisitId,
)
from telehealth.delivery.lanes import EntryKind
from telehealth.delivery.ports import (
    DeliverOutcome,
    Done,
    FindOutcome,
    NotFound,
    OutcomeCode,
    OwedEntry,
    Refused,
    TryLater,
    Unknown,
)
from telehealth.platform.clock import Clock
from telehealth.platform.signing import service_token

_log = structlog.get_logger(__name__)

_COMMAND: Final = MappingProxyType(
    {
        EntryKind.ROOM_CALLED_IN: RoomCommandKind.CALLED_IN,
        EntryKind.ROOM_RETURNED: RoomCommandKind.RETURNED,
        EntryKind.ROOM_VISIT_CHANGED: RoomCommandKind.VISIT_CHANGED,
        EntryKind.ROOM_REVOKED: RoomCommandKind.REVOKED,
        EntryKind.ROOM_ENDED: RoomCommandKind.ENDED,
    }
)
_ANSWER_WITHIN_S: Final = 5.0
_READY_WITHIN_S: Final = 2.0
_LARGEST_FRAME_BYTES: Final = 16 * 1024
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 2.0


class _Node:
    """One signaling node: its socket while it stands, and who waits for which answer."""

    def __init__(self, url: str, *, key: bytes, clock: Clock) -> None:
        self._url = url
        self._key = key
        self._clock = clock
        self._socket: ClientConnection | None = None
        self._ready = asyncio.Event()
        self._waiting: dict[UUID, asyncio.Future[bool]] = {}

    async def run(self) -> None:
        """Keep the socket up until cancelled."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                await self._stay_connected()
                wait_s = _FIRST_WAIT_S
            except (OSError, TimeoutError, WebSocketException, ValidationError) as broken:
                _log.info("room_link.lost", exc_info=broken)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def is_ready(self) -> bool:
        """Wait a moment for the socket; say whether it stands."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READY_WITHIN_S):
                await self._ready.wait()
        return self._socket is not None

    async def send(self, command: RoomCommand) -> bool:
        """Send one command; say whether the node acknowledged it in time."""
        socket = self._socket
        if socket is None:
            return False
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[command.command_id] = answer
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                await socket.send(command.model_dump_json())
                return await answer
        except (TimeoutError, WebSocketException):
            return False
        finally:
            self._waiting.pop(command.command_id, None)

    async def _stay_connected(self) -> None:
        async with connect(
            self._url,
            proxy=None,  # an inner address: a proxy of the environment is never right
            compression=None,
            max_size=_LARGEST_FRAME_BYTES,
            open_timeout=_ANSWER_WITHIN_S,
            close_timeout=1.0,
        ) as socket:
            await self._say_hello(socket)
            self._socket = socket
            self._ready.set()
            try:
                async for frame in socket:
                    self._take(ControlDone.model_validate_json(frame))
            finally:
                self._lose()

    async def _say_hello(self, socket: ClientConnection) -> None:
        token = service_token(
            self._key,
            issuer=VISIT_SERVICE_AUDIENCE,
            audience=SIGNALING_AUDIENCE,
            now=self._clock.now(),
        )
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            await socket.send(ControlHello(token=token).model_dump_json())
            ControlDone.model_validate_json(await socket.recv())

    def _take(self, done: ControlDone) -> None:
        if done.command_id is None:
            return
        answer = self._waiting.get(done.command_id)
        if answer is not None and not answer.done():
            answer.set_result(True)

    def _lose(self) -> None:
        self._socket = None
        self._ready.clear()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(False)


class RoomLink:
    """Tells every signaling node what has become of a room.

    Args:
        urls: `/control/visit` of every node; at least one.
        key: Signaling's HS256 secret.
        clock: Tells instants.
    """

    def __init__(self, urls: Sequence[str], *, key: bytes, clock: Clock) -> None:
        if not urls:
            raise ValueError("a room link needs at least one signaling node")
        self._nodes = [_Node(url, key=key, clock=clock) for url in urls]

    async def run(self) -> None:
        """Keep all sockets up until cancelled."""
        async with asyncio.TaskGroup() as group:
            for node in self._nodes:
                group.create_task(node.run())

    async def deliver(self, entry: OwedEntry) -> DeliverOutcome:
        """Send one command to every node."""
        command = _command(entry)
        if command is None:
            return Refused(code=OutcomeCode.CONTENT_UNREADABLE)
        ready = await asyncio.gather(*(node.is_ready() for node in self._nodes))
        if not any(ready):
            return TryLater(code=OutcomeCode.UNREACHABLE)
        if asyncio.get_running_loop().time() > entry.send_before_s:
            return TryLater(code=OutcomeCode.LEASE_SHORT)
        # The nodes that can be reached hear it now, whatever becomes of the others.
        heard = await asyncio.gather(*(node.send(command) for node in self._nodes))
        return Done() if all(heard) else Unknown(code=OutcomeCode.NOT_ACKNOWLEDGED)

    async def find(self, entry: OwedEntry) -> FindOutcome:
        """Say that nothing is known: nodes drop repeats, so sending again is harmless."""
        del entry
        return NotFound()

    async def close(self) -> None:
        """Do nothing: the sockets end with `run`."""


def _command(entry: OwedEntry) -> RoomCommand | None:
    """Make the command of an entry; None if its payload names no seat that it should."""
    participant = entry.payload.get("participant_id")
    version = entry.payload.get("version")
    try:
        return RoomCommand(
            command_id=entry.message_id,
            kind=_COMMAND[entry.kind],
            visit_id=VisitId(entry.subject_id),
            participant_id=None if participant is None else UUID(str(participant)),
            version=int(str(version)),
        )
    except (KeyError, ValueError):
        return None
