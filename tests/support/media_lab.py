"""A media node inside the test's own loop, and calls of headless peers through it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from itertools import count, permutations
from time import monotonic

from media.contract.control import (
    AckSlots,
    AttachPeer,
    ControlCommand,
    DetachPeer,
    DetachReason,
    Done,
    Offer,
    OpenRoom,
    Publish,
    SetWants,
    SlotMap,
    Source,
    Want,
)
from media.core.engine_face import Engine
from media.shell import dtls_seam
from media.shell.engine import PythonEngine
from media.shell.node import Limits, Node
from media.shell.peer import Plant
from media.shell.results import Result
from media.shell.timers import Ticker
from media.shell.udp_mux import UdpMux, open_socket
from tests.support.headless_peer import HeadlessPeer
from tests.support.recording_channel import RecordingChannel

ROOM = "room-1"


class MediaLab:
    """One node on a loopback port, driven by commands as signaling would send them."""

    def __init__(self, engine: Callable[[UdpMux], Engine] | None = None) -> None:
        opened = open_socket("127.0.0.1", 0)
        self.address: tuple[str, int] = opened.getsockname()
        self.mux = UdpMux([opened])
        self.engine = _python_engine(self.mux) if engine is None else engine(self.mux)
        self.tasks: set[asyncio.Task[None]] = set()
        plant = Plant(
            engine=self.engine,
            mux=self.mux,
            certificate=dtls_seam.make_certificate(),
            candidates=(self.address,),
            spawn=self.spawn,
        )
        self.node = Node(plant=plant, limits=Limits(rooms_max=10, peers_max=40, room_load_max=0))
        self.channel = RecordingChannel()
        self._request_ids = (f"q{number}" for number in count(1))
        self._ticker = Ticker(self.node.on_tick)

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run a task of the node and keep it, so that a test sees a dead one."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        return task

    def start(self) -> None:
        """Read and tick."""
        self.mux.start(self.engine)
        self._ticker.start()

    async def stop(self) -> None:
        """Stop; a task of the node that died of an exception fails the test here."""
        self.node.close(cause="test")
        await asyncio.sleep(0.01)
        await self._ticker.stop()
        self.mux.close()
        await asyncio.wait(self.tasks, timeout=1.0) if self.tasks else None
        for task in self.tasks:
            if task.done() and not task.cancelled():
                task.result()

    def request_id(self) -> str:
        """Return a fresh request id."""
        return next(self._request_ids)

    def do(self, command: ControlCommand) -> Result:
        """Send one command; whatever comes back."""
        return self.node.execute(command, self.channel)

    def done(self, command: ControlCommand) -> Done:
        """Send one command that must be done."""
        result = self.do(command)
        assert isinstance(result, Done), result
        return result

    def open_room(self, room_id: str = ROOM, *, epoch: int = 1) -> None:
        """Open a room of 12."""
        self.done(OpenRoom(request_id=self.request_id(), room_id=room_id, room_epoch=epoch))

    def attach(
        self,
        name: str,
        *,
        room_id: str = ROOM,
        epoch: int = 1,
        may_publish: tuple[Source, ...] = tuple(Source),
    ) -> None:
        """Attach a participant."""
        self.done(
            AttachPeer(
                request_id=self.request_id(),
                room_id=room_id,
                room_epoch=1,
                participant_id=name,
                attach_epoch=epoch,
                may_publish=may_publish,
            )
        )

    def detach(self, name: str, *, room_id: str = ROOM, epoch: int = 1) -> None:
        """Detach a participant."""
        self.done(
            DetachPeer(
                request_id=self.request_id(),
                room_id=room_id,
                room_epoch=1,
                participant_id=name,
                attach_epoch=epoch,
                reason=DetachReason.LEFT,
            )
        )

    def offer(
        self, name: str, sdp: str, *, offer_id: int = 1, room_id: str = ROOM, epoch: int = 1
    ) -> str:
        """Offer; the answer's text."""
        answered = self.done(
            Offer(
                request_id=self.request_id(),
                room_id=room_id,
                room_epoch=1,
                participant_id=name,
                attach_epoch=epoch,
                offer_id=offer_id,
                sdp=sdp,
            )
        )
        assert answered.sdp is not None
        return answered.sdp

    async def join(self, peer: HeadlessPeer, *, room_id: str = ROOM) -> None:
        """Attach, offer, connect."""
        self.attach(peer.name, room_id=room_id)
        await peer.connect(self.offer(peer.name, peer.offer(), room_id=room_id))

    def publish(self, name: str, *, room_id: str = ROOM, is_muted: bool = False) -> None:
        """Publish microphone and camera."""
        for source, mid in ((Source.MIC, "0"), (Source.CAMERA, "1")):
            self.done(
                Publish(
                    request_id=self.request_id(),
                    room_id=room_id,
                    room_epoch=1,
                    participant_id=name,
                    attach_epoch=1,
                    publication_id=f"{name}.{source}",
                    mid=mid,
                    source=source,
                    is_muted=is_muted,
                )
            )

    def want(self, name: str, others: tuple[str, ...], *, room_id: str = ROOM) -> None:
        """Wish for microphone and camera of others."""
        wants = tuple(
            Want(publication_id=f"{other}.{source}")
            for other in others
            for source in (Source.MIC, Source.CAMERA)
        )
        self.done(
            SetWants(
                request_id=self.request_id(),
                room_id=room_id,
                room_epoch=1,
                participant_id=name,
                attach_epoch=1,
                wants=wants,
            )
        )

    def newest_map(self, name: str) -> SlotMap:
        """Return the last slot map told for a participant."""
        return [each for each in self.channel.of(SlotMap) if each.participant_id == name][-1]

    def ack(self, name: str, *, room_id: str = ROOM) -> dict[str, str]:
        """Acknowledge the newest map; publication → mid."""
        newest = self.newest_map(name)
        self.done(
            AckSlots(
                request_id=self.request_id(),
                room_id=room_id,
                room_epoch=1,
                participant_id=name,
                attach_epoch=1,
                map_id=newest.map_id,
            )
        )
        return {slot.publication_id: slot.mid for slot in newest.slots if slot.publication_id}


@dataclass
class Call:
    """Connected participants who publish and see each other."""

    lab: MediaLab
    room_id: str
    peers: dict[str, HeadlessPeer]
    mids: dict[str, dict[str, str]]
    sent: dict[str, list[bytes]] = field(default_factory=dict)

    def heard(self, name: str, other: str) -> list[bytes]:
        """Audio payloads `name` has received from `other`, in order of arrival."""
        mid = self.mids[name][f"{other}.{Source.MIC}"]
        return [packet.payload for packet in self.peers[name].received[mid]]

    def seen(self, name: str, other: str) -> int:
        """How many video packets `name` has received from `other`."""
        mid = self.mids[name][f"{other}.{Source.CAMERA}"]
        return len(self.peers[name].received[mid])

    async def talk(self, seconds: float, *, fps: int = 25) -> None:
        """Send 50 audio packets and some frames a second from both sides."""
        for tick in range(int(seconds * 50)):
            for name, peer in self.peers.items():
                self.sent.setdefault(name, []).append(peer.send_audio())
                if tick % max(1, 50 // fps) == 0:
                    is_key = peer.key_frames_asked > 0 or peer.video.frames == 0
                    peer.key_frames_asked = 0
                    peer.send_video(is_key=is_key, packets=2)
            await asyncio.sleep(0.02)

    async def nothing_was_lost(self) -> None:
        """Every audio payload sent has arrived on every other side, once and in order."""
        await asyncio.sleep(0.1)
        for name, other in permutations(self.peers, 2):
            assert self.heard(name, other) == self.sent[other], (name, other)


def _python_engine(mux: UdpMux) -> Engine:
    return PythonEngine(mux.sendto, draw=dtls_seam.draw_ssrc)


@contextlib.asynccontextmanager
async def media_lab(engine: Callable[[UdpMux], Engine] | None = None) -> AsyncIterator[MediaLab]:
    """Run a node for the length of a `with` block."""
    lab = MediaLab(engine)
    lab.start()
    try:
        yield lab
    finally:
        await lab.stop()


@contextlib.asynccontextmanager
async def established_call(
    lab: MediaLab, *names: HeadlessPeer, room_id: str = ROOM
) -> AsyncIterator[Call]:
    """Participants in a room, two unless named, maps acknowledged, media flowing both ways."""
    peers = {peer.name: peer for peer in names}
    if not peers:
        peers = {name: HeadlessPeer(name) for name in ("patient", "provider")}
    lab.open_room(room_id)
    for peer in peers.values():
        await lab.join(peer, room_id=room_id)
        lab.publish(peer.name, room_id=room_id)
    mids = {}
    for name in peers:
        lab.want(name, tuple(other for other in peers if other != name), room_id=room_id)
        mids[name] = lab.ack(name, room_id=room_id)
    call = Call(lab, room_id, peers, mids)
    try:
        yield call
    finally:
        for peer in peers.values():
            await peer.close()


async def until(condition: Callable[[], bool], *, within_s: float = 3.0) -> None:
    """Wait for a condition of the node, looking each 5 ms."""
    deadline = monotonic() + within_s
    while not condition():
        assert monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.005)
