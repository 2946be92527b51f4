"""What is sent beside the newest packets: resends a subscriber asked for, and probes.

Everything is rebuilt from the one copy of the source packet.  Runs on RTCP and in the tick.
"""

from collections.abc import Callable
from typing import Final, Protocol

from media.core.packets import HEADER, SILENCE, level_position, payload_end, payload_offset
from media.core.vp8 import has_short_id, parse, renumbered, widened
from media.shell.counts import Count
from media.shell.slots import Era, Slot
from media.shell.streams import PeerStreams

REPEAT_MIN_S: Final = 0.02
REPEAT_MAX_S: Final = 0.1
PROBES_A_TICK: Final = 8
PADDING_BYTES: Final = 255
"""The most an RTP packet can hold (RFC 3550 section 5.1)."""
TICK_S: Final = 0.01
_unpack_header = HEADER.unpack_from


class Sends(Protocol):
    """The forwarder, as it is seen from here."""

    counts: list[int]

    def send(self, slot: Slot, plain: bytes, now: float) -> bool:
        """Protect and send."""
        ...


class Repair:
    """Sends again.

    Args:
        forwarder: Protects, sends and counts.
    """

    def __init__(self, forwarder: Sends) -> None:
        self._send: Callable[[Slot, bytes, float], bool] = forwarder.send
        self._counts = forwarder.counts

    def resend(self, slot: Slot, seq: int, now: float) -> None:
        """Answer a subscriber's NACK for one number, by RTX where that was agreed.

        Source: RFC 4588 section 4.
        """
        counts = self._counts
        slot.peer.nacked += 1
        found = slot.sent.find(seq)
        number, era_number = found if found is not None else (-1, -1)
        era = slot.eras.get(era_number)
        packet = None if era is None else era.source.ring.find(number)
        if era is None or packet is None or era.source.is_muted or slot.is_paused:
            counts[Count.RESEND_MISSED] += 1
            return
        pause_s = min(max(slot.peer.trips.rtt_s, REPEAT_MIN_S), REPEAT_MAX_S)
        may_go = slot.sent.may_resend(number, era_number, pause_s=pause_s, now=now)
        if not may_go or slot.resent >= slot.allowed:
            counts[Count.RESEND_LIMITED] += 1
            return
        slot.sent.note_resend(number, era_number, now=now)
        slot.resent += 1
        if self._send(slot, rebuilt(slot, packet, era, seq, as_rtx=True), now):
            slot.peer.resent += 1
            counts[Count.RESENT] += 1

    def probe(self, streams: PeerStreams, now: float) -> None:
        """Send what this peer's probing owes for one tick: repeats of the newest pictures."""
        probe = streams.probe
        if probe.rate_bps <= 0:
            probe.credit = 0.0
            return
        probe.credit += probe.rate_bps / 8 * TICK_S
        slot = next((each for each in streams.slots.values() if _can_probe(each)), None)
        if slot is None:
            return
        for back in range(PROBES_A_TICK):
            if probe.credit <= 0:
                return
            plain = _repeat(slot, slot.rewriter.newest - back & 0xFFFF) or _padding(slot)
            if self._send(slot, plain, now):
                self._counts[Count.PROBES] += 1
            probe.credit -= len(plain)


def rebuilt(slot: Slot, packet: bytes, era: Era, seq: int, *, as_rtx: bool) -> bytes:
    """Make the plaintext of a held packet under number `seq`, as RTX if asked for and agreed."""
    source = era.source
    offset = payload_offset(packet)
    end = payload_end(packet, offset)
    body = packet[offset:end]
    descriptor = parse(packet, offset, end) if source.is_video else None
    if descriptor is not None:
        picture_id = descriptor[1]
        if picture_id >= 0 and has_short_id(packet, offset):
            picture_id = widened(picture_id, source.counters[0], is_later=False)
        shift = era.shift_at(picture_id)
        body = renumbered(packet, offset, descriptor, picture_id, shift) + body[descriptor[0] :]
    _, second, _, timestamp, _ = _unpack_header(packet)
    payload_type = slot.payload_types[source.codec_of[second & 0x7F]]
    ssrc, out = slot.ssrc, seq
    if as_rtx and slot.rtx_payload_type is not None and slot.spec.rtx_ssrc is not None:
        payload_type, ssrc, out = slot.rtx_payload_type, slot.spec.rtx_ssrc, _next_rtx(slot)
        body = seq.to_bytes(2, "big") + body
    at = 0
    if slot.template.has_level and source.level_id is not None:
        at = level_position(packet, source.level_id)
    head = slot.template.head(
        second=second & 0x80 | payload_type,
        seq=out,
        timestamp=timestamp + era.ts_shift,
        ssrc=ssrc,
        number=slot.peer.sent_log.number & 0xFFFF,
        level=packet[at + 1] if at else SILENCE,
    )
    return head + body


def _can_probe(slot: Slot) -> bool:
    return (
        slot.is_video
        and slot.rtx_payload_type is not None
        and slot.spec.rtx_ssrc is not None
        and slot.packets_sent > 0
    )


def _repeat(slot: Slot, seq: int) -> bytes | None:
    """Repeat a packet that went out; a receiver drops what it has."""
    found = slot.sent.find(seq)
    era = None if found is None else slot.eras.get(found[1])
    packet = None if found is None or era is None else era.source.ring.find(found[0])
    if era is None or packet is None or era.source.is_muted or slot.source is None:
        return None
    return rebuilt(slot, packet, era, seq, as_rtx=True)


def _padding(slot: Slot) -> bytes:
    """Make a packet of padding alone on the slot's retransmission stream."""
    head = slot.template.head(
        second=slot.rtx_payload_type or 0,
        seq=_next_rtx(slot),
        timestamp=0,
        ssrc=slot.spec.rtx_ssrc or 0,
        number=slot.peer.sent_log.number & 0xFFFF,
        level=SILENCE,
    )
    return bytes([head[0] | 0x20]) + head[1:] + bytes(PADDING_BYTES - 1) + bytes([PADDING_BYTES])


def _next_rtx(slot: Slot) -> int:
    seq = slot.rtx_seq
    slot.rtx_seq = (seq + 1) & 0xFFFF
    return seq
