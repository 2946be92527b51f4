"""Somebody in a call without a browser: a socket, a peer, and the page's manners.

Talks without a break; builds anew when told, restarts ICE when asked; keeps a ledger of all it
heard, by whom and under which room epoch it was sent.
"""

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from signaling.client import RequestRefused, SignalingClient, SocketClosed
from signaling.contract.ids import ParticipantId, PublicationId
from signaling.contract.messages import (
    MEDIA_MOVE,
    AckSlots,
    Admitted,
    FromServer,
    IceRestartWanted,
    MediaMove,
    MediaMoveOver,
    MediaReady,
    MediaRebuild,
    Offer,
    ParticipantChanged,
    Publish,
    SlotsMapped,
    Source,
    Subscribe,
    Want,
    Welcome,
)
from tests.support.headless_peer import HeadlessPeer

PACKET_S = 0.02
_TRAILER = struct.Struct("!QI")


@dataclass(frozen=True, slots=True)
class Heard:
    """One packet of somebody else's voice."""

    at: float
    speaker: str
    sent_epoch: int
    """Room epoch of the connection it was sent over."""
    own_epoch: int
    """Room epoch of the connection it came by."""


class Party:
    """One participant; `other` is who should be heard."""

    def __init__(self, client: SignalingClient, participant_id: ParticipantId) -> None:
        self.client = client
        self.participant_id = participant_id
        self.other: Party | None = None
        self.is_paired = asyncio.Event()
        self.peer: HeadlessPeer | None = None
        self.peers: list[tuple[int, HeadlessPeer]] = []
        """Every connection ever made, with its room epoch; old ones are kept open."""
        self.room_epoch = 0
        self.heard: list[Heard] = []
        self.restarts = 0
        self.rebuilds: list[MediaRebuild] = []
        self.moves: list[MediaMove] = []
        self.marks: list[bool] = []
        """What was told of the other's `is_reconnecting`, in order."""
        self.keeps_old_peers = False
        self.stays_put = False
        """Never say that everything comes from the new place."""
        self._is_lost = False
        self._moving_to = 0
        """Room epoch of the place to come over to; 0 when there is none."""
        self._made: list[HeadlessPeer] = []
        self._building: asyncio.Task[None] | None = None
        self._offer_id = 0
        self._sent = 0
        self._read = 0
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def seated(
        cls, url: str, origin: str, ticket: str, *, can_move: bool = True
    ) -> AsyncIterator[Self]:
        """Take a seat and stay in the call for the length of a `with` block."""
        async with SignalingClient.open(url, origin=origin) as client:
            welcome = await client.hello(ticket, features=(MEDIA_MOVE,) if can_move else ())
            assert isinstance(welcome, Welcome)
            party = cls(client, welcome.participant_id)
            party._tasks = [asyncio.create_task(each()) for each in (party._obey, party._talk)]
            try:
                yield party
            finally:
                tasks = [*party._tasks, *([party._building] if party._building else [])]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                for peer in party._made:
                    await peer.close(is_polite=False)

    def pair(self, other: "Party") -> None:
        """Say who should be heard."""
        self.other = other
        self.is_paired.set()

    @property
    def hears_now(self) -> bool:
        """Say whether the other was heard in the last quarter of a second."""
        return bool(self.heard) and self.heard[-1].at > time.monotonic() - 0.25

    def heard_after(self, instant: float, *, epoch: int = 0) -> float | None:
        """Return when the other was first heard after an instant, by a connection this new."""
        return next(
            (each.at for each in self.heard if each.at > instant and each.own_epoch > epoch), None
        )

    def longest_gap_s(self, since: float, until: float) -> float:
        """Return for how long, between two instants, the other was not heard."""
        instants = [since, *(each.at for each in self.heard if since < each.at < until), until]
        return max(later - earlier for earlier, later in pairwise(instants))

    def longest_gap_as_played_s(self, since: float, until: float) -> float:
        """Return the same of what a page would play: from the first packet of a newer connection
        on nothing of an older one."""
        played, epoch = [since], 0
        for each in self.heard:
            epoch = max(epoch, each.own_epoch)
            if since < each.at < until and each.own_epoch == epoch:
                played.append(each.at)
        return max(later - earlier for earlier, later in pairwise([*played, until]))

    async def _obey(self) -> None:
        """Take what the server says, in order."""
        while True:
            while self._read < len(self.client.told):
                message = self.client.told[self._read]
                self._read += 1
                await self._take(message)
            await asyncio.sleep(0.01)

    async def _take(self, message: FromServer) -> None:
        match message:
            case Admitted(room_epoch=room_epoch):
                self._moving_to = 0
                self._begin(room_epoch, 0)
            case MediaRebuild(room_epoch=room_epoch, retry_after_ms=wait_ms):
                self.rebuilds.append(message)
                self._moving_to = 0
                self._begin(room_epoch, wait_ms)
            case MediaMove(room_epoch=room_epoch):
                self.moves.append(message)
                self._moving_to = room_epoch
                self._begin(room_epoch, 0)
            case MediaMoveOver():
                await self._close_all_but(self.peer)
            case IceRestartWanted():
                await self._restart()
            case SlotsMapped(map_id=map_id):
                await self.client.tell(AckSlots(id=1, map_id=map_id))
            case ParticipantChanged(participant=seen) if seen.participant_id != self.participant_id:
                self.marks.append(seen.is_reconnecting)
            case _:
                pass

    def _begin(self, room_epoch: int, wait_ms: int) -> None:
        """Build anew after a pause; what was being built is void."""
        if self._building is not None:
            self._building.cancel()
        self._building = asyncio.create_task(self._build(room_epoch, wait_ms))

    async def _build(self, room_epoch: int, wait_ms: int) -> None:
        """Make a new connection; the old one is let go, or kept as a zombie's guest."""
        await asyncio.sleep(wait_ms / 1_000)
        if room_epoch != self._moving_to and not self.keeps_old_peers:
            await self._close_all_but(None)
        self.peer = None
        peer = HeadlessPeer(self.participant_id[:8])
        self._made.append(peer)
        self.room_epoch = room_epoch
        with contextlib.suppress(RequestRefused, SocketClosed, TimeoutError):
            await peer.connect(await self._offer(peer.offer(), is_restart=False))
            self.peer = peer
            self.peers.append((room_epoch, peer))
            await self.client.ask(Publish(id=1, source=Source.MIC, mid="0"))
            await self._subscribe()

    async def _close_all_but(self, kept: HeadlessPeer | None) -> None:
        for epoch, peer in list(self.peers):
            if peer is not kept:
                self.peers.remove((epoch, peer))
                await peer.close(is_polite=False)

    async def _subscribe(self) -> None:
        await self.is_paired.wait()
        assert self.other is not None
        wanted = PublicationId(f"{self.other.participant_id}.mic")
        await self.client.tell(Subscribe(id=1, wants=(Want(publication_id=wanted),)))

    async def lose_network(self) -> None:
        """Go on from another address that nobody has checked, as a phone that changes network."""
        assert self.peer is not None
        await self.peer.fall_silent()
        self.peer.move()
        self._is_lost = True

    async def _restart(self) -> None:
        """Same keys, a new pair of credentials, perhaps from a new address."""
        if self.peer is None:
            return
        self.restarts += 1
        ufrag = f"restart{self.restarts:02}"
        offer = self.peer.offer().replace(self.peer.plan.ufrag, ufrag)
        with contextlib.suppress(RequestRefused):
            self.peer.restart(ufrag, await self._offer(offer, is_restart=True))
            if self._is_lost:
                self._is_lost = False
                self.peer.speak_again()

    async def _offer(self, sdp: str, *, is_restart: bool) -> str:
        self._offer_id += 1
        answer = await self.client.ask(
            Offer(
                id=1,
                offer_id=self._offer_id,
                room_epoch=self.room_epoch,
                sdp=sdp,
                ice_restart=is_restart,
            )
        )
        return str(getattr(answer, "sdp", ""))

    async def _talk(self) -> None:
        """Say something each 20 ms over every open connection; take what has come."""
        while True:
            for epoch, peer in self.peers:
                if peer.keys is not None:
                    self._sent += 1
                    body = self.participant_id.encode() + _TRAILER.pack(epoch, self._sent)
                    peer.send_audio(b"\xfc" + body)
                self._collect(epoch, peer)
            await asyncio.sleep(PACKET_S)

    def _collect(self, epoch: int, peer: HeadlessPeer) -> None:
        at = time.monotonic()
        for packets in peer.received.values():
            for packet in packets:
                sent_epoch, _ = _TRAILER.unpack(packet.payload[-_TRAILER.size :])
                speaker = packet.payload[1 : -_TRAILER.size].decode()
                self.heard.append(Heard(at, speaker, sent_epoch, epoch))
                if epoch == self._moving_to and not self.stays_put:
                    self._arrive(epoch)
            packets.clear()

    def _arrive(self, room_epoch: int) -> None:
        """Say that everything comes from the new place: all that is wished for is one voice."""
        self._moving_to = 0
        ready = self.client.tell(MediaReady(id=1, room_epoch=room_epoch))
        self._tasks.append(asyncio.create_task(ready))
