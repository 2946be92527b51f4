"""Packets of one peer in the slots of another, through real SRTP on both sides."""

import pytest

from media.core.engine_face import (
    Authenticated,
    PublicationBound,
    PublicationKey,
    SrtpProfile,
)
from tests.support.engine_lab import (
    CAMERA,
    LEVEL_ID,
    MIC,
    MID_ID,
    PCMU,
    SLOT_LEVEL_ID,
    SLOT_MID_ID,
    SLOT_OPUS,
    SLOT_VP8,
    VP8,
    EngineLab,
    FakePeer,
    Receiving,
    audio_packet,
    sequences,
)
from tests.support.rtp import one_byte, rtp, vp8

KEY = vp8(is_key=True, picture_id=500)


@pytest.fixture
def lab() -> EngineLab:
    return EngineLab()


@pytest.fixture
def ann(lab: EngineLab) -> FakePeer:
    return lab.open("ann")


@pytest.fixture
def bob(lab: EngineLab) -> FakePeer:
    return lab.open("bob")


@pytest.mark.parametrize("profile", SrtpProfile)
def test_a_voice_arrives_under_the_slots_own_names(profile: SrtpProfile) -> None:
    lab = EngineLab(profile=profile)
    ann, bob = lab.open("ann"), lab.open("bob")
    lab.route(ann, MIC, bob, "10")

    lab.audio(ann, 1, b"hello")
    lab.audio(ann, 2, b"again")

    first, second = bob.heard_in("10")
    assert (first.payload, second.payload) == (b"hello", b"again")
    assert first.payload_type == SLOT_OPUS
    assert first.extensions == {SLOT_MID_ID: b"10", SLOT_LEVEL_ID: b"\x21"}
    assert second.sequence == first.sequence + 1
    assert second.timestamp == (first.timestamp + 960) % 2**32
    assert bob.not_authentic == 0


def test_one_packet_reaches_everybody_it_is_routed_to(lab: EngineLab, ann: FakePeer) -> None:
    others = [lab.open(name) for name in ("bob", "eve", "zoe")]
    for other in others:
        lab.route(ann, MIC, other, "11")

    with lab.counted(packets_in=1, packets_out=3):
        lab.audio(ann, 1)

    assert [len(other.heard_in("11")) for other in others] == [1, 1, 1]
    assert ann.heard == []


def test_a_packet_routed_nowhere_goes_nowhere(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.audio(ann, 1)

    assert lab.sent == 0
    assert bob.heard == []


def test_what_is_heard_is_told_once(lab: EngineLab, ann: FakePeer) -> None:
    lab.audio(ann, 1)
    lab.audio(ann, 2)

    assert lab.engine.take_events() == [
        PublicationBound(publication=PublicationKey(peer=ann.key, mid=MIC)),
        Authenticated(peer=ann.key, at=lab.now),
    ]
    assert lab.engine.take_events() == []


def test_video_enters_at_a_key_frame(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.route(ann, CAMERA, bob, "20")

    lab.video(ann, 1, vp8(picture_id=499))
    lab.video(ann, 2, KEY)
    lab.video(ann, 3, vp8(is_start=False, picture_id=500))

    heard = bob.heard_in("20")
    assert [each.payload for each in heard] == [KEY, vp8(is_start=False, picture_id=500)]
    assert heard[0].payload_type == SLOT_VP8


def test_a_key_frame_whose_first_packet_was_overtaken_is_sent_whole(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.route(ann, CAMERA, bob, "20")
    middle = vp8(is_start=False, picture_id=500, data=b"middle")

    lab.video(ann, 3, middle)
    lab.arrive(ann, b"\xb0" + _padding(ann, 5)[1:])
    lab.video(ann, 2, KEY)
    lab.video(ann, 6, vp8(picture_id=501))

    heard = bob.heard_in("20")
    assert [each.payload for each in heard] == [KEY, middle, vp8(picture_id=501)]
    start = heard[0].sequence
    assert sequences(heard) == [start, start + 1, start + 3], "the fourth is lost, not padding"


def test_another_source_in_the_slot_goes_on_where_the_last_one_ended(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    eve = lab.open("eve")
    lab.route(ann, CAMERA, bob, "20")
    lab.video(ann, 9_000, vp8(is_key=True, picture_id=500, tl0=200, key_index=7))
    lab.video(ann, 9_001, vp8(picture_id=501, tl0=201, key_index=7), ticks=3_000)
    lab.route(ann, CAMERA, bob, "20", is_attached=False)
    lab.route(eve, CAMERA, bob, "20")
    lab.now += 0.5

    lab.video(eve, 3, vp8(is_key=True, picture_id=7, tl0=3, key_index=1), ticks=123_456)

    before, after = bob.heard_in("20")[1:]
    assert after.sequence == before.sequence + 1
    assert (after.timestamp - before.timestamp) % 2**32 == 45_000
    assert after.payload == vp8(is_key=True, picture_id=502, tl0=202, key_index=8)


def test_seven_bit_picture_ids_go_out_wide_and_rising(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.route(ann, CAMERA, bob, "20")
    shorts = [vp8(is_key=True, picture_id=127, is_short=True)]
    shorts += [vp8(picture_id=number, is_short=True) for number in range(3)]

    for sequence, payload in enumerate(shorts):
        lab.video(ann, 10 + sequence, payload)

    payloads = [each.payload for each in bob.heard_in("20")]
    assert payloads == [
        vp8(is_key=True, picture_id=127),
        *(vp8(picture_id=128 + number) for number in range(3)),
    ]


def test_seven_bit_picture_ids_stay_in_order_however_far_they_were_overtaken(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    """Two seconds at 30 frames are half a turn of seven bits: the nearest id is a wrong one."""
    lab.route(ann, CAMERA, bob, "20")
    frames = (0, 1, 101, 2, 31, 100)

    for frame in frames:
        short = vp8(is_key=frame == 0, picture_id=(100 + frame) % 128, is_short=True)
        lab.video(ann, 10 + frame, short)

    heard = bob.heard_in("20")
    assert [each.sequence - heard[0].sequence for each in heard] == list(frames)
    assert [each.payload for each in heard] == [
        vp8(is_key=frame == 0, picture_id=100 + frame) for frame in frames
    ]


def test_padding_leaves_no_hole(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.route(ann, CAMERA, bob, "20")
    lab.arrive(ann, _padding(ann, 1))
    lab.video(ann, 2, KEY)
    with lab.counted(padding_only=1):
        lab.arrive(ann, _padding(ann, 3))
    lab.video(ann, 4, vp8(picture_id=501))

    first, second = sequences(bob.heard_in("20"))
    assert second == first + 1


def test_padding_of_a_source_that_waits_for_its_start_moves_no_number(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    eve = lab.open("eve")
    lab.route(ann, CAMERA, bob, "20")
    lab.video(ann, 1, KEY)
    lab.route(eve, CAMERA, bob, "20")

    lab.arrive(eve, _padding(eve, 30_000))
    lab.video(eve, 30_001, vp8(is_key=True, picture_id=3))

    first, second = sequences(bob.heard_in("20"))
    assert second == first + 1


def test_padding_behind_a_payload_does_not_travel(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.route(ann, MIC, bob, "10")
    packet = audio_packet(ann, 1, b"voice\x00\x00\x03")

    lab.arrive(ann, bytes([packet[0] | 0x20]) + packet[1:])

    assert bob.heard_in("10")[0].payload == b"voice"


def test_a_duplicate_is_forwarded_once(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.route(ann, MIC, bob, "10")
    data = ann.protect(audio_packet(ann, 1))

    with lab.counted(not_authentic=1, packets_out=1):
        lab.engine.on_srtp(ann.addr, data, lab.now)
        lab.engine.on_srtp(ann.addr, data, lab.now)


def test_a_far_jump_of_the_sender_is_closed_up(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    """It began anew; nobody can send what lies between."""
    lab.route(ann, MIC, bob, "10")
    lab.route(ann, CAMERA, bob, "20")
    lab.audio(ann, 1)
    lab.video(ann, 1, KEY)

    lab.audio(ann, 5_000)
    lab.video(ann, 5_000, vp8(picture_id=501))
    lab.video(ann, 5_001, vp8(is_key=True, picture_id=3))

    voice, picture = bob.heard_in("10"), bob.heard_in("20")
    assert voice[1].sequence == voice[0].sequence + 1
    assert [each.payload for each in picture] == [KEY, vp8(is_key=True, picture_id=501)]


def test_what_is_older_than_the_ring_is_dropped(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.route(ann, MIC, bob, "10")
    late = ann.protect(audio_packet(ann, 1_000))
    for sequence in range(1_001, 1_300):
        lab.audio(ann, sequence)

    with lab.counted(late=1, packets_out=0):
        lab.engine.on_srtp(ann.addr, late, lab.now)


def test_what_came_before_the_route_does_not_enter_late(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    overtaken = ann.protect(audio_packet(ann, 1, b"before"))
    lab.audio(ann, 2)
    lab.route(ann, MIC, bob, "10")
    lab.audio(ann, 3)

    with lab.counted(late=1):
        lab.engine.on_srtp(ann.addr, overtaken, lab.now)

    assert len(bob.heard_in("10")) == 1


def test_a_level_is_found_wherever_it_stands(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.route(ann, MIC, bob, "10")
    shapes = [
        {MID_ID: b"0", LEVEL_ID: b"\x01"},
        {MID_ID: b"0", LEVEL_ID: b"\x02"},
        {LEVEL_ID: b"\x03"},
        {LEVEL_ID: b"\x04", 9: b"xyz"},
        {MID_ID: b"0"},
    ]

    for sequence, elements in enumerate(shapes):
        lab.arrive(
            ann,
            rtp(sequence=sequence, ssrc=ann.ssrcs[MIC], extension=one_byte(elements)) + b"voice",
        )

    levels = [each.extensions[SLOT_LEVEL_ID] for each in bob.heard_in("10")]
    assert levels == [b"\x01", b"\x02", b"\x03", b"\x04", b"\x7f"]


def test_a_slot_without_levels_gets_none(lab: EngineLab, ann: FakePeer) -> None:
    bob = lab.open("bob", receiving=Receiving(has_level=False))
    lab.route(ann, MIC, bob, "10")

    lab.audio(ann, 1)

    assert bob.heard_in("10")[0].extensions == {SLOT_MID_ID: b"10"}


def test_a_codec_the_slot_does_not_know_is_not_sent(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.route(ann, MIC, bob, "10")

    with lab.counted(unknown_payload=2, packets_out=0):
        lab.arrive(ann, rtp(payload_type=PCMU, ssrc=ann.ssrcs[MIC], payload=b"x"))
        lab.arrive(ann, rtp(payload_type=77, ssrc=ann.ssrcs[MIC], sequence=2, payload=b"x"))


def _padding(peer: FakePeer, sequence: int) -> bytes:
    packet = rtp(
        payload_type=VP8,
        sequence=sequence,
        ssrc=peer.ssrcs[CAMERA],
        extension=one_byte({MID_ID: b"1"}),
        payload=bytes(3) + b"\x04",
    )
    return bytes([packet[0] | 0x20]) + packet[1:]
