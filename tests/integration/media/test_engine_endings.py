"""Muted, detached, closed: from the same call on nothing flows, resends included."""

import pytest

from media.core import rtcp
from tests.support.engine_lab import CAMERA, MIC, EngineLab, FakePeer, video_packet
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


def test_what_is_said_while_muted_is_never_heard(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.audio(ann, 1, b"before")
    lab.mute(ann, MIC, is_muted=True)
    with lab.counted(muted=3):
        for sequence in (2, 3, 5):
            lab.audio(ann, sequence, b"secret")
    lab.mute(ann, MIC, is_muted=False)

    lab.audio(ann, 4, b"secret")
    lab.audio(ann, 6, b"after")
    asked = ann.parts(205)
    lab.pass_time(0.1)

    heard = bob.heard_in("10")
    assert [each.payload for each in heard] == [b"before", b"after"]
    assert heard[1].sequence == heard[0].sequence + 1
    assert ann.parts(205) == asked == [], "and it is not asked for again"


def test_a_publication_muted_before_its_first_packet_is_silent_too(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.mute(ann, MIC, is_muted=True)

    with lab.counted(muted=2):
        lab.audio(ann, 1)
        lab.audio(ann, 2)

    assert bob.heard == []


def test_a_picture_comes_back_from_mute_with_a_key_frame_asked_for(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    lab.mute(ann, CAMERA, is_muted=True)
    lab.video(ann, 2, vp8(picture_id=501))
    lab.pass_time(3.0)
    asked_while_muted = len(ann.parts(206, 1))
    lab.mute(ann, CAMERA, is_muted=False)
    lab.pass_time(0.02)

    lab.video(ann, 3, vp8(picture_id=502))
    lab.video(ann, 4, vp8(is_key=True, picture_id=503))

    assert asked_while_muted == 1, "the one for the route"
    assert len(ann.parts(206, 1)) == 2
    assert [each.payload[-5:] for each in bob.heard_in("20")] == [b"frame"] * 2
    assert bob.heard_in("20")[1].payload == vp8(is_key=True, picture_id=501)


def test_a_retransmission_of_what_was_muted_is_not_heard_either(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    lab.video(ann, 3, vp8(picture_id=502))
    lost = video_packet(ann, 2, vp8(picture_id=501, data=b"secret"))
    lab.mute(ann, CAMERA, is_muted=True)
    lab.video(ann, 4, vp8(picture_id=503))

    lab.arrive(ann, rtx_packet(ann, 1, lost))
    lab.mute(ann, CAMERA, is_muted=False)
    with lab.counted(late=1):
        lab.arrive(ann, rtx_packet(ann, 2, lost))

    assert len(bob.heard_in("20")) == 2


def test_a_detached_route_ends_with_the_call_resends_included(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    """The slot may carry another name by the time the resend arrives."""
    lab.video(ann, 1, KEY)
    (seen,) = bob.heard_in("20")

    lab.route(ann, CAMERA, bob, "20", is_attached=False)

    with lab.counted(packets_out=0, resend_missed=1):
        lab.video(ann, 2, vp8(picture_id=501))
        lab.nack(bob, "20", seen.sequence)


def test_a_closed_peer_gets_nothing_from_the_same_call_on(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.audio(ann, 1)
    lab.engine.close_peer(bob.key)
    heard, told = len(bob.heard), len(bob.rtcp)

    lab.audio(ann, 2)
    lab.video(ann, 1, KEY)
    lab.pass_time(2.0)

    assert (len(bob.heard), len(bob.rtcp)) == (heard, told)


def test_a_closed_peer_is_told_that_its_streams_end(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.audio(ann, 1)

    lab.engine.close_peer(bob.key)

    (bye,) = bob.parts(203)
    assert bye[4:] == bob.slot_ssrc("10").to_bytes(4, "big")


def test_a_closed_peer_gives_nothing_from_the_same_call_on_resends_included(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    lab.audio(ann, 1)
    (seen,) = bob.heard_in("20")
    sent = lab.sent

    lab.engine.close_peer(ann.key)
    lab.audio(ann, 2)
    lab.nack(bob, "20", seen.sequence)
    lab.arrive_rtcp(bob, rtcp.write_pli(sender_ssrc=1, media_ssrc=bob.slot_ssrc("20")))

    assert lab.sent == sent


def test_a_peer_that_comes_back_is_a_new_one(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.audio(ann, 1)
    lab.engine.close_peer(ann.key)
    again = lab.open("ann", epoch=2)

    lab.audio(again, 1)
    assert len(bob.heard) == 1

    lab.route(again, MIC, bob, "10")
    lab.audio(again, 2)
    first, second = bob.heard_in("10")
    assert second.sequence == first.sequence + 1
