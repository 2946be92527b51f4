"""The answer of a lite, passive, bundled server, written line by line.

Here: plain data → text, nothing decided.  Not here: what is in the answer (`negotiate`).

Source:
    RFC 8829 section 5.3 (answers), RFC 8839 (`ice-lite`, candidates), RFC 8853 (rid, simulcast).
"""

from dataclasses import dataclass, field

from media.core.sdp import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredCodec:
    """One payload type as we answer it."""

    payload_type: int
    rtpmap: str
    parameters: str | None
    feedback: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredSection:
    """One `m=` block of an answer; without codecs it is refused (port 0)."""

    kind: str
    protocol: str
    mid: str
    offered_formats: str
    direction: Direction
    codecs: tuple[AnsweredCodec, ...] = ()
    extensions: tuple[tuple[int, str], ...] = ()
    has_rtcp_rsize: bool = False
    rids: tuple[str, ...] = ()
    """Accepted encodings, in the order of the offer's simulcast line."""
    ssrc: int | None = None
    rtx_ssrc: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer; transport facts are the same in every section."""

    session_id: int
    version: int
    ufrag: str
    password: str = field(repr=False)
    fingerprint: str
    cname: str
    candidates: tuple[tuple[str, int], ...] = field(repr=False)
    allows_mixed_extensions: bool
    sections: tuple[AnsweredSection, ...]


def write_answer(answer: Answer) -> str:
    """Return the text of an answer."""
    accepted = [section.mid for section in answer.sections if section.codecs]
    lines = [
        "v=0",
        f"o=- {answer.session_id} {answer.version} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        " ".join(["a=group:BUNDLE", *accepted]),
        "a=ice-lite",
        *(["a=extmap-allow-mixed"] if answer.allows_mixed_extensions else []),
        "a=msid-semantic: WMS *",
    ]
    for index, section in enumerate(answer.sections):
        if section.codecs:
            lines += _accepted_section(answer, section)
            lines += _candidate_lines(answer) if index == 0 else []
        else:
            lines += _refused_section(section)
    return "\r\n".join(lines) + "\r\n"


def _refused_section(section: AnsweredSection) -> list[str]:
    return [
        f"m={section.kind} 0 {section.protocol} {section.offered_formats}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        "a=inactive",
    ]


def _accepted_section(answer: Answer, section: AnsweredSection) -> list[str]:
    formats = " ".join(str(codec.payload_type) for codec in section.codecs)
    lines = [
        f"m={section.kind} 9 {section.protocol} {formats}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        f"a=ice-ufrag:{answer.ufrag}",
        f"a=ice-pwd:{answer.password}",
        f"a=fingerprint:sha-256 {answer.fingerprint}",
        "a=setup:passive",
        "a=rtcp-mux",
        *(["a=rtcp-rsize"] if section.has_rtcp_rsize else []),
        f"a={section.direction}",
    ]
    for codec in section.codecs:
        number = codec.payload_type
        lines.append(f"a=rtpmap:{number} {codec.rtpmap}")
        lines += [f"a=fmtp:{number} {codec.parameters}"] if codec.parameters else []
        lines += [f"a=rtcp-fb:{number} {each}" for each in codec.feedback]
    lines += [f"a=extmap:{number} {uri}" for number, uri in section.extensions]
    if section.rids:
        lines += [f"a=rid:{rid} recv" for rid in section.rids]
        lines.append(f"a=simulcast:recv {';'.join(section.rids)}")
    return lines + _source_lines(answer.cname, section)


def _source_lines(cname: str, section: AnsweredSection) -> list[str]:
    """Declare what a slot sends; Chromium finds slots by mid, Firefox also by SSRC."""
    if section.ssrc is None:
        return []
    stream = f"slot-{section.mid}"
    lines = [f"a=msid:{stream} {stream}-t"]
    if section.rtx_ssrc is not None:
        lines.append(f"a=ssrc-group:FID {section.ssrc} {section.rtx_ssrc}")
    lines.append(f"a=ssrc:{section.ssrc} cname:{cname}")
    if section.rtx_ssrc is not None:
        lines.append(f"a=ssrc:{section.rtx_ssrc} cname:{cname}")
    return lines


def _candidate_lines(answer: Answer) -> list[str]:
    """One host candidate per family; the first has the higher priority (RFC 8445 5.1.2)."""
    lines = [
        f"a=candidate:{index + 1} 1 udp {(126 << 24) + ((65_535 - index) << 8) + 255} "
        f"{host} {port} typ host"
        for index, (host, port) in enumerate(answer.candidates)
    ]
    return [*lines, "a=end-of-candidates"]
