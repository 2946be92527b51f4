"""Composition root of one media node: settings in, a serving node out.

Boot order: settings → socket → collector → control socket → registry.  Keys live in this
process's memory only, so core dumps are off.  A room's peers know nothing of this file.
"""

import asyncio
import contextlib
import gc
import resource
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime, timedelta
from time import monotonic, time
from typing import Final

import structlog
from redis.asyncio import Redis

from media.config import MediaSettings
from media.contract.control import ControlWelcome
from media.shell import dtls_seam
from media.shell.control_server import ControlServer, TokenCheck, key_from_text
from media.shell.engine import PythonEngine
from media.shell.logs import set_up_logs
from media.shell.metrics import rendered
from media.shell.node import Limits, Node
from media.shell.operator_door import OperatorDoor
from media.shell.peer import Plant
from media.shell.recorder import Recorder
from media.shell.registry import Heartbeat, Registry
from media.shell.timers import Ticker
from media.shell.udp_mux import BUFFER_BYTES, UdpMux, buffer_bytes, open_socket

IDLE_COLLECTION_EVERY_S: Final = 60.0
"""A full collection may take milliseconds, so it is made while no room is open.  The ticker
makes the young ones."""
CERTIFICATE_MARGIN: Final = timedelta(days=3)
SEATS_A_ROOM: Final = 12

_log = structlog.get_logger()


class Application:
    """One media node, wired.  Use as an async context manager."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self.boot_id = dtls_seam.draw_name()
        self._tasks: set[asyncio.Task[None]] = set()
        self._collected_at = monotonic()
        self._emptied = asyncio.Event()
        self._is_stopped = False

    async def start(self) -> None:
        """Open everything; on failure what was opened is closed again.

        Raises:
            OSError: An address is not ours or a port is taken.
            ValueError: The control key is malformed.
        """
        settings = self._settings
        key = key_from_text(settings.control_key.get_secret_value())
        sockets = _open_sockets(settings)
        self.port = int(sockets[0].getsockname()[1])
        self.mux = UdpMux(sockets)
        self._certificate = dtls_seam.make_certificate()
        self.engine = PythonEngine(self.mux.sendto, draw=dtls_seam.draw_ssrc)
        recorder = Recorder(settings.record_folder, boot_id=self.boot_id)
        plant = Plant(
            engine=self.engine,
            mux=self.mux,
            certificate=self._certificate,
            candidates=_candidates(settings, self.port),
            spawn=self._spawn,
            recorder=recorder,
        )
        limits = Limits(
            rooms_max=settings.rooms_max,
            peers_max=settings.peers_max,
            room_load_max=settings.load_max,
        )
        self.node = Node(plant=plant, limits=limits)
        self._registry = Registry(
            Redis.from_url(settings.redis_url.get_secret_value()), self._heartbeat
        )
        self.control = ControlServer(
            node=self.node,
            check_token=TokenCheck(key=key, node_id=settings.node_id),
            welcome=ControlWelcome(
                node_id=settings.node_id, boot_id=self.boot_id, seats_max=SEATS_A_ROOM
            ),
            is_ready=self._is_ready,
            metrics=self._metrics,
        )
        host, _, port = settings.control_listen.rpartition(":")
        await self.control.start(host.strip("[]"), int(port))
        self._door = OperatorDoor(
            self.node, recorder=recorder, drain=self._begin_drain, counters=self._counters
        )
        if settings.operator_socket is not None:
            await self._door.open(settings.operator_socket)
        gc.collect()
        gc.freeze()
        self.mux.start(self.engine)
        self._ticker = Ticker(self._on_tick)
        self._ticker.start()
        self._beating = asyncio.create_task(self._registry.run())
        _log.info("node.started", node_id=settings.node_id, boot_id=self.boot_id)

    async def drain(self) -> None:
        """Take no new room, and give running ones until the limit to end by themselves."""
        self._begin_drain()
        await self._registry.beat()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_limit_s):
                await self._emptied.wait()

    async def stop(self) -> None:
        """End every room, leave the registry, close the sockets; once."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self.node.close(cause="drained")
        self._registry.stop()
        await self._beating
        await self._registry.leave()
        await self._ticker.stop()
        await asyncio.sleep(0)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        await self._door.close()
        await self.control.stop()
        self.mux.close()
        gc.unfreeze()
        _log.info("node.stopped", node_id=self._settings.node_id, boot_id=self.boot_id)

    def _begin_drain(self) -> None:
        self.node.drain(within_s=self._settings.drain_limit_s)

    def _counters(self) -> dict[str, int]:
        return {**self.mux.counters(), **self.engine.counters()}

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("task.failed", error=type(fault).__name__)

    def _on_tick(self, now: float) -> None:
        with self.mux.batch():
            self.node.on_tick(now)
        if self.node.is_draining and not self.node.rooms:
            self._emptied.set()
        if not self.node.rooms and now >= self._collected_at + IDLE_COLLECTION_EVERY_S:
            self._collected_at = now
            gc.collect()

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(
            node_id=self._settings.node_id,
            boot_id=self.boot_id,
            control_url=self._settings.control_url,
            load=self.node.load,
            rooms=self.node.rooms,
            seats_max=SEATS_A_ROOM,
            is_draining=self.node.is_draining,
        )

    def _is_ready(self) -> bool:
        """Signaling can see us, we take rooms, and the certificate outlives the next days."""
        is_lasting = self._certificate_left() > CERTIFICATE_MARGIN
        return self._registry.is_fresh and not self.node.is_draining and is_lasting

    def _certificate_left(self) -> timedelta:
        return self._certificate.expires_at - datetime.fromtimestamp(time(), tz=UTC)

    def _metrics(self) -> str:
        gauges = {**self.node.gauges(), "gc_pause_ms": 1_000 * self._ticker.gc_pause_s}
        gauges["certificate_left_seconds"] = self._certificate_left().total_seconds()
        return rendered(self._counters(), gauges)


@contextlib.asynccontextmanager
async def running(settings: MediaSettings) -> AsyncIterator[Application]:
    """Run a node for the length of a `with` block."""
    application = Application(settings)
    await application.start()
    try:
        yield application
    finally:
        await application.stop()


async def serve_until_told(settings: MediaSettings) -> None:
    """Serve until SIGTERM or SIGINT, then drain and stop."""
    set_up_logs()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with running(settings) as application:
        await told.wait()
        await application.drain()


def _open_sockets(settings: MediaSettings) -> list[socket.socket]:
    """One socket per address family, on the same port."""
    sockets = [open_socket(str(settings.listen_address), settings.port)]
    port = int(sockets[0].getsockname()[1])
    if settings.listen_address_v6 is not None:
        try:
            sockets.append(open_socket(str(settings.listen_address_v6), port))
        except OSError:
            sockets[0].close()
            raise
    granted = min(buffer_bytes(each) for each in sockets)
    if granted < BUFFER_BYTES:
        _log.warning("socket.has_small_buffers", wanted_bytes=BUFFER_BYTES, granted_bytes=granted)
    return sockets


def _candidates(settings: MediaSettings, port: int) -> tuple[tuple[str, int], ...]:
    addresses = [settings.public_address, settings.public_address_v6]
    return tuple((str(address), port) for address in addresses if address is not None)
