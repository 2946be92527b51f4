"""The VP8 payload descriptor: is this a key frame, and how its counters are renumbered.  Pure.

Never reads past the descriptor plus one byte of payload, so that frames may one day be opaque.
When a slot changes its source, picture id, TL0PICIDX and KEYIDX must go on rising: a decoder that
sees them jump back stalls for seconds.  Plain tuples, no objects: this runs once a packet.

Source:
    RFC 7741 section 4.2 (descriptor) and 4.3 (payload header: P bit 0 means key frame).
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final, TypeAlias

PICTURE_ID_MASK: Final = 0x7FFF
TL0_MASK: Final = 0xFF
KEY_MASK: Final = 0x1F
_SHORT_ID_MOD: Final = 1 << 7

_X, _S, _PART = 0x80, 0x10, 0x07
_I, _L, _T, _K = 0x80, 0x40, 0x20, 0x10
TEMPORAL: Final = _T
"""Set in the second byte of a descriptor whose last byte begins with the temporal layer."""
_LONG: Final = 0x80

_ID: Final = Struct("!BBH")
_ID_TL0: Final = Struct("!BBHB")
_ID_TL0_TID: Final = Struct("!BBHBB")

Descriptor: TypeAlias = tuple[int, int, int, int, bool]
"""(length in bytes, picture id, TL0PICIDX, byte of TID, Y and KEYIDX, starts a key frame).

-1 where a field is absent."""

Counters: TypeAlias = tuple[int, int, int]
"""(picture id, TL0PICIDX, KEYIDX): the last ones sent, or what is added to a source's."""

NO_SHIFT: Final[Counters] = (0, 0, 0)
NOTHING_SENT: Final[Counters] = (-1, -1, -1)


def parse(  # noqa: C901  (one branch a field of the RFC's figure)
    packet: bytes, at: int, end: int
) -> Descriptor | None:
    """Read the descriptor that begins at `at`; None when it and one byte run past `end`."""
    if at >= end:
        return None
    first = packet[at]
    length, picture_id, tl0, tail = 1, -1, -1, -1
    if first & _X:
        if at + 6 >= end and at + _length(packet, at, end) >= end:
            return None
        flags, length = packet[at + 1], 2
        if flags & _I:
            picture_id, length = packet[at + 2], 3
            if picture_id & _LONG:
                picture_id, length = (picture_id & 0x7F) << 8 | packet[at + 3], 4
        if flags & _L:
            tl0, length = packet[at + length], length + 1
        if flags & (_T | _K):
            tail, length = packet[at + length], length + 1
    elif at + 1 >= end:
        return None
    is_key = first & (_S | _PART) == _S and not packet[at + length] & 0x01
    return length, picture_id, tl0, tail, is_key


def _length(packet: bytes, at: int, end: int) -> int:
    """Return the length of an extended descriptor near the end of a packet."""
    if at + 2 >= end:
        return 2
    flags, length = packet[at + 1], 2
    if flags & _I:
        length += 2 if packet[at + 2] & _LONG else 1
    return length + bool(flags & _L) + bool(flags & (_T | _K))


def has_short_id(packet: bytes, at: int) -> bool:
    """Say whether a descriptor with a picture id holds it in 7 bits."""
    return not packet[at + 2] & _LONG


def widened(short_id: int, newest: int, *, is_later: bool) -> int:
    """Return the 15-bit id of which these are the low 7 bits.

    The order of sequence numbers is the order of pictures, so which way to count is known; the
    nearest id would be the wrong one after half a turn, two seconds of loss or overtaking, and
    the receiver's decoder would see its pictures step back.

    Args:
        short_id: 0..127.
        newest: The id, widened, of the newest packet before this one; -1: there is none.
        is_later: This packet's sequence number is beyond that one's.
    """
    if newest < 0:
        return short_id
    if is_later:
        return newest + (short_id - newest) % _SHORT_ID_MOD & PICTURE_ID_MASK
    return newest - (newest - short_id) % _SHORT_ID_MOD & PICTURE_ID_MASK


def may_enter(packet: bytes, at: int, tail: int) -> bool:
    """Say whether a higher temporal layer may be taken up with this packet.

    It must begin a frame that leans on the base layer alone (the Y bit).
    """
    return bool(tail & 0x20) and packet[at] & (_S | _PART) == _S


def has_key_index(packet: bytes, at: int) -> bool:
    """Say whether an extended descriptor holds a KEYIDX."""
    return bool(packet[at] & _X and packet[at + 1] & _K)


def renumbered(
    packet: bytes, at: int, descriptor: Descriptor, picture_id: int, shift: Counters
) -> bytes:
    """Return the descriptor as it goes out: 15-bit picture id, counters shifted.

    A descriptor without a picture id goes out as it came.

    Args:
        packet: The packet as it came.
        at: Where its descriptor begins.
        descriptor: What `parse` said of it.
        picture_id: The source's picture id, widened.
        shift: What is added to the source's counters while it fills this slot.
    """
    length, present, tl0, tail, _ = descriptor
    if present < 0:
        return packet[at : at + length]
    first, flags = packet[at], packet[at + 1]
    picture_id = _LONG << 8 | picture_id + shift[0] & PICTURE_ID_MASK
    if tail >= 0 and flags & _K:
        tail = tail & ~KEY_MASK | tail + shift[2] & KEY_MASK
    if tl0 >= 0:
        tl0 = tl0 + shift[1] & TL0_MASK
        if tail >= 0:
            return _ID_TL0_TID.pack(first, flags, picture_id, tl0, tail)
        return _ID_TL0.pack(first, flags, picture_id, tl0)
    if tail >= 0:
        return _ID_TL0.pack(first, flags, picture_id, tail)
    return _ID.pack(first, flags, picture_id)


def shift_onto(last: Counters, first: Counters) -> Counters:
    """Return what to add to a new source whose first counters are `first`, after `last`.

    Each counter goes on by one; one that either side lacks is left as it is.
    """
    return (
        _step(last[0], first[0], PICTURE_ID_MASK),
        _step(last[1], first[1], TL0_MASK),
        _step(last[2], first[2], KEY_MASK),
    )


def shifted(counters: Counters, shift: Counters, before: Counters) -> Counters:
    """Return a source's last counters as they went out; those it lacks stay as `before`."""
    return (
        counters[0] + shift[0] & PICTURE_ID_MASK if counters[0] >= 0 else before[0],
        counters[1] + shift[1] & TL0_MASK if counters[1] >= 0 else before[1],
        counters[2] + shift[2] & KEY_MASK if counters[2] >= 0 else before[2],
    )


def _step(last: int, first: int, mask: int) -> int:
    return 0 if last < 0 or first < 0 else last + 1 - first & mask


def dropped_before(dropped: Sequence[int], picture_id: int) -> int:
    """Return how many of the frames left out stand before a frame, across the wrap of 15 bits."""
    half = (PICTURE_ID_MASK + 1) // 2
    return sum(1 for each in dropped if 0 < picture_id - each & PICTURE_ID_MASK < half)
