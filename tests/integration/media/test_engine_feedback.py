"""Losses on the way in and on the way out: what is asked for, and what is answered."""

import struct

import pytest

from media.core import rtcp
from media.core.history import RESENDS_A_PACKET
from media.core.reports import NTP_SECOND
from media.shell.slots import RESENDS_MIN
from tests.support.engine_lab import (
    CAMERA,
    MIC,
    SLOT_RTX,
    EngineLab,
    FakePeer,
    Publishing,
    Receiving,
    read,
    sequences,
    video_packet,
)
from tests.support.rtp import vp8
from tests.support.rtx import rtx_packet

KEY = vp8(is_key=True, picture_id=500)


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


def frame(number: int) -> bytes:
    return vp8(picture_id=500 + number, data=number.to_bytes(2, "big"))


def asked_of(peer: FakePeer) -> list[int]:
    """Numbers a sender was asked for, in order."""
    found: list[int] = []
    for compound in peer.rtcp:
        for item in rtcp.read(compound):
            if isinstance(item, rtcp.Nack):
                assert item.ssrc in peer.ssrcs.values()
                found += item.numbers
    return found


# --- losses on the way in ----------------------------------------------------------------------


def test_a_hole_is_asked_for_after_a_moment_and_not_once_it_is_filled(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    lab.video(ann, 4, frame(3))
    assert asked_of(ann) == []
    lab.pass_time(0.02)
    assert asked_of(ann) == [2, 3]

    lab.arrive(ann, rtx_packet(ann, 1, video_packet(ann, 2, frame(1))))
    lab.video(ann, 3, frame(2))
    lab.pass_time(0.6)

    assert asked_of(ann) == [2, 3]
    heard = bob.heard_in("20")
    start = heard[0].sequence
    assert sequences(heard) == [start, start + 3, start + 1, start + 2]
    assert [each.payload for each in heard] == [KEY, frame(3), frame(1), frame(2)]


@pytest.mark.usefixtures("bob")
def test_a_repaired_packet_counts_as_lost_on_this_hop(lab: EngineLab, ann: FakePeer) -> None:
    lab.video(ann, 1, KEY)
    lab.video(ann, 3, frame(2))
    lab.arrive(ann, rtx_packet(ann, 1, video_packet(ann, 2, frame(1))))

    lab.pass_time(0.01)

    blocks = {
        struct.unpack_from("!II", part, at)
        for part in ann.parts(201)
        for at in range(8, len(part), 24)
    }
    assert blocks == {(ann.ssrcs[CAMERA], (256 // 3) << 24 | 1)}


@pytest.mark.usefixtures("bob")
def test_voice_is_asked_for_only_where_it_can_still_be_played(
    lab: EngineLab, ann: FakePeer
) -> None:
    lab.audio(ann, 1)
    lab.audio(ann, 3)
    lab.pass_time(0.3)
    assert asked_of(ann) == [], "no round trip is known yet"

    _answer_reports(lab, ann, within_s=0.04)
    lab.audio(ann, 5)
    lab.pass_time(0.3)

    assert asked_of(ann) == [4, 4]


def test_what_nobody_listens_to_is_not_asked_for(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    lab.video(ann, 3, frame(2))

    lab.route(ann, CAMERA, bob, "20", is_attached=False)
    lab.video(ann, 6, frame(5))
    lab.pass_time(0.1)

    assert asked_of(ann) == []


def test_a_sender_that_did_not_agree_to_it_is_never_asked(lab: EngineLab) -> None:
    eve = lab.open("eve", publishing=Publishing(has_nack=False))
    lab.route(eve, MIC, lab.open("kim"), "10")
    _answer_reports(lab, eve, within_s=0.04)

    lab.audio(eve, 1_001)
    lab.audio(eve, 1_003)
    lab.pass_time(0.3)

    assert asked_of(eve) == []


def test_a_retransmission_of_a_stream_the_offer_did_not_name_is_understood(
    lab: EngineLab,
) -> None:
    ann = lab.open("ann", publishing=Publishing(is_declared=False))
    bob = lab.open("bob")
    lab.route(ann, CAMERA, bob, "20")
    lab.video(ann, 1, KEY)
    lab.video(ann, 3, frame(2))

    lab.arrive(ann, rtx_packet(ann, 1, video_packet(ann, 2, frame(1))))

    assert [each.payload for each in bob.heard_in("20")] == [KEY, frame(2), frame(1)]


# --- losses on the way out ---------------------------------------------------------------------


def test_a_lost_picture_comes_again_as_a_retransmission(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    lab.video(ann, 2, frame(1), ticks=3_000)
    lost = bob.heard_in("20")[1]

    lab.nack(bob, "20", lost.sequence)

    repeated = bob.heard[-1]
    assert repeated.payload_type == SLOT_RTX
    assert repeated.payload == lost.sequence.to_bytes(2, "big") + lost.payload
    assert repeated.timestamp == lost.timestamp
    assert repeated.ssrc != lost.ssrc
    assert repeated.extensions == lost.extensions


def test_without_retransmission_streams_the_same_packet_comes_again(
    lab: EngineLab, ann: FakePeer
) -> None:
    """libsrtp's replay check would hide it from us, so what left is compared."""
    eve = lab.open("eve", receiving=Receiving(has_rtx=False))
    lab.route(ann, CAMERA, eve, "20")
    lab.video(ann, 1, KEY)
    (seen,) = eve.heard_in("20")

    with lab.counted(resent=1):
        lab.nack(eve, "20", seen.sequence)

    assert eve.not_authentic == 1
    assert len(eve.heard) == 1


def test_a_lost_word_comes_again(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.is_deaf = True
    lab.audio(ann, 1, b"lost")
    lab.is_deaf = False
    lab.audio(ann, 2, b"heard")
    (heard,) = bob.heard_in("10")

    lab.nack(bob, "10", heard.sequence - 1)

    again = bob.heard_in("10")[-1]
    assert (again.payload, again.sequence) == (b"lost", heard.sequence - 1)
    assert again.extensions == heard.extensions
    assert again.timestamp == heard.timestamp - 960


def test_an_impatient_receiver_is_answered_with_pauses_and_at_most_thrice(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    (seen,) = bob.heard_in("20")

    with lab.counted(resent=RESENDS_A_PACKET):
        for _ in range(20):
            lab.nack(bob, "20", seen.sequence)
            lab.pass_time(0.05)


def test_resends_of_a_slot_are_bounded_each_second(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    for number in range(1, 100):
        lab.video(ann, 1 + number, frame(number))
    numbers = sequences(bob.heard_in("20"))

    with lab.counted(resent=RESENDS_MIN, resend_limited=100 - RESENDS_MIN):
        lab.nack(bob, "20", *numbers)
    lab.pass_time(1.0)
    with lab.counted(resent=1):
        lab.nack(bob, "20", numbers[-1])


def test_what_is_no_longer_held_is_not_sent(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.video(ann, 1, KEY)
    (seen,) = bob.heard_in("20")
    for number in range(1, 1_100):
        lab.video(ann, 1 + number, frame(number % 256))

    with lab.counted(resent=0, resend_missed=2):
        lab.nack(bob, "20", seen.sequence, (seen.sequence + 20_000) % 2**16)


def test_a_resend_the_socket_or_the_path_does_not_take_is_counted(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    lab.video(ann, 2, vp8(picture_id=501, data=bytes(1_331)))
    seen, _ = bob.heard_in("20")

    with lab.counted(too_large=1, resent=0):
        lab.nack(bob, "20", seen.sequence + 1)
    lab.is_deaf = True
    with lab.counted(not_sent=1, resent=0):
        lab.nack(bob, "20", seen.sequence)
    lab.engine.set_path(bob.key, frozenset({bob.addr}), None)
    lab.now += 1.0
    with lab.counted(not_sent=1, resent=0):
        lab.nack(bob, "20", seen.sequence)


def test_nobody_is_answered_about_another_peers_slot(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    (seen,) = bob.heard_in("20")
    request = rtcp.write_nack(
        sender_ssrc=1, media_ssrc=bob.slot_ssrc("20"), numbers=[seen.sequence]
    )
    sent = lab.sent

    lab.arrive_rtcp(ann, request)

    assert lab.sent == sent


def test_short_picture_ids_come_again_as_they_went_out(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, vp8(is_key=True, picture_id=127, is_short=True))
    lab.video(ann, 2, vp8(picture_id=0, is_short=True))
    lost = bob.heard_in("20")[1]

    lab.nack(bob, "20", lost.sequence)

    assert bob.heard[-1].payload[2:] == lost.payload == vp8(picture_id=128)


def _report_clock(lab: EngineLab, peer: FakePeer, mid: str) -> None:
    report = rtcp.write_sender_report(
        ssrc=peer.ssrcs[mid], ntp=9 * NTP_SECOND, rtp_ts=0, packets=1, payload_bytes=1
    )
    lab.arrive_rtcp(peer, report)


def _answer_reports(lab: EngineLab, peer: FakePeer, *, within_s: float) -> None:
    """Let a peer hear somebody and report on it, so that its round trip is known."""
    other = lab.open("other")
    lab.route(other, MIC, peer, "11")
    lab.audio(other, 1)
    _report_clock(lab, other, MIC)
    while not (reports := _sender_reports(peer)):
        lab.pass_time(0.01)
    ((ssrc, ntp, _, _, _),) = reports
    lab.now += within_s
    lab.arrive_rtcp(peer, _receiver_report(ssrc, ntp, 0.01))


def _receiver_report(ssrc: int, ntp: int, delay_s: float) -> bytes:
    block = rtcp.ReceptionBlock(
        ssrc=ssrc,
        fraction_lost=0,
        total_lost=0,
        highest=1,
        jitter_ticks=0,
        last_sr=ntp >> 16 & 0xFFFF_FFFF,
        delay_since_sr=int(delay_s * 65_536),
    )
    return rtcp.write_receiver_report(ssrc=1, blocks=[block])


def _sender_reports(peer: FakePeer) -> list[tuple[int, int, int, int, int]]:
    """(ssrc, ntp, rtp time, packets, bytes) of each SR a peer got."""
    return [struct.unpack_from("!IQIII", part, 4) for part in peer.parts(200)]


def test_the_lab_reads_what_it_writes(ann: FakePeer) -> None:
    """The assertions above lean on it."""
    packet = video_packet(ann, 7, KEY, ticks=9, marker=True)

    heard = read(packet)

    assert (heard.sequence, heard.timestamp, heard.marker, heard.payload) == (7, 9, True, KEY)
