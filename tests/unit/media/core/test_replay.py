"""Recorded inputs, fed to fresh machines, want the same done; a changed one is seen."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from media.core.engine_face import Addr
from media.core.ice_lite import Credentials, IceLite
from media.core.replay import Line, Replay, as_text, lines_of
from media.core.room import Room
from tests.support.ice_checks import HOME

NEW_ICE = Line(
    at=0.0, machine="ice:p", verb="new", told={"ours": "u1", "theirs_ufrag": "u2"}, effects=()
)
NEW_ROOM = Line(at=0.0, machine="room:r", verb="new", told={"seats": 3})


def check(transaction: int = 1, **changed: Any) -> Line:
    told = {
        "transaction": f"{transaction:024x}",
        "local": "u1",
        "remote": "u2",
        "is_nominating": False,
        "is_controlled": False,
        "was_authentic": True,
        "addr": "192.0.2.1",
    }
    return Line(at=0.1, machine="ice:p", verb="on_check", told=told | changed)


def room(verb: str, *, at: float = 1.0, **told: Any) -> Line:
    return Line(at=at, machine="room:r", verb=verb, told={"participant_id": "ann"} | told)


def fed(*lines: Line) -> list[tuple[str, ...]]:
    replay = Replay()
    return [replay.feed(line).effects for line in lines]


def test_a_check_makes_a_path_as_it_did_then() -> None:
    answered, path = fed(NEW_ICE, check())[1]

    assert answered.startswith("SendTo(192.0.2.1, ")
    assert path == "PathChanged(['192.0.2.1'], 192.0.2.1)"


def test_a_check_that_was_not_authentic_then_is_not_now() -> None:
    assert fed(NEW_ICE, check(was_authentic=False)) == [(), ()]


def test_silence_and_restart_are_inputs_like_any_other() -> None:
    seen = fed(
        NEW_ICE,
        check(),
        Line(at=0.2, machine="ice:p", verb="on_media"),
        Line(at=2.5, machine="ice:p", verb="on_deadline"),
        Line(at=3.5, machine="ice:p", verb="on_deadline"),
        Line(at=3.6, machine="ice:p", verb="restart", told={"ours": "u3", "theirs_ufrag": "u4"}),
        Line(at=3.7, machine="ice:p", verb="forget", told={"addr": "192.0.2.1"}),
    )

    assert seen[3:5] == [("Suspect()",), ("Lost()",)]
    assert seen[6] == ("PathChanged([], None)",)


def a_room_story() -> Sequence[Line]:
    bob: dict[str, Any] = {"participant_id": "bob"}
    return (
        NEW_ROOM,
        room("attach", attach_epoch=1, may_publish=["mic"]),
        room("attach", attach_epoch=1, may_publish=["mic"], **bob),
        room("set_slots", audio_mids=["3"], video_mids=["4"], **bob),
        room("set_wants", wants=[{"publication_id": "ann.mic"}], **bob),
        room("publish", publication_id="ann.mic", mid="0", source="mic", is_muted=False),
        room("ack_slots", map_id=2, **bob),
        room("mute", publication_id="ann.mic", is_muted=True),
        room("unpublish", publication_id="ann.mic"),
        room("on_deadline", at=9.0),
        room("detach"),
    )


def test_a_rooms_story_gives_its_maps_and_routes_again() -> None:
    seen = fed(*a_room_story())

    kinds = [[effect.partition("(")[0] for effect in effects] for effects in seen]
    assert kinds[5] == ["SlotMapMade"]
    assert kinds[6] == ["RouteChanged"]
    assert kinds[7] == ["PublicationMuted"]
    assert kinds[8] == ["RouteChanged", "SlotMapMade"]


def test_the_same_effects_are_the_same_and_others_are_seen() -> None:
    replay = Replay()
    replay.feed(NEW_ICE)
    told = replay.feed(check())
    again = Replay()
    again.feed(NEW_ICE)

    assert not told.is_same
    assert again.feed(
        Line(
            at=0.1,
            machine="ice:p",
            verb="on_check",
            told=told.line.told,
            effects=told.effects,
        )
    ).is_same


def test_a_refusal_is_part_of_what_came_of_it() -> None:
    stranger = room("ack_slots", map_id=1)
    replay = Replay()
    replay.feed(NEW_ROOM)

    assert not replay.feed(stranger).is_same
    assert replay.feed(
        Line(
            at=1.0,
            machine="room:r",
            verb="ack_slots",
            told=stranger.told,
            refused="media.refused",
        )
    ).is_same


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(check(), id="before its machine was made"),
        pytest.param(Line(at=0.0, machine="car:1", verb="new"), id="no such machine"),
        pytest.param(room("take_effects"), id="no such verb"),
    ],
)
def test_a_line_that_means_nothing_is_refused(line: Line) -> None:
    replay = Replay()
    replay.feed(NEW_ROOM)

    with pytest.raises(ValueError, match=r".+"):
        replay.feed(line)


def test_a_recording_is_read_line_by_line_and_a_bad_one_named() -> None:
    good = msgspec.json.encode(NEW_ROOM)

    assert list(lines_of(iter([good, good]))) == [NEW_ROOM, NEW_ROOM]
    with pytest.raises(ValueError, match="line 2"):
        list(lines_of(iter([good, b"{"])))


def test_effects_are_written_without_an_address_of_anybody() -> None:
    machine = IceLite(ours=Credentials(ufrag="u", password="p"), theirs_ufrag="t", now=0.0)
    assert as_text(machine.take_effects()) == ()
    assert Room(seats=1).take_effects() == []

    def named(addr: Addr) -> Addr:
        assert addr == HOME
        return ("a1", 0)

    replay = Replay()
    replay.feed(NEW_ICE)
    seen = replay.machines["ice:p"]
    assert isinstance(seen, IceLite)
    seen._tuples.clear()
    line = check(addr=HOME[0])
    replay._apply(line)
    text = as_text(seen.take_effects(), lambda addr: named((addr[0], HOME[1])))
    assert HOME[0] not in "".join(text)
