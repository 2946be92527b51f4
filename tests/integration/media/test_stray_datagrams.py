"""No datagram of a stranger, and no malformed one of anybody, disturbs a call (SEC-MEDIA-01..04).

Every test runs against one port that carries an established call of two others, which must not
lose a frame.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable

import pytest

from media.contract.control import PeerClosed, PeerConnected
from tests.support.headless_peer import HeadlessPeer
from tests.support.loopback import stranger
from tests.support.media_lab import Call, MediaLab, established_call, media_lab
from tests.support.requirements import Figure

SIZES = (0, 1, 2, 7, 11, 12, 13, 20, 64, 1_499, 1_500, 1_501, 1_900, 4_000, 9_000)


@pytest.fixture
async def lab() -> AsyncIterator[MediaLab]:
    async with media_lab() as made:
        yield made


@pytest.fixture
async def bystanders(lab: MediaLab) -> AsyncIterator[Call]:
    async with established_call(lab, room_id="bystanders") as call:
        yield call
        await call.nothing_was_lost()
        assert "bystanders" not in {each.room_id for each in lab.channel.of(PeerClosed)}


def junk(source: random.Random, first: int, size: int) -> bytes:
    return bytes([first]) * min(size, 1) + source.randbytes(max(0, size - 1))


async def shower(send: Callable[[bytes], None], source: random.Random, *, rounds: int = 1) -> int:
    """Send junk of every first byte and many sizes, a little at a time; how many."""
    count = 0
    for first in range(256):
        for size in SIZES * rounds:
            send(junk(source, first, size))
            count += 1
        if first % 4 == 0:
            await asyncio.sleep(0.005)
    return count


@pytest.mark.requirement("SEC-MEDIA-01")
async def test_junk_of_a_stranger_disturbs_nobody(
    lab: MediaLab, bystanders: Call, seed: int, figure: Figure
) -> None:
    talking = asyncio.create_task(bystanders.talk(2.0))
    before = lab.mux.counters()

    async with stranger(lab.address) as outsider:
        sent = await shower(outsider.send, random.Random(seed))
        await talking

        after = lab.mux.counters()
        counted = sum(after[name] - before[name] for name in after) - _expected(before, after)
        assert counted == sent
        assert outsider.answers == []
    assert after["handler_error"] == 0
    figure(f"{sent:,} stray datagrams counted exactly, 0 frames lost")


def _expected(before: dict[str, int], after: dict[str, int]) -> int:
    """The bystanders' own checks are counted too."""
    return after["stun_accepted"] - before["stun_accepted"]


@pytest.mark.requirement("SEC-MEDIA-01")
async def test_junk_from_a_validated_address_disturbs_neither_its_peer_nor_others(
    lab: MediaLab, bystanders: Call, seed: int, figure: Figure
) -> None:
    async with established_call(lab, HeadlessPeer("ann"), HeadlessPeer("bob")) as call:
        talking = asyncio.gather(bystanders.talk(2.0), call.talk(2.0))

        sent = await shower(call.peers["ann"].send_raw, random.Random(seed))
        await talking

        await call.nothing_was_lost()
        figure(f"{sent:,} more from a validated address")
        assert lab.mux.counters()["handler_error"] == 0


@pytest.mark.requirement("SEC-MEDIA-01")
async def test_a_thousand_empty_datagrams_from_anywhere_change_nothing(
    lab: MediaLab, bystanders: Call
) -> None:
    talking = asyncio.create_task(bystanders.talk(1.5))
    before = lab.mux.counters()["bad_datagram"]

    async with stranger(lab.address) as outsider:
        for number in range(1_000):
            send = bystanders.peers["patient"].send_raw if number % 2 else outsider.send
            send(b"")
            if number % 50 == 0:
                await asyncio.sleep(0.01)
        await talking

    assert lab.mux.counters()["bad_datagram"] == before + 1_000


@pytest.mark.requirement("SEC-MEDIA-03")
async def test_junk_during_set_up_does_not_hold_it_up(
    lab: MediaLab, bystanders: Call, seed: int, figure: Figure
) -> None:
    """SEC-MEDIA-03: from a stranger and from the joining address itself."""
    source = random.Random(seed)
    newcomer = HeadlessPeer("newcomer")
    lab.open_room()
    lab.attach("newcomer")
    answer = lab.offer("newcomer", newcomer.offer())
    talking = asyncio.create_task(bystanders.talk(1.0))

    async with stranger(lab.address) as outsider:

        async def pester() -> None:
            while True:
                for send in (outsider.send, newcomer.send_raw):
                    send(junk(source, source.randrange(256), source.choice(SIZES[:8])))
                await asyncio.sleep(0.01)

        pestering = asyncio.create_task(pester())
        began = asyncio.get_running_loop().time()
        await newcomer.connect(answer, within_s=5.0)
        figure(f"joined in {asyncio.get_running_loop().time() - began:.2f} s under junk each 10 ms")
        pestering.cancel()
    await talking

    connected = [each.participant_id for each in lab.channel.of(PeerConnected)]
    assert "newcomer" in connected
    await newcomer.close()


@pytest.mark.requirement("SEC-MEDIA-04")
async def test_forged_media_is_not_forwarded_and_moves_no_path(
    lab: MediaLab, bystanders: Call, seed: int, figure: Figure
) -> None:
    """SEC-MEDIA-04: from a third address; wrongly made from the right one; replayed."""
    source = random.Random(seed)
    await bystanders.talk(0.5)
    patient, provider = bystanders.peers["patient"], bystanders.peers["provider"]
    body = b"\xfc" + source.randbytes(60)
    captured = patient.protect(patient.audio, body)
    patient.send_raw(captured)
    bystanders.sent["patient"].append(body)
    await asyncio.sleep(0.1)
    heard = len(bystanders.heard("provider", "patient"))
    paths = dict(lab.mux._by_addr)

    async with stranger(lab.address) as outsider:
        for _ in range(50):
            forged = bytearray(captured)
            forged[source.randrange(12, len(forged))] ^= 0xFF
            outsider.send(captured)
            outsider.send(bytes(forged))
            patient.send_raw(bytes(forged))
            patient.send_raw(captured)
            forged_rtcp = b"\x81\xce" + source.randbytes(40)
            outsider.send(forged_rtcp)
            patient.send_raw(forged_rtcp)
        await asyncio.sleep(0.3)
        assert outsider.answers == []

    assert len(bystanders.heard("provider", "patient")) == heard
    assert dict(lab.mux._by_addr) == paths
    assert provider.key_frames_asked + patient.key_frames_asked == 0
    figure("300 forged or replayed packets, 0 forwarded, 0 paths moved, 0 PLI")
