"""Offers as a trimmed Chromium writes them, and the few facts a client reads from an answer."""

from dataclasses import dataclass, field

MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TWCC_URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_TIME_URI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"


@dataclass(frozen=True, kw_only=True)
class Numbering:
    """Payload types and extension ids; each client chooses its own."""

    opus: int = 111
    vp8: int = 96
    rtx: int = 97
    mid: int = 4
    level: int = 1


@dataclass(frozen=True, kw_only=True)
class OfferPlan:
    """What one client asks for."""

    ufrag: str
    password: str
    fingerprint: str
    ssrcs: dict[str, int]
    """SSRC by send mid: "0" microphone, "1" camera."""
    numbering: Numbering = Numbering()
    audio_slots: int = 3
    video_slots: int = 4
    grown: tuple[int, int] = (0, 0)
    """Audio and video slots that a later offer appended: what was agreed keeps its place."""
    setup: str = "actpass"
    extra_session_lines: tuple[str, ...] = ()
    fingerprint_lines: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class AnswerFacts:
    """What a client needs of an answer."""

    ufrag: str
    password: str
    fingerprint: str
    candidates: tuple[tuple[str, int], ...]
    slot_ssrcs: dict[str, int] = field(default_factory=dict)
    directions: dict[str, str] = field(default_factory=dict)


def audio_slot_mids(plan: OfferPlan) -> list[str]:
    """Mids of the audio slots, in offer order."""
    return [str(3 + index) for index in range(plan.audio_slots)]


def video_slot_mids(plan: OfferPlan) -> list[str]:
    """Mids of the video slots, in offer order."""
    return [str(3 + plan.audio_slots + index) for index in range(plan.video_slots)]


def offer_text(plan: OfferPlan) -> str:
    """Microphone, camera, screen, then the slots, as the call page makes its transceivers."""
    sections = [
        _section(plan, "0", "audio", "sendonly"),
        _section(plan, "1", "video", "sendonly"),
        _section(plan, "2", "video", "sendonly"),
    ]
    sections += [_section(plan, mid, "audio", "recvonly") for mid in audio_slot_mids(plan)]
    sections += [_section(plan, mid, "video", "recvonly") for mid in video_slot_mids(plan)]
    for kind, more in zip(("audio", "video"), plan.grown, strict=True):
        sections += [_section(plan, str(len(sections) + n), kind, "recvonly") for n in range(more)]
    mids = [str(index) for index in range(len(sections))]
    lines = [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE " + " ".join(mids),
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS",
        *plan.extra_session_lines,
    ]
    return "\r\n".join([*lines, *(line for section in sections for line in section)]) + "\r\n"


def _section(plan: OfferPlan, mid: str, kind: str, direction: str) -> list[str]:
    numbers = plan.numbering
    formats = f"{numbers.opus} 0" if kind == "audio" else f"{numbers.vp8} {numbers.rtx}"
    fingerprints = plan.fingerprint_lines
    if fingerprints is None:
        fingerprints = (f"a=fingerprint:sha-256 {plan.fingerprint}",)
    lines = [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {formats}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{plan.ufrag}",
        f"a=ice-pwd:{plan.password}",
        "a=ice-options:trickle",
        *fingerprints,
        f"a=setup:{plan.setup}",
        f"a=mid:{mid}",
        f"a=extmap:{numbers.level} {LEVEL_URI}" if kind == "audio" else "a=extmap:14 urn:x:toffset",
        f"a=extmap:2 {ABS_TIME_URI}",
        f"a=extmap:3 {TWCC_URI}",
        f"a=extmap:{numbers.mid} {MID_URI}",
        f"a={direction}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        *(_audio_codecs(numbers) if kind == "audio" else _video_codecs(numbers)),
    ]
    if direction == "sendonly" and mid in plan.ssrcs:
        ssrc = plan.ssrcs[mid]
        lines += [f"a=msid:- track-{mid}"]
        lines += [f"a=ssrc-group:FID {ssrc} {ssrc + 1}"] if kind == "video" else []
        lines += [f"a=ssrc:{ssrc} cname:canary"]
        lines += [f"a=ssrc:{ssrc + 1} cname:canary"] if kind == "video" else []
    return lines


def _audio_codecs(numbers: Numbering) -> list[str]:
    return [
        f"a=rtpmap:{numbers.opus} opus/48000/2",
        f"a=rtcp-fb:{numbers.opus} transport-cc",
        f"a=fmtp:{numbers.opus} minptime=10;useinbandfec=1",
        "a=rtpmap:0 PCMU/8000",
    ]


def _video_codecs(numbers: Numbering) -> list[str]:
    feedback = ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"]
    return [
        f"a=rtpmap:{numbers.vp8} VP8/90000",
        *(f"a=rtcp-fb:{numbers.vp8} {each}" for each in feedback),
        f"a=rtpmap:{numbers.rtx} rtx/90000",
        f"a=fmtp:{numbers.rtx} apt={numbers.vp8}",
    ]


def read_answer(text: str) -> AnswerFacts:
    """Read what a client needs; anything missing is a `KeyError` and fails the test."""
    found: dict[str, str] = {}
    candidates: list[tuple[str, int]] = []
    slot_ssrcs: dict[str, int] = {}
    directions: dict[str, str] = {}
    mid = ""
    for line in text.split("\r\n"):
        name, _, value = line.removeprefix("a=").partition(":")
        if name in {"ice-ufrag", "ice-pwd", "fingerprint"}:
            found.setdefault(name, value)
        elif name == "mid":
            mid = value
        elif name == "candidate":
            parts = value.split()
            candidates.append((parts[4], int(parts[5])))
        elif name == "ssrc":
            slot_ssrcs.setdefault(mid, int(value.split()[0]))
        elif name in {"sendonly", "recvonly", "inactive"}:
            directions[mid] = name
    return AnswerFacts(
        ufrag=found["ice-ufrag"],
        password=found["ice-pwd"],
        fingerprint=found["fingerprint"].removeprefix("sha-256 "),
        candidates=tuple(candidates),
        slot_ssrcs=slot_ssrcs,
        directions=directions,
    )
