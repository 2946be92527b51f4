"""What a call behind a lossy link was like, from what was sent and what was received."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from time import monotonic

from media.contract.control import Source
from tests.support.lossy_link import LossyLink, lossy_link
from tests.support.media_lab import Call, MediaLab, established_call
from tests.support.repairing_peer import RepairingPeer
from tests.support.weather import CLEAR, Weather


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One direction of a call: what one party had of the other."""

    sent_pictures: int
    shown_pictures: int
    longest_freeze_s: float
    missed: int
    filled: int
    """Of those missed, by a retransmission over either hop."""
    sent_voice: int
    heard_voice: int
    concealed_voice: int
    """Lost with the packet after it, which carries a copy in Opus's in-band error correction."""
    voice_gap_p95_s: float
    """Between arrivals of voice packets."""

    @property
    def pictures(self) -> float:
        """Share of pictures shown."""
        return self.shown_pictures / self.sent_pictures

    @property
    def concealed(self) -> float:
        """Share of voice that had to be made up."""
        return self.concealed_voice / self.sent_voice


class LinkedCall:
    """A patient behind a link and a provider without one, in a call of their own."""

    def __init__(self, call: Call, link: LossyLink) -> None:
        self.call = call
        self.link = link
        self._from: dict[str, int] = {}
        self._voice_from: dict[str, int] = {}
        self._missed_from: dict[str, tuple[int, int]] = {}
        self.mark()

    def peer(self, name: str) -> RepairingPeer:
        """Return one of the two."""
        found = self.call.peers[name]
        assert isinstance(found, RepairingPeer)
        return found

    def mark(self) -> None:
        """Count from here on."""
        self._began = monotonic()
        for name in self.call.peers:
            peer = self.peer(name)
            self._from[name] = peer.video.frames
            self._voice_from[name] = len(self.call.sent.get(name, []))
            slots = peer.slots.values()
            self._missed_from[name] = (
                sum(each.missed for each in slots),
                sum(each.filled for each in slots),
            )

    async def talk(self, seconds: float) -> None:
        """Talk; what is on its way at the end gets there."""
        await self.call.talk(seconds)

    def seen(self, name: str, other: str) -> Seen:
        """What `name` had of `other` since the mark."""
        viewer, speaker = self.peer(name), self.peer(other)
        slot = viewer.slots[self.call.mids[name][f"{other}.{Source.CAMERA}"]]
        first = self._from[other]
        shown = [at for number, at in slot.shown if number >= first]
        instants = [self._began, *shown, monotonic()]
        missed, filled = self._missed_from[name]
        sent = self.call.sent[other][self._voice_from[other] :]
        voice = viewer.received[self.call.mids[name][f"{other}.{Source.MIC}"]]
        arrivals = [each.at for each in voice if each.at >= self._began]
        gaps = sorted(late - early for early, late in pairwise(arrivals))
        heard = set(self.call.heard(name, other))
        lost = [body not in heard for body in sent]
        concealed = sum(one and after for one, after in pairwise([*lost, False]))
        return Seen(
            sent_pictures=speaker.video.frames - first,
            shown_pictures=len(shown),
            longest_freeze_s=max(late - early for early, late in pairwise(instants)),
            missed=slot.missed - missed,
            filled=slot.filled - filled,
            sent_voice=len(sent),
            heard_voice=len(sent) - sum(lost),
            concealed_voice=concealed,
            voice_gap_p95_s=gaps[len(gaps) * 95 // 100],
        )


@contextlib.asynccontextmanager
async def linked_call(
    lab: MediaLab, *, seed: int, room_id: str, weather: Weather = CLEAR
) -> AsyncIterator[LinkedCall]:
    """Run a call for the length of a `with` block, set up in this weather."""
    async with lossy_link(lab.address, seed=seed) as link:
        link.set_weather(up=weather, down=weather)
        patient = RepairingPeer(f"patient-{room_id}", link=link)
        provider = RepairingPeer(f"provider-{room_id}")
        async with established_call(lab, patient, provider, room_id=room_id) as call:
            linked = LinkedCall(call, link)
            await call.talk(0.3)
            linked.mark()
            yield linked
            link.clear()
