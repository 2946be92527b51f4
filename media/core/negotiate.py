"""What we agree to: an offer's facts against our policy, giving an answer and the engine's facts.

Two steps, because our ICE credentials are drawn between them: `offer_rules.examine` says whether
the offer may be answered at all and whether it restarts ICE; `agree` makes the answer.  A
re-offer may add sections and never takes one away; a slot's SSRCs belong to it for life.

The policy: Opus, PCMU and VP8 with RTX, up to three encodings a camera, transport-wide feedback,
and `goog-remb` only where that is not offered; never both.
Not here: SDP syntax (`sdp`), who may publish (signaling says so).

Source:
    RFC 8829 section 5.3 (answers), RFC 8853 (simulcast), RFC 4588 (RTX).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from media.contract.control import Source
from media.contract.errors import BadSdp, SdpFault
from media.core.engine_face import (
    Codec,
    Extensions,
    Kind,
    ReceiveFacts,
    ReceiveSection,
    SendSpec,
)
from media.core.ice_lite import Credentials
from media.core.offer_rules import Examined, RemoteTransport
from media.core.sdp import Direction, Offer, OfferedSection
from media.core.sdp_answer import Answer, AnsweredCodec, AnsweredSection, write_answer

_CODECS: Final[Mapping[tuple[str, int, int], tuple[Kind, str, str | None]]] = MappingProxyType(
    {
        ("opus", 48_000, 2): (Kind.AUDIO, "opus/48000/2", "minptime=10;useinbandfec=1"),
        ("pcmu", 8_000, 1): (Kind.AUDIO, "PCMU/8000", None),
        ("vp8", 90_000, 1): (Kind.VIDEO, "VP8/90000", None),
    }
)
_RTX: Final = ("rtx", 90_000, 1)
_FEEDBACK: Final = ("transport-cc", "goog-remb", "nack", "nack pli", "ccm fir")
ENCODINGS_A_CAMERA: Final = 3
_BY_SIZE: Final = ("q", "h", "f")
"""Quarter, half, full: the names our own client gives its encodings."""
_MID_URI: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
_LEVEL_URI: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
_TRANSPORT_CC_URI: Final = (
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)
_RID_URI: Final = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
_REPAIRED_RID_URI: Final = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
_BASE_URIS: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {
        Kind.AUDIO: (_MID_URI, _LEVEL_URI, _TRANSPORT_CC_URI),
        Kind.VIDEO: (_MID_URI, _TRANSPORT_CC_URI),
    }
)
_ROLES: Final[Mapping[Kind, tuple[Source, ...]]] = MappingProxyType(
    {Kind.AUDIO: (Source.MIC,), Kind.VIDEO: (Source.CAMERA, Source.SCREEN)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """Our side of an answer, given by the shell."""

    credentials: Credentials
    fingerprint: str
    candidates: tuple[tuple[str, int], ...] = field(repr=False)
    session_id: int
    cname: str
    may_publish: frozenset[Source]
    draw_ssrc: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What stands between a client and us after an answer; the next offer builds on it."""

    answer: str = field(repr=False)
    version: int
    remote: RemoteTransport
    layout: tuple[tuple[str, str], ...]
    """(mid, kind) of every section, in order."""
    roles: Mapping[str, Source | None]
    """What each send section is for, by mid, allowed or not."""
    facts: ReceiveFacts

    @property
    def publishable(self) -> Mapping[str, Source]:
        """What may be published, by mid: accepted send sections with a role."""
        roles = {section.mid: self.roles[section.mid] for section in self.facts.sections}
        return {mid: role for mid, role in roles.items() if role is not None}

    def slot_mids(self, kind: Kind) -> tuple[str, ...]:
        """Return the mids of the receive slots of one kind, in offer order."""
        return tuple(slot.mid for slot in self.facts.slots if slot.kind is kind)


def agree(examined: Examined, previous: Agreement | None, ours: Ours) -> Agreement:
    """Make the answer to an examined offer.

    Raises:
        BadSdp: The first section, whose mid is the bundle's tag, would have to be refused.
    """
    offer = examined.offer
    roles = _roles(offer, previous)
    builder = _Builder(ours, previous, offer)
    sections = tuple(builder.answer(section, roles) for section in offer.sections)
    if not sections[0].codecs:
        raise BadSdp(SdpFault.FIRST_SECTION)
    version = 1 if previous is None else previous.version + 1
    answer = Answer(
        session_id=ours.session_id,
        version=version,
        ufrag=ours.credentials.ufrag,
        password=ours.credentials.password,
        fingerprint=ours.fingerprint,
        cname=ours.cname,
        candidates=ours.candidates,
        allows_mixed_extensions=offer.allows_mixed_extensions,
        sections=sections,
    )
    return Agreement(
        answer=write_answer(answer),
        version=version,
        remote=examined.remote,
        layout=tuple((section.mid, section.kind) for section in offer.sections),
        roles=roles,
        facts=ReceiveFacts(sections=tuple(builder.receives), slots=tuple(builder.slots)),
    )


def _roles(offer: Offer, previous: Agreement | None) -> dict[str, Source | None]:
    """Give send sections their use by order: microphone; camera, then screen."""
    roles = dict(previous.roles) if previous is not None else {}
    for section in offer.sections:
        is_sending = section.direction in {Direction.SENDONLY, Direction.SENDRECV}
        if is_sending and section.kind in _ROLES and section.mid not in roles:
            free = [role for role in _ROLES[Kind(section.kind)] if role not in roles.values()]
            roles[section.mid] = free[0] if free else None
    return roles


class _Builder:
    """Answers the sections of one offer, gathering the engine's facts on the way."""

    def __init__(self, ours: Ours, previous: Agreement | None, offer: Offer) -> None:
        self._ours = ours
        self._kept = {} if previous is None else {slot.mid: slot for slot in previous.facts.slots}
        self._taken = {ssrc for section in offer.sections for ssrc in section.ssrcs}
        for slot in self._kept.values():
            self._taken |= {slot.ssrc, slot.rtx_ssrc or slot.ssrc}
        self.receives: list[ReceiveSection] = []
        self.slots: list[SendSpec] = []

    def answer(
        self, section: OfferedSection, roles: Mapping[str, Source | None]
    ) -> AnsweredSection:
        """Answer one section; refused, inactive, received or a slot."""
        codecs = () if section.is_refused else _agreed_codecs(section)
        if not codecs:
            return _answered(section, Direction.INACTIVE, (), {})
        is_sending = section.direction in {Direction.SENDONLY, Direction.SENDRECV}
        if is_sending and roles[section.mid] in self._ours.may_publish:
            return self._receive(section, codecs)
        if section.direction is Direction.RECVONLY:
            return self._slot(section, codecs)
        return _answered(section, Direction.INACTIVE, codecs, {})

    def _receive(self, section: OfferedSection, codecs: tuple[Codec, ...]) -> AnsweredSection:
        rids = tuple(rid for rid in section.simulcast if rid in section.rids)[:ENCODINGS_A_CAMERA]
        wanted = [*_BASE_URIS[Kind(section.kind)]]
        wanted += [_RID_URI, _REPAIRED_RID_URI] if rids else []
        extensions = _agreed_extensions(section, wanted)
        primary = [ssrc for ssrc in section.ssrcs if ssrc not in section.repair.values()]
        self.receives.append(
            ReceiveSection(
                mid=section.mid,
                kind=Kind(section.kind),
                codecs=codecs,
                extensions=_extension_facts(extensions),
                ssrcs=tuple(primary),
                rtx_ssrcs=tuple(section.repair[ssrc] for ssrc in primary if ssrc in section.repair),
                rids=_by_size(rids),
            )
        )
        return _answered(section, Direction.RECVONLY, codecs, extensions, rids=rids)

    def _slot(self, section: OfferedSection, codecs: tuple[Codec, ...]) -> AnsweredSection:
        extensions = _agreed_extensions(section, _BASE_URIS[Kind(section.kind)])
        kept = self._kept.get(section.mid)
        has_rtx = any(codec.name == "rtx" for codec in codecs)
        slot = SendSpec(
            mid=section.mid,
            kind=Kind(section.kind),
            codecs=codecs,
            extensions=_extension_facts(extensions),
            ssrc=self._new_ssrc() if kept is None else kept.ssrc,
            rtx_ssrc=(self._new_ssrc() if has_rtx else None) if kept is None else kept.rtx_ssrc,
            cname=self._ours.cname,
        )
        self.slots.append(slot)
        return _answered(section, Direction.SENDONLY, codecs, extensions, slot=slot)

    def _new_ssrc(self) -> int:
        """Draw until it is nobody's: neither a slot's nor one the client declared."""
        ssrc = self._ours.draw_ssrc()
        while ssrc in self._taken:
            ssrc = self._ours.draw_ssrc()
        self._taken.add(ssrc)
        return ssrc


def _agreed_codecs(section: OfferedSection) -> tuple[Codec, ...]:
    """Keep what we know, in the offer's order and numbers; RTX only of what is kept."""
    kept: dict[int, Codec] = {}
    for number in section.payload_types:
        offered = section.codecs.get(number)
        key = ("", 0, 0) if offered is None else _codec_key(section, number)
        if offered is not None and key in _CODECS and _CODECS[key][0] == section.kind:
            spoken = offered.feedback | section.feedback_for_all
            kept[number] = Codec(
                payload_type=number,
                name=key[0],
                clock_rate_hz=key[1],
                feedback=_agreed_feedback(section, spoken),
            )
    repairs = {
        number: apt
        for number in section.payload_types
        if number in section.codecs
        and _codec_key(section, number) == _RTX
        and (apt := _apt(section.codecs[number].parameters)) in kept
    }
    for number, apt in repairs.items():
        kept[number] = Codec(payload_type=number, name="rtx", clock_rate_hz=_RTX[1], apt=apt)
    return tuple(kept[number] for number in dict.fromkeys(section.payload_types) if number in kept)


def _agreed_feedback(section: OfferedSection, spoken: set[str]) -> frozenset[str]:
    """Keep what we know; of the two ways to tell bandwidth one, the transport-wide if it can be."""
    agreed = spoken.intersection(_FEEDBACK)
    if _TRANSPORT_CC_URI not in section.extensions.values():
        agreed.discard("transport-cc")
    if "transport-cc" in agreed:
        agreed.discard("goog-remb")
    return frozenset(agreed)


def _by_size(rids: tuple[str, ...]) -> tuple[str, ...]:
    """Order encodings from the smallest picture up: by name where it says, else as offered."""
    if set(rids) <= set(_BY_SIZE):
        return tuple(sorted(rids, key=_BY_SIZE.index))
    return rids


def _codec_key(section: OfferedSection, number: int) -> tuple[str, int, int]:
    offered = section.codecs[number]
    return offered.name, offered.clock_rate_hz, offered.channels


def _apt(parameters: str) -> int | None:
    for each in parameters.split(";"):
        name, _, value = each.strip().partition("=")
        if name == "apt" and value.isascii() and value.isdigit():
            return int(value[:3])
    return None


def _agreed_extensions(section: OfferedSection, wanted: Iterable[str]) -> dict[int, str]:
    """Echo the offered ids; of an URI offered twice the first id counts."""
    agreed: dict[str, int] = {}
    for number, uri in section.extensions.items():
        if uri in wanted:
            agreed.setdefault(uri, number)
    return {number: uri for uri, number in agreed.items()}


def _extension_facts(extensions: Mapping[int, str]) -> Extensions:
    number_of = {uri: number for number, uri in extensions.items()}
    return Extensions(
        mid=number_of.get(_MID_URI),
        audio_level=number_of.get(_LEVEL_URI),
        rid=number_of.get(_RID_URI),
        repaired_rid=number_of.get(_REPAIRED_RID_URI),
        transport_cc=number_of.get(_TRANSPORT_CC_URI),
    )


def _answered(
    section: OfferedSection,
    direction: Direction,
    codecs: tuple[Codec, ...],
    extensions: Mapping[int, str],
    *,
    rids: tuple[str, ...] = (),
    slot: SendSpec | None = None,
) -> AnsweredSection:
    return AnsweredSection(
        kind=section.kind,
        protocol=section.protocol,
        mid=section.mid,
        offered_formats=section.formats,
        direction=direction,
        codecs=tuple(_answered_codec(codec) for codec in codecs),
        extensions=tuple(extensions.items()),
        has_rtcp_rsize=section.has_rtcp_rsize,
        rids=rids,
        ssrc=None if slot is None else slot.ssrc,
        rtx_ssrc=None if slot is None else slot.rtx_ssrc,
    )


def _answered_codec(codec: Codec) -> AnsweredCodec:
    if codec.apt is not None:
        return AnsweredCodec(
            payload_type=codec.payload_type,
            rtpmap="rtx/90000",
            parameters=f"apt={codec.apt}",
            feedback=(),
        )
    channels = 2 if codec.name == "opus" else 1
    _, rtpmap, parameters = _CODECS[codec.name, codec.clock_rate_hz, channels]
    return AnsweredCodec(
        payload_type=codec.payload_type,
        rtpmap=rtpmap,
        parameters=parameters,
        feedback=tuple(each for each in _FEEDBACK if each in codec.feedback),
    )
