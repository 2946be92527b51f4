"""What is not authentic, allowed, or routed changes nothing and reaches nobody."""

import random
from dataclasses import replace

import pytest

from media.core import rtcp
from media.core.engine_face import Authenticated, PublicationBound
from media.shell.binding import ENCODINGS_MAX
from media.shell.engine import (
    BYTES_A_SECOND,
    PACKETS_A_SECOND,
    RTCP_A_SECOND,
    SSRCS_MAX,
)
from media.shell.srtp import SrtpSession
from tests.support.engine_lab import (
    CAMERA,
    MIC,
    MID_ID,
    RTX,
    SLOT_LEVEL_ID,
    EngineLab,
    FakePeer,
    Publishing,
    audio_packet,
)
from tests.support.rtp import one_byte, rtp, vp8

KEY = vp8(is_key=True, picture_id=500)
PLI = rtcp.write_pli(sender_ssrc=1, media_ssrc=2)


@pytest.fixture
def lab() -> EngineLab:
    return EngineLab()


@pytest.fixture
def ann(lab: EngineLab) -> FakePeer:
    return lab.open("ann")


@pytest.fixture
def bob(lab: EngineLab, ann: FakePeer) -> FakePeer:
    bob = lab.open("bob")
    lab.route(ann, MIC, bob, "10")
    lab.route(ann, CAMERA, bob, "20")
    return bob


def test_forged_packets_from_the_right_address_reach_nobody(
    lab: EngineLab, ann: FakePeer, bob: FakePeer, seed: int
) -> None:
    source = random.Random(seed)
    real = ann.protect(audio_packet(ann, 1))
    forger = SrtpSession(bytes(28), lab.profile, is_outbound=True)

    with lab.counted(not_authentic=202, packets_in=0, packets_out=0):
        for _ in range(200):
            at = source.randrange(len(real))
            changed = real[at] ^ source.randint(1, 255)
            lab.engine.on_srtp(ann.addr, real[:at] + bytes([changed]) + real[at + 1 :], lab.now)
        lab.engine.on_srtp(ann.addr, forger.protect(audio_packet(ann, 1)), lab.now)
        lab.engine.on_srtcp(ann.addr, forger.protect_rtcp(PLI), lab.now)

    assert lab.engine.take_events() == []
    assert bob.heard == []
    lab.engine.on_srtp(ann.addr, real, lab.now)
    assert len(bob.heard) == 1, "the real one is not hurt"


def test_an_authentic_packet_from_another_address_reaches_nobody(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    with lab.counted(no_keys=2):
        lab.engine.on_srtp(("192.0.2.66", 9), ann.protect(audio_packet(ann, 1)), lab.now)
        lab.engine.on_srtcp(("192.0.2.66", 9), ann.protect_rtcp(PLI), lab.now)

    lab.engine.on_srtp(bob.addr, ann.protect(audio_packet(ann, 2)), lab.now)
    assert lab.sent == 0
    assert bob.heard == []


@pytest.mark.parametrize("size", [0, 12, 1_501, 2_048])
def test_a_datagram_libsrtp_cannot_take_is_counted(
    lab: EngineLab, ann: FakePeer, size: int
) -> None:
    data = (b"\x80\x6f" + bytes(size))[:size]

    with lab.counted(not_authentic=2):
        lab.engine.on_srtp(ann.addr, data, lab.now)
        lab.engine.on_srtcp(ann.addr, data, lab.now)


def test_a_path_moves_by_authenticated_checks_only(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    """The engine learns addresses from `set_path`; a packet teaches it none."""
    elsewhere = ("127.0.0.1", 60_001)
    lab.peers[elsewhere] = bob
    del lab.peers[bob.addr]
    lab.engine.set_path(bob.key, frozenset({elsewhere}), elsewhere)

    lab.audio(ann, 1)
    with lab.counted(no_keys=1):
        lab.audio(bob, 1)

    assert len(bob.heard) == 1


def test_without_a_path_nothing_is_sent(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.engine.set_path(bob.key, frozenset({bob.addr}), None)

    with lab.counted(not_sent=1, packets_out=0):
        lab.audio(ann, 1)
    lab.pass_time(1.2)

    assert bob.heard == []
    assert bob.rtcp == []


def test_an_address_that_went_to_another_peer_stays_there(lab: EngineLab, ann: FakePeer) -> None:
    eve = lab.open("eve")
    lab.engine.set_path(eve.key, frozenset({ann.addr}), None)

    lab.engine.set_path(ann.key, frozenset(), None)
    lab.engine.on_srtp(ann.addr, eve.protect(audio_packet(eve, 1)), lab.now)

    heard = [each for each in lab.engine.take_events() if isinstance(each, Authenticated)]
    assert [each.peer for each in heard] == [eve.key]
    lab.engine.close_peer(ann.key)
    with lab.counted(packets_in=1):
        lab.audio(replace(eve, addr=ann.addr), 900)


def test_a_flood_is_cut_before_it_costs_a_decryption(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.pass_time(0.01)
    with lab.counted(rate=50, packets_in=PACKETS_A_SECOND):
        for sequence in range(PACKETS_A_SECOND + 50):
            lab.audio(ann, sequence)

    lab.pass_time(1.0)
    with lab.counted(rate=0, packets_in=1):
        lab.audio(ann, PACKETS_A_SECOND + 50)
    assert len(bob.heard_in("10")) == PACKETS_A_SECOND + 1


def test_a_flood_of_large_packets_is_cut_by_its_bytes(lab: EngineLab, ann: FakePeer) -> None:
    lab.pass_time(0.01)
    packet = audio_packet(ann, 0, bytes(1_200))
    fit = BYTES_A_SECOND // len(ann.protect(packet))

    with lab.counted(rate=1, packets_in=fit):
        for sequence in range(1, fit + 2):
            lab.audio(ann, sequence, bytes(1_200))


def test_a_flood_of_control_packets_is_cut(lab: EngineLab, ann: FakePeer) -> None:
    lab.pass_time(0.01)
    with lab.counted(rtcp_rate=5, rtcp_in=RTCP_A_SECOND):
        for _ in range(RTCP_A_SECOND + 5):
            lab.arrive_rtcp(ann, PLI)


def test_one_peers_flood_costs_the_others_nothing(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    eve = lab.open("eve")
    lab.pass_time(0.01)
    for sequence in range(2 * PACKETS_A_SECOND):
        lab.audio(eve, sequence)

    with lab.counted(packets_out=1):
        lab.audio(ann, 1)
    assert len(bob.heard) == 1


def test_new_streams_are_bounded_before_libsrtp_keeps_state_for_them(
    lab: EngineLab, ann: FakePeer
) -> None:
    with lab.counted(unbound=SSRCS_MAX, too_many_ssrcs=3):
        for ssrc in range(SSRCS_MAX + 3):
            lab.arrive(ann, rtp(ssrc=10_000 + ssrc, payload=b"x"))

    with lab.counted(unbound=1, too_many_ssrcs=1):
        lab.arrive(ann, rtp(ssrc=10_000, sequence=2, payload=b"x"))
        lab.audio(ann, 1)


def test_forged_streams_use_up_nothing(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    forger = SrtpSession(bytes(28), lab.profile, is_outbound=True)
    for ssrc in range(2 * SSRCS_MAX):
        forged = forger.protect(rtp(ssrc=10_000 + ssrc, payload=b"x"))
        lab.engine.on_srtp(ann.addr, forged, lab.now)

    lab.audio(ann, 1)

    assert len(bob.heard) == 1


def test_bound_encodings_are_bounded(lab: EngineLab) -> None:
    eve = lab.open("eve", publishing=Publishing(is_declared=False))

    with lab.counted(unbound=4):
        for ssrc in range(ENCODINGS_MAX + 4):
            lab.arrive(eve, rtp(ssrc=70 + ssrc, extension=one_byte({MID_ID: b"0"}), payload=b"x"))

    events = lab.engine.take_events()
    assert sum(isinstance(each, PublicationBound) for each in events) == 1, "told once"


@pytest.mark.parametrize("payload", [b"\x80", b"\x90\x80\x80", b"\x90\xf0\x80\x01\x02"])
@pytest.mark.usefixtures("bob")
def test_a_descriptor_that_lies_is_not_forwarded(
    lab: EngineLab, ann: FakePeer, payload: bytes
) -> None:
    with lab.counted(bad_descriptor=1, packets_out=0):
        lab.video(ann, 1, payload)


@pytest.mark.usefixtures("bob")
def test_a_body_that_looks_like_the_last_extension_is_a_body(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    """The level's remembered place counts only in a packet that has an extension."""
    whole = audio_packet(ann, 1)
    lab.arrive(ann, whole)
    look_alike = rtp(
        payload_type=whole[1] & 0x7F, sequence=2, ssrc=ann.ssrcs[MIC], payload=whole[12:16]
    )

    lab.arrive(ann, look_alike)

    assert bob.heard_in("10")[-1].payload == whole[12:16]
    assert bob.heard_in("10")[-1].extensions[SLOT_LEVEL_ID] == b"\x7f"


def test_padding_that_lies_is_not_forwarded(lab: EngineLab, ann: FakePeer) -> None:
    packet = audio_packet(ann, 1, b"voice\xff")

    with lab.counted(bad_header=1, packets_out=0):
        lab.arrive(ann, bytes([packet[0] | 0x20]) + packet[1:])


def test_large_packets_are_counted_and_too_large_ones_dropped(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    with lab.counted(oversized=2, too_large=1, packets_out=1):
        lab.audio(ann, 1, bytes(1_250))
        lab.audio(ann, 2, bytes(1_336))

    assert len(bob.heard) == 1


def test_a_socket_that_takes_nothing_stops_nobody(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.is_deaf = True
    with lab.counted(not_sent=1, packets_out=0):
        lab.audio(ann, 1)
    lab.pass_time(1.2)

    lab.is_deaf = False
    lab.audio(ann, 2)

    assert len(bob.heard) == 1


@pytest.mark.usefixtures("bob")
def test_probing_on_the_retransmission_stream_is_counted_and_dropped(
    lab: EngineLab, ann: FakePeer
) -> None:
    empty = rtp(payload_type=RTX, ssrc=ann.rtx_ssrc, extension=one_byte({MID_ID: b"1"}))

    with lab.counted(unbound=1, rtx_empty=1, packets_out=1):
        lab.arrive(ann, empty)
        lab.video(ann, 1, KEY)
        lab.arrive(ann, rtp(payload_type=RTX, sequence=2, ssrc=ann.rtx_ssrc))
