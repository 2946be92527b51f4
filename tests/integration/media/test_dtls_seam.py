"""What must stay true of the library under the seam, name by name (SEC-MEDIA-12)."""

import asyncio
import inspect
import threading
from importlib.metadata import version

import pylibsrtp
import pytest
from aiortc import rtcdtlstransport, rtp
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    State,
)
from cryptography.hazmat.primitives import hashes

from media.contract.errors import FingerprintMismatch
from media.core.engine_face import SrtpKeys
from media.shell import dtls_seam
from media.shell.dtls_seam import DtlsAssociation, client_random, split_at_records
from tests.support.dtls_client import ClientCertificate, DtlsClient
from tests.support.media_lab import established_call, media_lab

pytestmark = pytest.mark.requirement("SEC-MEDIA-12")

SIGNATURES = {
    (RTCCertificate, "generateCertificate"): [],
    (RTCCertificate, "getFingerprints"): ["self"],
    (RTCCertificate, "_create_ssl_context"): ["self", "srtp_profiles"],
    (RTCDtlsTransport, "__init__"): ["self", "transport", "certificates"],
    (RTCDtlsTransport, "_set_role"): ["self", "role"],
    (RTCDtlsTransport, "_set_state"): ["self", "state"],
    (RTCDtlsTransport, "start"): ["self", "remoteParameters"],
    (RTCDtlsTransport, "stop"): ["self"],
    (RTCDtlsTransport, "_setup_srtp"): ["self"],
    (RTCDtlsTransport, "_validate_peer_identity"): ["self", "remoteParameters"],
    (RTCDtlsTransport, "_do_handshake"): ["self"],
    (RTCDtlsTransport, "_recv_next"): ["self"],
    (RTCDtlsTransport, "_write_ssl"): ["self"],
    (RTCDtlsTransport, "_register_data_receiver"): ["self", "receiver"],
    (RTCDtlsTransport, "_send_data"): ["self", "data"],
}


@pytest.mark.parametrize(
    ("owner", "name"), SIGNATURES, ids=[f"{owner.__name__}.{name}" for owner, name in SIGNATURES]
)
def test_a_name_we_lean_on_has_its_signature(owner: type, name: str) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == SIGNATURES[owner, name]


def test_the_versions_are_the_pinned_ones() -> None:
    assert {name: version(name) for name in ("aiortc", "aioice", "pylibsrtp")} == {
        "aiortc": "1.16.0",
        "aioice": "0.13.0",
        "pylibsrtp": "1.0.0",
    }


async def test_an_association_has_the_fields_we_set_and_read() -> None:
    association = DtlsAssociation(dtls_seam.make_certificate(), lambda _: None)

    assert association._role == "server"
    assert association.state == "new"
    assert association._ssl is None
    assert association._rx_srtp is None
    assert association._srtp_profiles[0] is SRTP_AEAD_AES_128_GCM
    assert {each.name for each in State} == {"NEW", "CONNECTING", "CONNECTED", "CLOSED", "FAILED"}


def test_the_profile_we_prefer_says_how_long_its_keys_are() -> None:
    profile = SRTP_AEAD_AES_128_GCM

    assert profile.openssl_profile == b"SRTP_AEAD_AES_128_GCM"
    assert (profile.key_length, profile.salt_length) == (16, 12)
    assert profile.get_key_and_salt(bytes(range(56)), 1) == bytes(range(16, 32)) + bytes(
        range(44, 56)
    )


def test_the_classes_of_control_packets_and_sessions_are_there() -> None:
    for name in (
        "RtcpSrPacket",
        "RtcpRrPacket",
        "RtcpSdesPacket",
        "RtcpByePacket",
        "RtcpPsfbPacket",
    ):
        assert inspect.isclass(getattr(rtp, name))
    assert inspect.isclass(pylibsrtp.Policy)
    assert inspect.isclass(pylibsrtp.Session)
    assert RTCDtlsFingerprint(algorithm="sha-256", value="AA").value == "AA"
    assert RTCDtlsParameters().fingerprints == []


async def handshake(
    client_certificate: ClientCertificate, fingerprints: tuple[tuple[str, str], ...]
) -> tuple[DtlsAssociation, DtlsClient, object]:
    """Run a handshake in memory; the association, the client, and keys or the refusal."""

    def send(data: bytes) -> None:
        association.feed(data)

    client = DtlsClient(send, client_certificate)
    association = DtlsAssociation(dtls_seam.make_certificate(), client.feed)
    shaking = asyncio.create_task(client.establish())
    try:
        outcome: object = await association.establish(fingerprints)
    except FingerprintMismatch as refused:
        outcome = refused
    await asyncio.wait([shaking], timeout=1.0)
    return association, client, outcome


async def test_both_sides_export_the_same_keys_crosswise() -> None:
    certificate = ClientCertificate()

    association, client, keys = await handshake(
        certificate, (("sha-256", certificate.fingerprint()),)
    )

    assert client.keys is not None
    assert isinstance(keys, SrtpKeys)
    assert (keys.rx_key, keys.tx_key) == (client.keys.tx, client.keys.rx)
    assert association._rx_srtp is None
    assert "rx_key" not in repr(keys)
    await association.end()


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])
async def test_no_key_is_exported_after_a_wrong_fingerprint(algorithm: str) -> None:
    certificate = ClientCertificate()
    wrong = ClientCertificate()
    fingerprints = {
        "sha-256": wrong.fingerprint(),
        "sha-512": wrong.fingerprint(hashes.SHA512()),
    }

    association, _, outcome = await handshake(
        certificate,
        (("sha-256", certificate.fingerprint()), (algorithm, fingerprints[algorithm])),
    )

    assert isinstance(outcome, FingerprintMismatch)
    assert association._keys is None
    assert association.state == "failed"


async def test_the_queue_of_an_association_is_bounded() -> None:
    association = DtlsAssociation(dtls_seam.make_certificate(), lambda _: None)

    taken = [association.feed(bytes(20)) for _ in range(40)]

    assert taken == [True] * 32 + [False] * 8


def test_a_flight_is_cut_at_the_borders_of_its_records() -> None:
    def record(size: int) -> bytes:
        return b"\x16\xfe\xfd" + bytes(8) + size.to_bytes(2, "big") + bytes(size)

    small, large = record(400), record(1_300)

    assert split_at_records(b"") == []
    assert split_at_records(small * 3) == [small * 2, small]
    assert split_at_records(small + large + small) == [small, large, small]
    assert b"".join(split_at_records(small * 9)) == small * 9


def test_the_random_of_a_hello_is_found_and_nothing_else_has_one() -> None:
    hello = DtlsClient(lambda _: None, ClientCertificate()).hello()

    assert client_random(hello) == hello[27:59]
    for at, byte in ((0, 23), (4, 1), (13, 2), (21, 1)):
        changed = bytearray(hello)
        changed[at] = byte
        assert client_random(bytes(changed)) is None
    assert client_random(hello[:58]) is None


async def test_a_call_makes_no_thread_and_no_media_object_of_the_library() -> None:
    made: list[str] = []

    class Watched(rtcdtlstransport.RtpRouter):
        def register_receiver(self, *_: object, **__: object) -> None:
            made.append("receiver")

        def register_sender(self, *_: object, **__: object) -> None:
            made.append("sender")

    genuine, rtcdtlstransport.RtpRouter = rtcdtlstransport.RtpRouter, Watched  # type: ignore[misc]
    try:
        async with media_lab() as lab, established_call(lab) as call:
            await call.talk(0.5)
            await call.nothing_was_lost()
            assert threading.enumerate() == [threading.main_thread()]
    finally:
        rtcdtlstransport.RtpRouter = genuine  # type: ignore[misc]
    assert made == []


def test_what_is_drawn_has_its_form() -> None:
    credentials = dtls_seam.draw_credentials()

    assert (len(credentials.ufrag), len(credentials.password)) == (8, 24)
    assert credentials.password not in repr(credentials)
    assert dtls_seam.draw_credentials() != credentials
    assert 0 < dtls_seam.draw_ssrc() < 2**32
    assert dtls_seam.draw_session_id() < 2**62
    assert len(dtls_seam.draw_name()) == 16
