"""Transport-wide congestion control: we tell senders what arrived, and hear what became of ours."""

import pytest

from media.core import rtcp
from media.core.bandwidth import START_BPS
from media.core.twcc import Arrivals, read_feedback
from tests.support.engine_lab import (
    CAMERA,
    MIC,
    MID_ID,
    OPUS,
    SLOT_TWCC_ID,
    TWCC_ID,
    VP8,
    EngineLab,
    FakePeer,
    Publishing,
    Receiving,
)
from tests.support.rtp import one_byte, rtp, vp8


@pytest.fixture
def lab() -> EngineLab:
    return EngineLab()


@pytest.fixture
def ann(lab: EngineLab) -> FakePeer:
    return lab.open("ann", publishing=Publishing(has_twcc=True))


@pytest.fixture
def bob(lab: EngineLab, ann: FakePeer) -> FakePeer:
    bob = lab.open("bob", receiving=Receiving(has_twcc=True))
    lab.route(ann, MIC, bob, "10")
    lab.route(ann, CAMERA, bob, "20")
    return bob


def numbered(peer: FakePeer, number: int, *, mid: str = MIC, payload: bytes = b"voice") -> bytes:
    extension = one_byte({MID_ID: mid.encode(), TWCC_ID: number.to_bytes(2, "big")})
    return rtp(
        payload_type=OPUS if mid == MIC else VP8,
        sequence=number,
        timestamp=number * 960,
        ssrc=peer.ssrcs[mid],
        extension=extension,
        payload=payload,
    )


def passages(peer: FakePeer) -> list[int]:
    """The transport-wide numbers of what a peer got."""
    return [int.from_bytes(each.extensions[SLOT_TWCC_ID], "big") for each in peer.heard]


def report(lab: EngineLab, peer: FakePeer, arrivals: Arrivals) -> None:
    """Tell the engine what arrived at a peer since the last report."""
    for part in arrivals.take(sender_ssrc=1, media_ssrc=2, now=lab.now):
        lab.arrive_rtcp(peer, rtcp.write_receiver_report(ssrc=1, blocks=[]) + part)


def test_a_sender_is_told_when_each_packet_arrived(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    for number in (1, 2, 4):
        lab.arrive(ann, numbered(ann, number))
        lab.now += 0.02
    lab.pass_time(0.02)

    (part,) = ann.parts(205, 15)
    feedback = read_feedback(part, 0, len(part))
    assert feedback.first == 1
    assert [status is None for status in feedback.statuses] == [False, False, True, False]
    assert feedback.statuses[1] is not None
    assert feedback.statuses[0] is not None
    assert feedback.statuses[1] - feedback.statuses[0] == 80
    assert lab.engine.counters()["transport_feedback_out"] == 1
    assert len(bob.heard) == 3


def test_a_muted_senders_packets_are_told_too(lab: EngineLab, ann: FakePeer) -> None:
    """Or its congestion control would take the mute for a dead link."""
    lab.arrive(ann, numbered(ann, 1))
    lab.mute(ann, MIC, is_muted=True)
    lab.arrive(ann, numbered(ann, 2))
    lab.pass_time(0.02)

    told = [read_feedback(part, 0, len(part)) for part in ann.parts(205, 15)]
    assert sum(len(each.statuses) for each in told) == 2


def test_a_layout_that_changes_is_found_again(lab: EngineLab, ann: FakePeer) -> None:
    lab.arrive(ann, numbered(ann, 1))
    other = one_byte({TWCC_ID: (2).to_bytes(2, "big"), MID_ID: b"0"})
    lab.arrive(ann, rtp(sequence=2, ssrc=ann.ssrcs[MIC], extension=other, payload=b"x"))
    lab.audio(ann, 3)
    lab.arrive(ann, numbered(ann, 4))
    lab.pass_time(0.02)

    told = [read_feedback(part, 0, len(part)) for part in ann.parts(205, 15)]
    heard = [status for each in told for status in each.statuses if status is not None]
    assert len(heard) == 3


def test_everything_sent_to_a_peer_has_one_rising_number(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.arrive(ann, numbered(ann, 1))
    lab.arrive(ann, numbered(ann, 2, mid=CAMERA, payload=vp8(is_key=True, picture_id=1)))
    lab.arrive(ann, numbered(ann, 3, mid=CAMERA, payload=vp8(picture_id=2)))
    lab.nack(bob, "20", bob.heard_in("20")[0].sequence)
    lab.arrive(ann, numbered(ann, 4))

    first = passages(bob)[0]
    assert passages(bob) == [first + place for place in range(5)]


def test_what_a_peer_tells_moves_its_estimate(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    arrivals = Arrivals()
    for number in range(100):
        lab.arrive(ann, numbered(ann, number + 1))
        lab.now += 0.02
        if number % 2 == 0:
            arrivals.numbers.append(passages(bob)[-1])
            arrivals.times.append(lab.now)
        if number % 5 == 4:
            report(lab, bob, arrivals)

    assert lab.engine.estimate_bps(bob.key) < START_BPS
    told = lab.engine.sample(bob.key, now=lab.now)
    assert told is not None
    assert told.loss_down == pytest.approx(0.5, abs=0.05)
    assert lab.engine.counters()["transport_feedback_in"] == 20


def test_remb_counts_only_where_nothing_better_was_agreed(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    eve = lab.open("eve")
    lab.route(ann, CAMERA, eve, "20")
    estimate = rtcp.write_remb(sender_ssrc=1, bits_per_s=300_000, ssrcs=[])
    for peer in (bob, eve):
        lab.arrive_rtcp(peer, estimate)

    assert lab.engine.estimate_bps(bob.key) == START_BPS
    assert lab.engine.estimate_bps(eve.key) == pytest.approx(300_000, rel=0.01)


def test_a_waiting_layer_is_probed_for_with_repeats_of_recent_pictures(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.engine.set_wanted(bob.key, 2_000_000)
    arrivals, reported = Arrivals(), 0
    for number in range(1, 120):
        payload = vp8(is_key=number == 1, picture_id=number, data=bytes(800))
        lab.arrive(ann, numbered(ann, number, mid=CAMERA, payload=payload))
        lab.pass_time(0.02)
        fresh = passages(bob)[reported:]
        reported += len(fresh)
        arrivals.numbers.extend(fresh)
        arrivals.times.extend([lab.now] * len(fresh))
        if number % 5 == 0:
            report(lab, bob, arrivals)
    probed = lab.engine.counters()["probes"]
    assert probed > 20
    slot = lab.engine._peers[bob.key].slots["20"]
    repeats = [each for each in bob.heard if each.ssrc == slot.spec.rtx_ssrc]
    assert len(repeats) == probed
    assert repeats[-1].payload[2:] in {each.payload for each in bob.heard_in("20")[-20:]}

    lab.engine.set_wanted(bob.key, 0)
    lab.pass_time(0.5)
    assert lab.engine.counters()["probes"] == probed


def test_while_no_picture_flows_padding_probes(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.arrive(ann, numbered(ann, 1, mid=CAMERA, payload=vp8(is_key=True, picture_id=1)))
    lab.steer(bob, "20", -1)
    lab.engine.set_wanted(bob.key, 2_000_000)
    lab.engine._peers[bob.key].probe.rate_bps = 100_000
    lab.pass_time(0.1)

    slot = lab.engine._peers[bob.key].slots["20"]
    padding = [each for each in bob.heard if each.ssrc == slot.spec.rtx_ssrc]
    assert padding
    assert {each.payload for each in padding} == {b""}


def test_a_peer_without_a_picture_slot_in_use_is_not_probed(lab: EngineLab, bob: FakePeer) -> None:
    lab.engine.set_wanted(bob.key, 2_000_000)
    lab.engine._peers[bob.key].probe.rate_bps = 100_000
    lab.pass_time(0.1)

    assert lab.engine.counters()["probes"] == 0
