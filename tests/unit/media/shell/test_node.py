from time import monotonic

import pytest

from media.contract.control import (
    PeerClosed,
    RefusalCode,
    RoomLost,
    SlotMap,
)
from media.core.ice_lite import CONNECT_LIMIT_S
from media.shell.hosted_room import EMPTY_LIMIT_S
from media.shell.node import EPOCH_KEPT_S, EVENTS_KEPT
from media.shell.results import RESULT_KEPT_S
from tests.support.media_commands import (
    attach,
    close_room,
    detach,
    offer,
    open_room,
    publish,
    wants,
)
from tests.support.node_lab import SDP, NodeLab
from tests.support.recording_channel import RecordingChannel


@pytest.fixture
def lab() -> NodeLab:
    made = NodeLab()
    made.done(open_room())
    return made


def test_a_repeated_command_has_one_effect_and_one_result(lab: NodeLab) -> None:
    """Also over another connection: signaling repeats what it got no answer to."""
    lab.done(attach("ann"))
    command = offer("ann", SDP)

    first = lab.node.execute(command, lab.channel)
    second = lab.node.execute(command, RecordingChannel())

    assert first is second
    assert lab.code(offer("ann", SDP)) is RefusalCode.STALE_OFFER


def test_a_result_is_forgotten_after_two_minutes(lab: NodeLab) -> None:
    lab.done(attach("ann"))
    command = offer("ann", SDP)
    lab.done(command)

    lab.node.on_tick(monotonic() + RESULT_KEPT_S + 1)

    assert lab.code(command) in {RefusalCode.STALE_OFFER, RefusalCode.UNKNOWN_PARTICIPANT}


def test_results_are_bounded_in_number(lab: NodeLab) -> None:
    first = attach("ann")
    lab.done(first)
    for _ in range(5_000):
        lab.done(detach("nobody"))

    assert len(lab.node._results) < 5_000


def test_a_room_that_was_not_opened_is_unknown(lab: NodeLab) -> None:
    assert lab.code(attach("ann", room_id="other")) is RefusalCode.UNKNOWN_ROOM
    lab.done(close_room("other"))


def test_a_lower_room_epoch_is_stale_and_a_higher_one_closes_the_room(lab: NodeLab) -> None:
    lab.done(open_room(epoch=5))
    lab.done(attach("ann", room_epoch=5))

    assert lab.code(attach("ann")) is RefusalCode.STALE_ROOM_EPOCH
    assert lab.code(attach("bob", room_epoch=6)) is RefusalCode.UNKNOWN_ROOM
    assert lab.engine.open_peers == {}
    assert lab.code(attach("bob", room_epoch=5)) is RefusalCode.STALE_ROOM_EPOCH


def test_opening_under_a_higher_epoch_ends_the_old_room_first(lab: NodeLab) -> None:
    lab.join("ann")

    lab.done(open_room(epoch=2))

    assert lab.engine.open_peers == {}
    assert lab.node.rooms == 1
    lab.done(open_room(epoch=2))


def test_the_epoch_of_a_closed_room_is_remembered_for_a_while(lab: NodeLab) -> None:
    lab.done(open_room(epoch=7), close_room(epoch=7))

    assert lab.code(open_room(epoch=6)) is RefusalCode.STALE_ROOM_EPOCH
    assert lab.code(attach("ann", room_epoch=6)) is RefusalCode.STALE_ROOM_EPOCH
    lab.node.on_tick(monotonic() + EPOCH_KEPT_S + 1)
    lab.done(open_room(epoch=6))


def test_the_room_the_node_and_a_drain_have_limits() -> None:
    lab = NodeLab(rooms_max=2, peers_max=2)
    lab.done(open_room(seats=1), attach("ann"))

    assert lab.code(attach("bob")) is RefusalCode.ROOM_FULL
    lab.done(open_room("room-2"), attach("bob", room_id="room-2"))
    assert lab.code(attach("cid", room_id="room-2")) is RefusalCode.NODE_FULL
    assert lab.code(open_room("room-3")) is RefusalCode.NODE_FULL
    lab.done(close_room("room-2"))
    lab.node.drain(within_s=1.0)
    assert lab.code(open_room("room-3")) is RefusalCode.DRAINING
    lab.done(offer("ann", SDP))


def test_an_empty_room_is_closed_and_said_to_be_lost(lab: NodeLab) -> None:
    lab.node.on_tick(monotonic() + EMPTY_LIMIT_S + 1)

    (lost,) = lab.channel.of(RoomLost)
    assert lost.cause == "empty"
    assert lab.node.rooms == 0


def test_events_wait_for_the_next_connection_and_then_come_in_order(lab: NodeLab) -> None:
    lab.join("ann", "bob")
    first, second = lab.channel, RecordingChannel()
    lab.node.forget_channel(first)
    told = len(first.told)
    lab.node.on_tick(monotonic() + CONNECT_LIMIT_S + 0.1)

    lab.channel = second
    lab.done(open_room())

    assert len(first.told) == told
    assert [each.participant_id for each in second.of(PeerClosed)] == ["ann", "bob"]
    assert [each.number for each in second.of(PeerClosed)] == [1, 2]


def test_only_the_newest_events_wait(lab: NodeLab) -> None:
    lab.join("ann")
    lab.channel.is_open = False
    for number in range(EVENTS_KEPT + 10):
        lab.done(wants("ann", f"p{number}"))

    later = RecordingChannel()
    lab.channel = later
    lab.done(open_room())

    assert len(later.of(SlotMap)) == EVENTS_KEPT


def test_events_of_a_participant_go_to_whoever_spoke_for_it_last(lab: NodeLab) -> None:
    """Two signaling nodes may hold seats of one room."""
    lab.join("ann")
    other = RecordingChannel()
    lab.channel, first = other, lab.channel
    lab.join("bob")
    lab.done(publish("bob"), wants("bob"))

    lab.channel = first
    lab.done(wants("ann", "bob.mic"))

    assert {each.participant_id for each in other.of(SlotMap)} == {"bob"}
    assert {each.participant_id for each in first.of(SlotMap)} == {"ann"}


def test_a_stopping_node_ends_its_rooms_and_says_so(lab: NodeLab) -> None:
    lab.join("ann")

    lab.node.close(cause="drained")

    assert [each.cause for each in lab.channel.of(RoomLost)] == ["drained"]
    assert lab.engine.open_peers == {}


def test_a_node_that_ticks_is_alive(lab: NodeLab) -> None:
    now = monotonic()
    lab.node.on_tick(now)

    assert lab.node.is_ticking(now + 1.9)
    assert not lab.node.is_ticking(now + 2.0)
    assert lab.node.gauges()["rooms"] == 1
    assert 0 <= lab.node.load <= 1


def test_an_id_that_could_make_two_peers_one_is_refused(lab: NodeLab) -> None:
    """Else `a/b` with `c` would be the peer of `a` with `b/c`."""
    assert lab.code(open_room("a/b")) is RefusalCode.BAD_COMMAND
    assert lab.code(attach("b/c")) is RefusalCode.BAD_COMMAND
