"""RTCP: a bounded reader and a writer of what a forwarding unit needs.  Pure.

Everything is terminated at this hop: no RTCP packet is passed through.

Source:
    RFC 3550 section 6 (SR, RR, SDES, BYE), RFC 4585 section 6 (NACK, PLI), RFC 5104 section 4.3.1
    (FIR), draft-alvestrand-rmcat-remb (REMB); `twcc` for transport-wide feedback.
"""

from dataclasses import dataclass
from struct import Struct, unpack_from
from typing import Final, TypeAlias

from media.core.twcc import BadFeedback, TransportFeedback, read_feedback

SUB_PACKETS_MAX: Final = 10
NACK_NUMBERS_MAX: Final = 256

_SR, _RR, _SDES, _BYE, _RTPFB, _PSFB = 200, 201, 202, 203, 205, 206
_NACK_FORMAT, _PLI_FORMAT, _FIR_FORMAT, _AFB_FORMAT = 1, 1, 4, 15
_HEAD = Struct("!BBHI")
_SENDER = Struct("!IIIII")
_BLOCK = Struct("!IIIIII")
_BLOCK_BYTES: Final = 24


class BadRtcp(ValueError):
    """The datagram is no RTCP we can read; nothing of it is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderReport:
    """What a sender says of its clock."""

    ssrc: int
    ntp: int
    """64-bit NTP timestamp."""
    rtp_ts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBlock:
    """What a receiver says of a stream we send."""

    ssrc: int
    fraction_lost: int
    """Of 256."""
    last_sr: int
    """Middle 32 bits of our last SR's NTP time; 0 before the first."""
    delay_since_sr: int
    """In 1/65,536 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nack:
    """Numbers a receiver misses of a stream we send."""

    ssrc: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeAsked:
    """PLI or FIR for a stream we send."""

    ssrc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """A sender's stream ended."""

    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateTold:
    """REMB: what a receiver reckons it can take."""

    bits_per_s: int


Item: TypeAlias = (
    SenderReport | ReportBlock | Nack | KeyframeAsked | Bye | EstimateTold | TransportFeedback
)


def read(data: bytes) -> list[Item]:
    """Read a compound packet; types we have no use for are passed over.

    Raises:
        BadRtcp: A length lies, the version is wrong, or there are more than ten parts.
    """
    items: list[Item] = []
    at, parts = 0, 0
    while at < len(data):
        parts += 1
        if parts > SUB_PACKETS_MAX or len(data) - at < _HEAD.size:
            raise BadRtcp
        first, kind, words, _ = _HEAD.unpack_from(data, at)
        end = at + 4 * (words + 1)
        if first & 0xC0 != 0x80 or end > len(data):  # noqa: PLR2004  (version 2)
            raise BadRtcp
        body_end = _without_padding(data, at, end, first)
        items += _read_part(data, at, body_end, kind, first & 0x1F)
        at = end
    return _within_nack_limit(items)


def _without_padding(data: bytes, at: int, end: int, first: int) -> int:
    if not first & 0x20:
        return end
    body_end = end - data[end - 1]
    if data[end - 1] == 0 or body_end < at + 4:
        raise BadRtcp
    return body_end


def _read_part(data: bytes, at: int, end: int, kind: int, count: int) -> list[Item]:
    match kind, count:
        case ((200 | 201), _):
            return _read_report(data, at, end, kind, count)
        case 203, _:
            return _read_bye(data, at, end, count)
        case ((205 | 206), _):
            return _read_feedback(data, at, end, kind, count)
        case _:
            return []


def _read_feedback(data: bytes, at: int, end: int, kind: int, form: int) -> list[Item]:
    match kind, form:
        case 205, 1:
            return _read_nack(data, at, end)
        case 205, 15:
            return [_read_transport_feedback(data, at, end)]
        case 206, 1:
            return [KeyframeAsked(ssrc=_word(data, at + 8, end))]
        case 206, 4:
            return [
                KeyframeAsked(ssrc=_word(data, entry, end)) for entry in range(at + 12, end - 7, 8)
            ]
        case 206, 15:
            return _read_remb(data, at, end)
        case _:
            return []


def _read_report(data: bytes, at: int, end: int, kind: int, count: int) -> list[Item]:
    items: list[Item] = []
    blocks_at = at + 8
    if kind == _SR:
        if end < at + 28:
            raise BadRtcp
        high, low, rtp_ts, _, _ = _SENDER.unpack_from(data, at + 8)
        ssrc = _word(data, at + 4, end)
        items.append(SenderReport(ssrc=ssrc, ntp=high << 32 | low, rtp_ts=rtp_ts))
        blocks_at = at + 28
    if end < blocks_at + count * _BLOCK_BYTES:
        raise BadRtcp
    for number in range(count):
        ssrc, lost, _, _, last_sr, delay = _BLOCK.unpack_from(
            data, blocks_at + number * _BLOCK_BYTES
        )
        items.append(
            ReportBlock(ssrc=ssrc, fraction_lost=lost >> 24, last_sr=last_sr, delay_since_sr=delay)
        )
    return items


def _read_bye(data: bytes, at: int, end: int, count: int) -> list[Item]:
    if end < at + 4 + 4 * count:
        raise BadRtcp
    return [Bye(ssrcs=unpack_from(f"!{count}I", data, at + 4))] if count else []


def _read_nack(data: bytes, at: int, end: int) -> list[Item]:
    ssrc = _word(data, at + 8, end)
    numbers: list[int] = []
    for entry in range(at + 12, end - 3, 4):
        pid, mask = unpack_from("!HH", data, entry)
        numbers.append(pid)
        numbers += [(pid + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1]
        if len(numbers) >= NACK_NUMBERS_MAX:
            break
    return [Nack(ssrc=ssrc, numbers=tuple(numbers))]


def _read_transport_feedback(data: bytes, at: int, end: int) -> TransportFeedback:
    try:
        return read_feedback(data, at, end)
    except BadFeedback:
        raise BadRtcp from None


def _read_remb(data: bytes, at: int, end: int) -> list[Item]:
    """Read REMB; another application-layer feedback is passed over."""
    if end < at + 20 or data[at + 12 : at + 16] != b"REMB":
        return []
    packed = int.from_bytes(data[at + 17 : at + 20], "big")
    return [EstimateTold(bits_per_s=(packed & 0x3FFFF) << (packed >> 18))]


def _within_nack_limit(items: list[Item]) -> list[Item]:
    """Cut what a compound asks for to 256 numbers in all."""
    left = NACK_NUMBERS_MAX
    kept: list[Item] = []
    for item in items:
        if isinstance(item, Nack):
            kept.append(Nack(ssrc=item.ssrc, numbers=item.numbers[:left]))
            left = max(0, left - len(item.numbers))
        else:
            kept.append(item)
    return kept


def _word(data: bytes, at: int, end: int) -> int:
    if at + 4 > end:
        raise BadRtcp
    return int.from_bytes(data[at : at + 4], "big")


# --- writing -----------------------------------------------------------------------------------


def _part(kind: int, count: int, body: bytes) -> bytes:
    return bytes([0x80 | count, kind]) + (len(body) // 4).to_bytes(2, "big") + body


def _u32(value: int) -> bytes:
    return (value & 0xFFFF_FFFF).to_bytes(4, "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptionBlock:
    """What we say of a stream we receive."""

    ssrc: int
    fraction_lost: int
    total_lost: int
    highest: int
    jitter_ticks: int
    last_sr: int
    delay_since_sr: int


def write_sender_report(
    *, ssrc: int, ntp: int, rtp_ts: int, packets: int, payload_bytes: int
) -> bytes:
    """Write an SR without blocks."""
    counted = _u32(rtp_ts) + _u32(packets) + _u32(payload_bytes)
    return _part(_SR, 0, _u32(ssrc) + ntp.to_bytes(8, "big") + counted)


def write_receiver_report(*, ssrc: int, blocks: list[ReceptionBlock]) -> bytes:
    """Write an RR of at most 31 blocks; with none it heads a compound of feedback."""
    body = _u32(ssrc) + b"".join(
        _BLOCK.pack(
            block.ssrc,
            block.fraction_lost << 24 | min(max(block.total_lost, 0), 0x7FFFFF),
            block.highest & 0xFFFF_FFFF,
            block.jitter_ticks & 0xFFFF_FFFF,
            block.last_sr,
            block.delay_since_sr & 0xFFFF_FFFF,
        )
        for block in blocks
    )
    return _part(_RR, len(blocks), body)


def write_cname(*, ssrc: int, cname: str) -> bytes:
    """Write an SDES with one CNAME."""
    text = cname.encode()
    chunk = _u32(ssrc) + bytes([1, len(text)]) + text + b"\0"
    return _part(_SDES, 1, chunk + bytes(-len(chunk) % 4))


def write_nack(*, sender_ssrc: int, media_ssrc: int, numbers: list[int]) -> bytes:
    """Write a generic NACK; neighbours share an entry.

    Args:
        sender_ssrc: Ours.
        media_ssrc: Whose packets are missing.
        numbers: 0..65535, in the order of the stream.
    """
    entries = b""
    at = 0
    while at < len(numbers):
        pid, mask = numbers[at], 0
        at += 1
        while at < len(numbers) and 0 < (numbers[at] - pid) & 0xFFFF <= 16:  # noqa: PLR2004
            mask |= 1 << ((numbers[at] - pid & 0xFFFF) - 1)
            at += 1
        entries += pid.to_bytes(2, "big") + mask.to_bytes(2, "big")
    return _part(_RTPFB, _NACK_FORMAT, _u32(sender_ssrc) + _u32(media_ssrc) + entries)


def write_pli(*, sender_ssrc: int, media_ssrc: int) -> bytes:
    """Write a Picture Loss Indication."""
    return _part(_PSFB, _PLI_FORMAT, _u32(sender_ssrc) + _u32(media_ssrc))


def write_remb(*, sender_ssrc: int, bits_per_s: int, ssrcs: list[int]) -> bytes:
    """Write a receiver-estimated maximum bitrate for the streams of one sender."""
    exponent = max(0, bits_per_s.bit_length() - 18)
    mantissa = bits_per_s >> exponent
    packed = (len(ssrcs) << 24 | exponent << 18 | mantissa).to_bytes(4, "big")
    body = _u32(sender_ssrc) + _u32(0) + b"REMB" + packed + b"".join(map(_u32, ssrcs))
    return _part(_PSFB, _AFB_FORMAT, body)


def write_bye(*, ssrcs: list[int]) -> bytes:
    """Write a BYE of at most 31 streams."""
    return _part(_BYE, len(ssrcs), b"".join(map(_u32, ssrcs)))
