"""Much of everything at once: memory stays where it is, queues are bounded, nobody is amplified.

The datagrams are played into the drain loop itself, so that their rate is the node's and not the
sender's; a real call on the same node must not lose a frame meanwhile.
"""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from time import perf_counter

import pytest

from media.contract.control import Done
from media.core.engine_face import Addr
from media.core.stun import write_request
from media.shell.peer import Peer
from media.shell.udp_mux import CHECKS_PER_S, DATAGRAMS_A_WAKE
from tests.support.headless_peer import HeadlessPeer
from tests.support.media_commands import attach, offer
from tests.support.media_lab import Call, MediaLab, established_call, media_lab, until
from tests.support.requirements import Figure

EACH = 50_000
HALF_OPEN = 10_000
POOL = 500


@pytest.fixture
async def lab() -> AsyncIterator[MediaLab]:
    async with media_lab() as made:
        yield made


@pytest.fixture
async def bystanders(lab: MediaLab) -> AsyncIterator[Call]:
    async with established_call(lab, room_id="bystanders") as call:
        yield call
        await call.nothing_was_lost()


def strangers(number: int) -> tuple[str, int]:
    return (f"203.0.113.{number % 250 + 1}", 1_024 + number % 60_000)


def a_check(number: int) -> bytes:
    return write_request(
        number.to_bytes(12, "big"),
        username="nobodyXY:nobody",
        password="p" * 24,
        priority=1,
        tie_breaker=1,
    )


CLASSES: dict[str, Callable[[int, random.Random], bytes]] = {
    "stun": lambda number, _: a_check(number % 500),
    "dtls": lambda _, source: b"\x16\xfe\xfd" + source.randbytes(60),
    "srtp": lambda _, source: b"\x80\x6f" + source.randbytes(120),
    "srtcp": lambda _, source: b"\x80\xc9" + source.randbytes(40),
    "neither": lambda _, source: b"\x50" + source.randbytes(40),
}


def played(lab: MediaLab, datagrams: Iterator[tuple[bytes, tuple[str, int]]]) -> int:
    """Let the drain loop take them as if the socket held them; how many."""
    count = 0
    is_empty = False

    def recvfrom(size: int) -> tuple[bytes, tuple[str, int]]:
        nonlocal count, is_empty
        try:
            data, addr = next(datagrams)
        except StopIteration:
            is_empty = True
            raise BlockingIOError from None
        count += 1
        return data[:size], addr

    while not is_empty:
        lab.mux.drain(recvfrom)
    return count


@pytest.mark.requirement("SEC-MEDIA-10")
@pytest.mark.parametrize("kind", CLASSES)
async def test_a_flood_of_strangers_leaves_memory_and_calls_alone(
    lab: MediaLab, bystanders: Call, kind: str, seed: int, figure: Figure
) -> None:
    source = random.Random(seed)
    await bystanders.talk(0.2)
    sent_to: list[Addr] = []
    send = lab.mux.send

    def noting(addr: Addr, data: bytes) -> None:
        sent_to.append(addr)
        send(addr, data)

    lab.mux.send = noting  # type: ignore[method-assign]
    tables = (len(lab.mux._by_addr), len(lab.mux._by_ufrag))
    talking = asyncio.create_task(bystanders.talk(1.0))
    pool = [CLASSES[kind](number, source) for number in range(POOL)]
    before, busy_s = sys.getallocatedblocks(), 0.0

    for first in range(0, EACH, DATAGRAMS_A_WAKE):
        wake = range(first, min(first + DATAGRAMS_A_WAKE, EACH))
        began = perf_counter()
        assert played(lab, ((pool[n % POOL], strangers(n)) for n in wake)) == len(wake)
        busy_s += perf_counter() - began
        await asyncio.sleep(0)
    grown = sys.getallocatedblocks() - before
    await talking

    assert (len(lab.mux._by_addr), len(lab.mux._by_ufrag)) == tables
    assert {addr for addr in sent_to if addr[0].startswith("203.0.113.")} == set()
    assert lab.mux.counters()["handler_error"] == 0
    assert grown < EACH / 5  # the call goes on and keeps its own history meanwhile
    figure(f"{kind} {EACH / busy_s / 1_000:.0f}k/s")


@pytest.mark.requirement("SEC-MEDIA-10")
async def test_ten_thousand_half_open_sessions_are_as_many_as_the_node_takes(
    lab: MediaLab, bystanders: Call, figure: Figure
) -> None:
    """Who has no peer is nobody here; who asks for one more than the node takes is refused."""
    talking = asyncio.create_task(bystanders.talk(1.0))
    rooms = [f"room-{number}" for number in range(8)]
    for room_id in rooms:
        lab.open_room(room_id)
    done, most = 0, lab.node._limits.peers_max
    for number in range(HALF_OPEN):
        name, room_id = f"p{number}", rooms[number % len(rooms)]
        result = lab.do(attach(name, room_id=room_id))
        if isinstance(result, Done):
            done += 1
            lab.done(offer(name, HeadlessPeer(name).offer(), room_id=room_id))
        if number % 500 == 0:
            await asyncio.sleep(0)
    await talking

    assert done + len(bystanders.peers) == lab.node.peers == most
    assert len(lab.mux._by_ufrag) <= 2 * most
    assert lab.mux._by_addr.keys() == {
        peer.port.address for peer in bystanders.peers.values() if peer.port is not None
    }
    figure(f"{HALF_OPEN:,} half-open asked for, {done} held")


@pytest.mark.requirement("SEC-MEDIA-10")
async def test_a_flood_from_a_validated_address_meets_its_bounds(
    lab: MediaLab, bystanders: Call, seed: int
) -> None:
    """Checks fall under the node's rate, handshakes under the peer's rate and a queue."""
    source = random.Random(seed)
    ann = HeadlessPeer("ann")
    lab.open_room()
    lab.attach("ann")
    ann.open(lab.offer("ann", ann.offer()))
    await until(lambda: ann.checks_answered > 0)
    assert ann.port is not None
    home = ann.port.address
    await ann.close(is_polite=False)
    checks = [(a_check(number), home) for number in range(POOL)]

    played(lab, (checks[number % POOL] for number in range(3 * CHECKS_PER_S)))
    played(lab, ((b"\x16\xfe\xfd" + source.randbytes(60), home) for _ in range(EACH)))

    counted = lab.mux.counters()
    assert counted["stun_rate"] > 0
    assert counted["dtls_dropped"] >= EACH - 64
    peer = lab.mux._by_addr[home]
    assert isinstance(peer, Peer)
    assert peer._association is None or peer._association._path._records.qsize() <= 32
    await bystanders.talk(0.2)


@pytest.mark.requirement("SEC-MEDIA-10")
async def test_an_answer_is_never_larger_than_what_asked_for_it(
    lab: MediaLab, bystanders: Call, figure: Figure
) -> None:
    peer = bystanders.peers["patient"]
    asked, answered = len(peer.check()), []
    send = lab.mux.send

    def noting(addr: Addr, data: bytes) -> None:
        answered.append(len(data))
        send(addr, data)

    lab.mux.send = noting  # type: ignore[method-assign]
    peer.send_raw(peer.check())
    await bystanders.talk(0.1)

    assert answered
    assert max(answered) <= asked
    figure(f"a check of {asked} bytes is answered by {max(answered)}")
