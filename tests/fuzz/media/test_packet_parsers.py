"""Invariant: a packet parser answers or raises its one documented error, within a millisecond.

RTP headers, their extensions and the VP8 descriptor raise nothing at all; RTCP raises `BadRtcp`.
What stands behind SRTP comes from an authenticated peer, who may be the attacker.
"""

import random
from collections.abc import Callable
from time import perf_counter

import pylibsrtp
import pytest

from media.core import rtcp
from media.core.packets import (
    HEADER_BYTES,
    extension_layout,
    level_position,
    payload_end,
    payload_offset,
    unwrapped_rtx,
)
from media.core.vp8 import has_short_id, parse, renumbered
from tests.support.engine_lab import CAMERA, MIC, EngineLab, audio_packet, video_packet
from tests.support.mutator import mutated
from tests.support.rtp import one_byte, rtp, two_byte, vp8

ROUNDS = 6_000
MEDIAN_S = 0.001

PACKETS = [
    rtp(payload=b"voice"),
    rtp(csrcs=3, extension=one_byte({1: b"0", 2: b"\x10"}), payload=b"voice"),
    rtp(extension=two_byte({1: b"0", 200: b"x" * 20}), payload=b"voice" + b"\x00\x02"),
    bytes([0xB0]) + rtp(extension=one_byte({1: b"0"}), payload=b"voice\x00\x00\x03")[1:],
]
DESCRIPTORS = [
    vp8(is_key=True),
    vp8(picture_id=5, is_short=True, tl0=1),
    vp8(picture_id=500, tl0=1, temporal_id=2, key_index=3),
]
COMPOUNDS = [
    rtcp.write_sender_report(ssrc=1, ntp=2, rtp_ts=3, packets=4, payload_bytes=5)
    + rtcp.write_cname(ssrc=1, cname="room"),
    rtcp.write_receiver_report(
        ssrc=1,
        blocks=[
            rtcp.ReceptionBlock(
                ssrc=2,
                fraction_lost=3,
                total_lost=4,
                highest=5,
                jitter_ticks=6,
                last_sr=7,
                delay_since_sr=8,
            )
        ],
    )
    + rtcp.write_nack(sender_ssrc=1, media_ssrc=2, numbers=[1, 3, 500])
    + rtcp.write_pli(sender_ssrc=1, media_ssrc=2),
    rtcp.write_remb(sender_ssrc=1, bits_per_s=2_500_000, ssrcs=[2, 3]) + rtcp.write_bye(ssrcs=[2]),
]


def median_s(feed: Callable[[], object]) -> float:
    took = []
    for _ in range(ROUNDS):
        began = perf_counter()
        feed()
        took.append(perf_counter() - began)
    return sorted(took)[ROUNDS // 2]


def test_rtp_headers_and_extensions(seed: int) -> None:
    source = random.Random(seed)

    def feed() -> None:
        packet = mutated(source, source.choice(PACKETS))
        packet += bytes(max(0, HEADER_BYTES - len(packet)))
        offset = payload_offset(packet)
        assert offset == -1 or HEADER_BYTES <= offset <= len(packet)
        if offset < 0:
            return
        end = payload_end(packet, offset)
        assert end == -1 or offset <= end <= len(packet)
        for at, length in extension_layout(packet).values():
            assert HEADER_BYTES < at <= at + length <= offset
        assert level_position(packet, 2) < offset
        original = unwrapped_rtx(packet, {packet[1] & 0x7F: 96}, 7)
        assert original is None or len(original) <= len(packet) - 2

    assert median_s(feed) < MEDIAN_S


def test_vp8_descriptors(seed: int) -> None:
    source = random.Random(seed)

    def feed() -> None:
        packet = mutated(source, source.choice(DESCRIPTORS))
        descriptor = parse(packet, 0, len(packet))
        if descriptor is None:
            return
        length, picture_id, *_ = descriptor
        assert length < len(packet), "one byte of payload follows"
        out = renumbered(packet, 0, descriptor, picture_id, (9, 9, 9))
        widening = picture_id >= 0 and has_short_id(packet, 0)
        assert len(out) == length + widening

    assert median_s(feed) < MEDIAN_S


def test_rtcp(seed: int) -> None:
    source = random.Random(seed)
    accepted = 0

    def feed() -> None:
        nonlocal accepted
        try:
            items = rtcp.read(mutated(source, source.choice(COMPOUNDS)))
        except rtcp.BadRtcp:
            return
        accepted += 1
        asked = sum(len(item.numbers) for item in items if isinstance(item, rtcp.Nack))
        assert asked <= rtcp.NACK_NUMBERS_MAX

    assert median_s(feed) < MEDIAN_S
    assert accepted > ROUNDS // 100, "the mutator is not too wild"


@pytest.mark.parametrize("kind", ["rtp", "rtcp"])
def test_an_authenticated_attacker_breaks_no_engine(kind: str, seed: int) -> None:
    """Whatever a peer with right keys sends, the call returns and others go on."""
    source = random.Random(seed)
    lab = EngineLab()
    eve, ann, bob = lab.open("eve"), lab.open("ann"), lab.open("bob")
    for publisher in (eve, ann):
        for mid, slot in ((MIC, "10"), (CAMERA, "20")):
            lab.route(publisher, mid, bob, slot if publisher is ann else slot[0] + "1")
    lab.audio(ann, 1)
    samples = [
        audio_packet(eve, 1),
        video_packet(eve, 1, vp8(is_key=True, picture_id=5, tl0=1)),
        video_packet(eve, 2, vp8(picture_id=6, is_short=True)),
    ]

    for turn in range(ROUNDS // 2):
        if kind == "rtp":
            packet = mutated(source, source.choice(samples))
            if len(packet) < HEADER_BYTES or packet[0] >> 6 != 2:
                continue
            data = protected(eve.protect, packet)
            lab.engine.on_srtp(eve.addr, data, lab.now)
        else:
            data = protected(eve.protect_rtcp, mutated(source, source.choice(COMPOUNDS)))
            lab.engine.on_srtcp(eve.addr, data, lab.now)
        if turn % 50 == 0:
            lab.pass_time(0.25)

    heard = len(bob.heard_in("10"))
    lab.audio(ann, 2)
    assert len(bob.heard_in("10")) == heard + 1
    assert bob.not_authentic == 0


def protected(protect: Callable[[bytes], bytes], packet: bytes) -> bytes:
    """Protect, or leave it bare where libsrtp itself sees the lie."""

    try:
        return protect(packet)
    except pylibsrtp.Error:
        return packet
