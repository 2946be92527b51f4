"""Only an authenticated check makes or moves a path (SEC-MEDIA-07, 08, 09)."""

import asyncio
import random
import struct
import zlib
from collections.abc import AsyncIterator

import pytest

from media.core import stun
from tests.support.headless_peer import HeadlessPeer
from tests.support.loopback import Stranger, stranger
from tests.support.media_lab import Call, MediaLab, established_call, media_lab, until
from tests.support.requirements import Figure


@pytest.fixture
async def lab() -> AsyncIterator[MediaLab]:
    async with media_lab() as made:
        yield made


@pytest.fixture
async def call(lab: MediaLab) -> AsyncIterator[Call]:
    async with established_call(lab) as made:
        yield made
        await made.talk(0.3)
        await made.nothing_was_lost()


def resealed(check: bytes, *, integrity: bytes | None) -> bytes:
    """Write the fingerprint anew after changing or removing MESSAGE-INTEGRITY."""
    body = check[stun.HEADER_BYTES : -32] + (b"" if integrity is None else integrity)
    head = struct.pack("!HHI", 1, len(body) + 8, stun.COOKIE) + check[8:20] + body
    return head + struct.pack("!HHI", stun.FINGERPRINT, 4, zlib.crc32(head) ^ 0x5354554E)


COUNTED = {
    "no integrity": "stun_malformed",
    "wrong integrity": "stun_integrity",
    "truncated integrity": "stun_malformed",
    "wrong password": "stun_integrity",
    "the client's own password": "stun_integrity",
    "unknown ufrag": "stun_unknown_ufrag",
    "swapped halves": "stun_unknown_ufrag",
    "other half": "stun_username",
    "bad fingerprint": "stun_malformed",
    "truncated": "stun_malformed",
}
"""Which guard of the node stops each of `bad_checks`."""


def bad_checks(peer: HeadlessPeer, source: random.Random) -> dict[str, bytes]:
    assert peer.answer is not None
    good = peer.check()
    ours, theirs = peer.answer.ufrag, peer.plan.ufrag
    wrong_integrity = struct.pack("!HH", stun.MESSAGE_INTEGRITY, 20) + source.randbytes(20)
    short_integrity = struct.pack("!HH", stun.MESSAGE_INTEGRITY, 16) + source.randbytes(16)
    return {
        "no integrity": resealed(good, integrity=None),
        "wrong integrity": resealed(good, integrity=wrong_integrity),
        "truncated integrity": resealed(good, integrity=short_integrity),
        "wrong password": peer.check(password="x" * 24),
        "the client's own password": peer.check(password=peer.plan.password),
        "unknown ufrag": peer.check(username=f"nobodyXY:{theirs}"),
        "swapped halves": peer.check(username=f"{theirs}:{ours}"),
        "other half": peer.check(username=f"{ours}:nobodyXY"),
        "bad fingerprint": good[:-1] + bytes([good[-1] ^ 1]),
        "truncated": good[:-8],
    }


@pytest.mark.requirement("SEC-MEDIA-07")
async def test_a_check_that_is_not_right_gets_no_answer_and_no_entry(
    lab: MediaLab, call: Call, seed: int, figure: Figure
) -> None:
    """Each of ten ways to be wrong."""
    known = dict(lab.mux._by_addr)

    for name, check in bad_checks(call.peers["patient"], random.Random(seed)).items():
        before = lab.mux.counters()[COUNTED[name]]
        async with stranger(lab.address) as outsider:
            outsider.send(check)
            await asyncio.sleep(0.02)
            assert outsider.answers == [], name
        assert lab.mux.counters()[COUNTED[name]] == before + 1, name
    assert dict(lab.mux._by_addr) == known
    figure(f"{len(COUNTED)} kinds of bad checks: 0 answers, 0 entries")


@pytest.mark.requirement("SEC-MEDIA-07")
async def test_a_valid_check_is_answered_at_once(lab: MediaLab, call: Call, figure: Figure) -> None:
    peer = call.peers["patient"]
    peer.is_nominating = False

    async with stranger(lab.address) as elsewhere:
        loop = asyncio.get_running_loop()
        began = loop.time()
        elsewhere.send(peer.check())
        await until(lambda: len(elsewhere.answers) == 1)
        took_s = loop.time() - began

    peer.is_nominating = True
    assert took_s < 0.05
    figure(f"a valid one answered in {1_000 * took_s:.1f} ms")
    assert len(elsewhere.answers[0]) <= len(peer.check())


@pytest.mark.requirement("SEC-MEDIA-07")
async def test_a_check_of_an_old_generation_is_dead_once_the_new_one_is_used(
    lab: MediaLab, call: Call
) -> None:
    peer = call.peers["patient"]
    old = peer.check()
    restarted = peer.offer().replace(peer.plan.ufrag, "newufrag")
    answer = lab.offer("patient", restarted, offer_id=2)
    peer.restart("newufrag", answer)
    await until(lambda: peer.answered_since_restart)

    async with stranger(lab.address) as outsider:
        outsider.send(old)
        await asyncio.sleep(0.05)
        assert outsider.answers == []


@pytest.mark.requirement("SEC-MEDIA-08")
async def test_a_captured_check_replayed_from_elsewhere_moves_nothing(
    lab: MediaLab, call: Call, figure: Figure
) -> None:
    """SEC-MEDIA-08: a transaction id is honoured from one address only."""
    peer = call.peers["patient"]
    check = peer.check()
    peer.send_raw(check)
    await asyncio.sleep(0.05)
    known = dict(lab.mux._by_addr)

    async with stranger(lab.address) as outsider:
        for _ in range(20):
            outsider.send(check)
        await asyncio.sleep(0.05)
        assert outsider.answers == []

    assert dict(lab.mux._by_addr) == known
    assert lab.mux.counters()["stun_replayed"] == 20
    figure("20 replays from elsewhere ignored")


@pytest.mark.requirement("SEC-MEDIA-08")
async def test_fifty_addresses_of_one_peer_leave_eight_and_the_call_alone(
    lab: MediaLab, call: Call, figure: Figure
) -> None:
    peer = call.peers["patient"]
    assert peer.port is not None
    home = peer.port.address
    peer.is_nominating = False
    elsewhere = [Stranger(lab.address) for _ in range(50)]

    talking = asyncio.create_task(call.talk(1.0))
    for each in elsewhere:
        each.send(peer.check())
        await asyncio.sleep(0.01)
    await talking

    owner = lab.mux._by_addr[home]
    assert len(lab.mux._addresses[owner]) == 8
    figure("50 addresses leave 8, the one sent to among them")
    assert all(len(each.answers) == 1 for each in elsewhere)
    peer.is_nominating = True
    for each in elsewhere:
        each.close()


@pytest.mark.requirement("SEC-MEDIA-08")
async def test_a_nomination_that_flaps_keeps_both_addresses_and_ends_where_it_ends(
    lab: MediaLab, call: Call
) -> None:
    peer = call.peers["patient"]
    async with stranger(lab.address) as elsewhere:
        for _ in range(20):
            elsewhere.send(peer.check())
            peer.send_raw(peer.check())
            await asyncio.sleep(0.005)
        peer.send_raw(peer.check())
        await asyncio.sleep(0.05)

    await call.talk(0.2)


async def test_a_client_behind_a_new_port_is_followed_by_its_next_check(
    lab: MediaLab, call: Call
) -> None:
    """NAT rebinding: same keys, same slots, no renegotiation."""
    await call.talk(0.3)
    peer = call.peers["patient"]
    peer.move()
    peer.send_raw(peer.check())
    assert peer.port is not None
    here = peer.port.address
    await until(lambda: here in lab.mux._by_addr)


@pytest.mark.requirement("SEC-MEDIA-09", "INV-08")
async def test_credentials_of_one_peer_do_not_take_the_address_of_another(
    lab: MediaLab, call: Call, figure: Figure
) -> None:
    """SEC-MEDIA-09: the provider's good check arrives with the patient's address on it."""
    patient, provider = call.peers["patient"], call.peers["provider"]
    assert patient.port is not None
    owner = lab.mux._by_addr[patient.port.address]

    for _ in range(10):
        patient.send_raw(provider.check())
    await asyncio.sleep(0.05)

    assert lab.mux._by_addr[patient.port.address] is owner
    assert lab.mux.counters()["stun_address_held"] == 10
    figure("10 good checks from a held address: binding kept, 0 frames lost")
