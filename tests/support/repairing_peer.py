"""A headless peer that does what a browser does about loss, and knows what came of it.

It asks the node again for packets it misses, answers the node's own requests by retransmission
(RFC 4588), and shows a picture only when all of it is there and the one before was shown, or when
it is a key frame: so its frame rate is what a person would see.
"""

import asyncio
import contextlib
import struct
from collections import OrderedDict
from dataclasses import dataclass, field
from time import monotonic

from media.core import rtcp
from tests.support.headless_peer import HeadlessPeer, Received, Stream
from tests.support.lossy_link import LossyLink

TICK_S = 0.01
ASK_AFTER_S, ASK_EVERY_S, ASK_TRIES = 0.01, 0.06, 10
PATIENCE_S = 0.5
"""How long a picture is waited for before the ones after it are given up, up to a key frame."""
PICTURE_BYTES = 600
_TRAILER = struct.Struct("!4sIBBB")
_MARK = b"shot"
_KEPT = 1_000


@dataclass
class _Missing:
    ask_at: float
    tries: int = 0


@dataclass
class _Picture:
    count: int
    is_key: bool
    seen_at: float
    parts: set[int] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        return len(self.parts) == self.count


class Slot:
    """What one video slot received: packets, repairs, pictures shown."""

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.packets = 0
        self.missed = 0
        self.filled = 0
        """Missing packets that came after all, late or sent again."""
        self.sent_again = 0
        self.repeated = 0
        self.key_frames_asked = 0
        self.shown: list[tuple[int, float]] = []
        """(number of the picture, when it was shown)."""
        self._highest = -1
        self._missing: dict[int, _Missing] = {}
        self._pictures: dict[int, _Picture] = {}
        self._next: int | None = None
        self._asked_key_at = float("-inf")

    def take(self, packet: Received, now: float) -> None:
        """Take a packet of the stream, or one sent again."""
        sequence, payload = packet.sequence, packet.payload
        is_again = packet.ssrc != self.ssrc
        if is_again:
            sequence, payload = int.from_bytes(payload[:2], "big"), payload[2:]
        number = self._extended(sequence)
        was_missing = self._missing.pop(number, None) is not None
        if number <= self._highest and not was_missing:
            self.repeated += 1
            return
        self.filled += was_missing
        self.sent_again += is_again
        for lost in range(self._highest + 1 if self._highest >= 0 else number, number):
            self._missing[lost] = _Missing(now + ASK_AFTER_S)
            self.missed += 1
        self._highest = max(number, self._highest)
        self.packets += 1
        self._keep(payload, now)

    def due(self, now: float) -> list[int]:
        """Return the numbers to ask for again; forget those asked for often enough."""
        asked = []
        for number, missing in list(self._missing.items()):
            if missing.tries >= ASK_TRIES:
                del self._missing[number]
            elif now >= missing.ask_at:
                missing.tries += 1
                missing.ask_at = now + ASK_EVERY_S
                asked.append(number & 0xFFFF)
        return asked

    def show(self, now: float) -> bool:
        """Show what can be shown; say whether a key frame must be asked for."""
        while self._next is not None and (found := self._pictures.get(self._next)):
            if not found.is_whole:
                break
            self._show(self._next, now)
        if self._next is None or not self._is_stuck(self._next, now):
            return False
        keys = [
            number
            for number, each in self._pictures.items()
            if number > self._next and each.is_key and each.is_whole
        ]
        if keys:
            self._show(min(keys), now)
            return False
        if now < self._asked_key_at + PATIENCE_S:
            return False
        self._asked_key_at = now
        self.key_frames_asked += 1
        return True

    def _show(self, number: int, now: float) -> None:
        self.shown.append((number, now))
        self._next = number + 1
        for old in [each for each in self._pictures if each <= number]:
            del self._pictures[old]

    def _is_stuck(self, number: int, now: float) -> bool:
        later = [each.seen_at for n, each in self._pictures.items() if n >= number]
        return bool(later) and now - min(later) > PATIENCE_S

    def _keep(self, payload: bytes, now: float) -> None:
        mark, number, index, many, is_key = _TRAILER.unpack(payload[-_TRAILER.size :])
        assert mark == _MARK, "it is not what was sent"
        if self._next is None:
            self._next = number
        if number >= self._next:
            picture = self._pictures.setdefault(number, _Picture(many, bool(is_key), now))
            picture.parts.add(index)

    def _extended(self, sequence: int) -> int:
        if self._highest < 0:
            return sequence + 0x10000
        step = (sequence - self._highest) & 0xFFFF
        return self._highest + (step - 0x10000 if step >= 0x8000 else step)


class RepairingPeer(HeadlessPeer):
    """A client behind a link, if one is given."""

    def __init__(self, name: str, *, link: LossyLink | None = None) -> None:
        super().__init__(name)
        self.slots: dict[str, Slot] = {}
        self.resent = 0
        self.asked_of_me = 0
        self._link = link
        self._again = Stream("1", self.video.ssrc + 1, self.numbering.rtx)
        self._history: OrderedDict[int, tuple[int, bool, bytes]] = OrderedDict()
        self._minding: asyncio.Task[None] | None = None

    def open(self, answer: str) -> None:
        """Open towards the link."""
        super().open(answer if self._link is None else self._link.through(answer))
        self._minding = asyncio.get_running_loop().create_task(self._mind())

    async def close(self, *, is_polite: bool = True) -> None:
        """Mind nothing any more, then close."""
        if self._minding is not None:
            self._minding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._minding
        await super().close(is_polite=is_polite)

    def send_video(self, *, is_key: bool = False, packets: int = 1) -> None:
        """Send one picture whose packets say which and how many they are."""
        stream = self.video
        for index in range(packets):
            head = struct.pack(
                "!BBH", 0x90 if index == 0 else 0x80, 0x80, stream.picture_id | 0x8000
            )
            first = (b"\x10" if is_key else b"\x11") if index == 0 else b""
            trailer = _TRAILER.pack(_MARK, stream.frames, index, packets, is_key)
            body = head + first + bytes(PICTURE_BYTES) + trailer
            sequence, is_last = stream.sequence, index == packets - 1
            self._history[sequence] = (stream.timestamp, is_last, body)
            self.send_raw(self.protect(stream, body, is_last=is_last))
        stream.timestamp += 3_000
        stream.picture_id = (stream.picture_id + 1) & 0x7FFF
        stream.frames += 1
        while len(self._history) > _KEPT:
            self._history.popitem(last=False)

    def _take(self, packet: Received) -> None:
        if packet.payload_type not in {self.numbering.vp8, self.numbering.rtx}:
            super()._take(packet)
            return
        assert packet.mid is not None
        assert self.answer is not None
        slot = self.slots.setdefault(packet.mid, Slot(self.answer.slot_ssrcs[packet.mid]))
        slot.take(packet, monotonic())

    def _on_rtcp(self, compound: bytes) -> None:
        super()._on_rtcp(compound)
        for item in rtcp.read(compound):
            if isinstance(item, rtcp.Nack) and item.ssrc == self.video.ssrc:
                for number in item.numbers:
                    self._resend(number)

    def _resend(self, number: int) -> None:
        self.asked_of_me += 1
        kept = self._history.get(number)
        if kept is not None:
            self.resent += 1
            self._again.timestamp, is_last, body = kept
            again = number.to_bytes(2, "big") + body
            self.send_raw(self.protect(self._again, again, is_last=is_last))

    async def _mind(self) -> None:
        """Ask for what is missing and show what is whole, each 10 ms."""
        while True:
            await asyncio.sleep(TICK_S)
            now = monotonic()
            for slot in self.slots.values():
                if numbers := slot.due(now):
                    self._ask(
                        slot, rtcp.write_nack(sender_ssrc=1, media_ssrc=slot.ssrc, numbers=numbers)
                    )
                if slot.show(now):
                    self._ask(slot, rtcp.write_pli(sender_ssrc=1, media_ssrc=slot.ssrc))

    def _ask(self, slot: Slot, request: bytes) -> None:
        del slot
        self.send_rtcp(rtcp.write_receiver_report(ssrc=1, blocks=[]) + request)
