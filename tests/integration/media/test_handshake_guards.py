"""Who may shake hands, with what, and what a forger can do about it (SEC-MEDIA-02, 05, 06)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL

from media.contract.control import PeerClosed, PeerConnected
from media.core.engine_face import PeerKey
from tests.support.dtls_client import CM_SHA1_80, GCM_128, GCM_256, ClientCertificate, DtlsClient
from tests.support.fake_engine import FakeEngine
from tests.support.headless_peer import HeadlessPeer
from tests.support.loopback import stranger
from tests.support.media_lab import MediaLab, established_call, media_lab, until
from tests.support.requirements import Figure

DTLS_1_0 = 0xFEFF


@pytest.fixture
async def lab() -> AsyncIterator[MediaLab]:
    """A node with a call of two bystanders on the same port, who must lose nothing."""
    async with media_lab() as made, established_call(made, room_id="bystanders") as call:
        talking = asyncio.create_task(call.talk(1.0))
        made.open_room()
        yield made
        await talking
        await call.nothing_was_lost()


def ready_peer(lab: MediaLab, peer: HeadlessPeer, *, sdp: str | None = None) -> str:
    lab.attach(peer.name)
    return lab.offer(peer.name, sdp or peer.offer())


def reasons(lab: MediaLab) -> list[str]:
    return [each.reason for each in lab.channel.of(PeerClosed)]


def a_foreign_hello() -> bytes:
    return DtlsClient(lambda _: None, ClientCertificate()).hello()


@pytest.mark.requirement("SEC-MEDIA-05")
@pytest.mark.parametrize(
    ("profiles", "expected"),
    [
        pytest.param((CM_SHA1_80, GCM_256, GCM_128), "AEAD_AES_128_GCM", id="128 first"),
        pytest.param((CM_SHA1_80, GCM_256), "AEAD_AES_256_GCM", id="then 256"),
        pytest.param((CM_SHA1_80,), "AES128_CM_SHA1_80", id="then the mandatory one"),
    ],
)
async def test_the_server_chooses_the_profile(
    lab: MediaLab, profiles: tuple[bytes, ...], expected: str
) -> None:
    """As DTLS server our order decides, whatever the client's is."""
    peer = HeadlessPeer("ann", profiles=profiles)

    await peer.connect(ready_peer(lab, peer))

    await until(lambda: lab.channel.of(PeerConnected)[-1].participant_id == "ann")
    assert lab.channel.of(PeerConnected)[-1].srtp_profile == expected
    assert peer.dtls is not None
    assert "ECDHE-ECDSA" in str(peer.dtls.connection.get_cipher_name())
    assert peer.dtls.connection.get_protocol_version_name() == "DTLSv1.2"
    await peer.close()


@pytest.mark.requirement("SEC-MEDIA-05")
@pytest.mark.parametrize(
    "ciphers",
    [
        b"ECDHE-ECDSA-AES128-SHA",
        b"ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA384",
        b"AES128-GCM-SHA256",
    ],
    ids=bytes.decode,
)
async def test_a_suite_without_forward_secrecy_or_authenticated_encryption_is_refused(
    lab: MediaLab, ciphers: bytes
) -> None:
    peer = HeadlessPeer("ann", ciphers=ciphers)

    with pytest.raises(SSL.Error):
        await peer.connect(ready_peer(lab, peer))

    assert "ann" not in {each.participant_id for each in lab.channel.of(PeerConnected)}
    await peer.close()


@pytest.mark.requirement("SEC-MEDIA-05")
async def test_an_old_protocol_version_is_refused(lab: MediaLab) -> None:
    peer = HeadlessPeer("ann")
    peer.open(ready_peer(lab, peer))
    await until(lambda: peer.checks_answered > 0)
    peer.dtls = DtlsClient(
        peer.send_raw, peer.certificate, ciphers=b"ALL:@SECLEVEL=0", newest_version=DTLS_1_0
    )

    with pytest.raises(SSL.Error):
        await peer.dtls.establish()

    await peer.close(is_polite=False)


@pytest.mark.requirement("SEC-MEDIA-05")
async def test_a_handshake_without_a_media_profile_gives_no_keys(lab: MediaLab) -> None:
    peer = HeadlessPeer("ann", profiles=())

    with pytest.raises(KeyError):
        await peer.connect(ready_peer(lab, peer))

    await asyncio.sleep(0.1)
    assert "ann" not in {each.participant_id for each in lab.channel.of(PeerConnected)}
    await peer.close(is_polite=False)


def other_fingerprint(line: str) -> tuple[str, ...]:
    return (
        line.replace("AA", "AB")
        if "AA" in line
        else line[:-2] + ("00" if line[-2:] != "00" else "01"),
    )


@pytest.mark.requirement("SEC-MEDIA-06")
@pytest.mark.parametrize("case", ["wrong", "one right and one wrong", "wrong beside unknown"])
async def test_a_certificate_the_offer_did_not_name_ends_the_peer_before_a_key_exists(
    case: str,
) -> None:
    engine = FakeEngine()
    async with media_lab(lambda _: engine) as lab:
        lab.open_room()
        peer = HeadlessPeer("ann")
        right = f"a=fingerprint:sha-256 {peer.certificate.fingerprint()}"
        wrong = f"a=fingerprint:sha-512 {ClientCertificate().fingerprint(hashes.SHA512())}"
        lines = {
            "wrong": other_fingerprint(right),
            "one right and one wrong": (right, wrong),
            "wrong beside unknown": (*other_fingerprint(right), "a=fingerprint:sha-1 AA:BB"),
        }[case]
        sdp = peer.offer().replace(right, "\r\n".join(lines))

        with contextlib.suppress(SSL.Error, TimeoutError):
            await peer.connect(ready_peer(lab, peer, sdp=sdp), within_s=1.0)

        await until(lambda: reasons(lab) == ["media.fingerprint_mismatch"])
        assert engine.keys == {}
        assert engine.open_peers == {}
        await peer.close(is_polite=False)


@pytest.mark.requirement("SEC-MEDIA-06")
async def test_the_case_of_a_fingerprint_says_nothing(lab: MediaLab) -> None:
    peer = HeadlessPeer("ann")
    right = peer.certificate.fingerprint()

    await peer.connect(ready_peer(lab, peer, sdp=peer.offer().replace(right, right.lower())))

    await peer.close()


@pytest.mark.requirement("SEC-MEDIA-02")
async def test_a_hello_of_a_stranger_reaches_no_handshake(lab: MediaLab, figure: Figure) -> None:
    """SEC-MEDIA-02: at any rate, before and during the peer's own."""
    peer = HeadlessPeer("ann")
    answer = ready_peer(lab, peer)
    before = lab.mux.counters()["dtls_stranger"]

    async with stranger(lab.address) as outsider:
        for _ in range(200):
            outsider.send(a_foreign_hello())
        await peer.connect(answer, within_s=2.0)
        await until(lambda: lab.mux.counters()["dtls_stranger"] == before + 200)
        assert outsider.answers == []
    figure("200 hellos of a stranger reached no handshake")

    await peer.close()


@pytest.mark.requirement("SEC-MEDIA-02")
async def test_a_forged_hello_that_came_first_costs_a_round_trip_and_no_visit(
    lab: MediaLab, figure: Figure
) -> None:
    """SEC-MEDIA-02, spoofed: the forger writes the peer's own address on its hello."""
    peer = HeadlessPeer("ann")
    peer.open(ready_peer(lab, peer))
    await until(lambda: peer.checks_answered > 0)
    for junk in (a_foreign_hello(), b"\x16\xfe\xfd" + bytes(60), a_foreign_hello()[:40]):
        peer.send_raw(junk)
    await asyncio.sleep(0.1)

    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(8.0):
        await peer.shake_hands()
    figure(f"after a spoofed one joined in {asyncio.get_running_loop().time() - began:.1f} s")

    await until(lambda: "ann" in {each.participant_id for each in lab.channel.of(PeerConnected)})
    await peer.close()


@pytest.mark.requirement("SEC-MEDIA-02")
async def test_forged_hellos_without_end_begin_at_most_three_handshakes(lab: MediaLab) -> None:
    peer = HeadlessPeer("ann")
    peer.open(ready_peer(lab, peer))
    await until(lambda: peer.checks_answered > 0)
    tasks = len(lab.tasks)

    for _ in range(30):
        peer.send_raw(a_foreign_hello())
    await asyncio.sleep(0.1)

    assert len(lab.tasks) == tasks + 3
    await peer.close(is_polite=False)


async def test_a_client_that_says_goodbye_closes_its_peer(lab: MediaLab) -> None:
    peer = HeadlessPeer("ann")
    await peer.connect(ready_peer(lab, peer))

    await peer.close()

    await until(lambda: reasons(lab) == ["media.closed_by_client"])


async def test_a_detached_peer_is_told_goodbye_and_hears_nothing_more(lab: MediaLab) -> None:
    peer = HeadlessPeer("ann")
    await peer.connect(ready_peer(lab, peer))

    lab.detach("ann")

    assert peer.dtls is not None
    dtls = peer.dtls
    await until(lambda: dtls.is_closed_by_server)
    assert PeerKey("room-1/ann/1") not in dict(lab.node._rooms["room-1"].room.peer_keys())
    await peer.close()
