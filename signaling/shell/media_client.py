"""Control channels to media nodes: one socket each, kept up, with a deadline for every command.

A channel that is down harms no running call: media goes on, commands wait for its return as long
as their deadline allows.  What the channel has witnessed of a node's life is told here; whether
that is proof of its end, `core.node_death` decides.
"""

import asyncio
import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import jwt
import msgspec
import structlog
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, WebSocketException
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
    NodeEvent,
    NodeNews,
    RefusalCode,
)
from signaling.core.node_death import Witnesses, is_over
from signaling.core.placement import MediaNode
from signaling.shell.tasks import end

COMMAND_LIMIT_S: Final = 3.0
HELLO_LIMIT_S: Final = 2.0
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 1.0
PING_EVERY_S: Final = 1.0
PONG_LIMIT_S: Final = 2.0
CLOSE_LIMIT_S: Final = 0.2
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Hears:
    """Who is told what a media node says; each is called with the node id first."""

    on_event: Callable[[str, ControlEvent], None]
    """Of a room: in order, between the answers."""
    on_news: Callable[[str, NodeNews], None]
    """Of the node itself."""
    on_up: Callable[[str, str], None]
    """A channel is open, to the life of this boot id: what was missed must be restated."""
    on_lost: Callable[[str, str], None]
    """The life of this boot id is proven over."""


class MediaChannel:
    """One socket to one media node.

    Args:
        node: Where it is.
        key: HS256 secret of the media nodes.
        hears: Who is told.
        now: Monotonic clock in seconds.
    """

    def __init__(
        self, node: MediaNode, *, key: bytes, hears: Hears, now: Callable[[], float]
    ) -> None:
        self.node = node
        self.boot_id: str | None = None
        self.down_since: float | None = now()
        self.was_refused = False
        """The newest try met a closed port: no process listens there."""
        self._key = key
        self._hears = hears
        self._now = now
        self._silent_before_s = 0.0
        self._socket: ClientConnection | None = None
        self._is_up = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[Done | CommandRefused]] = {}
        self._ids = count(1)
        self._prefix = f"{time.time_ns():x}"

    async def run(self) -> None:
        """Keep the socket up until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            tried_at = self._now()
            try:
                await self._stay_connected()
            except (OSError, TimeoutError, WebSocketException, msgspec.DecodeError) as broken:
                self.was_refused = isinstance(broken, ConnectionRefusedError)
                _log.info("media_channel.lost", error=type(broken).__name__)
            if self.down_since is not None and self.down_since > tried_at:
                pause_s = FIRST_PAUSE_S  # it was up meanwhile
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    @property
    def unanswered_s(self) -> float:
        """For how long nothing has been heard of the node here."""
        if self.down_since is None:
            return 0.0
        return self._now() - self.down_since + self._silent_before_s

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
                await self._up_or_over(answer)
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

    def give_up(self) -> None:
        """Let every waiting command fail at once: nobody is there to answer it."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(MediaSilent())

    async def _up_or_over(self, answer: asyncio.Future[Done | CommandRefused]) -> None:
        """Wait until the channel is up, or the node is given up."""
        if self._is_up.is_set():
            return
        up: asyncio.Future[Any] = asyncio.ensure_future(self._is_up.wait())
        either: set[asyncio.Future[Any]] = {up, answer}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
        if answer.done():
            answer.result()

    async def _stay_connected(self) -> None:
        async with connect(
            self.node.control_url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            proxy=None,  # an inner address: a proxy of the environment is never right
            compression=None,
            max_size=FRAME_BYTES_MAX,
            open_timeout=HELLO_LIMIT_S,
            close_timeout=CLOSE_LIMIT_S,
            ping_interval=PING_EVERY_S,
            ping_timeout=PONG_LIMIT_S,
        ) as socket:
            async with asyncio.timeout(HELLO_LIMIT_S):
                hello = ControlHello(token=self._token())
                await socket.send(msgspec.json.encode(hello), text=True)
                welcome = _decoder.decode(await socket.recv())
            if not isinstance(welcome, ControlWelcome):
                return
            self._socket, self.boot_id, self.down_since = socket, welcome.boot_id, None
            self.was_refused, self._silent_before_s = False, 0.0
            self._is_up.set()
            try:
                self._hears.on_up(self.node.node_id, welcome.boot_id)
                async for frame in socket:
                    self._take(_decoder.decode(frame))
            except ConnectionClosedError as broken:
                # Closed by us because no pong came: the silence began before.
                self._silent_before_s = PONG_LIMIT_S if broken.rcvd is None and broken.sent else 0.0
                raise
            finally:
                self._lose()

    def _take(self, frame: FromMedia) -> None:
        if isinstance(frame, Done | CommandRefused):
            answer = self._waiting.get(frame.request_id or "")
            if answer is not None and not answer.done():
                answer.set_result(frame)
        elif isinstance(frame, NodeEvent):
            self._hears.on_news(self.node.node_id, frame)
        elif not isinstance(frame, ControlWelcome):
            self._hears.on_event(self.node.node_id, frame)

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
        hears: Who is told.
        now: Monotonic clock in seconds.
    """

    def __init__(self, *, key: bytes, hears: Hears, now: Callable[[], float]) -> None:
        self.beating: Mapping[str, MediaNode] = {}
        self._key = key
        self._on_up_told = hears.on_up
        self._hears = dataclasses.replace(hears, on_up=self._on_up)
        self._now = now
        self._channels: dict[str, MediaChannel] = {}
        self._boots: dict[str, str] = {}
        self._over: set[str] = set()
        self._draining: set[str] = set()
        self._is_short = False
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def channel(self, node: MediaNode) -> MediaChannel:
        """Return the channel to a node, opening one if there is none or the address changed."""
        known = self._channels.get(node.node_id)
        if known is not None and known.node.control_url == node.control_url:
            return known
        if known is not None:
            self._tasks[node.node_id].cancel()
        channel = MediaChannel(node, key=self._key, hears=self._hears, now=self._now)
        self._channels[node.node_id] = channel
        self._tasks[node.node_id] = asyncio.create_task(channel.run())
        return channel

    def known_channel(self, node_id: str) -> MediaChannel | None:
        """Return the channel to a node once it was opened, or can be."""
        node = self.beating.get(node_id)
        return self.channel(node) if node is not None else self._channels.get(node_id)

    def boot_of(self, node_id: str) -> str | None:
        """Return the boot id of the life a channel speaks to."""
        channel = self._channels.get(node_id)
        return None if channel is None else channel.boot_id

    def is_up(self, node_id: str) -> bool:
        """Say whether commands reach a node now."""
        channel = self._channels.get(node_id)
        return channel is not None and channel.down_since is None

    @property
    def must_watch(self) -> bool:
        """Whether the heartbeats are worth a look now: a channel is down, or no node was found."""
        is_any_down = any(channel.down_since is not None for channel in self._channels.values())
        return is_any_down or self._is_short

    def candidates(self) -> list[MediaNode]:
        """Return the nodes a room may be put on: beating, not given up, not said to drain."""
        out = self._over | self._draining
        found = [node for node in self.beating.values() if node.boot_id not in out]
        self._is_short = not found
        return found

    def note_draining(self, node_id: str) -> None:
        """Put nothing new on a node that has said it drains; its heartbeat says so later."""
        if (boot_id := self.boot_of(node_id)) is not None:
            self._draining.add(boot_id)

    def learn(self, beating: Mapping[str, MediaNode]) -> None:
        """Take what Redis knows; tell of every life that is proven over."""
        self.beating, self._is_short = beating, False
        for node_id, channel in list(self._channels.items()):
            # A node may have come and died between two looks: the channel remembers it.
            if channel.boot_id is not None and channel.boot_id not in self._over:
                self._boots.setdefault(node_id, channel.boot_id)
            boot_id = self._boots.get(node_id)
            if boot_id is not None and is_over(self._witnesses(boot_id, channel)):
                del self._boots[node_id]
                self._over.add(boot_id)
                channel.give_up()
                self._hears.on_lost(node_id, boot_id)

    async def close(self) -> None:
        """Close every channel; rooms at the media nodes go on."""
        await end(self._tasks.values())

    def _witnesses(self, boot_id: str, channel: MediaChannel) -> Witnesses:
        beat = self.beating.get(channel.node.node_id)
        return Witnesses(
            boot_id=boot_id,
            channel_boot_id=channel.boot_id,
            is_channel_up=channel.down_since is None,
            was_refused=channel.was_refused,
            unanswered_s=channel.unanswered_s,
            beat_boot_id=None if beat is None else beat.boot_id,
            beat_age_s=0.0 if beat is None else beat.beat_age_s,
        )

    def _on_up(self, node_id: str, boot_id: str) -> None:
        """A life that was given up and answers again may be used again: its rooms are elsewhere."""
        self._over.discard(boot_id)
        self._on_up_told(node_id, boot_id)
