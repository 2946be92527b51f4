"""A network between a client and a media node: a seeded UDP relay in user space.

A client is sent here by the port in the answer it gets (`through`).  To the node each client comes
from a port of the link's own, as from behind a NAT, so `rebind` is what a router does that forgets
its mappings.  Everything that was done stands in `done`, every datagram's fate in `up` and `down`.
"""

import asyncio
import contextlib
import heapq
import random
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from itertools import count
from typing import Any

from tests.support.loopback import LoopbackPort
from tests.support.weather import BLOCKED, CLEAR, Road, Weather

_CANDIDATE = re.compile(r"(a=candidate:\S+ 1 udp \d+ )(\S+) (\d+)( typ host)")
_IPV4_ONLY = "127.0.0.1"


class LossyLink:
    """One link in front of one node; open it inside a running loop.

    Args:
        server: The node's address.
        seed: Everything random comes of it.
    """

    def __init__(self, server: tuple[str, int], *, seed: int) -> None:
        self.server = server
        self.up = Road(random.Random(f"{seed} up"))
        self.down = Road(random.Random(f"{seed} down"))
        self.done: list[tuple[float, str]] = []
        self.let_through: frozenset[str] | None = None
        """The only addresses whose clients are heard and reached; None: all."""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.setblocking(False)
        self._front.bind((_IPV4_ONLY, 0))
        self._flows: dict[tuple[str, int], LoopbackPort] = {}
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None
        self._script: list[asyncio.TimerHandle] = []
        self._loop.add_reader(self._front, self._read)

    @property
    def address(self) -> tuple[str, int]:
        """Where clients send to."""
        host, port = self._front.getsockname()
        return str(host), int(port)

    @property
    def node_sees(self) -> list[tuple[str, int]]:
        """The addresses the node gets the clients' datagrams from."""
        return [flow.address for flow in self._flows.values()]

    def through(self, answer: str) -> str:
        """Return an answer whose candidate is this link and no longer the node."""
        host, port = self.address
        return _CANDIDATE.sub(rf"\g<1>{host} {port}\g<4>", answer)

    def set_weather(self, *, up: Weather | None = None, down: Weather | None = None) -> None:
        """Change one direction or both; None leaves it as it is."""
        for name, road, weather in (("up", self.up, up), ("down", self.down, down)):
            if weather is not None:
                road.weather = weather
                self._note(f"{name}: {weather}")

    def block(self) -> None:
        """Let nothing pass."""
        self.set_weather(up=BLOCKED, down=BLOCKED)

    def clear(self) -> None:
        """Let everything pass."""
        self.set_weather(up=CLEAR, down=CLEAR)

    def let_only(self, *hosts: str) -> None:
        """Let nothing pass but what clients of these addresses send and are sent."""
        self.let_through = frozenset(hosts)
        self._note(f"only {', '.join(hosts)}")

    def rebind(self) -> None:
        """Send to the node from new ports; what it sends to the old ones is lost."""
        for client in list(self._flows):
            self._flows.pop(client).close()
            self._flows[client] = self._flow(client)
        self._note("rebound")

    def play(self, script: Iterable[tuple[float, Callable[[], None]]]) -> None:
        """Do things at instants, in seconds from now."""
        self._script += [self._loop.call_later(at_s, act) for at_s, act in script]

    def close(self) -> None:
        """Stop; what is under way is lost."""
        for timer in [*self._script, *([self._timer] if self._timer else [])]:
            timer.cancel()
        self._loop.remove_reader(self._front)
        self._front.close()
        for flow in self._flows.values():
            flow.close()

    def _note(self, what: str) -> None:
        self.done.append((round(self._loop.time() - self._began, 3), what))

    def _lets(self, client: tuple[str, int]) -> bool:
        return self.let_through is None or client[0] in self.let_through

    def _flow(self, client: tuple[str, int]) -> LoopbackPort:
        def take(data: bytes) -> None:
            if self._lets(client):
                self._carry(self.down, data, partial(self._reach, client, data))

        return LoopbackPort(self.server, take)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, client = self._front.recvfrom(65_535)
                if not self._lets(client):
                    continue
                if client not in self._flows:
                    self._flows[client] = self._flow(client)
                self._carry(self.up, data, partial(self._pass_on, client, data))

    def _pass_on(self, client: tuple[str, int], data: bytes) -> None:
        self._flows[client].send(data)

    def _reach(self, client: tuple[str, int], data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._front.sendto(data, client)

    def _carry(self, road: Road, data: bytes, send: Callable[[], None]) -> None:
        now = self._loop.time()
        for at in road.fate(len(data), now):
            if at <= now:
                send()
            else:
                heapq.heappush(self._waiting, (at, next(self._numbers), send))
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._send_due)

    def _send_due(self) -> None:
        self._timer = None
        now = self._loop.time() + 0.0005
        while self._waiting and self._waiting[0][0] <= now:
            heapq.heappop(self._waiting)[2]()
        self._set_timer()


@contextlib.asynccontextmanager
async def lossy_link(server: tuple[str, int], *, seed: int) -> AsyncIterator[LossyLink]:
    """Open a link for the length of a `with` block; it is clear until told otherwise."""
    link = LossyLink(server, seed=seed)
    try:
        yield link
    finally:
        link.close()


class LinkThread:
    """Links in a loop and a thread of their own, beside a test that drives browsers."""

    def __init__(self, servers: Iterable[tuple[str, int]], *, seed: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.links = [self.run(partial(LossyLink, each, seed=seed)) for each in servers]

    def run(self, work: Callable[[], Any]) -> Any:
        """Do something in the links' thread; return what came of it."""

        async def do() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(10)

    def each(self, act: Callable[[LossyLink], None]) -> None:
        """Do the same to every link."""
        for link in self.links:
            self.run(partial(act, link))

    def close(self) -> None:
        """Stop."""
        self.each(LossyLink.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
