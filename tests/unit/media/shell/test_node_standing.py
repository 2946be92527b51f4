"""What a node does about itself: it drains, it sleeps, it is too busy; and what it is told then."""

from time import monotonic

import pytest

from media.contract.control import (
    Done,
    NodeDraining,
    NodeOverloaded,
    RefusalCode,
    Source,
    Sync,
    SyncNeeded,
    Want,
    WishedPublication,
    WishedSeat,
)
from media.core.engine_face import PeerKey
from media.shell.node import SLEPT_AFTER_S, Limits
from tests.support.media_commands import (
    ROOM,
    attach,
    close_room,
    fresh_id,
    open_room,
    pause,
    publish,
)
from tests.support.node_lab import NodeLab
from tests.support.recording_channel import RecordingChannel

ANN = PeerKey("room-1/ann/1")
MIC = WishedPublication(publication_id="ann.mic", mid="0", source=Source.MIC)


@pytest.fixture
def lab() -> NodeLab:
    made = NodeLab()
    made.node.greet(made.channel)
    made.done(open_room())
    made.join("ann")
    return made


def sync(*seats: WishedSeat, epoch: int = 1) -> Sync:
    return Sync(request_id=fresh_id(), room_id=ROOM, room_epoch=epoch, seats=seats)


def seat(name: str = "ann", **changed: object) -> WishedSeat:
    return WishedSeat(**{"participant_id": name, "attach_epoch": 1, **changed})  # type: ignore[arg-type]


def fall_asleep(lab: NodeLab) -> None:
    lab.node.on_tick(monotonic())
    lab.node.on_tick(monotonic() + SLEPT_AFTER_S + 0.5)


def test_everybody_is_told_that_the_node_drains_and_newcomers_too(lab: NodeLab) -> None:
    lab.node.drain(within_s=8.0)
    lab.node.drain(within_s=9.0)
    late = RecordingChannel()
    lab.node.greet(late)

    (told,) = lab.channel.of(NodeDraining)
    assert told.ends_in_ms == 8_000
    assert 7_000 < late.of(NodeDraining)[0].ends_in_ms <= 8_000
    assert lab.code(open_room("room-2")) is RefusalCode.DRAINING
    lab.done(publish("ann"))


def test_a_channel_that_is_gone_is_told_nothing(lab: NodeLab) -> None:
    lab.node.forget_channel(lab.channel)
    lab.node.forget_channel(lab.channel)

    lab.node.drain(within_s=1.0)

    assert lab.channel.of(NodeDraining) == []


def test_a_node_that_slept_forwards_nothing_until_each_room_is_confirmed(lab: NodeLab) -> None:
    lab.done(open_room("room-2"), attach("bob", room_id="room-2"))

    fall_asleep(lab)
    slept = set(lab.engine.paused)
    (told,) = lab.channel.of(SyncNeeded)
    lab.done(sync(seat()))

    assert slept == {ANN, PeerKey("room-2/bob/1")}
    assert told.slept_ms >= SLEPT_AFTER_S * 1_000
    assert lab.engine.paused == {PeerKey("room-2/bob/1")}
    assert lab.node.gauges()["rooms_unconfirmed"] == 1


def test_a_datagram_that_comes_before_the_tick_after_sleep_finds_the_rooms_held(
    lab: NodeLab,
) -> None:
    """The loop reads its sockets before its timers: what waited there must not slip through."""
    lab.node.on_tick(monotonic())
    mux = lab.node._plant.mux

    assert mux.stale_at > monotonic() + SLEPT_AFTER_S - 1
    mux.on_stale(monotonic() + SLEPT_AFTER_S + 0.1)

    assert lab.engine.paused == {ANN}


def test_somebody_who_joins_a_room_that_is_not_confirmed_waits_too(lab: NodeLab) -> None:
    fall_asleep(lab)

    lab.done(attach("bob"))

    assert PeerKey("room-1/bob/1") in lab.engine.paused


def test_a_newer_place_of_the_room_ends_it_here_for_good(lab: NodeLab) -> None:
    """REL-SFU-02: it moved while this node slept."""
    fall_asleep(lab)

    lab.done(close_room(epoch=2))

    assert lab.engine.open_peers == {}
    for stale in (sync(seat()), attach("ann"), open_room()):
        assert lab.code(stale) is RefusalCode.STALE_ROOM_EPOCH


def test_a_sync_makes_up_for_commands_that_were_lost(lab: NodeLab) -> None:
    lab.done(publish("ann", Source.CAMERA))
    wants = (Want(publication_id="bob.mic"),)

    done = lab.done(sync(seat(publications=(MIC,), wants=wants, is_paused=True)))

    assert done.seats is not None
    (seen,) = done.seats
    assert seen.publications == ("ann.mic",)
    assert (seen.is_paused, seen.is_connected, seen.path) == (True, False, "new")
    assert lab.engine.paused == {ANN}


def test_a_sync_says_who_is_there_and_touches_nobody_it_does_not_name(lab: NodeLab) -> None:
    lab.done(attach("bob"), sync(seat("cid")))

    seats = lab.done(sync()).seats or ()

    assert [each.participant_id for each in seats] == ["ann", "bob"]


def test_a_sync_of_an_older_socket_is_seen_to_be_older(lab: NodeLab) -> None:
    lab.done(publish("ann", attach_epoch=5))

    seats = lab.done(sync(seat())).seats or ()

    assert [(each.attach_epoch, each.publications) for each in seats] == [(5, ("ann.mic",))]


def test_a_pause_holds_one_and_an_end_of_it_lets_flow(lab: NodeLab) -> None:
    lab.done(attach("bob"), pause("ann", is_paused=True))
    held = set(lab.engine.paused)

    lab.done(pause("ann", is_paused=False))

    assert held == {ANN}
    assert lab.engine.paused == set()
    assert lab.code(pause("cid", is_paused=True)) is RefusalCode.UNKNOWN_PARTICIPANT


def test_a_fresh_peer_is_not_paused_for_what_became_of_the_one_before(lab: NodeLab) -> None:
    lab.done(pause("ann", is_paused=True), attach("ann", attach_epoch=2))

    assert PeerKey("room-1/ann/2") not in lab.engine.paused


def test_a_busy_node_refuses_with_a_time_to_come_back_and_says_so() -> None:
    busy = NodeLab(limits=Limits(rooms_max=9, peers_max=9))
    busy.node.greet(busy.channel)
    busy.done(open_room(), attach("ann"))
    admission = busy.node._admission
    for second in range(1, 20):
        admission.on_second(now=second, cpu_s=0.95 * second, packets_in=0, packets_out=0)

    refused = [
        busy.node.execute(command, busy.channel) for command in (open_room("room-2"), attach("bob"))
    ]
    again = busy.node.execute(attach("ann", attach_epoch=2), busy.channel)
    busy.node._sweep(monotonic())

    assert {getattr(each, "code", None) for each in refused} == {RefusalCode.NODE_FULL}
    assert all(getattr(each, "retry_after_ms", 0) > 0 for each in refused)
    assert isinstance(again, Done)  # who is in the room already is not a join
    assert busy.channel.of(NodeOverloaded)[0].level >= 1
