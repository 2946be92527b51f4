"""The control socket: signaling nodes come in, show a token, send commands, hear events.

Subprotocol `telehealth.media.v1`, one JSON object a text frame.  The same port answers
`/healthz` (nothing asked outside the process), `/readyz` and `/metrics`.  A connection silent for
3 s is closed and its rooms go on.  Not here: what commands do (`node`).
"""

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Final, get_args

import jwt
import msgspec
import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from media.contract.control import (
    CONTROL_TOKEN_LIFE_S,
    CONTROL_TOKEN_TYP,
    SUBPROTOCOL,
    CommandRefused,
    ControlHello,
    ControlWelcome,
    FromMedia,
    RefusalCode,
    ToMedia,
)
from media.shell.node import Node

FRAME_BYTES_MAX: Final = 128 * 1024
"""An offer of 48 KiB, escaped as JSON, and its envelope."""
HELLO_LIMIT_S: Final = 3.0
PING_EVERY_S: Final = 1.0
PONG_LIMIT_S: Final = 2.0
OUTBOX_FRAMES: Final = 1_024
BAD_FRAMES_MAX: Final = 10
KEY_BYTES: Final = 32
CLOCK_SKEW_S: Final = 30
CLOSE_POLICY: Final = 1008

_log = structlog.get_logger()


class BadToken(Exception):
    """A control token is not one of ours for this node, or not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCheck:
    """Verifies control tokens: HS256, typ `media-control+jwt`, audience this node, ≤ 60 s."""

    key: bytes
    node_id: str

    def __call__(self, token: str) -> None:
        """Pass, or raise.

        Raises:
            BadToken: Wrong type, algorithm, signature, audience or life.
        """
        try:
            whole = jwt.decode_complete(
                token,
                self.key,
                algorithms=["HS256"],
                audience=self.node_id,
                leeway=CLOCK_SKEW_S,
                options={"require": ["exp", "iat", "aud", "iss"], "strict_aud": True},
            )
        except (jwt.InvalidTokenError, ValueError):
            raise BadToken from None
        claims = whole["payload"]
        is_short = claims["exp"] - claims["iat"] <= CONTROL_TOKEN_LIFE_S
        header = whole["header"]
        is_plain = set(header) == {"alg", "typ"} and header["typ"] == CONTROL_TOKEN_TYP
        if not is_plain or not is_short:
            raise BadToken


def key_from_text(text: str) -> bytes:
    """Read a secret of 32 bytes from base64url text.

    Raises:
        ValueError: It is not that; the text is not repeated.
    """
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise ValueError("the control key is not base64url") from None
    if len(key) != KEY_BYTES:
        raise ValueError("the control key is not 32 bytes")
    return key


class SocketChannel:
    """One connection: a bounded outbox and one writing task."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._outbox: asyncio.Queue[FromMedia] = asyncio.Queue(OUTBOX_FRAMES)
        self._number = 0
        self.is_open = True

    def post(self, frame: FromMedia) -> None:
        """Queue a frame; a connection that does not read is cut, never waited for."""
        try:
            self._outbox.put_nowait(frame)
        except asyncio.QueueFull:
            self.is_open = False
            self._socket.transport.abort()

    def next_number(self) -> int:
        """Return the next event number of this connection."""
        self._number += 1
        return self._number

    async def write(self) -> None:
        """Send until the connection ends or the task is cancelled."""
        encoder = msgspec.json.Encoder()
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = await self._outbox.get()
                await self._socket.send(encoder.encode(frame), text=True)


class ControlServer:
    """Serves one node's control port."""

    def __init__(
        self,
        *,
        node: Node,
        check_token: TokenCheck,
        welcome: ControlWelcome,
        is_ready: Callable[[], bool],
        metrics: Callable[[], str],
    ) -> None:
        self._node = node
        self._check_token = check_token
        self._welcome = welcome
        self._is_ready = is_ready
        self._metrics = metrics
        self._decoder = msgspec.json.Decoder(ToMedia)
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """The port in use, once started."""
        if self._server is None:
            return 0
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            OSError: The address is not ours or the port is taken.
        """
        self._server = await serve(
            self._converse,
            host,
            port,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            process_request=self._answer_http,
            compression=None,
            max_size=FRAME_BYTES_MAX,
            max_queue=64,
            ping_interval=PING_EVERY_S,
            ping_timeout=PONG_LIMIT_S,
            open_timeout=HELLO_LIMIT_S,
            close_timeout=1.0,
            server_header=None,
        )

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer plain requests; a handshake without our subprotocol is refused."""
        if request.path == "/healthz":
            is_alive = self._node.is_ticking(monotonic())
            return connection.respond(_status(is_good=is_alive), "ok\n" if is_alive else "stuck\n")
        if request.path == "/readyz":
            is_ready = self._is_ready()
            return connection.respond(
                _status(is_good=is_ready), "ok\n" if is_ready else "not yet\n"
            )
        if request.path == "/metrics":
            return connection.respond(HTTPStatus.OK, self._metrics())
        offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
        if SUBPROTOCOL not in {each.strip() for each in offered.split(",")}:
            return connection.respond(HTTPStatus.BAD_REQUEST, "subprotocol\n")
        return None

    async def _converse(self, socket: ServerConnection) -> None:
        """One connection from hello to its end."""
        channel = SocketChannel(socket)
        if not await self._was_greeted(socket, channel):
            return
        writer = asyncio.create_task(channel.write())
        self._node.greet(channel)
        try:
            await self._serve(socket, channel)
        finally:
            channel.is_open = False
            self._node.forget_channel(channel)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    async def _was_greeted(self, socket: ServerConnection, channel: SocketChannel) -> bool:
        """The first frame must be a hello with a good token, soon."""
        try:
            async with asyncio.timeout(HELLO_LIMIT_S):
                hello = self._decoder.decode(_text(await socket.recv()))
            if not isinstance(hello, ControlHello):
                raise BadToken  # noqa: TRY301  (one way out for every bad beginning)
            self._check_token(hello.token)
        except (BadToken, msgspec.DecodeError, TimeoutError, ConnectionClosed) as refused:
            _log.info("control.refused", error=type(refused).__name__)
            await socket.close(CLOSE_POLICY, RefusalCode.NOT_AUTHENTICATED)
            return False
        channel.post(self._welcome)
        return True

    async def _serve(self, socket: ServerConnection, channel: SocketChannel) -> None:
        bad_frames = 0
        try:
            async for frame in socket:
                if not self._take(frame, channel):
                    bad_frames += 1
                if bad_frames >= BAD_FRAMES_MAX:
                    await socket.close(CLOSE_POLICY, RefusalCode.BAD_COMMAND)
        except ConnectionClosed:
            return

    def _take(self, frame: str | bytes, channel: SocketChannel) -> bool:
        """Take one frame; False if it broke the protocol."""
        try:
            command = self._decoder.decode(_text(frame))
        except msgspec.DecodeError:
            channel.post(_complaint(frame))
            return False
        if isinstance(command, ControlHello):
            return self._renew(command, channel)
        try:
            result = self._node.execute(command, channel)
        except Exception as fault:  # noqa: BLE001  (driver loop: our bug ends a command, not the node)
            _log.error("command.failed", error=type(fault).__name__)
            code = RefusalCode.INTERNAL
            channel.post(CommandRefused(request_id=command.request_id, code=code))
            return True
        channel.post(result)
        return True

    def _renew(self, hello: ControlHello, channel: SocketChannel) -> bool:
        """A token shown again on an open channel; a bad one is refused and counted as bad."""
        try:
            self._check_token(hello.token)
        except BadToken:
            code = RefusalCode.NOT_AUTHENTICATED
            channel.post(CommandRefused(request_id=None, code=code))
            return False
        channel.post(self._welcome)
        return True


class _Envelope(msgspec.Struct):
    """The two fields by which a frame we cannot read is refused."""

    type: str = ""
    request_id: str | None = None


_KNOWN_TYPES: Final = frozenset(each.__struct_config__.tag for each in get_args(ToMedia))


def _complaint(frame: str | bytes) -> CommandRefused:
    """Say whether the command is unknown or badly made, to whom if that can be told."""
    try:
        envelope = msgspec.json.decode(frame, type=_Envelope)
    except msgspec.DecodeError:
        return CommandRefused(request_id=None, code=RefusalCode.BAD_COMMAND)
    is_known = envelope.type in _KNOWN_TYPES
    code = RefusalCode.BAD_COMMAND if is_known else RefusalCode.UNSUPPORTED_COMMAND
    return CommandRefused(request_id=envelope.request_id, code=code)


def _text(frame: str | bytes) -> str:
    """Frames are text; a binary one is a protocol error like any unreadable one."""
    if isinstance(frame, bytes):
        raise msgspec.DecodeError
    return frame


def _status(*, is_good: bool) -> HTTPStatus:
    return HTTPStatus.OK if is_good else HTTPStatus.SERVICE_UNAVAILABLE
