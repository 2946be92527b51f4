from collections.abc import Iterator
from itertools import count

import pytest

from media.contract.control import Source
from media.contract.errors import BadSdp, SdpFault
from media.core.engine_face import Codec, Extensions, Kind
from media.core.ice_lite import Credentials
from media.core.negotiate import Agreement, Ours, agree
from media.core.offer_rules import examine
from tests.support.webrtc_offers import (
    TWCC_URI,
    Numbering,
    OfferPlan,
    offer_text,
    read_answer,
)

PLAN = OfferPlan(
    ufrag="abcd",
    password="w" * 24,
    fingerprint="AA:BB",
    ssrcs={"0": 11, "1": 22},
    numbering=Numbering(opus=109, vp8=120, rtx=124, mid=3 + 4, level=5),
)
TEXT = offer_text(PLAN)
EVERYTHING = frozenset(Source)


def ours(may_publish: frozenset[Source] = EVERYTHING, numbers: Iterator[int] | None = None) -> Ours:
    drawn = numbers or count(1_000)
    return Ours(
        credentials=Credentials(ufrag="serverAB", password="s" * 24),
        fingerprint="CC:DD",
        candidates=(("192.0.2.9", 3_000),),
        session_id=77,
        cname="room",
        may_publish=may_publish,
        draw_ssrc=lambda: next(drawn),
    )


def agreed(
    text: str = TEXT,
    previous: Agreement | None = None,
    *,
    may_publish: frozenset[Source] = EVERYTHING,
) -> Agreement:
    if previous is None:
        return agree(examine(text), None, ours(may_publish))
    examined = examine(text, layout=previous.layout, known=previous.remote)
    return agree(examined, previous, ours(may_publish))


def test_the_clients_own_numbers_are_the_ones_agreed() -> None:
    """Payload types and extension ids are per peer; 96 and 111 mean nothing to us."""
    microphone, camera, _ = agreed().facts.sections

    assert microphone.codecs == (
        Codec(
            payload_type=109,
            name="opus",
            clock_rate_hz=48_000,
            feedback=frozenset({"transport-cc"}),
        ),
        Codec(payload_type=0, name="pcmu", clock_rate_hz=8_000),
    )
    assert microphone.extensions == Extensions(mid=7, audio_level=5, transport_cc=3)
    assert camera.codecs == (
        Codec(
            payload_type=120,
            name="vp8",
            clock_rate_hz=90_000,
            feedback=frozenset({"transport-cc", "nack", "nack pli", "ccm fir"}),
        ),
        Codec(payload_type=124, name="rtx", clock_rate_hz=90_000, apt=120),
    )
    assert camera.extensions == Extensions(mid=7, transport_cc=3)
    assert (camera.ssrcs, camera.rtx_ssrcs) == ((22,), (23,))
    assert microphone.ssrcs == (11,)


def test_every_slot_has_streams_of_its_own() -> None:
    facts = agreed().facts

    streams = [slot.ssrc for slot in facts.slots]
    streams += [slot.rtx_ssrc for slot in facts.slots if slot.rtx_ssrc is not None]
    assert [slot.mid for slot in facts.slots] == ["3", "4", "5", "6", "7", "8", "9"]
    assert [slot.rtx_ssrc is None for slot in facts.slots] == [True] * 3 + [False] * 4
    assert len(set(streams)) == 11
    assert agreed().slot_mids(Kind.AUDIO) == ("3", "4", "5")
    assert agreed().slot_mids(Kind.VIDEO) == ("6", "7", "8", "9")


def test_a_drawn_stream_number_that_is_taken_is_drawn_again() -> None:
    """The client's own SSRCs count: one number must not mean two streams on one transport."""
    agreement = agree(examine(TEXT), None, ours(numbers=iter([11, 22, 23, 5, 5, *range(50, 80)])))

    assert agreement.facts.slots[0].ssrc == 5
    assert agreement.facts.slots[1].ssrc == 50


def test_the_answer_mirrors_every_direction() -> None:
    answer = read_answer(agreed().answer)

    assert [answer.directions[str(mid)] for mid in range(10)] == ["recvonly"] * 3 + ["sendonly"] * 7
    assert (answer.ufrag, answer.password) == ("serverAB", "s" * 24)
    assert answer.candidates == (("192.0.2.9", 3_000),)
    assert answer.slot_ssrcs["6"] == agreed().facts.slots[3].ssrc


def test_bandwidth_feedback_is_transport_wide_in_every_section() -> None:
    answer = agreed().answer

    assert answer.count("a=rtcp-fb:120 transport-cc") == 6
    assert answer.count(f"a=extmap:3 {TWCC_URI}") == 10
    assert "goog-remb" not in answer
    assert "abs-send-time" not in answer


@pytest.mark.parametrize(
    "without", [f"a=extmap:3 {TWCC_URI}\r\n", "a=rtcp-fb:120 transport-cc\r\n"]
)
def test_an_offer_without_all_of_the_transport_wide_way_gets_remb(without: str) -> None:
    """Never both, and never half of one: a sender would wait for what does not come."""
    answer = agreed(TEXT.replace(without, "")).answer

    assert "a=rtcp-fb:120 goog-remb" in answer
    assert "a=rtcp-fb:120 transport-cc" not in answer


def test_sections_have_their_use_by_order() -> None:
    assert agreed().publishable == {"0": Source.MIC, "1": Source.CAMERA, "2": Source.SCREEN}


def test_a_section_that_may_not_be_published_is_inactive_and_never_bound() -> None:
    agreement = agreed(may_publish=frozenset({Source.MIC, Source.SCREEN}))

    assert agreement.publishable == {"0": Source.MIC, "2": Source.SCREEN}
    assert read_answer(agreement.answer).directions["1"] == "inactive"
    assert agreement.roles["1"] is Source.CAMERA


def test_a_listener_gets_an_answer_whose_first_section_is_inactive() -> None:
    """The first mid names the bundle, so it is answered inactive and not refused."""
    agreement = agreed(may_publish=frozenset())

    assert agreement.facts.sections == ()
    assert "a=group:BUNDLE 0 1 2 3 4 5 6 7 8 9" in agreement.answer


def test_a_second_microphone_has_no_use() -> None:
    head, _, tail = TEXT.partition("m=video")
    second = "m=audio" + head.rpartition("m=audio")[2]
    text = head.replace("BUNDLE 0", "BUNDLE 0 m2") + second.replace("mid:0", "mid:m2")
    text += "m=video" + tail
    first_screen_gone = text.replace("a=mid:2\r\n", "a=mid:2\r\n").replace(
        "a=sendonly", "a=inactive", 4
    )

    agreement = agreed(first_screen_gone.replace("a=inactive", "a=sendonly", 3))

    assert agreement.roles["m2"] is None
    assert "m2" not in agreement.publishable


def test_a_section_offered_both_ways_is_received_only() -> None:
    agreement = agreed(TEXT.replace("a=sendonly", "a=sendrecv", 1))

    assert read_answer(agreement.answer).directions["0"] == "recvonly"


def test_slots_keep_their_streams_when_more_are_added() -> None:
    small = offer_text(
        OfferPlan(
            ufrag="abcd",
            password="w" * 24,
            fingerprint="AA:BB",
            ssrcs={"0": 11, "1": 22},
            numbering=PLAN.numbering,
            video_slots=2,
        )
    )
    first = agreed(small)

    second = agreed(TEXT, first)

    assert second.version == 2
    assert "o=- 77 2 IN IP4 0.0.0.0" in second.answer
    assert second.facts.slots[:5] == first.facts.slots
    assert len(second.facts.slots) == 7
    taken = {slot.ssrc for slot in first.facts.slots}
    assert not taken & {slot.ssrc for slot in second.facts.slots[5:]}


def test_a_section_put_to_sleep_keeps_its_use() -> None:
    """Else a camera switched off by a re-offer would make the screen the camera."""
    first = agreed()
    lines = TEXT.split("a=mid:1\r\n")
    asleep = lines[0] + "a=mid:1\r\n" + lines[1].replace("a=sendonly", "a=inactive", 1)

    second = agreed(asleep, first)

    assert second.publishable == {"0": Source.MIC, "2": Source.SCREEN}
    assert read_answer(second.answer).directions["1"] == "inactive"


def simulcast(offered: str, *rids: str) -> str:
    lines = "".join(f"a=rid:{rid} send\r\n" for rid in rids)
    return TEXT.replace(
        "a=mid:1\r\n",
        f"a=mid:1\r\n{lines}a=simulcast:send {offered}\r\n"
        "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n",
    )


def test_a_simulcast_camera_is_accepted_in_the_order_of_its_offer() -> None:
    """RFC 8853: in the order of the simulcast line; we rank by size all the same."""
    agreement = agreed(simulcast("f;q;h", "q", "f", "h"))

    camera = agreement.facts.sections[1]
    assert camera.rids == ("q", "h", "f")
    assert camera.extensions == Extensions(mid=7, rid=9, repaired_rid=10, transport_cc=3)
    assert (
        "a=rid:f recv\r\na=rid:q recv\r\na=rid:h recv\r\na=simulcast:recv f;q;h" in agreement.answer
    )


def test_names_that_tell_no_size_are_ranked_as_offered_and_a_fourth_is_left_out() -> None:
    agreement = agreed(simulcast("a;b;c;d", "a", "b", "c", "d"))

    assert agreement.facts.sections[1].rids == ("a", "b", "c")
    assert "a=rid:d" not in agreement.answer


def test_rids_that_no_simulcast_line_names_are_not_agreed() -> None:
    agreement = agreed(
        TEXT.replace("a=mid:1\r\n", "a=mid:1\r\na=rid:q send\r\na=simulcast:send z\r\n")
    )

    assert agreement.facts.sections[1].rids == ()


def test_a_data_section_is_refused_outside_the_bundle() -> None:
    text = TEXT.replace("a=group:BUNDLE 0", "a=group:BUNDLE d 0")
    text += "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n"

    answer = agreed(text).answer

    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel" in answer
    assert "a=group:BUNDLE 0 1 2 3 4 5 6 7 8 9\r\n" in answer


def test_a_switched_off_slot_is_refused() -> None:
    head, _, last = TEXT.rpartition("m=video 9")

    agreement = agreed(head + "m=video 0" + last)

    assert [slot.mid for slot in agreement.facts.slots] == ["3", "4", "5", "6", "7", "8"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("opus/48000/2", "opus/48000", id="mono opus"),
        pytest.param("opus/48000/2", "opus/16000/2", id="other clock"),
        pytest.param("opus/48000/2", "isac/16000", id="other codec"),
        pytest.param("a=rtpmap:109 opus/48000/2\r\n", "", id="no map"),
    ],
)
def test_what_is_not_our_codec_is_left_out(old: str, new: str) -> None:
    agreement = agreed(TEXT.replace(old, new))

    assert [codec.name for codec in agreement.facts.sections[0].codecs] == ["pcmu"]


@pytest.mark.parametrize("parameters", ["apt=99", "apt=", "apt=x", "other=1", "apt=²"])
def test_a_repair_format_of_nothing_we_keep_is_left_out(parameters: str) -> None:
    agreement = agreed(TEXT.replace("a=fmtp:124 apt=120", f"a=fmtp:124 {parameters}"))

    assert [codec.name for codec in agreement.facts.sections[1].codecs] == ["vp8"]
    assert all(slot.rtx_ssrc is None for slot in agreement.facts.slots)


def test_video_in_an_audio_section_is_no_codec_of_it() -> None:
    agreement = agreed(TEXT.replace("a=rtpmap:0 PCMU/8000", "a=rtpmap:0 VP8/90000"))

    assert [codec.name for codec in agreement.facts.sections[0].codecs] == ["opus"]


def test_an_offer_whose_first_section_would_be_refused_is_not_answered() -> None:
    text = TEXT.replace("opus/48000/2", "isac/16000").replace("PCMU/8000", "G722/8000")

    with pytest.raises(BadSdp) as refused:
        agreed(text)

    assert refused.value.fault is SdpFault.FIRST_SECTION


def test_feedback_offered_for_all_formats_counts() -> None:
    text = TEXT.replace("a=rtcp-fb:120 nack\r\n", "a=rtcp-fb:* nack\r\n")

    assert "nack" in agreed(text).facts.sections[1].codecs[0].feedback


def test_of_an_extension_offered_twice_the_first_id_counts() -> None:
    mid_uri = "urn:ietf:params:rtp-hdrext:sdes:mid"
    text = TEXT.replace(f"a=extmap:7 {mid_uri}", f"a=extmap:7 {mid_uri}\r\na=extmap:11 {mid_uri}")

    assert agreed(text).facts.slots[0].extensions.mid == 7
