"""To which section, and to which of its encodings, a stream seen for the first time belongs.

The offer's own declarations win; what they leave open, the packet's extensions tell.

Source:
    RFC 8843 section 9.2, RFC 9143 (mid), RFC 8852 (rid and repaired rid).
"""

from dataclasses import dataclass
from typing import Final

from media.core.engine_face import ReceiveSection
from media.core.packets import Layout, extension_layout, payload_offset
from media.shell.slots import Encoding
from media.shell.streams import PeerStreams

ENCODINGS_MAX: Final = 24


@dataclass(frozen=True, slots=True)
class Home:
    """Where a stream belongs."""

    section: ReceiveSection
    rank: int
    is_rtx: bool


def bind(streams: PeerStreams, ssrc: int, packet: bytes) -> tuple[Encoding, bool] | None:
    """Give a new SSRC its place; the encoding, and whether it is its publication's first.

    None for a retransmission stream, which is only bound, and for what has no place here.
    """
    home = home_of(streams, ssrc, packet)
    if home is None:
        return None
    live = streams.live.get(home.section.mid, {})
    if home.is_rtx:
        # A repaired stream is there before its repair, or the repair is of no use yet.
        if home.rank in live:
            streams.rtx[ssrc] = live[home.rank]
        return None
    if len(streams.encodings) >= ENCODINGS_MAX:
        return None
    is_first = not live
    encoding = Encoding(streams.key, home.section, ssrc, rank=home.rank, owing=streams.owing)
    encoding.is_muted = streams.drops(home.section.mid)
    if not streams.bring_live(encoding):
        return None
    streams.encodings[ssrc] = encoding
    return encoding, is_first


def home_of(streams: PeerStreams, ssrc: int, packet: bytes) -> Home | None:
    """Return where a packet's stream belongs; None when nothing says so."""
    layout = extension_layout(packet) if payload_offset(packet) >= 0 else {}
    section = _declared(streams, ssrc) or _named(streams, packet, layout)
    if section is None:
        return None
    names = {codec.payload_type: codec.name for codec in section.codecs}
    name = names.get(packet[1] & 0x7F)
    if name is None:
        return None
    rank = _rank(section, ssrc, packet, layout)
    return None if rank is None else Home(section, rank, name == "rtx")


def _declared(streams: PeerStreams, ssrc: int) -> ReceiveSection | None:
    for section in streams.sections.values():
        if ssrc in section.ssrcs or ssrc in section.rtx_ssrcs:
            return section
    return None


def _named(streams: PeerStreams, packet: bytes, layout: Layout) -> ReceiveSection | None:
    for section in streams.sections.values():
        if _text(packet, layout, section.extensions.mid) == section.mid:
            return section
    return None


def _rank(section: ReceiveSection, ssrc: int, packet: bytes, layout: Layout) -> int | None:
    """Return the rank the rid names, else the place among the declared; None: not agreed."""
    ids = section.extensions
    rid = _text(packet, layout, ids.repaired_rid) or _text(packet, layout, ids.rid)
    if rid and section.rids:
        return section.rids.index(rid) if rid in section.rids else None
    declared = section.rtx_ssrcs if ssrc in section.rtx_ssrcs else section.ssrcs
    place = declared.index(ssrc) if ssrc in declared else 0
    return place if place == 0 or place < len(section.rids) else None


def _text(packet: bytes, layout: Layout, extension_id: int | None) -> str:
    at, length = layout.get(extension_id or 0, (0, 0))
    return packet[at : at + length].decode("latin-1") if at else ""
