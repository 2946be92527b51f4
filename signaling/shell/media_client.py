"""Control channels to media nodes: one socket each, kept up, with a deadline for every command.

A channel that is down harms no running call: media goes on, commands wait for its return as long
as their deadline allows.  Whether a node is *dead* is judged here too, from proof: another boot
id, or a channel that stays down while the heartbeat is gone.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final

import jwt
import msgspec
import structlog
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from media.contract.control import (
    CONTROL_TOKEN_LIFE_S,
    CONTROL_TOKEN_TYP,
    SUBPROTOCOL,
    CommandRefused,
    ControlCommand,
    ControlEvent,
    ControlHello,
    ControlWelcome,
    Done,
    FromMedia,
    RefusalCode,
)
from signaling.core.placement import MediaNode
from signaling.shell.tasks import end

COMMAND_LIMIT_S: Final = 3.0
HELLO_LIMIT_S: Final = 2.0
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0
DEAD_AFTER_S: Final = 1.5
"""How long a channel must be down, with its heartbeat gone, before the node counts as dead."""
FRAME_BYTES_MAX: Final = 256 * 1024
ISSUER: Final = "signaling"

_log = structlog.get_logger()
_decoder: msgspec.json.Decoder[FromMedia] = msgspec.json.Decoder(FromMedia)


class MediaSilent(Exception):
    """No answer from the media node within the deadline."""


class MediaRefused(Exception):
    """The media node refused a command."""

    def __init__(self, code: RefusalCode, retry_after_ms: int | None = None) -> None:
        super().__init__(code.value)
        self.code = code
        self.retry_after_ms = retry_after_ms


class MediaChannel:
    """One socket to one media node.

    Args:
        node: Where it is.
        key: HS256 secret of the media nodes.
        on_event: Called in order, between the answers, for each event.
        now: Monotonic clock in seconds.
    """

    def __init__(
        self,
        node: MediaNode,
        *,
        key: bytes,
        on_event: Callable[[str, ControlEvent], None],
        now: Callable[[], float],
    ) -> None:
        self.node = node
        self.boot_id: str | None = None
        self.down_since: float | None = now()
        self._key = key
        self._on_event = on_event
        self._now = now
        self._socket: ClientConnection | None = None
        self._is_up = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[Done | CommandRefused]] = {}
        self._ids = count(1)
        self._prefix = f"{time.time_ns():x}"

    async def run(self) -> None:
        """Keep the socket up until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._stay_connected()
                pause_s = FIRST_PAUSE_S
            except (OSError, TimeoutError, WebSocketException, msgspec.DecodeError) as broken:
                _log.info("media_channel.lost", error=type(broken).__name__)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def command(self, command: ControlCommand) -> Done:
        """Send a command under a fresh request id and wait for its result, at most 3 s.

        Raises:
            MediaSilent: No answer in time; whether it took effect is not known.
            MediaRefused: An expected no.
        """
        request_id = f"{self._prefix}-{next(self._ids)}"
        answer: asyncio.Future[Done | CommandRefused] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        try:
            async with asyncio.timeout(COMMAND_LIMIT_S):
                await self._is_up.wait()
                frame = msgspec.json.encode(replace(command, request_id=request_id))
                if self._socket is not None:
                    await self._socket.send(frame, text=True)
                result = await answer
        except (TimeoutError, WebSocketException, OSError):
            raise MediaSilent from None
        finally:
            del self._waiting[request_id]
        if isinstance(result, CommandRefused):
            raise MediaRefused(result.code, result.retry_after_ms)
        return result

    async def _stay_connected(self) -> None:
        async with connect(
            self.node.control_url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            proxy=None,  # an inner address: a proxy of the environment is never right
            compression=None,
            max_size=FRAME_BYTES_MAX,
            open_timeout=HELLO_LIMIT_S,
            close_timeout=1.0,
            ping_interval=1.0,
            ping_timeout=2.0,
        ) as socket:
            async with asyncio.timeout(HELLO_LIMIT_S):
                hello = ControlHello(token=self._token())
                await socket.send(msgspec.json.encode(hello), text=True)
                welcome = _decoder.decode(await socket.recv())
            if not isinstance(welcome, ControlWelcome):
                return
            self._socket, self.boot_id, self.down_since = socket, welcome.boot_id, None
            self._is_up.set()
            try:
                async for frame in socket:
                    self._take(_decoder.decode(frame))
            finally:
                self._lose()

    def _take(self, frame: FromMedia) -> None:
        if isinstance(frame, Done | CommandRefused):
            answer = self._waiting.get(frame.request_id or "")
            if answer is not None and not answer.done():
                answer.set_result(frame)
        elif not isinstance(frame, ControlWelcome):
            self._on_event(self.node.node_id, frame)

    def _lose(self) -> None:
        self._socket = None
        self._is_up.clear()
        self.down_since = self._now()

    def _token(self) -> str:
        issued_at = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": self.node.node_id,
            "iat": issued_at,
            "exp": issued_at + CONTROL_TOKEN_LIFE_S,
        }
        return jwt.encode(claims, self._key, "HS256", {"typ": CONTROL_TOKEN_TYP})


class MediaNodes:
    """All media nodes this process knows, and the channels it has opened.

    Args:
        key: HS256 secret of the media nodes.
        on_event: Called with the node id for each event.
        on_lost: Called with node id and boot id once that life of a node is proven over.
        now: Monotonic clock in seconds.
    """

    def __init__(
        self,
        *,
        key: bytes,
        on_event: Callable[[str, ControlEvent], None],
        on_lost: Callable[[str, str], None],
        now: Callable[[], float],
    ) -> None:
        self.beating: Mapping[str, MediaNode] = {}
        self._key = key
        self._on_event = on_event
        self._on_lost = on_lost
        self._now = now
        self._channels: dict[str, MediaChannel] = {}
        self._boots: dict[str, str] = {}
        self._over: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def channel(self, node: MediaNode) -> MediaChannel:
        """Return the channel to a node, opening one if there is none or the address changed."""
        known = self._channels.get(node.node_id)
        if known is not None and known.node.control_url == node.control_url:
            return known
        if known is not None:
            self._tasks[node.node_id].cancel()
        channel = MediaChannel(node, key=self._key, on_event=self._on_event, now=self._now)
        self._channels[node.node_id] = channel
        self._tasks[node.node_id] = asyncio.create_task(channel.run())
        return channel

    def known_channel(self, node_id: str) -> MediaChannel | None:
        """Return the channel to a node once it was opened, or can be."""
        node = self.beating.get(node_id)
        return self.channel(node) if node is not None else self._channels.get(node_id)

    def is_up(self, node_id: str) -> bool:
        """Say whether commands reach a node now."""
        channel = self._channels.get(node_id)
        return channel is not None and channel.down_since is None

    def learn(self, beating: Mapping[str, MediaNode]) -> None:
        """Take what Redis knows; tell of every life that is proven over."""
        self.beating = beating
        for node_id, channel in list(self._channels.items()):
            # A node may have come and died between two looks: the channel remembers it.
            if channel.boot_id is not None and channel.boot_id not in self._over:
                self._boots.setdefault(node_id, channel.boot_id)
            if (boot_id := self._dead_boot(node_id, channel)) is not None:
                del self._boots[node_id]
                self._over.add(boot_id)
                self._on_lost(node_id, boot_id)

    async def close(self) -> None:
        """Close every channel; rooms at the media nodes go on."""
        await end(self._tasks.values())

    def _dead_boot(self, node_id: str, channel: MediaChannel) -> str | None:
        """Return the boot id whose life is over, if that is proven."""
        boot_id = self._boots.get(node_id)
        if boot_id is None:
            return None
        beat = self.beating.get(node_id)
        is_other = channel.boot_id != boot_id or (beat is not None and beat.boot_id != boot_id)
        is_gone = (
            beat is None
            and channel.down_since is not None
            and self._now() - channel.down_since >= DEAD_AFTER_S
        )
        return boot_id if is_other or is_gone else None
