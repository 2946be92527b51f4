"""The hot path: a decrypted packet goes to every slot at once.  No queue, no coroutine.

Nothing here reads past the VP8 descriptor plus one byte.  A packet that the socket does not take
is counted and dropped; the receiver asks for it again.
"""

from collections.abc import Callable
from typing import Final

from media.core.engine_face import Addr
from media.core.nack import GAP_MAX
from media.core.packets import (
    HEADER,
    HEADER_BYTES,
    SILENCE,
    level_position,
    payload_end,
    payload_offset,
)
from media.core.sequence import extend
from media.core.speakers import LOUD_MAX
from media.core.twcc import SENT_MASK
from media.core.vp8 import (
    NO_SHIFT,
    TEMPORAL,
    Counters,
    Descriptor,
    has_key_index,
    has_short_id,
    may_enter,
    parse,
    renumbered,
    widened,
)
from media.shell.counts import Count
from media.shell.repair import rebuilt
from media.shell.slots import Encoding, Slot

OUT_BYTES_MAX: Final = 1_356
"""What one protect call of libsrtp's binding takes."""
COMFORTABLE_BYTES: Final = 1_216
"""What fits an MTU of 1,280 with IPv6 and the tag; larger packets are sent, and counted."""


# An enum member costs a look-up at each use; the hot path uses these.
_PACKETS_OUT: Final = int(Count.PACKETS_OUT)
_BYTES_OUT: Final = int(Count.BYTES_OUT)
_unpack_header = HEADER.unpack_from
# What nearly every packet begins with, so that its payload is found without a call: version 2,
# no padding, an extension, no CSRC.
_USUAL_FIRST: Final = 0x90
_USUAL_BYTES_MIN: Final = 16


class Forwarder:
    """Sends what peers published to who subscribed.

    Args:
        sendto: The socket's own.
        refusals: What `sendto` and a peer's `protect` may raise for one packet.
    """

    def __init__(
        self,
        sendto: Callable[[bytes, Addr], object],
        refusals: tuple[type[Exception], ...] = (OSError,),
    ) -> None:
        self._sendto = sendto
        self._refusals = refusals
        self.counts = [0] * len(Count)

    def on_rtp(  # noqa: C901, PLR0912, PLR0915  (the hot path: see the docstring)
        self, encoding: Encoding, packet: bytes, now: float, *, is_repair: bool = False
    ) -> None:
        """Take one authentic packet of a bound encoding that is not muted.

        One function on purpose, the only one exempt from the limits of length: a call costs a
        hundredth of what the whole packet may, and there would be a dozen.  No log, no closure,
        no object but byte strings and the descriptor's tuple.

        Args:
            encoding: Whose packet it is.
            packet: Plaintext, at least 12 bytes.
            now: Monotonic instant in seconds.
            is_repair: It was sent again at our request: no part of the reception statistics.
        """
        counts = self.counts
        first, second, seq, timestamp, _ = _unpack_header(packet)
        end = len(packet)
        if first == _USUAL_FIRST and end >= _USUAL_BYTES_MIN:
            offset = _USUAL_BYTES_MIN + 4 * (packet[14] << 8 | packet[15])
            end = end if offset <= end else -1
        else:
            offset = payload_offset(packet)
            end = payload_end(packet, offset) if offset > 0 else -1
        if end < 0:
            counts[Count.BAD_HEADER] += 1
            return
        codec = encoding.codec_of.get(second & 0x7F)
        if codec is None:
            counts[Count.UNKNOWN_PAYLOAD] += 1
            return
        is_video = encoding.is_video
        descriptor: Descriptor | None = None
        if is_video and end > offset:
            descriptor = parse(packet, offset, end)
            if descriptor is None:
                counts[Count.BAD_DESCRIPTOR] += 1
                return

        # Where it stands in its stream.  From here on the packet counts as arrived.
        reception = encoding.reception
        highest = reception.highest
        number = highest + 1
        if seq != number & 0xFFFF or not number:  # not the next one, or the first of all
            number = extend(seq, highest)
        ring = encoding.ring
        at = number & ring.mask
        if ring.numbers[at] == number:
            counts[Count.DUPLICATE] += 1
            return
        if number < encoding.floor or number < highest - ring.mask:
            counts[Count.LATE] += 1
            return
        if is_repair:
            reception.on_repair(number)
        else:
            reception.on_packet(number, timestamp, now=now)
        if number <= highest:
            encoding.loss.on_arrival(number)
        elif number > highest + 1 and highest >= 0:
            self._on_gap(encoding, highest + 1, number, now)
        ring.packets[at] = packet
        ring.numbers[at] = number
        if end == offset:
            counts[Count.PADDING_ONLY] += 1
            for slot in encoding.slots:
                slot.rewriter.pass_over(number)
            return
        encoding.octets += end - offset

        # What all its slots share.
        picture_id, level, layers, temporal = -1, SILENCE, -1, -1
        is_verbatim, is_newest = True, True
        if descriptor is not None:
            is_newest = number > highest
            layers = descriptor[3]
            if layers >= 0 and packet[offset + 1] & TEMPORAL:
                temporal = layers >> 6
            if temporal > encoding.top_temporal:  # noqa: PLR1730  (a call costs more)
                encoding.top_temporal = temporal
            picture_id = descriptor[1]
            if picture_id >= 0 and has_short_id(packet, offset):
                picture_id = widened(picture_id, encoding.counters[0], is_later=is_newest)
                is_verbatim = False
            if is_newest:
                tail = descriptor[3] & 0x1F if has_key_index(packet, offset) else -1
                encoding.counters = (picture_id, descriptor[2], tail)
            if descriptor[4]:
                encoding.gate.on_key_frame()
                encoding.loss.on_key_frame(number)
        elif encoding.level_id is not None:
            level_at = encoding.level_at
            if (
                packet[0] & 0x1F != 0x10  # noqa: PLR2004  (an extension, no CSRC: the place is there)
                or packet[12:16] != encoding.level_mark
                or packet[level_at] != encoding.level_id << 4
            ):
                level_at = self._find_level(encoding, packet)
            if level_at:
                level = packet[level_at + 1]
                if level & 0x7F <= LOUD_MAX:
                    encoding.loud += 1

        for slot in encoding.slots:
            if temporal > slot.temporal:
                if (
                    temporal > slot.temporal_wanted
                    or not is_newest
                    or not may_enter(packet, offset, layers)
                ):
                    slot.leave_out(number, picture_id)
                    continue
                slot.temporal = slot.temporal_wanted
            payload_type = slot.payload_types.get(codec)
            if payload_type is None:
                counts[Count.UNKNOWN_PAYLOAD] += 1
                continue
            rewriter = slot.rewriter
            out = rewriter.place(number, timestamp, now)
            if out < 0:
                counts[Count.LATE] += 1
                continue
            sent = slot.sent
            at = out & sent.mask
            sent.numbers[at] = out
            sent.sources[at] = number
            sent.eras[at] = slot.era
            peer = slot.peer
            template = slot.template
            if template.has_twcc:
                sent_log = peer.sent_log
                passage = sent_log.number
                if template.has_level:
                    head = template.pack(
                        template.first,
                        second & 0x80 | payload_type,
                        out,
                        timestamp + rewriter.ts_shift & 0xFFFF_FFFF,
                        slot.ssrc,
                        template.before,
                        passage & 0xFFFF,
                        template.middle,
                        level,
                        template.after,
                    )
                else:
                    head = template.pack(
                        template.first,
                        second & 0x80 | payload_type,
                        out,
                        timestamp + rewriter.ts_shift & 0xFFFF_FFFF,
                        slot.ssrc,
                        template.before,
                        passage & 0xFFFF,
                        template.middle,
                    )
            elif template.has_level:
                head = template.pack(
                    template.first,
                    second & 0x80 | payload_type,
                    out,
                    timestamp + rewriter.ts_shift & 0xFFFF_FFFF,
                    slot.ssrc,
                    template.before,
                    level,
                    template.after,
                )
            else:
                head = template.pack(
                    template.first,
                    second & 0x80 | payload_type,
                    out,
                    timestamp + rewriter.ts_shift & 0xFFFF_FFFF,
                    slot.ssrc,
                    template.before,
                )
            shift = slot.shift
            if not is_newest:
                shift = slot.eras[slot.era].shift_at(picture_id)
            if descriptor is None or (is_verbatim and shift == NO_SHIFT):
                plain = head + packet[offset:end]
            else:
                plain = (
                    head
                    + renumbered(packet, offset, descriptor, picture_id, shift)
                    + packet[offset + descriptor[0] : end]
                )
            selected, protect = peer.selected, peer.protect
            if len(plain) > COMFORTABLE_BYTES and self._is_too_large(plain):
                continue
            if selected is None or protect is None:
                counts[Count.NOT_SENT] += 1
                continue
            try:
                data = protect(plain)
                self._sendto(data, selected)
            except self._refusals:
                counts[Count.NOT_SENT] += 1
                continue
            if template.has_twcc:
                at = passage & SENT_MASK
                sent_log.sent_at[at] = now
                sent_log.sizes[at] = len(data)
                sent_log.number = passage + 1
            slot.packets_sent += 1
            slot.bytes_sent += end - offset
            counts[_PACKETS_OUT] += 1
            counts[_BYTES_OUT] += len(data)
        if encoding.waiting and (descriptor is None or descriptor[4]):
            self._start_waiting(encoding, packet, offset, descriptor, number, now)

    def on_muted(self, encoding: Encoding, packet: bytes, now: float) -> None:
        """Take note of a muted publication's packet without keeping it.

        Its number is known afterwards, so nobody asks for it again once the mute ends, and a
        resend of it is refused: what was said while muted stays unheard.
        """
        self.counts[Count.MUTED] += 1
        _, _, seq, timestamp, _ = _unpack_header(packet)
        reception = encoding.reception
        number = extend(seq, reception.highest)
        reception.on_packet(number, timestamp, now=now)
        encoding.floor = reception.highest + 1

    def _start_waiting(
        self,
        encoding: Encoding,
        packet: bytes,
        offset: int,
        descriptor: Descriptor | None,
        number: int,
        now: float,
    ) -> None:
        """Let a source into the slots that wait for it: sound at once, video at a key frame.

        When the key frame's first packet was overtaken, what overtook it is sent from the ring.
        """
        counters: Counters = encoding.counters
        if descriptor is not None:
            picture_id, key_index = descriptor[1], -1
            if picture_id >= 0 and has_short_id(packet, offset):
                picture_id = widened(picture_id, counters[0], is_later=False)
            if has_key_index(packet, offset):
                key_index = descriptor[3] & 0x1F
            counters = (picture_id, descriptor[2], key_index)
        _, _, _, timestamp, _ = _unpack_header(packet)
        for slot in encoding.waiting:
            if slot.source is not None and slot.source is not encoding:
                self.counts[Count.LAYER_SWITCHES] += 1
            slot.begin(encoding, number, timestamp, counters, now)
            for each in range(number, encoding.reception.highest + 1):
                self._send_held(slot, encoding, each, now)

    def _send_held(self, slot: Slot, encoding: Encoding, number: int, now: float) -> None:
        packet = encoding.ring.find(number)
        if packet is None:
            return
        offset = payload_offset(packet)
        if payload_end(packet, offset) == offset:
            slot.rewriter.pass_over(number)
            return
        _, second, _, timestamp, _ = _unpack_header(packet)
        if encoding.codec_of[second & 0x7F] not in slot.payload_types:
            self.counts[Count.UNKNOWN_PAYLOAD] += 1
            return
        out = slot.rewriter.place(number, timestamp, now)
        slot.sent.put(out, number, slot.era)
        plain = rebuilt(slot, packet, slot.eras[slot.era], out, as_rtx=False)
        if self.send(slot, plain, now):
            slot.packets_sent += 1
            slot.bytes_sent += len(packet) - offset

    def _on_gap(self, encoding: Encoding, first: int, number: int, now: float) -> None:
        """Loss, or a jump so far that the sender began anew: then slots close it up."""
        if encoding.may_ask_again:
            encoding.miss(first, number, now)
        if number - first > GAP_MAX:
            encoding.hold_slots()
            if encoding.is_video:
                encoding.need_key_frame(now)

    def _find_level(self, encoding: Encoding, packet: bytes) -> int:
        """Look for the level where it has not been before, and remember the place."""
        assert encoding.level_id is not None  # noqa: S101  (asked only for such encodings)
        at = level_position(packet, encoding.level_id)
        encoding.level_at = at
        encoding.level_mark = packet[HEADER_BYTES : HEADER_BYTES + 4] if at else b""
        return at

    def _is_too_large(self, plain: bytes) -> bool:
        self.counts[Count.OVERSIZED] += 1
        if len(plain) <= OUT_BYTES_MAX:
            return False
        self.counts[Count.TOO_LARGE] += 1
        return True

    def send(self, slot: Slot, plain: bytes, now: float) -> bool:
        """Send what is not the newest packet; the hot path has its own copy of this.

        Args:
            slot: Whose packet it is.
            plain: Numbered with the peer's next transport-wide number.
            now: Monotonic instant in seconds.
        """
        counts, peer = self.counts, slot.peer
        if len(plain) > COMFORTABLE_BYTES and self._is_too_large(plain):
            return False
        if peer.protect is None or peer.selected is None:
            counts[Count.NOT_SENT] += 1
            return False
        try:
            data = peer.protect(plain)
            self._sendto(data, peer.selected)
        except self._refusals:
            counts[Count.NOT_SENT] += 1
            return False
        peer.sent_log.put(len(data), now=now)
        counts[Count.PACKETS_OUT] += 1
        counts[Count.BYTES_OUT] += len(data)
        return True
