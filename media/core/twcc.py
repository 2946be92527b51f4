"""Transport-wide congestion control: arrivals → feedback, feedback → what became of our packets.

Both directions of one peer.  `feedback_of` turns what arrived into feedback packets for the
sender; `SentLog` remembers what we sent and reads what the receiver says of it.  The hot path
writes the lists itself.  Pure.

Source:
    draft-holmer-rmcat-transport-wide-cc-extensions-01 section 2 (extension) and 3 (feedback).
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from struct import Struct
from typing import Final

from media.core.sequence import SEQ_HALF, SEQ_MOD, extend

FORMAT: Final = 15
"""Of the transport-layer feedback message (RFC 4585 section 6.2)."""
EVERY_S: Final = 0.1
PACKETS_AT_ONCE: Final = 64
STATUSES_MAX: Final = 512
TICK_S: Final = 0.000_25
REFERENCE_TICKS: Final = 256
"""The reference time counts in 64 ms."""
REFERENCE_MOD: Final = 1 << 24
SENT_REMEMBERED: Final = 4_096
SENT_MASK: Final = SENT_REMEMBERED - 1

_RTPFB: Final = 205
_HEAD_BYTES: Final = 20
_HEAD: Final = Struct("!IIHHIH")
_TICKS_MOD: Final = REFERENCE_MOD * REFERENCE_TICKS
_TICKS_HALF: Final = _TICKS_MOD // 2
_NEVER: Final = float("inf")
_LOST, _SMALL, _LARGE = 0, 1, 2
_RUN_MAX: Final = 0x1FFF
_VECTOR: Final = 7
_SMALL_MAX: Final = 0xFF
_FAR: Final = SEQ_HALF - 1 - REFERENCE_TICKS
"""Two arrivals further apart than this, 8.1 s, do not fit one feedback packet."""


class BadFeedback(ValueError):
    """Chunks or deltas run past the packet; nothing of it is used."""


# --- what arrived at us ------------------------------------------------------------------------


class Arrivals:
    """Packets of one peer that no feedback has told yet.  The hot path appends to both lists."""

    __slots__ = ("_base", "_count", "_due_at", "numbers", "times")

    def __init__(self) -> None:
        self.numbers: list[int] = []
        """16-bit transport numbers, in order of arrival."""
        self.times: list[float] = []
        """Monotonic seconds, one a number."""
        self._base = -1
        """Extended number the next feedback begins with; -1 before the first packet."""
        self._count = 0
        self._due_at = 0.0

    def is_due(self, *, now: float) -> bool:
        """Say whether feedback is owed: 64 packets, or some and 100 ms since the last."""
        waiting = len(self.numbers)
        return waiting >= PACKETS_AT_ONCE or (waiting > 0 and now >= self._due_at)

    def take(self, *, sender_ssrc: int, media_ssrc: int, now: float) -> list[bytes]:
        """Return RTCP packets telling all that waits, and forget it."""
        self._due_at = now + EVERY_S
        if (whole := self._whole(sender_ssrc, media_ssrc)) is not None:
            return [whole]
        arrived = self._extended()
        self.numbers.clear()
        self.times.clear()
        written = []
        for first, statuses in _runs(arrived, self._base):
            written.append(
                _write(sender_ssrc, media_ssrc, first % SEQ_MOD, self._count & 0xFF, statuses)
            )
            self._count += 1
        self._base = max(self._base, max(arrived, default=-1) + 1)
        return written

    def _whole(self, sender_ssrc: int, media_ssrc: int) -> bytes | None:
        """Return what waits as one feedback when nothing was lost, late or slow: nearly always.

        The same bytes as the long way, at a quarter of its cost.
        """
        numbers, first = self.numbers, self.numbers[0]
        count = len(numbers)
        is_next = self._base < 0 or first == self._base & 0xFFFF
        if not is_next or count > STATUSES_MAX or numbers != list(range(first, first + count)):
            return None
        ticks = [round(at / TICK_S) for at in self.times]
        start = ticks[0] // REFERENCE_TICKS
        deltas = [ticks[0] % REFERENCE_TICKS]
        deltas += [after - before for before, after in pairwise(ticks)]
        if min(deltas) < 0 or max(deltas) > _SMALL_MAX:
            return None
        body = _HEAD.pack(
            sender_ssrc,
            media_ssrc,
            first,
            count,
            start % REFERENCE_MOD << 8 | self._count & 0xFF,
            _SMALL << 13 | count,
        ) + bytes(deltas)
        self._count += 1
        self._base = extend(first, max(self._base - 1, -1)) + count
        numbers.clear()
        self.times.clear()
        return _packet(body)

    def _extended(self) -> dict[int, int]:
        """Return arrival in ticks by extended number; of a number twice the first counts."""
        arrived: dict[int, int] = {}
        highest = self._base - 1 if self._base >= 0 else -1
        for number, at in zip(self.numbers, self.times, strict=True):
            extended = extend(number, highest)
            highest = max(highest, extended)
            arrived.setdefault(extended, round(at / TICK_S))
        return arrived


def _runs(arrived: dict[int, int], base: int) -> Iterator[tuple[int, list[int | None]]]:
    """Part what arrived into feedback packets: (first number, arrival or None for a lost one).

    From the base on everything is told, the lost too; what came late, before the base, is told
    alone, so that nothing told as received is told again as lost.
    """
    numbers = sorted(arrived)
    late = [number for number in numbers if number < base]
    for number in late:
        yield number, [arrived[number]]
    fresh = numbers[len(late) :]
    if not fresh:
        return
    start = expected = base if base >= 0 else fresh[0]
    ticks = arrived[fresh[0]]
    statuses: list[int | None] = []
    for number in fresh:
        lost, at = number - expected, arrived[number]
        if len(statuses) + lost >= STATUSES_MAX or abs(at - ticks) >= _FAR:
            if statuses:
                yield start, statuses
            lost = lost if lost < STATUSES_MAX else 0
            start, statuses = number - lost, []
        statuses += [None] * lost
        statuses.append(at)
        ticks, expected = at, number + 1
    yield start, statuses


def _write(
    sender_ssrc: int, media_ssrc: int, first: int, count: int, statuses: Sequence[int | None]
) -> bytes:
    """Write one feedback packet; run-length chunks for runs, two-bit vectors for the rest."""
    ticks = next(at for at in statuses if at is not None) // REFERENCE_TICKS * REFERENCE_TICKS
    reference = ticks // REFERENCE_TICKS % REFERENCE_MOD
    symbols, deltas = [], b""
    for at in statuses:
        if at is None:
            symbols.append(_LOST)
            continue
        delta, ticks = at - ticks, at
        is_small = 0 <= delta <= _SMALL_MAX
        symbols.append(_SMALL if is_small else _LARGE)
        deltas += delta.to_bytes(1, "big") if is_small else delta.to_bytes(2, "big", signed=True)
    body = (
        sender_ssrc.to_bytes(4, "big")
        + media_ssrc.to_bytes(4, "big")
        + first.to_bytes(2, "big")
        + len(statuses).to_bytes(2, "big")
        + (reference << 8 | count).to_bytes(4, "big")
        + _chunks(symbols)
        + deltas
    )
    return _packet(body)


def _packet(body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return bytes([0x80 | FORMAT, _RTPFB]) + (len(body) // 4).to_bytes(2, "big") + body


def _chunks(symbols: Sequence[int]) -> bytes:
    out, at = b"", 0
    while at < len(symbols):
        run = at
        while run < len(symbols) and symbols[run] == symbols[at]:
            run += 1
        if run - at >= _VECTOR or run == len(symbols):
            out += (symbols[at] << 13 | run - at).to_bytes(2, "big")
            at = run
            continue
        word = 0x3 << 14
        for index, symbol in enumerate(symbols[at : at + _VECTOR]):
            word |= symbol << 12 - 2 * index
        out += word.to_bytes(2, "big")
        at += _VECTOR
    return out


# --- what the receiver says of what we sent ----------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportFeedback:
    """One feedback packet, read."""

    first: int
    """16-bit transport number of the first status."""
    statuses: tuple[int | None, ...]
    """Arrival in ticks of 250 µs of the receiver's clock, modulo 2**32; None: not received."""


def read_feedback(data: bytes, at: int, end: int) -> TransportFeedback:
    """Read the feedback packet whose RTCP header begins at `at`.

    Raises:
        BadFeedback: It is cut short, or tells of more packets than a tenth of a second holds.
    """
    if end - at < _HEAD_BYTES:
        raise BadFeedback
    first = int.from_bytes(data[at + 12 : at + 14], "big")
    count = int.from_bytes(data[at + 14 : at + 16], "big")
    if count > STATUSES_MAX:
        raise BadFeedback
    ticks = int.from_bytes(data[at + 16 : at + 19], "big") * REFERENCE_TICKS
    symbols, at = _symbols(data, at + _HEAD_BYTES, end, count)
    statuses: list[int | None] = []
    for symbol in symbols:
        if symbol == _LOST:
            statuses.append(None)
            continue
        size = symbol  # one byte or two
        if at + size > end or symbol > _LARGE:
            raise BadFeedback
        ticks += int.from_bytes(data[at : at + size], "big", signed=symbol == _LARGE)
        statuses.append(ticks % _TICKS_MOD)
        at += size
    return TransportFeedback(first=first, statuses=tuple(statuses))


def _symbols(data: bytes, at: int, end: int, count: int) -> tuple[list[int], int]:
    symbols: list[int] = []
    while len(symbols) < count:
        if at + 2 > end:
            raise BadFeedback
        word = data[at] << 8 | data[at + 1]
        at += 2
        if not word & 0x8000:
            symbols += [word >> 13] * min(word & _RUN_MAX, count - len(symbols))
            if not word & _RUN_MAX:
                raise BadFeedback
        elif word & 0x4000:
            symbols += [word >> shift & 0x3 for shift in range(12, -1, -2)]
        else:
            symbols += [word >> shift & 0x1 for shift in range(13, -1, -1)]
    return symbols[:count], at


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What became of the packets of one feedback: sums, so that a peer costs little to watch."""

    received: int
    lost: int
    """Less those told as lost before that came after all: may be below zero."""
    octets: int
    """Bytes received, after protection, without UDP and IP."""
    least_delay_s: float | None
    """Least one-way delay, in the difference of two clocks; None when nothing was received."""


class SentLog:
    """When each transport number left, and how large.  The hot path writes the lists itself.

    Writing: `log.number` is the next extended number; `at = number & SENT_MASK`; store the instant
    and the size, then raise the number by one.
    """

    __slots__ = ("_ticks", "number", "sent_at", "sizes")

    def __init__(self) -> None:
        self.number = SEQ_MOD
        self.sent_at = array("d", [0.0]) * SENT_REMEMBERED
        self.sizes = array("h", [0]) * SENT_REMEMBERED
        """0: told as received, or nothing yet; below 0: told as lost."""
        self._ticks = -1

    def put(self, size: int, *, now: float) -> None:
        """Note a packet that leaves under the next number.  For what is not the hot path."""
        at = self.number & SENT_MASK
        self.sent_at[at], self.sizes[at] = now, size
        self.number += 1

    def fates(self, told: TransportFeedback) -> Fates:
        """Return what became of the packets told; a packet counts once, as received at last."""
        sizes, sent_at, newest = self.sizes, self.sent_at, self.number
        received = lost = octets = 0
        least = _NEVER
        clock = self._ticks
        for number, ticks in enumerate(told.statuses, extend(told.first, newest)):
            at = number & SENT_MASK
            size = sizes[at]
            if not size or not 0 < newest - number <= SENT_REMEMBERED:
                continue
            if ticks is None:
                lost += size > 0
                sizes[at] = -abs(size)
                continue
            lost -= size < 0  # it was only overtaken
            # The receiver's clock, which starts anew every twelve days, goes on.
            if clock < 0:
                clock = ticks
            apart = (ticks - clock) % _TICKS_MOD
            clock += apart if apart < _TICKS_HALF else apart - _TICKS_MOD
            delay = clock * TICK_S - sent_at[at]
            if delay < least:  # noqa: PLR1730  (a call costs more, each packet)
                least = delay
            received += 1
            octets += size if size > 0 else -size
            sizes[at] = 0
        self._ticks = clock
        return Fates(
            received=received,
            lost=lost,
            octets=octets,
            least_delay_s=least if received else None,
        )
