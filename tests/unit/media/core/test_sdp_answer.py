from media.core.sdp import Direction
from media.core.sdp_answer import Answer, AnsweredCodec, AnsweredSection, write_answer


def an_answer(*sections: AnsweredSection, mixed: bool = False) -> list[str]:
    answer = Answer(
        session_id=5,
        version=2,
        ufrag="u",
        password="p",
        fingerprint="AA",
        cname="room",
        candidates=(("192.0.2.1", 3478), ("2001:db8::1", 3478)),
        allows_mixed_extensions=mixed,
        sections=sections,
    )
    return write_answer(answer).split("\r\n")


def test_a_slot_declares_its_streams_and_the_first_section_our_candidates() -> None:
    rtx = AnsweredCodec(payload_type=97, rtpmap="rtx/90000", parameters="apt=96", feedback=())
    vp8 = AnsweredCodec(payload_type=96, rtpmap="VP8/90000", parameters=None, feedback=("nack",))
    slot = AnsweredSection(
        kind="video",
        protocol="UDP/TLS/RTP/SAVPF",
        mid="7",
        offered_formats="96 97",
        direction=Direction.SENDONLY,
        codecs=(vp8, rtx),
        extensions=((4, "urn:mid"),),
        has_rtcp_rsize=True,
        ssrc=100,
        rtx_ssrc=101,
    )

    lines = an_answer(slot, mixed=True)

    assert lines == [
        "v=0",
        "o=- 5 2 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 7",
        "a=ice-lite",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS *",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        "c=IN IP4 0.0.0.0",
        "a=mid:7",
        "a=ice-ufrag:u",
        "a=ice-pwd:p",
        "a=fingerprint:sha-256 AA",
        "a=setup:passive",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=sendonly",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=extmap:4 urn:mid",
        "a=msid:slot-7 slot-7-t",
        "a=ssrc-group:FID 100 101",
        "a=ssrc:100 cname:room",
        "a=ssrc:101 cname:room",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 3478 typ host",
        "a=end-of-candidates",
        "",
    ]


def test_a_refused_section_has_port_zero_and_stands_outside_the_bundle() -> None:
    codec = AnsweredCodec(payload_type=0, rtpmap="PCMU/8000", parameters=None, feedback=())
    taken = AnsweredSection(
        kind="audio",
        protocol="UDP/TLS/RTP/SAVPF",
        mid="0",
        offered_formats="0",
        direction=Direction.RECVONLY,
        codecs=(codec,),
        rids=("q", "h"),
        ssrc=None,
    )
    refused = AnsweredSection(
        kind="application",
        protocol="UDP/DTLS/SCTP",
        mid="1",
        offered_formats="webrtc-datachannel",
        direction=Direction.INACTIVE,
    )
    slot = AnsweredSection(
        kind="audio",
        protocol="UDP/TLS/RTP/SAVPF",
        mid="2",
        offered_formats="0",
        direction=Direction.SENDONLY,
        codecs=(codec,),
        ssrc=9,
    )

    lines = an_answer(taken, refused, slot)

    assert "a=group:BUNDLE 0 2" in lines
    assert "a=extmap-allow-mixed" not in lines
    at = lines.index("m=application 0 UDP/DTLS/SCTP webrtc-datachannel")
    assert lines[at + 1 : at + 4] == ["c=IN IP4 0.0.0.0", "a=mid:1", "a=inactive"]
    assert lines.count("a=end-of-candidates") == 1
    assert [each for each in lines if "rid:" in each or "simulcast" in each] == [
        "a=rid:q recv",
        "a=rid:h recv",
        "a=simulcast:recv q;h",
    ]
    assert lines[-3:] == ["a=msid:slot-2 slot-2-t", "a=ssrc:9 cname:room", ""]
