"""A busy socket is drained in batches, a quiet one at once; nothing is left lying in it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from media.core.engine_face import Addr, Engine
from media.shell.udp_mux import DATAGRAMS_A_WAKE, PAUSE_S, MuxPeer, UdpMux, open_socket

MANY = 5 * DATAGRAMS_A_WAKE


class Collector:
    """An engine that keeps the numbers of what it was handed."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.came = asyncio.Event()

    def on_srtp(self, addr: Addr, data: bytes, now: float) -> None:
        """Take one datagram."""
        del addr, now
        self.numbers.append(int.from_bytes(data[12:16], "big"))
        self.came.set()


class Wire:
    """A mux over a real socket, and a peer it knows."""

    def __init__(self) -> None:
        self.engine = Collector()
        self.inside = open_socket("127.0.0.1", 0)
        self.mux = UdpMux([self.inside])
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.peer.bind(("127.0.0.1", 0))
        owner = cast("MuxPeer", object())
        self.mux.set_addresses(owner, frozenset({self.peer.getsockname()}), now=0.0)

    def send(self, *numbers: int) -> None:
        """Send datagrams that look like SRTP."""
        for number in numbers:
            datagram = bytes([0x80, 96]) + bytes(10) + number.to_bytes(4, "big")
            self.peer.sendto(datagram, self.inside.getsockname())

    async def until(self, count: int) -> None:
        """Wait until so many were handed over."""
        async with asyncio.timeout(10):
            while len(self.engine.numbers) < count:
                self.engine.came.clear()
                await self.engine.came.wait()


@asynccontextmanager
async def a_wire() -> AsyncIterator[Wire]:
    wire = Wire()
    wire.mux.start(cast("Engine", wire.engine))
    try:
        yield wire
    finally:
        wire.mux.close()
        wire.peer.close()


async def test_everything_arrives_once_and_in_order_however_fast_it_comes() -> None:
    async with a_wire() as wire:
        wire.send(*range(MANY))
        await wire.until(MANY)
        for number in range(MANY, 2 * MANY):
            wire.send(number)
            await asyncio.sleep(PAUSE_S / 4)
        await wire.until(2 * MANY)

        assert wire.engine.numbers == list(range(2 * MANY))


async def test_a_lone_datagram_after_a_busy_time_is_taken() -> None:
    async with a_wire() as wire:
        for number in range(10):
            wire.send(*range(number * MANY, (number + 1) * MANY))
            await wire.until((number + 1) * MANY)
            await asyncio.sleep(20 * PAUSE_S)
            wire.send(7_000_000)
            await wire.until((number + 1) * MANY + 1)
            assert wire.engine.numbers.pop() == 7_000_000


async def test_a_fault_in_a_drain_does_not_end_the_reading() -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.append(told))

    async with a_wire() as wire:
        wire.mux.stale_at = 0.0
        wire.mux.on_stale = _raiser(wire)
        for number in range(MANY):
            wire.send(number)
            await asyncio.sleep(0)
        await wire.until(MANY)

        assert len(faults) == 1
        assert wire.engine.numbers == list(range(MANY))


async def test_nothing_is_read_once_it_is_closed() -> None:
    async with a_wire() as wire:
        wire.send(*range(MANY))
        await wire.until(1)
        wire.mux.close()
        taken = len(wire.engine.numbers)
        await asyncio.sleep(5 * PAUSE_S)

        assert len(wire.engine.numbers) == taken


def _raiser(wire: Wire) -> Callable[[float], None]:
    def fault(now: float) -> None:
        del now
        wire.mux.stale_at = float("inf")
        raise RuntimeError("a fault of the test's own")

    return fault
