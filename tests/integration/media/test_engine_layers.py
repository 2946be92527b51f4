"""Layers of one camera in one slot: a switch is a key frame's affair, and shows no gap."""

from itertools import pairwise

import pytest

from media.core import rtcp
from media.core.allocator import FULL_RATE, OFF
from media.core.engine_face import PublicationBound, PublicationKey, SlotKey
from media.core.vp8 import parse
from tests.support.engine_lab import (
    CAMERA,
    MIC,
    MID_ID,
    QHF,
    REPAIRED_ID,
    RTX,
    EngineLab,
    FakePeer,
    Heard,
    Publishing,
    layer_packet,
    sequences,
)
from tests.support.rtp import one_byte, rtp, vp8

SIMULCAST = Publishing(is_declared=False, rids=QHF)


@pytest.fixture
def lab() -> EngineLab:
    return EngineLab()


@pytest.fixture
def ann(lab: EngineLab) -> FakePeer:
    return lab.open("ann", publishing=SIMULCAST)


@pytest.fixture
def bob(lab: EngineLab, ann: FakePeer) -> FakePeer:
    bob = lab.open("bob")
    lab.route(ann, CAMERA, bob, "20")
    return bob


def frame(picture_id: int, *, is_key: bool = False, data: bytes = b"", temporal: int = 0) -> bytes:
    return vp8(
        is_key=is_key,
        picture_id=picture_id,
        tl0=picture_id % 256,
        temporal_id=temporal,
        key_index=0,
        data=data or b"frame",
    )


def picture_ids(heard: list[Heard]) -> list[int]:
    found = []
    for each in heard:
        descriptor = parse(each.payload, 0, len(each.payload))
        assert descriptor is not None
        found.append(descriptor[1])
    return found


def start(lab: EngineLab, ann: FakePeer, rids: tuple[str, ...] = QHF) -> None:
    """Let the key frame of every encoding arrive, and one frame more."""
    for number in range(2):
        for place, rid in enumerate(rids):
            data = f"{rid}{number}".encode()
            packet = frame(1_000 * place + number, is_key=number == 0, data=data)
            lab.layer(ann, rid, 5_000 * place + 1 + number, packet, ticks=3_000 * number)


def test_an_unsteered_slot_gets_the_best_that_has_arrived(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    start(lab, ann)

    assert [each.payload[-2:] for each in bob.heard_in("20")] == [b"q0", b"h0", b"f0", b"f1"]
    bound = [each for each in lab.engine.take_events() if isinstance(each, PublicationBound)]
    assert len(bound) == 1


def test_a_switch_waits_for_the_targets_key_frame_and_the_old_layer_flows_until_then(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    start(lab, ann)
    lab.pass_time(2)
    ann.rtcp.clear()
    lab.steer(bob, "20", 0)

    lab.layer(ann, "q", 3, frame(2), ticks=6_000)
    lab.layer(ann, "f", 10_003, frame(2_002, data=b"f2"), ticks=6_000)
    lab.layer(ann, "q", 4, frame(3, is_key=True, data=b"q3"), ticks=9_000)
    lab.layer(ann, "f", 10_004, frame(2_003, data=b"f3"), ticks=9_000)

    (asked,) = ann.parts(206, 1)
    assert int.from_bytes(asked[8:12], "big") == ann.base + 10
    heard = bob.heard_in("20")
    assert [each.payload[-2:] for each in heard[-2:]] == [b"f2", b"q3"]
    first = sequences(heard)[0]
    assert sequences(heard) == list(range(first, first + len(heard)))
    assert [b - a for a, b in pairwise(picture_ids(heard))] == [1] * (len(heard) - 1)
    assert lab.engine.counters()["layer_switches"] == 3


def test_a_frame_cut_short_by_a_switch_is_not_taken_for_whole(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    """One number is left out, as if its end had been lost."""
    start(lab, ann)
    lab.steer(bob, "20", 0)
    lab.layer(ann, "f", 10_003, frame(2_002), ticks=6_000, marker=0)

    lab.layer(ann, "q", 3, frame(2, is_key=True), ticks=6_000)

    before, after = sequences(bob.heard_in("20"))[-2:]
    assert after - before == 2


def test_what_is_older_than_the_key_frame_of_the_new_layer_stays_out(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    start(lab, ann)
    lab.steer(bob, "20", 0)
    lab.layer(ann, "q", 5, frame(4, is_key=True), ticks=12_000)
    known = len(bob.heard)

    with lab.counted(late=1):
        lab.layer(ann, "q", 4, frame(3), ticks=9_000)
    lab.layer(ann, "f", 10_003, frame(2_002), ticks=6_000)

    assert len(bob.heard) == known


def test_no_layer_at_all_ends_the_picture_at_once_and_a_key_frame_brings_it_back(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    start(lab, ann)
    lab.steer(bob, "20", OFF)
    known = len(bob.heard)
    lab.layer(ann, "f", 10_003, frame(2_002, is_key=True), ticks=6_000)
    assert len(bob.heard) == known

    lab.steer(bob, "20", 2)
    lab.layer(ann, "f", 10_004, frame(2_003), ticks=9_000)
    lab.layer(ann, "f", 10_005, frame(2_004, is_key=True), ticks=12_000)

    numbers = sequences(bob.heard_in("20"))
    assert len(numbers) == known + 1
    assert numbers[-1] == numbers[-2] + 1


def test_a_layer_that_was_never_sent_is_stood_in_for_by_the_next_lower(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.steer(bob, "20", 2)
    start(lab, ann, ("q", "h"))

    assert bob.heard_in("20")[-1].payload[-2:] == b"h1"
    lab.steer(bob, "20", OFF)
    lab.steer(bob, "20", 0)
    lab.layer(ann, "q", 3, frame(2, is_key=True, data=b"q2"), ticks=6_000)
    assert bob.heard_in("20")[-1].payload[-2:] == b"q2"


def test_timestamps_follow_the_senders_clock_where_it_has_told_it(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    """Each encoding has a random beginning; reports tie them to one clock."""
    start(lab, ann)
    for place, rid_ticks in ((0, 3_000), (2, 3_000)):
        report = rtcp.write_sender_report(
            ssrc=ann.base + 10 + place, ntp=1 << 40, rtp_ts=rid_ticks, packets=1, payload_bytes=1
        )
        lab.arrive_rtcp(ann, report)
    lab.steer(bob, "20", 0)
    lab.layer(ann, "f", 10_003, frame(2_002), ticks=90_000)
    lab.now += 5
    lab.layer(ann, "q", 3, frame(2, is_key=True), ticks=96_000)

    before, after = bob.heard_in("20")[-2:]
    assert after.timestamp - before.timestamp == 6_000


def test_each_encoding_has_its_own_retransmissions(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    start(lab, ann)
    lost = frame(2_002, data=b"lost")
    lab.layer(ann, "f", 10_004, frame(2_003, data=b"next"), ticks=9_000)
    extension = one_byte({MID_ID: b"1", REPAIRED_ID: b"f"})
    repair = rtp(
        payload_type=RTX,
        sequence=1,
        timestamp=6_000,
        ssrc=ann.base + 20,
        extension=extension,
        payload=(10_003).to_bytes(2, "big") + lost,
    )

    with lab.counted(rtx_in=1):
        lab.arrive(ann, repair)

    assert [each.payload[-4:] for each in bob.heard_in("20")[-2:]] == [b"next", b"lost"]
    odd = rtp(payload_type=RTX, ssrc=ann.base + 30, extension=one_byte({MID_ID: b"9"}))
    with lab.counted(unbound=1):
        lab.arrive(ann, odd)


def test_a_rid_that_was_not_agreed_has_no_home(lab: EngineLab, bob: FakePeer) -> None:
    eve = lab.open("eve", publishing=Publishing(is_declared=False, rids=("q", "h")))

    with lab.counted(unbound=1):
        lab.layer(eve, "f", 1, frame(1, is_key=True))

    assert bob.heard == []


def test_half_the_frames_leave_no_hole_in_numbers_or_picture_ids(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.layer(ann, "q", 1, frame(0, is_key=True))
    lab.steer(bob, "20", 0, 0)
    for number in range(1, 20):
        packet = frame(number, temporal=number % 2, data=bytes([number]))
        lab.layer(ann, "q", 1 + number, packet, ticks=3_000 * number)

    heard = bob.heard_in("20")
    assert len(heard) == 10
    assert [b - a for a, b in pairwise(sequences(heard))] == [1] * 9
    assert [b - a for a, b in pairwise(picture_ids(heard))] == [1] * 9


def test_a_layer_is_taken_up_again_only_where_it_may_be_entered(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    """A frame that leans on another of its layer would show what is missing."""
    lab.layer(ann, "q", 1, frame(0, is_key=True))
    lab.steer(bob, "20", 0, 0)
    lab.layer(ann, "q", 2, frame(1, temporal=1), ticks=3_000)
    lab.steer(bob, "20", 0, FULL_RATE)
    lab.layer(ann, "q", 3, frame(2, temporal=1), ticks=6_000)
    entry = bytearray(frame(3, temporal=1, data=b"entry"))
    entry[5] |= 0x20  # the Y bit
    lab.layer(ann, "q", 4, bytes(entry), ticks=9_000)
    lab.layer(ann, "q", 5, frame(4, temporal=1, data=b"after"), ticks=12_000)

    heard = bob.heard_in("20")
    assert [each.payload[-5:] for each in heard] == [b"frame", b"entry", b"after"]
    assert [b - a for a, b in pairwise(picture_ids(heard))] == [1, 1]


def test_a_late_packet_is_numbered_around_the_frames_left_out_before_it(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.layer(ann, "q", 1, frame(0, is_key=True))
    lab.steer(bob, "20", 0, 0)
    for number in (1, 3, 4):
        packet = frame(number, temporal=number % 2)
        lab.layer(ann, "q", 1 + number, packet, ticks=3_000 * number)
    lab.layer(ann, "q", 3, frame(2), ticks=6_000)

    ordered = sorted(bob.heard_in("20"), key=lambda each: each.sequence)
    first = picture_ids(ordered)[0]
    assert [each - first for each in picture_ids(ordered)] == [0, 1, 2]


def test_a_resent_packet_has_the_picture_id_it_went_out_with(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.layer(ann, "q", 1, frame(0, is_key=True))
    lab.steer(bob, "20", 0, 0)
    for number in range(1, 7):
        packet = frame(number, temporal=number % 2)
        lab.layer(ann, "q", 1 + number, packet, ticks=3_000 * number)
    heard = bob.heard_in("20")
    wanted = heard[1]
    bob.heard.clear()

    lab.nack(bob, "20", wanted.sequence)

    (again,) = bob.heard
    assert again.payload[2:] == wanted.payload


def test_a_frame_under_way_when_its_layer_is_shut_out_keeps_its_picture_id(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.layer(ann, "q", 1, frame(0, is_key=True))
    begun = vp8(picture_id=1, tl0=1, temporal_id=1, key_index=0, data=b"one")
    rest = vp8(is_start=False, picture_id=1, tl0=1, temporal_id=1, key_index=0, data=b"two")
    lab.layer(ann, "q", 2, begun, ticks=3_000, marker=0)
    lab.steer(bob, "20", 0, 0)
    lab.layer(ann, "q", 3, rest, ticks=3_000)
    lab.layer(ann, "q", 4, frame(2), ticks=6_000)

    ids = picture_ids(bob.heard_in("20"))
    assert [b - a for a, b in pairwise(ids)] == [1, 1]


def test_a_publication_the_server_holds_stays_held_whatever_its_owner_says(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    start(lab, ann)
    publication = PublicationKey(peer=ann.key, mid=CAMERA)
    lab.engine.hold(publication, is_held=True)
    lab.mute(ann, CAMERA, is_muted=True)
    lab.mute(ann, CAMERA, is_muted=False)
    known = len(bob.heard)
    lab.layer(ann, "f", 10_003, frame(2_002, is_key=True), ticks=6_000)
    assert len(bob.heard) == known

    lab.engine.hold(publication, is_held=False)
    lab.layer(ann, "f", 10_004, frame(2_003, is_key=True), ticks=9_000)
    assert len(bob.heard) == known + 1


def test_a_paused_participant_gets_and_gives_nothing(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.route(bob, MIC, ann, "10")
    start(lab, ann)
    lab.audio(bob, 1)
    lab.engine.set_paused(ann.key, is_paused=True)
    known = len(bob.heard), len(ann.heard)
    lab.layer(ann, "f", 10_003, frame(2_002, is_key=True), ticks=6_000)
    lab.audio(bob, 2)
    assert (len(bob.heard), len(ann.heard)) == known

    lab.engine.set_paused(ann.key, is_paused=False)
    lab.layer(ann, "f", 10_004, frame(2_003, is_key=True), ticks=9_000)
    lab.audio(bob, 3)
    assert (len(bob.heard), len(ann.heard)) == (known[0] + 1, known[1] + 1)
    assert sequences(ann.heard_in("10")) == [ann.heard[0].sequence, ann.heard[0].sequence + 1]


def test_verbs_about_who_is_gone_do_nothing(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.engine.close_peer(ann.key)
    publication = PublicationKey(peer=ann.key, mid=CAMERA)

    lab.engine.hold(publication, is_held=True)
    lab.engine.set_paused(ann.key, is_paused=True)
    lab.engine.set_wanted(ann.key, 1)
    lab.engine.steer(SlotKey(peer=ann.key, mid="20"), rank=0, temporal=0)
    lab.steer(bob, "20", 0)
    lab.steer(bob, "no such slot", 0)

    assert lab.engine.streams(publication) == ()
    assert lab.engine.estimate_bps(ann.key) == 0.0
    assert lab.engine.sample(ann.key, now=lab.now) is None


def test_what_arrives_of_each_layer_is_told(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    start(lab, ann)

    samples = lab.engine.streams(PublicationKey(peer=ann.key, mid=CAMERA))
    assert [(each.rank, each.received, each.top_temporal) for each in samples] == [
        (0, 2, 0),
        (1, 2, 0),
        (2, 2, 0),
    ]
    assert all(each.octets > 0 for each in samples)
    told = lab.engine.sample(bob.key, now=lab.now + 1)
    assert told is not None
    assert [(each.mid, each.rank, each.is_waiting) for each in told.slots] == [("20", 2, False)]
    assert told.packets_out == len(bob.heard)
    sender = lab.engine.sample(ann.key, now=lab.now + 1)
    assert sender is not None
    assert (sender.packets_in, sender.loss_up) == (6, 0.0)


def test_a_declared_stream_needs_no_rid(lab: EngineLab) -> None:
    """Firefox names SSRCs beside its rids: the declared ones are known by their place."""
    eve = lab.open("eve", publishing=Publishing(rids=("q",)))
    bob = lab.open("bob")
    lab.route(eve, CAMERA, bob, "20")

    lab.video(eve, 1, vp8(is_key=True, picture_id=1))

    assert len(bob.heard_in("20")) == 1
    assert layer_packet(eve, "q", 1, b"x")
