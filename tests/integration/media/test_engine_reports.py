"""Key frames and reports: what a sender is asked, what both sides are told each second."""

import struct

import pytest

from media.core import rtcp
from media.core.engine_face import KeyFrameStalled, PublicationKey
from media.core.keyframes import TRIES_MAX
from media.core.reports import NTP_SECOND
from media.shell.feedback import CAMERA_BITS_PER_S
from tests.support.engine_lab import (
    CAMERA,
    MIC,
    EngineLab,
    FakePeer,
)
from tests.support.rtp import vp8

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


@pytest.mark.usefixtures("bob")
def test_a_new_viewer_costs_one_key_frame_and_three_at_once_cost_no_more(
    lab: EngineLab, ann: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    lab.pass_time(1.0)
    before = len(ann.parts(206, 1))

    for name in ("eve", "zoe", "kim"):
        lab.route(ann, CAMERA, lab.open(name), "20")

    assert len(ann.parts(206, 1)) == before + 1


@pytest.mark.usefixtures("bob")
def test_a_route_made_before_the_first_packet_asks_when_that_is_there(
    lab: EngineLab, ann: FakePeer
) -> None:
    assert ann.parts(206, 1) == []

    lab.video(ann, 7, frame(1))

    assert ann.parts(206, 1) == [
        rtcp.write_pli(
            sender_ssrc=int.from_bytes(ann.rtcp[0][4:8], "big"), media_ssrc=ann.ssrcs[CAMERA]
        )
    ]


def test_a_viewers_picture_loss_reaches_the_sender_throttled(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    lab.pass_time(1.0)
    lab.video(ann, 2, vp8(is_key=True, picture_id=501))
    before = len(ann.parts(206, 1))
    loss = rtcp.write_pli(sender_ssrc=1, media_ssrc=bob.slot_ssrc("20"))

    for sequence in range(3, 8):
        lab.arrive_rtcp(bob, loss)
        lab.pass_time(0.05)
        lab.video(ann, sequence, vp8(is_key=True, picture_id=502))

    assert len(ann.parts(206, 1)) == before + 1


def test_a_picture_loss_in_an_empty_slot_asks_nobody(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.arrive_rtcp(bob, rtcp.write_pli(sender_ssrc=1, media_ssrc=bob.slot_ssrc("21")))
    lab.pass_time(0.1)

    assert ann.rtcp == []


def test_a_sender_nobody_watches_any_more_owes_no_key_frame(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, frame(1))
    asked = len(ann.parts(206, 1))

    lab.route(ann, CAMERA, bob, "20", is_attached=False)
    events = lab.pass_time(20.0)

    assert len(ann.parts(206, 1)) == asked
    assert not any(isinstance(each, KeyFrameStalled) for each in events)


@pytest.mark.usefixtures("bob")
def test_a_sender_that_never_answers_is_told_once_as_a_stall(lab: EngineLab, ann: FakePeer) -> None:
    lab.video(ann, 1, frame(1))

    events = lab.pass_time(20.0)

    stalls = [each for each in events if isinstance(each, KeyFrameStalled)]
    assert stalls == [KeyFrameStalled(publication=PublicationKey(peer=ann.key, mid=CAMERA))]
    assert len(ann.parts(206, 1)) == TRIES_MAX


def test_a_camera_is_told_each_second_how_much_may_come(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.video(ann, 1, KEY)
    lab.audio(ann, 1)

    lab.pass_time(3.0)

    estimates = ann.parts(206, 15)
    assert len(estimates) in {3, 4}
    for estimate in estimates:
        exponent = estimate[17] >> 2
        mantissa = (estimate[17] & 3) << 16 | estimate[18] << 8 | estimate[19]
        assert abs((mantissa << exponent) - CAMERA_BITS_PER_S) < 1 << exponent
        assert estimate[20:] == ann.ssrcs[CAMERA].to_bytes(4, "big")
    assert bob.parts(206, 15) == []


def test_both_sides_are_reported_to_each_second(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    """A sender on how it is received (RR), a receiver on what it was sent (SR)."""
    for second in range(5):
        lab.audio(ann, 1 + second)
        lab.video(ann, 1 + second, KEY if second == 0 else frame(second))
        for mid in (MIC, CAMERA):
            _report_clock(lab, ann, mid)
        lab.pass_time(1.0)

    on_ann = [
        struct.unpack_from("!I", part, at)[0]
        for part in ann.parts(201)
        for at in range(8, len(part), 24)
    ]
    on_bob = [ssrc for ssrc, *_ in _sender_reports(bob)]
    assert {ssrc: on_ann.count(ssrc) for ssrc in set(on_ann)} == {
        ann.ssrcs[MIC]: 5,
        ann.ssrcs[CAMERA]: 5,
    }
    assert {ssrc: on_bob.count(ssrc) for ssrc in set(on_bob)} == {
        bob.slot_ssrc("10"): 5,
        bob.slot_ssrc("20"): 5,
    }


def test_lips_stay_in_sync(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    """Both slots of one person are told on that person's own clock."""
    lab.video(ann, 1, KEY, ticks=900_000)
    lab.audio(ann, 1)
    wall = 3_900_000_000 * NTP_SECOND
    for mid, rtp_ts in ((MIC, 960), (CAMERA, 900_000)):
        lab.arrive_rtcp(
            ann,
            rtcp.write_sender_report(
                ssrc=ann.ssrcs[mid], ntp=wall, rtp_ts=rtp_ts, packets=1, payload_bytes=1
            ),
        )

    lab.pass_time(1.01)

    reports = {ssrc: (ntp, ts) for ssrc, ntp, ts, _, _ in _sender_reports(bob)}
    audio_ntp, audio_ts = reports[bob.slot_ssrc("10")]
    video_ntp, video_ts = reports[bob.slot_ssrc("20")]
    passed = (audio_ntp - wall) / NTP_SECOND
    assert audio_ntp == video_ntp
    assert 0 < passed <= 1.02
    heard, seen = bob.heard_in("10")[0], bob.heard_in("20")[0]
    assert abs((audio_ts - heard.timestamp) % 2**32 - passed * 48_000) < 2
    assert abs((video_ts - seen.timestamp) % 2**32 - passed * 90_000) < 2
    named = {part[4:8] for part in bob.parts(202)}
    assert named == {ssrc.to_bytes(4, "big") for ssrc in reports}, "each names its source"


def test_a_report_counts_what_left(lab: EngineLab, ann: FakePeer, bob: FakePeer) -> None:
    for sequence in range(1, 4):
        lab.audio(ann, sequence, b"12345")
    _report_clock(lab, ann, MIC)

    lab.pass_time(0.01)

    (report,) = _sender_reports(bob)
    assert report[3:] == (3, 15)


def test_the_round_trip_is_learned_from_the_receivers_own_reports(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    lab.audio(ann, 1)
    _report_clock(lab, ann, MIC)
    lab.pass_time(0.01)
    ((_, ntp, _, _, _),) = _sender_reports(bob)
    lab.now += 0.06

    lab.arrive_rtcp(bob, _receiver_report(bob.slot_ssrc("10"), ntp, 0.01))
    lab.arrive_rtcp(bob, _receiver_report(999, ntp, 0.0))

    assert lab.engine._peers[bob.key].trips.rtt_s == pytest.approx(0.05, abs=0.001)


def test_unreadable_or_unknown_reports_change_nothing(
    lab: EngineLab, ann: FakePeer, bob: FakePeer
) -> None:
    with lab.counted(rtcp_bad=1, rtcp_in=3):
        lab.arrive_rtcp(ann, b"\x80\xc8\x00\x09" + bytes(12))
        lab.arrive_rtcp(
            ann,
            rtcp.write_sender_report(ssrc=999, ntp=1, rtp_ts=1, packets=1, payload_bytes=1),
        )
        lab.arrive_rtcp(ann, rtcp.write_bye(ssrcs=[ann.ssrcs[MIC]]))

    lab.audio(ann, 1)
    assert len(bob.heard) == 1, "a peer ends by signaling, not by a goodbye"


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
