"""Whatever layers a slot is given, its receiver sees one stream that never steps back."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from media.core.allocator import FULL_RATE, OFF
from media.core.vp8 import parse
from tests.support.engine_lab import (
    CAMERA,
    QHF,
    EngineLab,
    Heard,
    Publishing,
    layer_packet,
    sequences,
)
from tests.support.rtp import vp8

FRAMES_A_KEY = 8
Y_BIT = 0x20
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 6)),
        st.tuples(st.just("lose"), st.integers(0, 5)),
        st.tuples(st.just("overtake"), st.integers(2, 4)),
        st.tuples(st.just("steer"), st.integers(OFF, 2)),
        st.tuples(st.just("temporal"), st.sampled_from((0, FULL_RATE))),
        st.tuples(st.just("mute"), st.integers(1, 4)),
        st.tuples(st.just("pause"), st.integers(1, 4)),
        st.tuples(st.just("wait"), st.integers(1, 50)),
    ),
    max_size=60,
)


class Camera:
    """Three encodings of the same frames, each of two packets, half of them of a second layer."""

    def __init__(self, lab: EngineLab, first: int) -> None:
        self.lab = lab
        publishing = Publishing(is_declared=False, rids=QHF)
        self.peer = lab.open("ann", publishing=publishing)
        self.bob = lab.open("bob")
        lab.route(self.peer, CAMERA, self.bob, "20")
        self.sequence = dict.fromkeys(QHF, first)
        self.frames = 0
        self.waiting: list[bytes] = []
        self.disturbed = False

    def shoot(self) -> None:
        for place, rid in enumerate(QHF):
            is_key = (self.frames + 3 * place) % FRAMES_A_KEY == 0
            temporal = 0 if is_key else self.frames % 2
            for part in range(2):
                payload = bytearray(
                    vp8(
                        is_start=part == 0,
                        is_key=is_key and part == 0,
                        picture_id=(self.frames + 9_000 * place) % 2**15,
                        tl0=self.frames // 2 % 256,
                        temporal_id=temporal,
                        key_index=0,
                        data=f"{rid} {self.frames} {part}".encode(),
                    )
                )
                payload[5] |= Y_BIT
                packet = layer_packet(
                    self.peer,
                    rid,
                    self.sequence[rid],
                    bytes(payload),
                    ticks=3_000 * self.frames + 77 * place,
                    marker=part,
                )
                self.waiting.append(self.peer.protect(packet))
                self.sequence[rid] += 1
        self.frames += 1

    def deliver(self) -> None:
        for data in self.waiting:
            self.lab.engine.on_srtp(self.peer.addr, data, self.lab.now)
        self.waiting.clear()
        self.lab.pass_time(0.01)

    def send(self, frames: int) -> None:
        for _ in range(frames):
            self.shoot()
        self.deliver()

    def disturb(self, step: str, amount: int) -> None:
        for _ in range(1 if step == "lose" else amount):
            self.shoot()
        if step == "lose":
            del self.waiting[amount]
        else:
            self.waiting.reverse()
        self.deliver()
        self.disturbed = True

    def play(self, step: str, amount: int) -> None:
        match step:
            case "send":
                self.send(amount)
            case "lose" | "overtake":
                self.disturb(step, amount)
            case "steer":
                self.lab.steer(self.bob, "20", amount, self.temporal)
            case "temporal":
                slot = self.lab.engine._peers[self.bob.key].slots["20"]
                self.lab.steer(self.bob, "20", slot.rank, amount)
            case "mute":
                self.lab.mute(self.peer, CAMERA, is_muted=True)
                self.send(amount)
                self.lab.mute(self.peer, CAMERA, is_muted=False)
            case "pause":
                self.lab.engine.set_paused(self.bob.key, is_paused=True)
                self.send(amount)
                self.lab.engine.set_paused(self.bob.key, is_paused=False)
            case _:
                self.lab.pass_time(amount / 1_000)

    @property
    def temporal(self) -> int:
        return self.lab.engine._peers[self.bob.key].slots["20"].temporal_wanted


def picture_id(heard: Heard) -> int:
    descriptor = parse(heard.payload, 0, len(heard.payload))
    assert descriptor is not None
    return descriptor[1]


def frame_of(heard: Heard) -> bytes:
    descriptor = parse(heard.payload, 0, len(heard.payload))
    assert descriptor is not None
    return heard.payload[descriptor[0] + 1 :].rpartition(b" ")[0]


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(0, 65_000))
def test_layers_leave_one_stream(steps: list[tuple[str, int]], first: int) -> None:
    camera = Camera(EngineLab(), first)

    for step, amount in steps:
        camera.play(step, amount)

    heard = camera.bob.heard_in("20")
    assert camera.bob.not_authentic == 0
    numbers = sequences(heard)
    assert len(set(numbers)) == len(numbers), "no number twice"
    if not numbers:
        return
    ordered = sorted(heard, key=lambda each: (each.sequence - numbers[0] + 2_000) % 65_536)
    for before, after in pairwise(ordered):
        rise = (picture_id(after) - picture_id(before)) % 2**15
        assert rise < 2**14, "picture ids never step back"
        if frame_of(before) == frame_of(after):
            assert rise == 0
        elif not camera.disturbed:
            assert rise == 1, "one picture, one id, none left out"
    if not camera.disturbed:
        assert numbers == [(numbers[0] + index) % 65_536 for index in range(len(numbers))]
