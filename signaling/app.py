"""Composition root of one signaling node: settings in, a serving node out.

Boot order: settings → spool → Redis → key set → internal port → public port.
"""

import asyncio
import contextlib
import random
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, Final

import structlog

from media.contract.control import ControlEvent, NodeNews
from signaling.config import SignalingSettings
from signaling.shell import registry as presence
from signaling.shell.ice_servers import IceServers, OwnRelay, TwilioAccount
from signaling.shell.logs import set_up_logs
from signaling.shell.means import Means
from signaling.shell.media_client import Hears, MediaNodes
from signaling.shell.metrics import Metrics
from signaling.shell.rooms import Rooms
from signaling.shell.server import Door, PublicPort
from signaling.shell.service_tokens import key_from_text
from signaling.shell.spool import Spool
from signaling.shell.tasks import end
from signaling.shell.tickets import TicketCheck
from signaling.shell.visit_client import VisitClient
from signaling.shell.visit_events import InternalPort

LAST_WORDS_S: Final = 2.0

_log = structlog.get_logger()


class Application:
    """One signaling node, wired."""

    def __init__(self, settings: SignalingSettings) -> None:
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False
        self.metrics = Metrics()

    async def start(self) -> None:
        """Open everything.

        Raises:
            OSError: An address is not ours or a port is taken, or the spool cannot be written.
            ValueError: A key is malformed.
        """
        settings, now = self._settings, time.monotonic
        keys = _keys(settings)
        self._visits = VisitClient(
            settings.visit_service_url, key=keys["visit_service_key"], spool=Spool(settings.spool)
        )
        redis = presence.connect(settings.redis_url.get_secret_value())
        self.registry = presence.Registry(redis, node=settings.node, clock=now)
        self._nodes = MediaNodes(
            key=keys["media_control_key"],
            hears=Hears(
                on_event=self._on_media_event,
                on_news=self._on_media_news,
                on_up=self._on_media_channel_up,
                on_lost=self._on_media_node_lost,
            ),
            now=now,
        )
        self._tickets = TicketCheck(self._visits.keys, now=now, wall=time.time)
        self._relays = _relays(settings, now=now)
        means = Means(
            registry=self.registry,
            nodes=self._nodes,
            visits=self._visits,
            relays=self._relays,
            metrics=self.metrics,
            spawn=self._spawn,
            now=now,
            wall=time.time,
            jitter=random.SystemRandom().random,
        )
        self.rooms = Rooms(means, tickets=self._tickets)
        await self.registry.probe()
        await self._tickets.refresh()
        await self.rooms.learn_media()
        await self.rooms.adopt()
        await self._listen(keys["key"])
        self._spawn(self.rooms.run())
        self._spawn(self.rooms.watch_media())
        self._spawn(self._relays.run())
        self._spawn(self._visits.run())
        _log.info("node.started", node=settings.node)

    async def drain(self) -> None:
        """Take nobody in, ask everybody to come back elsewhere, and give them time to hear it."""
        self._public.close()
        self.rooms.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_limit_s):
                await self.rooms.is_deserted.wait()

    async def stop(self) -> None:
        """Close the ports, tell what is left to tell, close the connections; once."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self.rooms.is_draining = True
        await self._public.stop()
        await self._internal.stop()
        await end(self._tasks)
        await self._visits.flush(within_s=LAST_WORDS_S)
        await self._nodes.close()
        await self._visits.close()
        await self.registry.close()
        _log.info("node.stopped", node=self._settings.node)

    async def _listen(self, key: bytes) -> None:
        settings, now = self._settings, time.monotonic
        self._internal = InternalPort(
            self.rooms,
            key=key,
            metrics=self.metrics,
            is_ready=self._is_ready,
            gauges=self._gauges,
        )
        self.internal_port = await self._internal.start(*_host_port(settings.internal_listen))
        self._public = PublicPort(
            self.rooms,
            door=Door(sockets_max=settings.sockets_max, waiting_max=settings.waiting_max, now=now),
            origins=settings.allowed_origins,
            proxy_depth=settings.proxy_depth,
            metrics=self.metrics,
            now=now,
            wall=time.time,
        )
        try:
            self.port = await self._public.start(*_host_port(settings.listen))
        except OSError:
            await self._internal.stop()
            raise

    # The rooms need the nodes and the nodes tell the rooms: looked up when they speak.
    def _on_media_event(self, node_id: str, event: ControlEvent) -> None:
        self.rooms.on_media_event(node_id, event)

    def _on_media_news(self, node_id: str, news: NodeNews) -> None:
        self.rooms.on_media_news(node_id, news)

    def _on_media_channel_up(self, node_id: str, boot_id: str) -> None:
        self.rooms.on_media_channel_up(node_id, boot_id)

    def _on_media_node_lost(self, node_id: str, boot_id: str) -> None:
        self.rooms.on_media_node_lost(node_id, boot_id)

    def _is_ready(self) -> bool:
        is_served = (
            not self.registry.is_silent
            and self._tickets.is_ready
            and self._visits.is_keeping
            and self._settings.is_relay_safe
        )
        return is_served and not self.rooms.is_draining

    def _gauges(self) -> Mapping[str, float]:
        peers = self.rooms.peers
        return {
            "sig_sockets": len(peers),
            "sig_sockets_waiting": sum(not peer.is_seated for peer in peers),
            "sig_rooms": self.rooms.count,
            "sig_outbox_bytes": sum(peer.outbox_bytes for peer in peers),
            "sig_spool_events": self._visits.owed_events,
            "sig_redis_is_silent": self.registry.is_silent,
        }

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("task.failed", error=type(fault).__name__)


@contextlib.asynccontextmanager
async def running(settings: SignalingSettings) -> AsyncIterator[Application]:
    """Run a node for the length of a `with` block."""
    application = Application(settings)
    await application.start()
    try:
        yield application
    finally:
        await application.stop()


async def serve_until_told(settings: SignalingSettings) -> None:
    """Serve until SIGTERM or SIGINT, then drain and stop."""
    set_up_logs()
    # Names and chat of the calls under way lie in memory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with running(settings) as application:
        await told.wait()
        await application.drain()


def _relays(settings: SignalingSettings, *, now: Callable[[], float]) -> IceServers:
    """Read who relays; settings that belong together are checked where they are read."""
    own = twilio = None
    if settings.turn_urls and settings.turn_secret is not None:
        secret = settings.turn_secret.get_secret_value().encode()
        own = OwnRelay(urls=tuple(settings.turn_urls), secret=secret)
    if settings.twilio_account_sid and settings.twilio_auth_token is not None:
        twilio = TwilioAccount(
            base_url=settings.twilio_base_url,
            sid=settings.twilio_account_sid,
            auth_token=settings.twilio_auth_token.get_secret_value(),
        )
    return IceServers(own=own, twilio=twilio, wall=time.time, now=now)


def _keys(settings: SignalingSettings) -> Mapping[str, bytes]:
    """Read the three secrets; a malformed one is named, never shown."""
    keys = {}
    for name in ("key", "visit_service_key", "media_control_key"):
        try:
            keys[name] = key_from_text(getattr(settings, name).get_secret_value())
        except ValueError as malformed:
            raise ValueError(f"SIGNALING_{name.upper()}: {malformed}") from None
    return keys


def _host_port(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)
