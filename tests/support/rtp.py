"""Synthetic RTP: packets, header extensions, VP8 descriptors."""

import struct
from collections.abc import Mapping


def rtp(
    *,
    payload_type: int = 111,
    sequence: int = 1,
    timestamp: int = 0,
    ssrc: int = 7,
    marker: bool = False,
    csrcs: int = 0,
    extension: bytes = b"",
    payload: bytes = b"",
) -> bytes:
    """Write one packet; `extension` with its profile and length word."""
    first = 0x80 | csrcs | (0x10 if extension else 0)
    second = payload_type | (0x80 if marker else 0)
    head = struct.pack("!BBHII", first, second, sequence & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc)
    return head + bytes(4 * csrcs) + extension + payload


def one_byte(elements: Mapping[int, bytes]) -> bytes:
    """Write an extension block with one-byte element heads (RFC 8285 section 4.2)."""
    body = b"".join(bytes([each << 4 | len(data) - 1]) + data for each, data in elements.items())
    return _block(0xBEDE, body)


def two_byte(elements: Mapping[int, bytes]) -> bytes:
    """Write an extension block with two-byte element heads (RFC 8285 section 4.3)."""
    body = b"".join(bytes([each, len(data)]) + data for each, data in elements.items())
    return _block(0x1000, body)


def vp8(
    *,
    is_start: bool = True,
    is_key: bool = False,
    picture_id: int | None = None,
    is_short: bool = False,
    tl0: int | None = None,
    temporal_id: int | None = None,
    key_index: int | None = None,
    data: bytes = b"frame",
) -> bytes:
    """Write a VP8 payload: descriptor (RFC 7741 section 4.2), then a frame's first bytes."""
    has_tail = temporal_id is not None or key_index is not None
    flags = (
        (0x80 if picture_id is not None else 0)
        | (0x40 if tl0 is not None else 0)
        | (0x20 if temporal_id is not None else 0)
        | (0x10 if key_index is not None else 0)
    )
    out = bytes([(0x10 if is_start else 0) | (0x80 if flags else 0)])
    if flags:
        out += bytes([flags])
    if picture_id is not None:
        out += bytes([picture_id]) if is_short else (0x8000 | picture_id).to_bytes(2, "big")
    if tl0 is not None:
        out += bytes([tl0])
    if has_tail:
        out += bytes([(temporal_id or 0) << 6 | (key_index or 0)])
    return out + bytes([0x10 if is_key else 0x11]) + data


def _block(profile: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", profile, len(body) // 4) + body
