"""SDP as WebRTC uses it: an offer read to plain data.

Here: syntax and caps.  An offer longer, or with more of anything, than its cap is refused before
it is looked at further; attributes we do not know are skipped.  Not here: what we agree to
(`negotiate`), the answer's text (`sdp_answer`).

Source:
    RFC 8866 (SDP), RFC 8829 (JSEP), RFC 8285 (header extensions), RFC 8853 (simulcast).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from media.contract.errors import BadSdp, SdpFault

SDP_BYTES_MAX: Final = 48 * 1024
LINES_MAX: Final = 1_000
SECTIONS_MAX: Final = 26
"""3 send + 11 audio + 12 video sections."""
CANDIDATES_MAX: Final = 32
RIDS_MAX: Final = 8
PAYLOAD_TYPES_MAX: Final = 64
SSRCS_MAX: Final = 24

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,16}")
_ICE_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_ICE_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_RID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_NUMBER = re.compile(r"[0-9]{1,10}")
_UINT32_MAX: Final = 2**32 - 1
_PAYLOAD_TYPE_MAX: Final = 127
_EXTENSION_IDS: Final = range(1, 15)
"""One-byte header extensions only: 0 is padding, 15 is reserved (RFC 8285 section 4.2)."""


class Direction(StrEnum):
    """Who sends in a section, seen from the one who wrote it."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


@dataclass(slots=True)
class OfferedCodec:
    """One payload type of a section."""

    name: str = ""
    clock_rate_hz: int = 0
    channels: int = 1
    parameters: str = ""
    feedback: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Transport:
    """ICE, DTLS and multiplexing facts, of the session or of a section."""

    ufrag: str | None = None
    password: str | None = field(default=None, repr=False)
    fingerprints: list[tuple[str, str]] = field(default_factory=list)
    setup: str | None = None


@dataclass(slots=True)
class OfferedSection:
    """One `m=` block of an offer."""

    kind: str
    port: int
    protocol: str
    payload_types: list[int]
    formats: str = ""
    """The formats as they were offered; a refused section repeats them."""
    transport: Transport = field(default_factory=Transport)
    mid: str = ""
    direction: Direction = Direction.SENDRECV
    codecs: dict[int, OfferedCodec] = field(default_factory=dict)
    feedback_for_all: set[str] = field(default_factory=set)
    extensions: dict[int, str] = field(default_factory=dict)
    rids: list[str] = field(default_factory=list)
    simulcast: list[str] = field(default_factory=list)
    ssrcs: list[int] = field(default_factory=list)
    repair: dict[int, int] = field(default_factory=dict)
    """Primary SSRC → its RTX SSRC, from `a=ssrc-group:FID`."""
    has_rtcp_mux: bool = False
    has_rtcp_rsize: bool = False
    is_bundle_only: bool = False

    @property
    def is_refused(self) -> bool:
        """The offerer switched the section off; with bundle-only port 0 is normal."""
        return self.port == 0 and not self.is_bundle_only


@dataclass(slots=True)
class Offer:
    """A whole offer."""

    transport: Transport = field(default_factory=Transport)
    bundle: tuple[str, ...] = ()
    allows_mixed_extensions: bool = False
    sections: list[OfferedSection] = field(default_factory=list)
    candidate_count: int = 0


def read_offer(text: str) -> Offer:
    """Read an offer.

    Raises:
        BadSdp: It is over a cap or is not SDP as WebRTC writes it.
    """
    lines = _lines(text)
    offer = Offer()
    for kind, value in lines:
        if kind == "m":
            if len(offer.sections) >= SECTIONS_MAX:
                raise BadSdp(SdpFault.TOO_MANY_SECTIONS)
            offer.sections.append(_media(value))
        elif kind == "a":
            name, _, argument = value.partition(":")
            _attribute(offer, name, argument)
    return offer


def _lines(text: str) -> Iterator[tuple[str, str]]:
    if len(text.encode(errors="replace")) > SDP_BYTES_MAX:
        raise BadSdp(SdpFault.TOO_LONG)
    lines = text.removesuffix("\n").removesuffix("\r").split("\n")
    if len(lines) > LINES_MAX:
        raise BadSdp(SdpFault.TOO_LONG)
    if lines[0].rstrip("\r") != "v=0":
        raise BadSdp(SdpFault.SYNTAX)
    for line in lines:
        bare = line.removesuffix("\r")
        if bare[1:2] != "=" or not bare.isprintable():
            raise BadSdp(SdpFault.SYNTAX)
        yield bare[0], bare[2:]


def _media(value: str) -> OfferedSection:
    parts = value.split()
    if len(parts) < 4 or len(parts) > 3 + PAYLOAD_TYPES_MAX:  # noqa: PLR2004  (RFC 8866 5.14)
        raise BadSdp(SdpFault.SYNTAX)
    kind, port, protocol, *formats = parts
    is_rtp = kind in {"audio", "video"}
    return OfferedSection(
        kind=kind if _TOKEN.fullmatch(kind) else _syntax(),
        port=_number(port, 65_535),
        protocol=protocol,
        payload_types=[_number(each, _PAYLOAD_TYPE_MAX) for each in formats] if is_rtp else [],
        formats=" ".join(formats),
    )


def _attribute(offer: Offer, name: str, value: str) -> None:
    """Hand one attribute to whoever knows it; unknown ones are skipped."""
    if name == "crypto":
        raise BadSdp(SdpFault.SDES)
    if not offer.sections:
        _session_attribute(offer, name, value)
        return
    section = offer.sections[-1]
    if name == "candidate":
        offer.candidate_count += 1
        if offer.candidate_count > CANDIDATES_MAX:
            raise BadSdp(SdpFault.TOO_MANY_CANDIDATES)
    elif name in {"sendrecv", "sendonly", "recvonly", "inactive"}:
        section.direction = Direction(name)
    elif name in _OF_A_SECTION:
        _OF_A_SECTION[name](section, value)
    else:
        _transport_attribute(section.transport, name, value)


def _session_attribute(offer: Offer, name: str, value: str) -> None:
    if name == "group" and value.startswith("BUNDLE"):
        offer.bundle = tuple(value.split()[1:])
    elif name == "extmap-allow-mixed":
        offer.allows_mixed_extensions = True
    else:
        _transport_attribute(offer.transport, name, value)


def _transport_attribute(transport: Transport, name: str, value: str) -> None:
    if name == "ice-ufrag":
        transport.ufrag = _matching(_ICE_UFRAG, value)
    elif name == "ice-pwd":
        transport.password = _matching(_ICE_PASSWORD, value)
    elif name == "fingerprint":
        algorithm, _, digest = value.partition(" ")
        transport.fingerprints.append((algorithm.lower(), digest.strip().upper()))
    elif name == "setup":
        transport.setup = value


def _mid(section: OfferedSection, value: str) -> None:
    section.mid = _matching(_TOKEN, value)


def _rtpmap(section: OfferedSection, value: str) -> None:
    payload_type, encoding = _numbered(value)
    name, _, rest = encoding.partition("/")
    rate, _, channels = rest.partition("/")
    codec = section.codecs.setdefault(payload_type, OfferedCodec())
    codec.name = name.lower()
    codec.clock_rate_hz = _number(rate, _UINT32_MAX)
    codec.channels = _number(channels or "1", 255)


def _fmtp(section: OfferedSection, value: str) -> None:
    payload_type, parameters = _numbered(value)
    section.codecs.setdefault(payload_type, OfferedCodec()).parameters = parameters


def _rtcp_fb(section: OfferedSection, value: str) -> None:
    if value.startswith("* "):
        section.feedback_for_all.add(value[2:].strip())
        return
    payload_type, feedback = _numbered(value)
    section.codecs.setdefault(payload_type, OfferedCodec()).feedback.add(feedback)


def _extmap(section: OfferedSection, value: str) -> None:
    """Keep id and URI; a `/sendonly` qualifier fits the section's own direction and is dropped."""
    number, _, rest = value.partition(" ")
    extension_id = _number(number.partition("/")[0], 255)
    if extension_id in section.extensions:
        raise BadSdp(SdpFault.SYNTAX)
    if extension_id in _EXTENSION_IDS:
        section.extensions[extension_id] = rest.partition(" ")[0]


def _rid(section: OfferedSection, value: str) -> None:
    name, _, direction = value.partition(" ")
    if len(section.rids) >= RIDS_MAX:
        raise BadSdp(SdpFault.TOO_MANY_RIDS)
    if direction.partition(" ")[0] == "send":
        section.rids.append(_matching(_RID, name))


def _simulcast(section: OfferedSection, value: str) -> None:
    """Read `send a;b;c`; of alternatives the first counts, `~` marks a paused one."""
    parts = value.split()
    if "send" in parts[:-1]:
        streams = parts[parts.index("send") + 1].split(";")
        section.simulcast = [each.split(",")[0].removeprefix("~") for each in streams]


def _ssrc(section: OfferedSection, value: str) -> None:
    ssrc = _number(value.partition(" ")[0], _UINT32_MAX)
    if ssrc not in section.ssrcs:
        if len(section.ssrcs) >= SSRCS_MAX:
            raise BadSdp(SdpFault.SYNTAX)
        section.ssrcs.append(ssrc)


def _ssrc_group(section: OfferedSection, value: str) -> None:
    semantics, *ssrcs = value.split() or [""]
    if semantics == "FID" and len(ssrcs) == 2 and len(section.repair) < SSRCS_MAX:  # noqa: PLR2004  (a pair)
        section.repair[_number(ssrcs[0], _UINT32_MAX)] = _number(ssrcs[1], _UINT32_MAX)


def _rtcp_mux(section: OfferedSection, _value: str) -> None:
    section.has_rtcp_mux = True


def _rtcp_rsize(section: OfferedSection, _value: str) -> None:
    section.has_rtcp_rsize = True


def _bundle_only(section: OfferedSection, _value: str) -> None:
    section.is_bundle_only = True


_OF_A_SECTION: Final[Mapping[str, Callable[[OfferedSection, str], None]]] = MappingProxyType(
    {
        "mid": _mid,
        "rtpmap": _rtpmap,
        "fmtp": _fmtp,
        "rtcp-fb": _rtcp_fb,
        "extmap": _extmap,
        "rid": _rid,
        "simulcast": _simulcast,
        "ssrc": _ssrc,
        "ssrc-group": _ssrc_group,
        "rtcp-mux": _rtcp_mux,
        "rtcp-rsize": _rtcp_rsize,
        "bundle-only": _bundle_only,
    }
)


def _numbered(value: str) -> tuple[int, str]:
    number, _, rest = value.partition(" ")
    return _number(number, _PAYLOAD_TYPE_MAX), rest.strip()


def _number(text: str, most: int) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise BadSdp(SdpFault.SYNTAX)
    return int(text)


def _matching(pattern: re.Pattern[str], value: str) -> str:
    return value if pattern.fullmatch(value) else _syntax()


def _syntax() -> str:
    raise BadSdp(SdpFault.SYNTAX)
