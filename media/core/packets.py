"""RTP headers as offsets into bytes, never as objects; extension layouts found once.  Pure.

Source:
    RFC 3550 section 5.1 (header), RFC 8285 section 4.2 (one-byte extensions) and 4.3 (two-byte).
"""

from struct import Struct
from typing import Final, TypeAlias

HEADER: Final = Struct("!BBHII")
HEADER_BYTES: Final = 12
ONE_BYTE_PROFILE: Final = 0xBEDE
TWO_BYTE_PROFILE: Final = 0x1000
SILENCE: Final = 0x7F
"""Audio level byte (RFC 6464) of a packet without one."""
_ONE_BYTE_MARK: Final = ONE_BYTE_PROFILE.to_bytes(2, "big")
_WORD: Final = 4

Layout: TypeAlias = dict[int, tuple[int, int]]
"""Extension id → (offset of its data in the packet, length in bytes)."""


def payload_offset(packet: bytes) -> int:
    """Return where the payload begins, or -1 when the header does not fit the packet.

    Args:
        packet: At least 12 bytes.
    """
    first = packet[0]
    if first & 0xC0 != 0x80:  # noqa: PLR2004  (version 2)
        return -1
    offset = HEADER_BYTES + _WORD * (first & 0x0F)
    if first & 0x10:
        if len(packet) < offset + _WORD:
            return -1
        words = packet[offset + 2] << 8 | packet[offset + 3]
        offset += _WORD + _WORD * words
    return offset if offset <= len(packet) else -1


def payload_end(packet: bytes, offset: int) -> int:
    """Return where the payload ends before padding, or -1 when the padding is a lie.

    Equal to `offset` for a packet of padding alone, as browsers send to probe.
    """
    end = len(packet)
    if packet[0] & 0x20:
        count = packet[-1]
        if count == 0 or end - count < offset:
            return -1
        end -= count
    return end


def extension_layout(packet: bytes) -> Layout:
    """Find the header extensions of a packet whose header fits.

    Elements that run past the extension end the scan: what stood before them is kept.
    """
    if not packet[0] & 0x10:
        return {}
    start = HEADER_BYTES + _WORD * (packet[0] & 0x0F)
    profile = packet[start] << 8 | packet[start + 1]
    end = start + _WORD + _WORD * (packet[start + 2] << 8 | packet[start + 3])
    if profile == ONE_BYTE_PROFILE:
        return _one_byte(packet, start + _WORD, end)
    if profile & 0xFFF0 == TWO_BYTE_PROFILE:
        return _two_byte(packet, start + _WORD, end)
    return {}


def _one_byte(packet: bytes, at: int, end: int) -> Layout:
    found: Layout = {}
    while at < end:
        head = packet[at]
        if head == 0:
            at += 1
            continue
        identifier, length = head >> 4, (head & 0x0F) + 1
        if identifier == 15 or at + 1 + length > end:  # noqa: PLR2004  (RFC 8285: stop here)
            break
        found.setdefault(identifier, (at + 1, length))
        at += 1 + length
    return found


def _two_byte(packet: bytes, at: int, end: int) -> Layout:
    found: Layout = {}
    while at < end:
        identifier = packet[at]
        if identifier == 0:
            at += 1
            continue
        if at + 2 > end or at + 2 + packet[at + 1] > end:
            break
        found.setdefault(identifier, (at + 2, packet[at + 1]))
        at += 2 + packet[at + 1]
    return found


def number_position(packet: bytes, twcc_id: int) -> int:
    """Return where the transport-wide number's id byte stands, or 0 when the packet has none.

    Of the common shape alone, as `level_position`.
    """
    if packet[0] & 0x1F != 0x10:  # noqa: PLR2004  (extension bit set, no CSRC)
        return 0
    at, length = extension_layout(packet).get(twcc_id, (0, 0))
    if length != 2 or packet[12:14] != _ONE_BYTE_MARK:  # noqa: PLR2004  (a 16-bit number)
        return 0
    return at - 1


def level_position(packet: bytes, level_id: int) -> int:
    """Return where the audio level's id byte stands, or 0 when the packet has none.

    Only the common shape is looked at, so that a caller may remember the answer while the
    extension's length word and the byte at that place stay the same: one-byte elements, no CSRC.
    """
    if packet[0] & 0x1F != 0x10:  # noqa: PLR2004  (extension bit set, no CSRC)
        return 0
    at, length = extension_layout(packet).get(level_id, (0, 0))
    if length != 1 or packet[12:14] != _ONE_BYTE_MARK:
        return 0
    return at - 1


class HeaderTemplate:
    """Everything of an outgoing header that stays: SSRC, version bits and extension block.

    `pack(first, second, seq, timestamp, ssrc, before, ...)` makes a header; then follow, where the
    slot has them, `number, middle` (the transport-wide number) and `level, after`.
    """

    __slots__ = ("after", "before", "first", "has_level", "has_twcc", "middle", "pack")

    def __init__(
        self, *, mid_id: int | None, mid: str, level_id: int | None, twcc_id: int | None = None
    ) -> None:
        body = b""
        if mid_id is not None:
            text = mid.encode()
            body += bytes([mid_id << 4 | len(text) - 1]) + text
        self.has_twcc, self.has_level = twcc_id is not None, level_id is not None
        level_head = b"" if level_id is None else bytes([level_id << 4])
        body += level_head if twcc_id is None else bytes([twcc_id << 4 | 1])
        length = len(body) + 2 * self.has_twcc + self.has_level
        length += len(level_head) if self.has_twcc else 0
        padding = bytes(-length % _WORD)
        words = (length + len(padding)) // _WORD
        self.first = 0x90 if body else 0x80
        self.before = _ONE_BYTE_MARK + words.to_bytes(2, "big") + body if body else b""
        self.middle = level_head if self.has_level else padding
        self.after = padding if self.has_level else b""
        if not self.has_twcc and not self.has_level:
            self.before += padding
        numbered = f"H{len(self.middle)}s" if self.has_twcc else ""
        level = f"B{len(self.after)}s" if self.has_level else ""
        self.pack = Struct(f"{HEADER.format}{len(self.before)}s{numbered}{level}").pack

    def head(
        self, *, second: int, seq: int, timestamp: int, ssrc: int, number: int, level: int
    ) -> bytes:
        """Make a header; for what is not the hot path, which packs by itself."""
        numbered = (number, self.middle) if self.has_twcc else ()
        loud = (level, self.after) if self.has_level else ()
        return self.pack(
            self.first, second, seq, timestamp & 0xFFFF_FFFF, ssrc, self.before, *numbered, *loud
        )


def unwrapped_rtx(packet: bytes, primary_of: dict[int, int], ssrc: int) -> bytes | None:
    """Return the original inside a retransmission; None for probing without content.

    Args:
        packet: At least 12 bytes, on the retransmission's own SSRC.
        primary_of: Payload type of a retransmission → of what it repeats.
        ssrc: Of the stream it repeats.

    Source:
        RFC 4588 section 4: the first two bytes of the payload are the original number.
    """
    offset = payload_offset(packet)
    end = payload_end(packet, offset) if offset > 0 else -1
    primary = primary_of.get(packet[1] & 0x7F)
    if end <= offset + 2 or primary is None:
        return None
    head = bytes([packet[0] & 0xDF, packet[1] & 0x80 | primary])
    return (
        head
        + packet[offset : offset + 2]
        + packet[4:8]
        + ssrc.to_bytes(4, "big")
        + packet[HEADER_BYTES:offset]
        + packet[offset + 2 : end]
    )
