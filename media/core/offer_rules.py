"""Whether an offer may be answered at all, and whether it restarts ICE.

Here: the rules of the one bundled, multiplexed, fingerprinted transport, and the caps on
sections.  Not here: syntax (`sdp`), codecs, extensions, directions (`negotiate`).

Source:
    RFC 9143 (BUNDLE), RFC 8842 (DTLS in offers), RFC 8827 section 6.5 (fingerprints).
"""

from dataclasses import dataclass, field
from typing import Final

from media.contract.errors import BadSdp, FingerprintChanged, SdpFault, TooManySlots
from media.core.engine_face import Kind
from media.core.sdp import Direction, Offer, OfferedSection, Transport, read_offer

SEND_SECTIONS_MAX: Final = 3
AUDIO_SLOTS_MAX: Final = 11
VIDEO_SLOTS_MAX: Final = 12

_PROTOCOL: Final = "UDP/TLS/RTP/SAVPF"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteTransport:
    """The client's side of the one bundled transport."""

    ufrag: str
    password: str = field(repr=False)
    fingerprints: tuple[tuple[str, str], ...]
    """(hash name, colon-separated upper-case digest); at least one is sha-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """An offer that may be answered."""

    offer: Offer = field(repr=False)
    remote: RemoteTransport
    is_ice_restart: bool


def examine(
    text: str,
    *,
    layout: tuple[tuple[str, str], ...] = (),
    known: RemoteTransport | None = None,
) -> Examined:
    """Read an offer and decide whether it may be answered.

    Args:
        text: The offer.
        layout: (mid, kind) of the sections agreed before, none of which may go.
        known: The client's transport agreed before; None at a first offer.

    Raises:
        BadSdp: Syntax, a cap, or a rule of our transport is broken.
        TooManySlots: More sections than a full room needs.
        FingerprintChanged: A re-offer names another certificate.
    """
    offer = read_offer(text)
    _check_mids(offer)
    _check_counts(offer)
    remote = _remote_transport(offer)
    if tuple((each.mid, each.kind) for each in offer.sections)[: len(layout)] != layout:
        raise BadSdp(SdpFault.SECTIONS_CHANGED)
    if known is None:
        return Examined(offer=offer, remote=remote, is_ice_restart=False)
    if set(remote.fingerprints) != set(known.fingerprints):
        raise FingerprintChanged
    is_restart = (remote.ufrag, remote.password) != (known.ufrag, known.password)
    return Examined(offer=offer, remote=remote, is_ice_restart=is_restart)


def _check_mids(offer: Offer) -> None:
    mids = [section.mid for section in offer.sections]
    if not mids or "" in mids:
        raise BadSdp(SdpFault.SYNTAX)
    if len(set(mids)) != len(mids):
        raise BadSdp(SdpFault.DUPLICATE_MID)
    live = {section.mid for section in offer.sections if not section.is_refused}
    if not live <= set(offer.bundle):
        raise BadSdp(SdpFault.NO_BUNDLE)


def _check_counts(offer: Offer) -> None:
    audio_slots = _count(offer, Kind.AUDIO, {Direction.RECVONLY})
    video_slots = _count(offer, Kind.VIDEO, {Direction.RECVONLY})
    sending = {Direction.SENDONLY, Direction.SENDRECV}
    send_sections = _count(offer, Kind.AUDIO, sending) + _count(offer, Kind.VIDEO, sending)
    if (
        audio_slots > AUDIO_SLOTS_MAX
        or video_slots > VIDEO_SLOTS_MAX
        or send_sections > SEND_SECTIONS_MAX
    ):
        raise TooManySlots


def _count(offer: Offer, kind: Kind, directions: set[Direction]) -> int:
    return sum(
        1 for section in offer.sections if section.kind == kind and section.direction in directions
    )


def _remote_transport(offer: Offer) -> RemoteTransport:
    """Every live section must tell the same transport, or leave it to the first one."""
    live = [section for section in offer.sections if not section.is_refused]
    if not live:
        raise BadSdp(SdpFault.FIRST_SECTION)
    if not all(_has_our_transport(section) for section in live):
        raise BadSdp(SdpFault.TRANSPORT)
    first = _merged(offer.transport, live[0].transport)
    others = [_merged(offer.transport, section.transport) for section in live[1:]]
    if first.ufrag is None or first.password is None:
        raise BadSdp(SdpFault.ICE)
    if not all(_fits(first, other) for other in others):
        raise BadSdp(SdpFault.ICE)
    if first.setup not in {"actpass", "active"}:  # we are passive (RFC 8842 section 5.3)
        raise BadSdp(SdpFault.SETUP)
    if "sha-256" not in {algorithm for algorithm, _ in first.fingerprints}:
        raise BadSdp(SdpFault.FINGERPRINT)
    return RemoteTransport(
        ufrag=first.ufrag,
        password=first.password,
        fingerprints=tuple(dict.fromkeys(first.fingerprints)),
    )


def _has_our_transport(section: OfferedSection) -> bool:
    is_media = section.kind in {Kind.AUDIO, Kind.VIDEO}
    return not is_media or (section.protocol == _PROTOCOL and section.has_rtcp_mux)


def _merged(session: Transport, section: Transport) -> Transport:
    return Transport(
        ufrag=section.ufrag or session.ufrag,
        password=section.password or session.password,
        fingerprints=section.fingerprints or session.fingerprints,
        setup=section.setup or session.setup,
    )


def _fits(first: Transport, other: Transport) -> bool:
    return (
        other.ufrag in {None, first.ufrag}
        and other.password in {None, first.password}
        and (not other.fingerprints or set(other.fingerprints) == set(first.fingerprints))
    )
