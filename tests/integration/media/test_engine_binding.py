"""Which section a stream belongs to, and which route a slot: declared, named, or nowhere."""

import pytest

from media.core.engine_face import (
    PublicationBound,
    ReceiveFacts,
)
from tests.support.engine_lab import (
    CAMERA,
    MIC,
    MID_ID,
    RID_ID,
    VP8,
    EngineLab,
    FakePeer,
    Publishing,
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


def test_a_stream_the_offer_did_not_name_is_bound_by_its_mid(lab: EngineLab) -> None:
    ann = lab.open("ann", publishing=Publishing(is_declared=False))
    bob = lab.open("bob")
    lab.route(ann, CAMERA, bob, "20")

    lab.video(ann, 1, KEY)

    assert len(bob.heard_in("20")) == 1


@pytest.mark.parametrize(
    "packet",
    [
        rtp(payload_type=VP8, ssrc=4_242, payload=KEY),
        rtp(payload_type=VP8, ssrc=4_242, extension=one_byte({MID_ID: b"9"}), payload=KEY),
        rtp(payload_type=50, ssrc=4_242, extension=one_byte({MID_ID: b"1"}), payload=KEY),
    ],
    ids=["no mid", "a mid nobody has", "a payload type nobody has"],
)
def test_a_stream_without_a_home_is_counted(packet: bytes, lab: EngineLab, ann: FakePeer) -> None:
    with lab.counted(unbound=1):
        lab.arrive(ann, packet)

    assert not any(isinstance(each, PublicationBound) for each in lab.engine.take_events())


def test_a_section_that_was_not_allowed_binds_nothing(lab: EngineLab) -> None:
    """What may be published is settled by the facts: no section, no home."""
    ann = lab.open("ann", publishing=Publishing(mids=(MIC,)))

    with lab.counted(unbound=1):
        lab.video(ann, 1, KEY)


def test_only_the_agreed_encoding_of_a_camera_is_bound(lab: EngineLab) -> None:
    ann = lab.open("ann", publishing=Publishing(is_declared=False, rids=("h",)))
    bob = lab.open("bob")
    lab.route(ann, CAMERA, bob, "20")

    with lab.counted(unbound=1):
        for ssrc, rid in ((5, b"f"), (6, b"h")):
            extension = one_byte({MID_ID: b"1", RID_ID: rid})
            lab.arrive(ann, rtp(payload_type=VP8, ssrc=ssrc, extension=extension, payload=KEY))

    assert len(bob.heard_in("20")) == 1


def test_a_stream_that_takes_another_name_goes_on_in_its_slot(lab: EngineLab) -> None:
    ann = lab.open("ann", publishing=Publishing(is_declared=False))
    bob = lab.open("bob")
    lab.route(ann, MIC, bob, "10")
    lab.audio(ann, 1)
    extension = one_byte({MID_ID: b"0"})

    lab.arrive(ann, rtp(ssrc=99, sequence=40_000, extension=extension, payload=b"new"))
    lab.audio(ann, 2)

    first, second = bob.heard_in("10")
    assert (second.payload, second.sequence) == (b"new", first.sequence + 1)


def test_a_stream_the_offer_named_is_not_displaced(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.route(ann, MIC, bob, "10")
    lab.audio(ann, 1)

    with lab.counted(unbound=1):
        lab.arrive(ann, rtp(ssrc=99, extension=one_byte({MID_ID: b"0"}), payload=b"new"))
    lab.audio(ann, 2)

    assert len(bob.heard_in("10")) == 2


def test_more_facts_leave_a_slot_as_it_is(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.route(ann, MIC, bob, "10")
    lab.audio(ann, 1)

    lab.engine.set_facts(bob.key, bob.facts)
    lab.audio(ann, 2)

    first, second = sequences(bob.heard_in("10"))
    assert second == first + 1


def test_a_routed_slot_taken_by_another_source_leaves_the_first(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    eve = lab.open("eve")
    lab.route(ann, MIC, bob, "10")
    lab.route(ann, MIC, bob, "10")
    lab.route(eve, MIC, bob, "10")

    lab.audio(ann, 1, b"ann")
    lab.audio(eve, 1, b"eve")

    assert [each.payload for each in bob.heard_in("10")] == [b"eve"]


def test_a_route_of_nobody_is_no_route(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    lab.route(ann, MIC, bob, "no such slot")
    lab.route(ann, MIC, bob, "10", is_attached=False)
    lab.engine.close_peer(bob.key)
    lab.route(ann, MIC, bob, "10")

    lab.audio(ann, 1)

    assert bob.heard == []


def test_verbs_for_a_closed_peer_do_nothing(lab: EngineLab, ann: FakePeer) -> None:
    lab.engine.close_peer(ann.key)

    lab.engine.close_peer(ann.key)
    lab.engine.set_facts(ann.key, ReceiveFacts(sections=(), slots=()))
    lab.engine.set_keys(ann.key, ann.keys)
    lab.engine.set_path(ann.key, frozenset({ann.addr}), ann.addr)
    lab.mute(ann, MIC, is_muted=True)

    with lab.counted(no_keys=1):
        lab.audio(ann, 1)
