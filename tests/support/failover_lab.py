"""Two media workers and a signaling node as real processes, and two people who talk through them.

A test ends, stops or wakes a worker by its process id; the people do what the page does: they
build anew when told, restart ICE when asked.  Every audio packet names its sender and the room
epoch it was sent under, so that one that took a forbidden way is seen.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from redis.asyncio import Redis

from tests.support.fake_visit_service import FakeVisitService
from tests.support.free_ports import free_port
from tests.support.redis import RedisServer
from tests.support.signaling_lab import LOOPBACK, ORIGIN, secret, until
from tests.support.talking_party import Party

PYTHON = [sys.executable, "-m"]


@dataclass
class Worker:
    """One `media serve`."""

    node_id: str
    environment: dict[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] | None = None

    def start(self, log: Path) -> None:
        """Start it."""
        with log.open("ab") as written:
            self.process = subprocess.Popen(
                [*PYTHON, "media.cli", "serve"],
                env=self.environment,
                stderr=written,
                stdout=subprocess.DEVNULL,
            )

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> None:
        """Kill it and take note of its end."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()


class FailoverLab:
    """What a test talks to."""

    def __init__(
        self, redis: RedisServer, visits: FakeVisitService, folder: Path, *, drain_limit_s: float
    ) -> None:
        self.visits = visits
        self.redis = Redis.from_url(redis.url)
        self._redis_url = redis.url
        self._folder = folder
        self._drain_limit_s = drain_limit_s
        self._media_key, self._key = secret(), secret()
        self.workers = {name: self._worker(name) for name in ("media-1", "media-2")}
        self._signaling: subprocess.Popen[bytes] | None = None
        self._port, self._internal = free_port(), free_port()
        self.room = str(uuid4())
        self._dead_boots: set[str] = set()

    @property
    def log(self) -> str:
        """What the processes have written."""
        return (self._folder / "log").read_text()

    def _worker(self, node_id: str) -> Worker:
        port = free_port()
        facts = {
            "NODE_ID": node_id,
            "LISTEN_ADDRESS": LOOPBACK,
            "PORT": "0",
            "PUBLIC_ADDRESS": LOOPBACK,
            "CONTROL_LISTEN": f"{LOOPBACK}:{port}",
            "CONTROL_URL": f"ws://{LOOPBACK}:{port}",
            "CONTROL_KEY": self._media_key,
            "REDIS_URL": self._redis_url,
            "DRAIN_LIMIT_S": str(self._drain_limit_s),
        }
        named = {f"MEDIA_{name}": value for name, value in facts.items()}
        return Worker(node_id, {"PATH": os.environ["PATH"], **named})

    def start_signaling(self) -> None:
        """Start the signaling node, under the same name as any before it."""
        facts = {
            "NODE": "signaling-1",
            "LISTEN": f"{LOOPBACK}:{self._port}",
            "INTERNAL_LISTEN": f"{LOOPBACK}:{self._internal}",
            "ALLOWED_ORIGINS": json.dumps([ORIGIN]),
            "REDIS_URL": self._redis_url,
            "VISIT_SERVICE_URL": self.visits.url,
            "VISIT_SERVICE_KEY": self.visits.key,
            "KEY": self._key,
            "MEDIA_CONTROL_KEY": self._media_key,
            "SPOOL": str(self._folder / "spool"),
            "DRAIN_LIMIT_S": "0.2",
        }
        named = {f"SIGNALING_{name}": value for name, value in facts.items()}
        with (self._folder / "log").open("ab") as written:
            self._signaling = subprocess.Popen(
                [*PYTHON, "signaling.cli", "serve"],
                env={"PATH": os.environ["PATH"], **named},
                stderr=written,
                stdout=subprocess.DEVNULL,
            )

    def kill_signaling(self) -> None:
        """Kill the signaling node."""
        assert self._signaling is not None
        self._signaling.kill()
        self._signaling.wait()

    def start_worker(self, node_id: str) -> None:
        """Start a worker, the first time or again."""
        self.workers[node_id].start(self._folder / "log")

    async def ready(self) -> None:
        """Wait until both workers are beating and the socket's port takes connections."""
        await self.beating("media-1", "media-2")
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(LOOPBACK, self._port)
                    writer.close()
                    return
                await asyncio.sleep(0.05)

    async def beating(self, *names: str) -> None:
        """Wait until the present life of these workers has a heartbeat."""
        for name in names:
            async with asyncio.timeout(20):
                while await self._is_dead(name):  # noqa: ASYNC110  (another process)
                    await asyncio.sleep(0.05)

    async def drain(self, node_id: str) -> float:
        """Tell a worker to go, wait until its process has ended; seconds it took."""
        boot_id, worker = await self._beat_boot(node_id), self.workers[node_id]
        told_at = time.monotonic()
        worker.signal(signal.SIGTERM)
        await until(lambda: not worker.is_running, within_s=60)
        if boot_id is not None:
            self._dead_boots.add(boot_id)
        return time.monotonic() - told_at

    async def kill(self, node_id: str) -> None:
        """Kill a worker; its heartbeat runs out by itself."""
        boot_id = await self._beat_boot(node_id)
        self.workers[node_id].end()
        if boot_id is not None:
            self._dead_boots.add(boot_id)

    async def _is_dead(self, node_id: str) -> bool:
        return await self._beat_boot(node_id) in {None, *self._dead_boots}

    async def _beat_boot(self, node_id: str) -> str | None:
        beat = await self.redis.get(f"sig:media:node:{node_id}")
        return None if beat is None else str(json.loads(beat)["boot_id"])

    async def place(self) -> tuple[str, int]:
        """Return where Redis says the room's media is: worker and room epoch."""
        held = await self.redis.hmget(f"sig:{{{self.room}}}:meta", ["media_node", "room_epoch"])
        node_id, epoch = (bytes(each or b"0").decode() for each in held)  # type: ignore[arg-type]
        return node_id, int(epoch)

    @contextlib.asynccontextmanager
    async def one_person(self, role: str, *, can_move: bool = True) -> AsyncIterator[Party]:
        """Somebody in the room; pair them with whom they should hear."""
        url = f"ws://{LOOPBACK}:{self._port}/v1/socket"
        ticket = self.visits.ticket(
            room=self.room, role=role, kind=role, may_admit=role == "provider"
        )
        async with Party.seated(url, ORIGIN, ticket, can_move=can_move) as party:
            yield party

    @contextlib.asynccontextmanager
    async def two_people(self, *, can_move: bool = True) -> AsyncIterator[tuple[Party, Party]]:
        """A provider and a patient who hear each other; the patient's page may be an old one."""
        async with (
            self.one_person("provider") as provider,
            self.one_person("patient", can_move=can_move) as patient,
        ):
            provider.pair(patient)
            patient.pair(provider)
            await until(lambda: provider.hears_now and patient.hears_now, within_s=15)
            yield provider, patient

    def stop(self) -> None:
        """End every process."""
        for worker in self.workers.values():
            if worker.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    worker.signal(signal.SIGCONT)
            worker.end()
        if self._signaling is not None:
            self._signaling.kill()
            self._signaling.wait()


@contextlib.asynccontextmanager
async def failover_lab(
    redis: RedisServer, folder: Path, *, drain_limit_s: float = 0.5
) -> AsyncIterator[FailoverLab]:
    """Start everything for the length of a `with` block."""
    async with FakeVisitService().running() as visits:
        lab = FailoverLab(redis, visits, folder, drain_limit_s=drain_limit_s)
        try:
            for name in lab.workers:
                lab.start_worker(name)
            lab.start_signaling()
            await lab.ready()
            yield lab
        finally:
            lab.stop()
            await lab.redis.aclose()


def percentile(figures: list[float], share: float) -> float:
    """Return the nearest-rank percentile."""
    ranked = sorted(figures)
    return ranked[min(len(ranked) - 1, max(0, -(-int(share * len(ranked) * 100) // 100) - 1))]
