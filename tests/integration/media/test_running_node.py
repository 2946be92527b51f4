"""What an operator can see of a node's process while it forwards: its ports, threads and counts."""

import asyncio
import contextlib
import random
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from media.contract.control import Source
from tests.support.control_client import ControlClient, a_key, control_client, control_token
from tests.support.headless_peer import HeadlessPeer
from tests.support.loopback import stranger
from tests.support.media_commands import ack, attach, offer, open_room, publish, wants
from tests.support.media_lab import until
from tests.support.redis import RedisServer

KEY = a_key()
SERVE = [sys.executable, "-c", "from media.cli import app; app()", "serve"]
STRANGERS = {
    "bad_datagram": 20,
    "no_peer": 10,
    "dtls_stranger": 10,
    "stun_unknown_ufrag": 10,
    "stun_integrity": 10,
    "handler_error": 0,
}
BINDING, LISTENING = "07", "0A"
"""States of a bound UDP and a listening TCP socket in /proc/net."""


@dataclass
class NodeProcess:
    """One `media serve`, looked at from outside."""

    running: subprocess.Popen[bytes]
    log: Path

    def ports(self, protocol: str, state: str) -> list[int]:
        """Return the local ports of its sockets in a state."""
        root = Path("/proc") / str(self.running.pid)
        links = [str(each.readlink()) for each in (root / "fd").iterdir()]
        own = {each[8:-1] for each in links if each.startswith("socket:[")}
        rows = [line.split() for line in (root / "net" / protocol).read_text().splitlines()[1:]]
        return [int(row[1].split(":")[1], 16) for row in rows if row[3] == state and row[9] in own]

    @property
    def udp_ports(self) -> list[int]:
        """Return the ports it can be sent datagrams at."""
        return self.ports("udp", BINDING) + self.ports("udp6", BINDING)

    @property
    def threads(self) -> int:
        """Return how many threads it has, those of C libraries included."""
        return len(list((Path("/proc") / str(self.running.pid) / "task").iterdir()))

    async def counters(self) -> dict[str, int]:
        """Return the counters of its metrics page."""
        (port,) = self.ports("tcp", LISTENING)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        page = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        found = re.findall(r"^media_(\w+)_total (\d+)$", page, re.MULTILINE)
        return {name: int(count) for name, count in found}


@pytest.fixture
async def node(shared_redis: RedisServer, tmp_path: Path) -> AsyncIterator[NodeProcess]:
    facts = {
        "PATH": "/usr/bin:/bin",
        "MEDIA_NODE_ID": "node-1",
        "MEDIA_LISTEN_ADDRESS": "127.0.0.1",
        "MEDIA_PORT": "0",
        "MEDIA_PUBLIC_ADDRESS": "127.0.0.1",
        "MEDIA_CONTROL_LISTEN": "127.0.0.1:0",
        "MEDIA_CONTROL_URL": "ws://127.0.0.1:1/",
        "MEDIA_CONTROL_KEY": KEY,
        "MEDIA_REDIS_URL": shared_redis.url,
        "MEDIA_DRAIN_LIMIT_S": "0.1",
    }
    log = tmp_path / "log"
    with log.open("wb") as written:
        running = subprocess.Popen(SERVE, env=facts, stderr=written, stdout=subprocess.DEVNULL)
    made = NodeProcess(running, log)
    try:
        await until(lambda: b"node.started" in log.read_bytes(), within_s=20.0)
        yield made
    finally:
        running.terminate()
        running.wait(timeout=10)


@contextlib.asynccontextmanager
async def call_of_two(
    signaling: ControlClient,
) -> AsyncIterator[tuple[HeadlessPeer, HeadlessPeer, dict[str, str]]]:
    """A patient whom a provider hears and sees; the provider's mids by publication."""
    patient, provider = HeadlessPeer("patient"), HeadlessPeer("provider")
    await signaling.done(open_room())
    for peer in (patient, provider):
        await signaling.done(attach(peer.name))
        answered = await signaling.done(offer(peer.name, peer.offer()))
        assert set(re.findall("a=setup:(.*)\r", answered.sdp or "")) == {"passive"}
        await peer.connect(answered.sdp or "")
    try:
        for source in (Source.MIC, Source.CAMERA):
            await signaling.done(publish("patient", source))
        await signaling.done(wants("provider", "patient.mic", "patient.camera"))
        told = await signaling.map_of("provider")
        await signaling.done(ack("provider", told.map_id))
        mids = {each.publication_id: each.mid for each in told.slots if each.publication_id}
        yield patient, provider, mids
    finally:
        await patient.close()
        await provider.close()


@pytest.fixture
async def signaling(node: NodeProcess) -> AsyncIterator[ControlClient]:
    (port,) = node.ports("tcp", LISTENING)
    async with control_client(port) as made:
        await made.hello(control_token(KEY, "node-1"))
        yield made


async def test_a_node_that_forwards_has_one_udp_port_and_gains_no_thread(
    node: NodeProcess, signaling: ControlClient
) -> None:
    """A decoder is a thread a track, in the library whose toolbox this is: there is none."""
    async with call_of_two(signaling) as (patient, provider, mids):
        for index in range(30):
            patient.send_audio()
            patient.send_video(is_key=index == 0)
            await asyncio.sleep(0.02)
        await until(lambda: len(provider.received[mids["patient.camera"]]) == 30)
        await until(lambda: len(provider.received[mids["patient.mic"]]) == 30)

        assert node.threads == 1
        assert patient.answer is not None
        assert provider.answer is not None
        assert [("127.0.0.1", port) for port in node.udp_ports] == [patient.server]
        assert patient.answer.candidates == provider.answer.candidates == (patient.server,)


async def test_what_strangers_send_is_counted_and_neither_answered_nor_logged(
    node: NodeProcess, signaling: ControlClient, seed: int
) -> None:
    source = random.Random(seed)
    async with call_of_two(signaling) as (patient, provider, mids):
        logged = node.log.read_bytes()
        strays = [b"", b"\x80" + source.randbytes(1_600), b"\x90" + source.randbytes(200)]
        strays += [b"\x16\xfe\xfd" + source.randbytes(100), patient.check(username="nobody:x")]
        strays += [patient.check(password="x" * 24)]
        before = await node.counters()

        async with stranger(patient.server) as outsider:
            for _ in range(10):
                for each in strays:
                    outsider.send(each)
                patient.send_audio()
                await asyncio.sleep(0.02)
            assert outsider.answers == []

        await until(lambda: len(provider.received[mids["patient.mic"]]) == 10)
        after = await node.counters()
        assert {name: after[name] - before[name] for name in STRANGERS} == STRANGERS
        assert node.log.read_bytes() == logged


async def test_a_port_is_one_nodes(node: NodeProcess) -> None:
    """Two workers on one port would split a room between them."""
    (port,) = node.udp_ports

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            second.bind(("127.0.0.1", port))
