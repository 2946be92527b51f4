import pytest

from media.contract.errors import BadSdp, SdpFault
from media.core.sdp import (
    CANDIDATES_MAX,
    LINES_MAX,
    RIDS_MAX,
    SDP_BYTES_MAX,
    SECTIONS_MAX,
    SSRCS_MAX,
    Direction,
    read_offer,
)
from tests.support.webrtc_offers import OfferPlan, offer_text

PLAN = OfferPlan(ufrag="abcd", password="w" * 24, fingerprint="AA:BB", ssrcs={"0": 11, "1": 22})
HEAD = "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\n"


def section(*lines: str) -> str:
    return HEAD + VIDEO + "".join(f"a={line}\n" for line in lines)


def fault(text: str) -> SdpFault:
    with pytest.raises(BadSdp) as refused:
        read_offer(text)
    return refused.value.fault


def test_a_trimmed_offer_of_a_browser_is_read_whole() -> None:
    offer = read_offer(offer_text(PLAN))

    microphone, camera, screen = offer.sections[:3]
    assert len(offer.sections) == 10
    assert offer.bundle == tuple("0123456789")
    assert offer.allows_mixed_extensions
    assert (microphone.kind, microphone.mid, microphone.direction) == (
        "audio",
        "0",
        Direction.SENDONLY,
    )
    assert microphone.codecs[111].name == "opus"
    assert (microphone.codecs[111].clock_rate_hz, microphone.codecs[111].channels) == (48_000, 2)
    assert microphone.extensions[1].endswith("ssrc-audio-level")
    assert camera.payload_types == [96, 97]
    assert camera.codecs[97].parameters == "apt=96"
    assert "nack pli" in camera.codecs[96].feedback
    assert camera.ssrcs == [22, 23]
    assert camera.repair == {22: 23}
    assert (screen.ssrcs, offer.sections[3].direction) == ([], Direction.RECVONLY)
    assert camera.transport.ufrag == "abcd"
    assert camera.transport.fingerprints == [("sha-256", "AA:BB")]
    assert camera.has_rtcp_mux
    assert camera.has_rtcp_rsize


def test_facts_of_the_session_stand_apart_from_those_of_a_section() -> None:
    offer = read_offer(
        HEAD + "a=group:LS 1\na=group:BUNDLE 0 1\na=ice-ufrag:abcd\na=setup:active\n"
        "a=fingerprint:SHA-256 aa:bb\na=ice-pwd:" + "w" * 22 + "\n" + VIDEO
    )

    assert offer.bundle == ("0", "1")
    assert (offer.transport.ufrag, offer.transport.setup) == ("abcd", "active")
    assert offer.transport.fingerprints == [("sha-256", "AA:BB")]
    assert not offer.allows_mixed_extensions


def test_simulcast_is_read_in_the_order_of_its_own_line() -> None:
    """RFC 8853: the order of the rid lines says nothing."""
    offer = read_offer(
        section(
            "rid:q send", "rid:h send", "rid:f send pt=96", "rid:x recv", "simulcast:send f;~h,q;q"
        )
    )

    assert offer.sections[0].rids == ["q", "h", "f"]
    assert offer.sections[0].simulcast == ["f", "h", "q"]


@pytest.mark.parametrize("line", ["simulcast:recv a;b", "simulcast:send", "simulcast:"])
def test_simulcast_without_something_to_send_is_none(line: str) -> None:
    assert read_offer(section(line)).sections[0].simulcast == []


def test_an_extension_qualifier_is_dropped_and_a_two_byte_id_is_not_kept() -> None:
    """Firefox writes `/sendonly` behind the id."""
    offer = read_offer(
        section("extmap:3/sendonly urn:a attributes", "extmap:15 urn:b", "extmap:200 urn:c")
    )

    assert offer.sections[0].extensions == {3: "urn:a"}


def test_feedback_for_all_payload_types_is_kept_apart() -> None:
    offer = read_offer(section("rtcp-fb:* nack", "rtcp-fb:96 ccm fir"))

    assert offer.sections[0].feedback_for_all == {"nack"}
    assert offer.sections[0].codecs[96].feedback == {"ccm fir"}


def test_a_switched_off_section_differs_from_a_bundled_one() -> None:
    off = VIDEO.replace(" 9 ", " 0 ")
    offer = read_offer(HEAD + off + off + "a=bundle-only\n" + VIDEO)

    assert [each.is_refused for each in offer.sections] == [True, False, False]


def test_groups_we_do_not_use_and_repeated_ssrcs_are_skipped() -> None:
    offer = read_offer(
        section(
            "ssrc-group:SIM 1 2 3",
            "ssrc-group:",
            "ssrc-group:FID 1",
            "ssrc:5 cname:a",
            "ssrc:5 msid:b",
        )
    )

    assert offer.sections[0].repair == {}
    assert offer.sections[0].ssrcs == [5]


def test_a_data_section_keeps_its_format_and_has_no_payload_types() -> None:
    offer = read_offer(
        HEAD + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=sctp-port:5000\n"
    )

    assert offer.sections[0].payload_types == []
    assert offer.sections[0].formats == "webrtc-datachannel"


def test_lines_other_than_media_and_attributes_are_skipped() -> None:
    offer = read_offer(
        HEAD
        + VIDEO
        + "c=IN IP4 0.0.0.0\nb=AS:300\na=unknown-thing:1\na=candidate:1 1 udp 1 x 9 typ host\n"
    )

    assert offer.candidate_count == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("o=- 1 1 IN IP4 0.0.0.0\n", id="no version"),
        pytest.param("v=0\nnonsense\n", id="no equals sign"),
        pytest.param("v=0\ns=\x00\n", id="control byte"),
        pytest.param(HEAD + "m=video 9 UDP\n", id="short media line"),
        pytest.param(HEAD + "m=video 70000 UDP/TLS/RTP/SAVPF 96\n", id="port"),
        pytest.param(HEAD + "m=video 9 UDP/TLS/RTP/SAVPF 128\n", id="payload type"),
        pytest.param(HEAD + "m=video 9 UDP/TLS/RTP/SAVPF " + "96 " * 65 + "\n", id="formats"),
        pytest.param(HEAD + "m=vi/deo 9 UDP/TLS/RTP/SAVPF 96\n", id="kind"),
        pytest.param(section("mid:"), id="empty mid"),
        pytest.param(section("mid:" + "x" * 17), id="long mid"),
        pytest.param(section("rtpmap:96 VP8/fast"), id="clock rate"),
        pytest.param(section("rtpmap:x VP8/90000"), id="payload type of a map"),
        pytest.param(section("fmtp:999 a=b"), id="payload type of parameters"),
        pytest.param(section("extmap:x urn:a"), id="extension id"),
        pytest.param(section("extmap:3 urn:a", "extmap:3 urn:b"), id="extension id twice"),
        pytest.param(section("ssrc:4294967296 cname:a"), id="ssrc"),
        pytest.param(section("ssrc-group:FID 1 x"), id="ssrc of a group"),
        pytest.param(section(*(f"ssrc:{n} a:b" for n in range(SSRCS_MAX + 1))), id="many ssrcs"),
        pytest.param(section("rid:sp@ce send"), id="rid"),
        pytest.param(section("ice-ufrag:a"), id="short ufrag"),
        pytest.param(section("ice-pwd:" + "w" * 21), id="short password"),
    ],
)
def test_what_is_not_sdp_as_browsers_write_it_is_refused(text: str) -> None:
    assert fault(text) is SdpFault.SYNTAX


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(HEAD + "a=" + "x" * SDP_BYTES_MAX, SdpFault.TOO_LONG, id="bytes"),
        pytest.param(HEAD + "a=x\n" * LINES_MAX, SdpFault.TOO_LONG, id="lines"),
        pytest.param(HEAD + VIDEO * (SECTIONS_MAX + 1), SdpFault.TOO_MANY_SECTIONS, id="sections"),
        pytest.param(
            section(*["candidate:1"] * (CANDIDATES_MAX + 1)),
            SdpFault.TOO_MANY_CANDIDATES,
            id="candidates",
        ),
        pytest.param(
            section(*(f"rid:{n} send" for n in range(RIDS_MAX + 1))),
            SdpFault.TOO_MANY_RIDS,
            id="rids",
        ),
        pytest.param(section("crypto:1 AES_CM_128 inline:x"), SdpFault.SDES, id="keys in clear"),
        pytest.param(HEAD + "a=crypto:1 x\n", SdpFault.SDES, id="keys in clear, session"),
    ],
)
def test_what_is_over_a_cap_is_refused_with_its_fault(text: str, expected: SdpFault) -> None:
    assert fault(text) is expected


def test_more_repair_pairs_than_streams_may_be_are_not_kept() -> None:
    offer = read_offer(section(*(f"ssrc-group:FID {n} {n + 1}" for n in range(SSRCS_MAX + 5))))

    assert len(offer.sections[0].repair) == SSRCS_MAX
