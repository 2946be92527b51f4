"""One UDP port for all peers of a node: the drain loop and its guards.

Here: sockets, demultiplexing by first byte, the tables address → peer and ufrag → peer, one
counter per guard.  A failed guard increments its counter and touches nothing else; a stranger
gets no answer.  Not here: what a check means (`media.core.ice_lite`), packets (the engine).

Source:
    RFC 7983 and RFC 5761 section 4 for the bytes.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import partial
from time import monotonic
from typing import Final, Protocol, TypeAlias

from media.core.engine_face import Addr, Engine
from media.core.ice_lite import Verdict
from media.core.stun import BindingRequest, NotAStunCheck, read_request
from media.shell.outbox import Outbox

DATAGRAMS_A_WAKE: Final = 64
DATAGRAM_BYTES_MIN: Final = 12
DATAGRAM_BYTES_MAX: Final = 1_500
PAUSE_S: Final = 0.001
"""Between two drains while datagrams come thick and fast."""
READ_BYTES: Final = 2_048
"""More than the largest allowed, so that an oversized datagram shows as such."""
DTLS_BYTES_MIN: Final = 13
CHECKS_PER_S: Final = 5_000
BUFFER_BYTES: Final = 4 * 1024 * 1024

RecvFrom: TypeAlias = Callable[[int], tuple[bytes, Addr]]


class Guard(IntEnum):
    """What became of a datagram that went no further; one counter each."""

    BAD_DATAGRAM = 0
    NO_PEER = 1
    SOCKET_ERROR = 2
    HANDLER_ERROR = 3
    SEND_ERROR = 4
    STUN_RATE = 5
    STUN_MALFORMED = 6
    STUN_UNKNOWN_UFRAG = 7
    STUN_USERNAME = 8
    STUN_INTEGRITY = 9
    STUN_MUTED = 10
    STUN_ROLE = 11
    STUN_REPLAYED = 12
    STUN_ADDRESS_HELD = 13
    STUN_ACCEPTED = 14
    DTLS_SHORT = 15
    DTLS_STRANGER = 16
    DTLS_DROPPED = 17
    DTLS_ACCEPTED = 18


_OF_VERDICT: Final = {
    Verdict.ACCEPTED: Guard.STUN_ACCEPTED,
    Verdict.USERNAME: Guard.STUN_USERNAME,
    Verdict.INTEGRITY: Guard.STUN_INTEGRITY,
    Verdict.MUTED: Guard.STUN_MUTED,
    Verdict.ROLE: Guard.STUN_ROLE,
    Verdict.REPLAYED: Guard.STUN_REPLAYED,
}


class MuxPeer(Protocol):
    """What the mux needs of a peer."""

    def on_check(self, check: BindingRequest, addr: Addr, *, now: float) -> Verdict:
        """Take a well-formed check that names one of the peer's ufrags."""
        ...

    def on_dtls(self, data: bytes, addr: Addr, *, now: float) -> bool:
        """Take a DTLS datagram from a validated address; False if it was dropped."""
        ...

    def holds_its_addresses(self, *, now: float) -> bool:
        """Say whether another peer's check must not take an address over."""
        ...

    def forget(self, addr: Addr, *, now: float) -> None:
        """Give an address up."""
        ...


def open_socket(host: str, port: int) -> socket.socket:
    """Bind one non-blocking UDP socket to one address, never to a wildcard.

    Replies must leave from the address the client checked.

    Raises:
        OSError: The address is not ours, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    return opened


def buffer_bytes(opened: socket.socket) -> int:
    """Read back the smaller buffer; Linux reports twice what may be used."""
    received = opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return min(received, opened.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)) // 2


class _Intake:
    """Drains one socket: when it has something, and each millisecond while datagrams come fast.

    A turn of the loop costs as much as a packet does.  On a busy node each would bring one packet;
    with a pause between, a batch shares it, for half a millisecond of delay.
    """

    def __init__(self, opened: socket.socket, drain: Callable[[], int]) -> None:
        self._opened = opened
        self._drain = drain
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Handle | None = None
        self._woken_at = float("-inf")
        self._listen()

    def close(self) -> None:
        """Drain no more."""
        self._loop.remove_reader(self._opened)
        if self._next is not None:
            self._next.cancel()

    def _listen(self) -> None:
        self._next = None
        self._loop.add_reader(self._opened, self._on_readable)

    def _on_readable(self) -> None:
        before, self._woken_at = self._woken_at, monotonic()
        if self._woken_at - before >= PAUSE_S:
            self._drain()
            return
        self._loop.remove_reader(self._opened)
        self._take()

    def _take(self) -> None:
        taken = 0
        try:
            taken = self._drain()
        finally:  # whatever came of it, the socket is looked at again
            if not taken:
                self._listen()
            elif taken < DATAGRAMS_A_WAKE:
                self._next = self._loop.call_later(PAUSE_S, self._take)
            else:
                self._next = self._loop.call_soon(self._take)


class UdpMux:
    """The node's sockets, at most one per address family on the one port."""

    def __init__(self, sockets: Iterable[socket.socket]) -> None:
        self._sockets = {4 if each.family == socket.AF_INET6 else 2: each for each in sockets}
        self._outboxes = {
            size: Outbox(opened, self._note_unsent) for size, opened in self._sockets.items()
        }
        self._engine: Engine | None = None
        self._intakes: list[_Intake] = []
        self._by_addr: dict[Addr, MuxPeer] = {}
        self._by_ufrag: dict[str, MuxPeer] = {}
        self._addresses: dict[MuxPeer, frozenset[Addr]] = {}
        self._ufrags: dict[MuxPeer, frozenset[str]] = {}
        self._checks_since = 0.0
        self._checks = 0
        self.counts = [0] * len(Guard)
        self.stale_at = float("inf")
        """From this instant on the node has missed its ticks: it was stopped for a while."""
        self.on_stale: Callable[[float], None] = lambda _: None
        """Told so before the first datagram of that wake is read."""

    @property
    def sendto(self) -> Callable[[bytes, Addr], object]:
        """How the engine sends; while the mux drains, and in a `batch`, together."""
        if len(self._outboxes) == 1:
            return next(iter(self._outboxes.values())).send
        return lambda data, addr: self._outboxes[len(addr)].send(data, addr)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Send together what the engine sends inside a `with` block."""
        for outbox in self._outboxes.values():
            outbox.hold()
        try:
            yield
        finally:
            for outbox in self._outboxes.values():
                outbox.release()

    def _note_unsent(self, count: int) -> None:
        self.counts[Guard.SEND_ERROR] += count

    def start(self, engine: Engine) -> None:
        """Read from now on, handing packets of known addresses to `engine`."""
        self._engine = engine
        self._intakes = [
            _Intake(opened, partial(self._drain_together, opened.recvfrom))
            for opened in self._sockets.values()
        ]

    def close(self) -> None:
        """Stop reading and close the sockets."""
        while self._intakes:
            self._intakes.pop().close()
        for opened in self._sockets.values():
            opened.close()

    def _drain_together(self, recvfrom: RecvFrom) -> int:
        with self.batch():
            return self.drain(recvfrom)

    def drain(self, recvfrom: RecvFrom) -> int:  # noqa: C901  (one check a wake)
        """Take what the socket holds, at most 64 datagrams, and return how many there were."""
        engine, counts, by_addr = self._engine, self.counts, self._by_addr
        assert engine is not None  # noqa: S101  (start() gave it before the first wake)
        if monotonic() >= self.stale_at:  # what waited while we were stopped is not news
            self.on_stale(monotonic())
        for taken in range(DATAGRAMS_A_WAKE):
            try:
                data, addr = recvfrom(READ_BYTES)
            except BlockingIOError:
                return taken
            except OSError:  # ICMP errors of earlier sends, ENOBUFS
                counts[Guard.SOCKET_ERROR] += 1
                continue
            try:
                length = len(data)
                first = data[0] if DATAGRAM_BYTES_MIN <= length <= DATAGRAM_BYTES_MAX else 255
                if 127 < first < 192:  # noqa: PLR2004  (RFC 7983)
                    if addr not in by_addr:
                        counts[Guard.NO_PEER] += 1
                    elif 192 <= data[1] <= 223:  # noqa: PLR2004  (RFC 5761)
                        engine.on_srtcp(addr, data, monotonic())
                    else:
                        engine.on_srtp(addr, data, monotonic())
                else:
                    self._on_other(first, data, addr)
            except Exception:  # noqa: BLE001  (one of three allowed: a datagram never ends a node)
                counts[Guard.HANDLER_ERROR] += 1
        return DATAGRAMS_A_WAKE

    def send(self, addr: Addr, data: bytes) -> None:
        """Send STUN or DTLS; what the socket does not take is lost, as on any network."""
        try:
            self._sockets[len(addr)].sendto(data, addr)
        except OSError:
            self.counts[Guard.SEND_ERROR] += 1

    def has_ufrag(self, ufrag: str) -> bool:
        """Say whether a freshly drawn ufrag is taken and must be drawn again."""
        return ufrag in self._by_ufrag

    def set_ufrags(self, peer: MuxPeer, ufrags: frozenset[str]) -> None:
        """Route checks that name these ufrags, and no others, to `peer`."""
        if self._ufrags.get(peer) == ufrags:
            return
        for ufrag in self._ufrags.get(peer, frozenset()) - ufrags:
            del self._by_ufrag[ufrag]
        self._by_ufrag.update(dict.fromkeys(ufrags, peer))
        self._ufrags[peer] = ufrags

    def set_addresses(self, peer: MuxPeer, addresses: frozenset[Addr], *, now: float) -> None:
        """Route datagrams of these addresses, and no others, to `peer`."""
        for addr in addresses:
            owner = self._by_addr.get(addr)
            if owner is not None and owner is not peer:
                owner.forget(addr, now=now)
        for addr in self._addresses.get(peer, frozenset()) - addresses:
            del self._by_addr[addr]
        self._by_addr.update(dict.fromkeys(addresses, peer))
        self._addresses[peer] = addresses

    def drop(self, peer: MuxPeer) -> None:
        """Forget a peer: its addresses are strangers again."""
        for addr in self._addresses.pop(peer, frozenset()):
            del self._by_addr[addr]
        for ufrag in self._ufrags.pop(peer, frozenset()):
            del self._by_ufrag[ufrag]

    def counters(self) -> dict[str, int]:
        """Counts since boot by guard."""
        return {guard.name.lower(): self.counts[guard] for guard in Guard}

    def _on_other(self, first: int, data: bytes, addr: Addr) -> None:
        if first < 4:  # noqa: PLR2004  (RFC 7983)
            self.counts[self._on_stun(data, addr, monotonic())] += 1
        elif 19 < first < 64:  # noqa: PLR2004  (RFC 7983)
            self.counts[self._on_dtls(data, addr, monotonic())] += 1
        else:
            self.counts[Guard.BAD_DATAGRAM] += 1

    def _on_stun(self, data: bytes, addr: Addr, now: float) -> Guard:
        """Rate, form, ufrag, holder of the address; only then is an HMAC spent."""
        if now >= self._checks_since + 1.0:
            self._checks_since, self._checks = now, 0
        self._checks += 1
        if self._checks > CHECKS_PER_S:
            return Guard.STUN_RATE
        try:
            check = read_request(data)
        except NotAStunCheck:
            return Guard.STUN_MALFORMED
        peer = self._by_ufrag.get(check.local_ufrag)
        if peer is None:
            return Guard.STUN_UNKNOWN_UFRAG
        owner = self._by_addr.get(addr)
        if owner is not None and owner is not peer and owner.holds_its_addresses(now=now):
            return Guard.STUN_ADDRESS_HELD
        return _OF_VERDICT[peer.on_check(check, addr, now=now)]

    def _on_dtls(self, data: bytes, addr: Addr, now: float) -> Guard:
        if len(data) < DTLS_BYTES_MIN:
            return Guard.DTLS_SHORT
        peer = self._by_addr.get(addr)
        if peer is None:
            return Guard.DTLS_STRANGER
        return Guard.DTLS_ACCEPTED if peer.on_dtls(data, addr, now=now) else Guard.DTLS_DROPPED
