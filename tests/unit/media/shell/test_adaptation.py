"""A room adapts: what the engine measures becomes layers, words and events."""

from math import ceil
from time import monotonic

import pytest

from media.contract.control import (
    LayersWanted,
    QualityTold,
    RefusalCode,
    SetWants,
    SlotMap,
    Source,
    SpeakersTold,
    Want,
)
from media.contract.stats import Link, Rung, RungCause
from media.core.allocator import FULL_RATE, OFF
from media.core.engine_face import (
    PeerKey,
    PeerSample,
    PublicationKey,
    SlotKey,
    SlotSample,
    SrtpProfile,
    StreamSample,
)
from media.core.ice_lite import Lost
from media.shell.peer import Connected
from tests.support.fake_engine import FakeEngine
from tests.support.media_commands import (
    ack,
    attach,
    mute,
    offer,
    open_room,
    pause,
    publish,
    wants,
)
from tests.support.node_lab import SDP, NodeLab

CAMERA = PublicationKey(peer=PeerKey("room-1/ann/1"), mid="1")
MIC = PublicationKey(peer=PeerKey("room-1/ann/1"), mid="0")
BOB = PeerKey("room-1/bob/1")
SIMULCAST = SDP.replace(
    "a=mid:1\r\n",
    "a=mid:1\r\na=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n"
    "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n",
)


class Scene:
    """Ann publishes, bob looks; the test holds the clock and the engine's measurements."""

    def __init__(self) -> None:
        self.lab = NodeLab()
        self.lab.done(open_room(), attach("ann"), offer("ann", SIMULCAST), attach("bob"))
        self.lab.done(offer("bob", SDP), publish("ann"), publish("ann", Source.CAMERA))
        self.room = self.lab.node._rooms["room-1"].room
        self.now = float(ceil(monotonic()))
        self.arriving = (True, True, True)
        self.packets = [0, 0, 0]
        self.loud = 0
        self.is_loud = False

    @property
    def engine(self) -> FakeEngine:
        return self.lab.engine

    def look(self, width: int = 1_280) -> str:
        """Let bob wish for both, and acknowledge; the mid of ann's picture."""
        command = wants("bob", "ann.mic", "ann.camera")
        wished = tuple(
            Want(publication_id=each.publication_id, max_width_px=width) for each in command.wants
        )
        self.lab.done(
            SetWants(
                request_id=f"{command.request_id}w",
                room_id=command.room_id,
                room_epoch=1,
                participant_id="bob",
                attach_epoch=1,
                wants=wished,
            )
        )
        newest = self.lab.channel.of(SlotMap)[-1]
        self.lab.done(ack("bob", newest.map_id))
        return next(each.mid for each in newest.slots if each.publication_id == "ann.camera")

    def pass_time(self, seconds: float) -> None:
        """Tick eight times a second: an eighth adds up without a rounding error."""
        for _ in range(round(seconds * 8)):
            self.now += 0.125
            for rank, is_arriving in enumerate(self.arriving):
                self.packets[rank] += 5 * is_arriving
            self.loud += 5 * self.is_loud
            self.engine.arriving[CAMERA] = tuple(
                StreamSample(rank=rank, received=count, octets=0, loud=0, top_temporal=1)
                for rank, count in enumerate(self.packets)
            )
            self.engine.arriving[MIC] = (
                StreamSample(rank=0, received=1, octets=0, loud=self.loud, top_temporal=-1),
            )
            self.room._adapt(self.now)

    def strain(self, level: int) -> None:
        """Let the node find itself at an overload level."""
        self.lab.node._admission.level = level
        self.lab.node._sweep(monotonic())

    def layer(self, mid: str) -> tuple[int, int]:
        """What the engine was last told of bob's slot."""
        layer: tuple[int, int] = self.engine.layers[SlotKey(peer=BOB, mid=mid)]
        return layer

    def wanted(self) -> dict[str, bool]:
        """What ann was last told to send."""
        newest = self.lab.channel.of(LayersWanted)[-1]
        assert newest.participant_id == "ann"
        return {each.rid: each.is_wanted for each in newest.encodings}

    def fare(self, name: str) -> QualityTold:
        """What was last told of somebody."""
        told = [each for each in self.lab.channel.of(QualityTold) if each.participant_id == name]
        return told[-1]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def sample(mid: str = "", *, loss: float = 0.0, packets: int = 50) -> PeerSample:
    return PeerSample(
        span_s=1.0,
        estimate_bps=800_000,
        rtt_s=0.05,
        loss_up=loss,
        loss_down=0.0,
        jitter_s=0.002,
        queue_s=0.0,
        bps_in=1,
        bps_out=2,
        packets_in=packets,
        packets_out=packets,
        nacked=3,
        resent=2,
        key_frames_asked=1,
        slots=(SlotSample(mid=mid, rank=OFF, is_waiting=True),) if mid else (),
    )


def test_a_viewer_gets_what_its_downlink_carries_and_the_rest_of_the_camera_rests(
    scene: Scene,
) -> None:
    mid = scene.look()
    scene.pass_time(0.2)
    assert scene.layer(mid) == (1, FULL_RATE)
    assert scene.engine.wanted[BOB] == int(1.2 * 1_540_000)

    scene.pass_time(6)
    assert scene.wanted() == {"q": False, "h": True, "f": False}


@pytest.mark.requirement("REL-NET-04")
def test_a_fall_is_obeyed_within_a_tenth_of_a_second_and_a_rise_in_steps(scene: Scene) -> None:
    mid = scene.look()
    scene.pass_time(6)
    scene.engine.estimates[BOB] = 140_000.0
    scene.pass_time(0.2)
    assert scene.layer(mid) == (0, 0)
    assert scene.wanted()["q"]
    scene.engine.estimates[BOB] = 64_000.0
    scene.pass_time(0.2)
    assert scene.layer(mid) == (OFF, FULL_RATE)

    scene.engine.estimates[BOB] = 9_000_000.0
    scene.pass_time(12)
    assert scene.layer(mid) == (2, FULL_RATE)


def test_a_tile_decides_how_large_a_picture_is_sent(scene: Scene) -> None:
    mid = scene.look(width=320)
    scene.pass_time(1)
    assert scene.layer(mid) == (0, FULL_RATE)
    scene.look(width=0)
    scene.pass_time(1)
    assert scene.layer(mid) == (OFF, FULL_RATE)


def test_an_overloaded_node_sends_smaller_pictures_until_it_has_eased(scene: Scene) -> None:
    mid = scene.look()
    scene.engine.estimates[BOB] = 9_000_000.0
    scene.pass_time(12)
    before = scene.layer(mid)
    scene.strain(1)
    scene.pass_time(0.2)
    first = scene.layer(mid)
    scene.strain(2)
    scene.pass_time(6)
    second, sent = scene.layer(mid), scene.wanted()
    scene.strain(0)
    scene.pass_time(12)

    assert [before, first, second, scene.layer(mid)] == [
        (2, FULL_RATE),
        (1, FULL_RATE),
        (0, FULL_RATE),
        (2, FULL_RATE),
    ]
    assert sent == {"q": True, "h": False, "f": False}


def test_a_layer_that_dies_is_stood_in_for_and_still_wished_for(scene: Scene) -> None:
    mid = scene.look(width=640)
    scene.pass_time(1)
    scene.arriving = (True, False, False)
    scene.pass_time(2)
    assert scene.layer(mid) == (0, FULL_RATE)
    scene.pass_time(10)
    assert scene.wanted() == {"q": True, "h": True, "f": False}

    scene.arriving = (True, True, False)
    scene.pass_time(1)
    assert scene.layer(mid) == (1, FULL_RATE)


def test_a_muted_camera_costs_nothing_and_is_not_found_dead(scene: Scene) -> None:
    mid = scene.look()
    scene.pass_time(1)
    scene.lab.done(mute("ann", "ann.camera", is_muted=True))
    scene.arriving = (False, False, False)
    scene.pass_time(5)
    assert scene.layer(mid) == (1, FULL_RATE), "as it was"

    scene.lab.done(mute("ann", "ann.camera", is_muted=False))
    scene.pass_time(0.9)
    assert scene.layer(mid) == (1, FULL_RATE)


def test_who_speaks_is_told_to_the_room(scene: Scene) -> None:
    scene.pass_time(1)
    scene.is_loud = True
    scene.pass_time(2)
    assert scene.lab.channel.of(SpeakersTold)[-1].participant_ids == ("ann",)

    scene.is_loud = False
    scene.pass_time(2)
    assert scene.lab.channel.of(SpeakersTold)[-1].participant_ids == ()


def test_a_fare_is_told_on_change_and_else_each_five_seconds(scene: Scene) -> None:
    mid = scene.look()
    scene.engine.samples[BOB] = sample(mid)
    scene.pass_time(11)
    told = scene.lab.channel.of(QualityTold)

    assert len(told) == 3
    fare = scene.fare("bob")
    assert (fare.link, fare.rung, fare.cause) == (Link.GOOD, Rung.VIDEO, RungCause.NONE)
    assert fare.stats.waiting_for_key_frame == 1
    assert (fare.stats.asked_again, fare.stats.sent_again) == (3, 2)
    assert fare.stats.slots[0].reason == "bandwidth"


def test_an_uplink_that_loses_is_poor(scene: Scene) -> None:
    scene.engine.samples[CAMERA.peer] = sample(loss=0.3)
    scene.pass_time(4)

    assert scene.fare("ann").link is Link.POOR


@pytest.mark.requirement("REL-NET-04")
def test_sound_alone_is_a_rung_with_its_cause(scene: Scene) -> None:
    mid = scene.look()
    scene.engine.samples[BOB] = sample(mid)
    scene.engine.estimates[BOB] = 64_000.0
    scene.pass_time(3)
    fare = scene.fare("bob")
    assert (fare.rung, fare.cause) == (Rung.AUDIO_ONLY, RungCause.OWN_CONNECTION)

    scene.pass_time(25)
    assert scene.fare("bob").link is Link.POOR
    scene.engine.estimates[BOB] = 300_000.0
    scene.pass_time(10)
    assert scene.fare("bob").rung is Rung.LOW_VIDEO


def test_what_others_do_not_send_is_their_cause(scene: Scene) -> None:
    scene.look(width=640)
    scene.engine.samples[BOB] = sample()
    scene.arriving = (True, False, False)
    scene.pass_time(4)

    fare = scene.fare("bob")
    assert (fare.rung, fare.cause) == (Rung.LOW_VIDEO, RungCause.SENDERS)
    scene.engine.samples[CAMERA.peer] = sample()
    scene.pass_time(4)
    assert scene.fare("ann").link is Link.GOOD, "two of three arrive, or are excused"


def test_who_is_lost_is_told_at_once_and_offered_the_phone_after_fifteen_seconds(
    scene: Scene,
) -> None:
    scene.engine.samples[BOB] = sample()
    scene.pass_time(2)
    room = scene.room
    room._on_news(room.seats["bob"], Lost())
    scene.pass_time(0.2)
    assert scene.fare("bob").link is Link.LOST
    scene.pass_time(16)
    fare = scene.fare("bob")
    assert (fare.rung, fare.cause) == (Rung.PHONE_OFFERED, RungCause.NO_MEDIA)

    room._on_news(room.seats["bob"], Connected(SrtpProfile.AEAD_AES_128_GCM))
    scene.pass_time(2)
    assert scene.fare("bob").link is not Link.LOST


def test_a_pause_holds_one_publication_or_all_media_of_a_participant(scene: Scene) -> None:
    lab = scene.lab
    lab.done(pause("ann", publication_id="ann.camera", is_paused=True))
    assert lab.engine.held == {CAMERA: True}
    assert lab.engine.paused == set()

    lab.done(pause("ann", is_paused=True))
    assert lab.engine.paused == {CAMERA.peer}
    lab.done(pause("ann", is_paused=False))
    assert lab.engine.paused == set()

    unknown = pause("ann", publication_id="eve.mic", is_paused=True)
    assert lab.code(unknown) is RefusalCode.UNKNOWN_PUBLICATION
    assert lab.code(pause("eve", is_paused=True)) is RefusalCode.UNKNOWN_PARTICIPANT
