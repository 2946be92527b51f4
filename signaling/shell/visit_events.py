"""The internal port: room commands of the visit service, probes, metrics.

`/control/visit` takes one JSON object a text frame: first `hello` with a service token, then room
commands, each acknowledged once it is done; one seen before is acknowledged and does nothing.
`/healthz` depends on nothing, `/readyz` on what a join needs.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final
from uuid import UUID

import structlog
from pydantic import ValidationError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from signaling.contract.errors import SignalingError
from signaling.shell.metrics import Metrics
from signaling.shell.rooms import Rooms
from signaling.shell.service_tokens import BadServiceToken, check_service_token
from telehealth.contract import ControlDone, ControlHello, RoomCommand

PATH: Final = "/control/visit"
FRAME_BYTES_MAX: Final = 16 * 1024
HELLO_LIMIT_S: Final = 3.0
REMEMBERED: Final = 10_000
POLICY: Final = 1008

_log = structlog.get_logger()


class InternalPort:
    """Serves the internal port.

    Args:
        rooms: Who obeys.
        key: This service's HS256 secret.
        metrics: What is counted.
        is_ready: Whether a join would work now.
        gauges: Reads the gauges.
    """

    def __init__(
        self,
        rooms: Rooms,
        *,
        key: bytes,
        metrics: Metrics,
        is_ready: Callable[[], bool],
        gauges: Callable[[], Mapping[str, float]],
    ) -> None:
        self._rooms = rooms
        self._key = key
        self._metrics = metrics
        self._is_ready = is_ready
        self._gauges = gauges
        self._done: OrderedDict[UUID, None] = OrderedDict()
        self._server: Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port.

        Raises:
            OSError: The address is not ours, or taken.
        """
        self._server = await serve(
            self._serve,
            host,
            port,
            process_request=self._probe,
            compression=None,
            max_size=FRAME_BYTES_MAX,
            open_timeout=HELLO_LIMIT_S,
            close_timeout=1.0,
            server_header=None,
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and its sockets."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, socket: ServerConnection) -> None:
        try:
            if not await self._is_greeted(socket):
                await socket.close(POLICY)
                return
            async for frame in socket:
                await self._take(socket, RoomCommand.model_validate_json(frame))
        except ValidationError:
            _log.warning("room_command.malformed")
            await socket.close(POLICY)
        except ConnectionClosed:
            return

    async def _is_greeted(self, socket: ServerConnection) -> bool:
        try:
            async with asyncio.timeout(HELLO_LIMIT_S):
                hello = ControlHello.model_validate_json(await socket.recv())
            check_service_token(hello.token, self._key)
        except (TimeoutError, ValidationError, BadServiceToken) as reason:
            _log.warning("control.refused", error=type(reason).__name__)
            return False
        await socket.send(ControlDone(command_id=None).model_dump_json())
        return True

    async def _take(self, socket: ServerConnection, command: RoomCommand) -> None:
        """Obey a command; one that failed is not acknowledged, so it comes again."""
        if command.command_id not in self._done:
            try:
                await self._rooms.obey(command)
            except SignalingError as failure:
                _log.error("room_command.failed", code=failure.code, cause=command.kind.value)
                return
            self._done[command.command_id] = None
            if len(self._done) > REMEMBERED:
                self._done.popitem(last=False)
        await socket.send(ControlDone(command_id=command.command_id).model_dump_json())

    def _probe(self, socket: ServerConnection, request: Request) -> Response | None:
        match request.path.partition("?")[0]:
            case "/control/visit":
                return None
            case "/healthz":
                return socket.respond(HTTPStatus.OK, "alive\n")
            case "/readyz" if self._is_ready():
                return socket.respond(HTTPStatus.OK, "ready\n")
            case "/readyz":
                return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "not ready\n")
            case "/metrics":
                text = self._metrics.rendered(self._gauges())
                return socket.respond(HTTPStatus.OK, text)
            case _:
                return socket.respond(HTTPStatus.NOT_FOUND, "no such path\n")
