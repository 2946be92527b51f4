"""Whatever the way in does to packets, a receiver sees one stream that never steps back."""

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from media.core.vp8 import parse
from media.shell.slots import ERAS_KEPT
from tests.support.engine_lab import CAMERA, EngineLab, FakePeer, Heard, sequences, video_packet
from tests.support.rtp import vp8

FRAMES_A_KEY = 12
WAITING_MAX = 200
"""Packets of 100 frames: a picture id of 7 bits does not tell what came 128 frames apart."""
LAST_START = 65_500
"""A stream overtaken across the wrap before its first packet cannot be decrypted (RFC 3711)."""


@dataclass
class Camera:
    """A sender whose frames name themselves, two packets each."""

    peer: FakePeer
    sequence: int
    picture_id: int
    is_short: bool
    frames: int = 0
    waiting: list[bytes] = field(default_factory=list)

    def shoot(self) -> None:
        """Make a frame's packets, protected, in order of sending."""
        is_key = self.frames % FRAMES_A_KEY == 0
        picture_id = self.picture_id % (128 if self.is_short else 32_768)
        for part in range(2):
            payload = vp8(
                is_start=part == 0,
                is_key=is_key and part == 0,
                picture_id=picture_id,
                is_short=self.is_short,
                tl0=self.frames % 256,
                key_index=0,
                data=f"{self.peer.name} {self.frames} {part}".encode(),
            )
            packet = video_packet(self.peer, self.sequence, payload, ticks=self.frames * 3_000)
            self.waiting.append(self.peer.protect(packet))
            self.sequence += 1
        self.frames += 1
        self.picture_id += 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 6)),
        st.tuples(st.just("lose"), st.integers(0, 3)),
        st.tuples(st.just("overtake"), st.integers(1, 4)),
        st.tuples(st.just("switch"), st.just(0)),
        st.tuples(st.just("mute"), st.integers(1, 4)),
        st.tuples(st.just("pad"), st.integers(1, 3)),
        st.tuples(st.just("wait"), st.integers(1, 50)),
        st.tuples(st.just("outage"), st.integers(1, 100)),
    ),
    max_size=60,
)


class Scene:
    """One viewer's slot and the cameras that take turns in it."""

    def __init__(self, first: int, *, is_short: bool) -> None:
        self.lab = EngineLab()
        self.bob = self.lab.open("bob")
        self.cameras = [
            Camera(self.lab.open(name), first * (turn + 1) % LAST_START, first % 32_768, is_short)
            for turn, name in enumerate(("ann", "eve"))
        ]
        self.routed = -1
        self.disturbed = False
        self.muted_frames: set[bytes] = set()
        self.switch()

    @property
    def camera(self) -> Camera:
        return self.cameras[self.routed]

    def switch(self) -> None:
        if self.routed >= 0:
            self.lab.route(self.camera.peer, CAMERA, self.bob, "20", is_attached=False)
        self.routed = (self.routed + 1) % 2
        self.lab.route(self.camera.peer, CAMERA, self.bob, "20")

    def play(self, step: str, amount: int) -> None:
        match step:
            case "send":
                self.send(amount)
            case "lose":
                self.camera.shoot()
                del self.camera.waiting[amount % 2]
                self.disturbed = True
            case "overtake":
                self.overtake(amount)
            case "switch":
                self.switch()
            case "mute":
                self.mute(amount)
            case "pad":
                self.pad(amount)
            case "outage":
                self.outage(amount)
            case _:
                self.lab.pass_time(amount / 1_000)

    def bound_delay(self) -> None:
        if len(self.camera.waiting) > WAITING_MAX:
            self.deliver(self.camera)

    def send(self, frames: int) -> None:
        for camera in self.cameras:
            for _ in range(frames):
                camera.shoot()
            self.deliver(camera)

    def overtake(self, frames: int) -> None:
        for _ in range(frames):
            self.camera.shoot()
        self.camera.waiting.reverse()
        self.disturbed = True

    def mute(self, frames: int) -> None:
        camera = self.camera
        self.deliver(camera)
        self.lab.mute(camera.peer, CAMERA, is_muted=True)
        for _ in range(frames):
            for part in range(2):
                self.muted_frames.add(f"{camera.peer.name} {camera.frames} {part}".encode())
            camera.shoot()
        overtaken = camera.waiting[:-1]
        del camera.waiting[:-1]
        self.deliver(camera)
        self.lab.mute(camera.peer, CAMERA, is_muted=False)
        camera.waiting = overtaken
        self.deliver(camera)

    def pad(self, packets: int) -> None:
        """Probing of both cameras, as a browser does it without a payload."""
        for camera in self.cameras:
            self.deliver(camera)
            for _ in range(packets):
                packet = video_packet(camera.peer, camera.sequence, bytes(3) + b"\x04")
                padding = bytes([packet[0] | 0x20]) + packet[1:]
                camera.waiting.append(camera.peer.protect(padding))
                camera.sequence += 1
            self.deliver(camera)

    def outage(self, frames: int) -> None:
        """Nothing gets through for a while; then the next frame does."""
        self.deliver(self.camera)
        for _ in range(frames):
            self.camera.shoot()
        self.camera.waiting.clear()
        self.camera.shoot()
        self.deliver(self.camera)
        self.disturbed = True

    def deliver(self, camera: Camera) -> None:
        for data in camera.waiting:
            self.lab.engine.on_srtp(camera.peer.addr, data, self.lab.now)
        camera.waiting.clear()
        self.lab.pass_time(0.01)


def picture_id(heard: Heard) -> int:
    descriptor = parse(heard.payload, 0, len(heard.payload))
    assert descriptor is not None
    return descriptor[1]


def content(heard: Heard) -> bytes:
    descriptor = parse(heard.payload, 0, len(heard.payload))
    assert descriptor is not None
    return heard.payload[descriptor[0] + 1 :]


@settings(max_examples=120, deadline=None)
@given(STEPS, st.integers(0, 70_000), st.booleans())
@example([("send", 1), *[("overtake", 4)] * 17, ("send", 1)], 0, True)
def test_a_receiver_sees_one_stream_that_never_steps_back(
    steps: list[tuple[str, int]],
    first: int,
    is_short: bool,  # noqa: FBT001  (drawn)
) -> None:
    scene = Scene(first, is_short=is_short)

    for step, amount in steps:
        scene.bound_delay()
        scene.play(step, amount)

    heard = scene.bob.heard_in("20")
    assert scene.bob.not_authentic == 0
    numbers = sequences(heard)
    assert len(set(numbers)) == len(numbers), "no number twice"
    assert not scene.muted_frames.intersection(map(content, heard))
    if not numbers:
        return
    ordered = sorted(heard, key=lambda each: (each.sequence - numbers[0] + 2_000) % 65_536)
    ids = [picture_id(each) for each in ordered]
    steps_of_ids = [(after - before) % 2**15 for before, after in pairwise(ids)]
    assert all(step < 2**14 for step in steps_of_ids), "picture ids never step back"
    if not scene.disturbed:
        assert numbers == [(numbers[0] + index) % 65_536 for index in range(len(numbers))]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=40), st.integers(0, 65_535))
def test_the_memory_of_a_stream_is_bounded(jumps: list[int], first: int) -> None:
    lab = EngineLab()
    ann, bob = lab.open("ann"), lab.open("bob")
    lab.route(ann, CAMERA, bob, "20")
    number = first
    for jump in jumps:
        number += 1 + jump
        lab.video(ann, number, vp8(is_key=True, picture_id=number % 32_768))
        lab.pass_time(0.01)

    streams = lab.engine._peers[ann.key]
    slot = lab.engine._peers[bob.key].slots["20"]
    (encoding,) = streams.encodings.values()
    assert len(encoding.ring.packets) == 1_024
    assert len(slot.sent.numbers) == 1_024
    assert len(encoding.loss.missing) <= 1_000
    assert len(slot.eras) <= ERAS_KEPT
