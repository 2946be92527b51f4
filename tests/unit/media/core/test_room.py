"""Who fills which slot of whom: the name under a picture is right."""

from collections.abc import Callable

import pytest

from media.contract.control import RefusalCode, Source, Want
from media.contract.errors import LocalMisuse, Refused
from media.core.room import RESEND_MAP_S, Room
from media.core.room_facts import PublicationMuted, RoomEffect, RouteChanged, Section, SlotMapMade

ALL = tuple(Source)
AUDIO, VIDEO = ("a0", "a1"), ("v0", "v1")


def room_of(*names: str, seats: int = 4) -> Room:
    room = Room(seats=seats)
    for name in names:
        room.attach(name, 1, ALL)
        room.set_slots(name, AUDIO, VIDEO)
    return room


def publish(room: Room, name: str, source: Source = Source.MIC, mid: str = "0") -> str:
    publication_id = f"{name}.{source}"
    room.publish(name, publication_id, mid, source, is_muted=False)
    return publication_id


def want(room: Room, name: str, *publication_ids: str) -> None:
    room.set_wants(name, [Want(publication_id=each) for each in publication_ids])


def maps(effects: list[RoomEffect]) -> list[SlotMapMade]:
    return [each for each in effects if isinstance(each, SlotMapMade)]


def routes(effects: list[RoomEffect]) -> list[tuple[str, str, bool]]:
    return [
        (f"{each.source.participant_id}/{each.source.mid}", each.sink.mid, each.is_attached)
        for each in effects
        if isinstance(each, RouteChanged)
    ]


def ack(room: Room, name: str, effects: list[RoomEffect]) -> list[RoomEffect]:
    newest = [each for each in maps(effects) if each.participant_id == name][-1]
    room.ack_slots(name, newest.map_id, now=1.0)
    return room.take_effects()


def test_media_enters_a_slot_only_after_the_map_that_names_it_is_acknowledged() -> None:
    room = room_of("ann", "bob")
    publish(room, "ann")
    want(room, "bob", "ann.mic")

    effects = room.take_effects()

    assert routes(effects) == []
    (stated,) = maps(effects)
    assert stated.slots == (("a0", "ann.mic"), ("a1", None), ("v0", None), ("v1", None))
    assert ack(room, "bob", effects) == [
        RouteChanged(
            source=Section(participant_id="ann", attach_epoch=1, mid="0"),
            sink=Section(participant_id="bob", attach_epoch=1, mid="a0"),
            is_attached=True,
        )
    ]


def test_an_old_acknowledgement_opens_no_slot_of_a_newer_map() -> None:
    room = room_of("ann", "bob")
    publish(room, "ann")
    publish(room, "ann", Source.CAMERA, "1")
    want(room, "bob", "ann.mic")
    want(room, "bob", "ann.mic", "ann.camera")
    first, second = maps(room.take_effects())

    room.ack_slots("bob", first.map_id, now=1.0)
    assert routes(room.take_effects()) == [("ann/0", "a0", True)]

    room.ack_slots("bob", second.map_id, now=1.0)
    assert routes(room.take_effects()) == [("ann/1", "v0", True)]


def test_reassignment_stops_the_old_source_before_the_map_is_stated() -> None:
    room = room_of("ann", "bob", "eve")
    room.attach("zoe", 1, ())
    room.set_slots("zoe", ("a0",), ())
    publish(room, "ann")
    publish(room, "eve")
    want(room, "zoe", "ann.mic")
    ack(room, "zoe", room.take_effects())

    want(room, "zoe", "eve.mic")

    stop, stated = room.take_effects()
    assert routes([stop]) == [("ann/0", "a0", False)]
    assert isinstance(stated, SlotMapMade)
    assert stated.slots == (("a0", "eve.mic"),)
    assert routes(ack(room, "zoe", [stated])) == [("eve/0", "a0", True)]


def test_a_never_used_slot_is_preferred() -> None:
    """The used one may still show the last picture of somebody else."""
    room = room_of("ann", "bob", "eve")
    publish(room, "ann")
    publish(room, "eve")
    want(room, "bob", "ann.mic")
    want(room, "bob")

    want(room, "bob", "eve.mic")

    assert maps(room.take_effects())[-1].slots[:2] == (("a0", None), ("a1", "eve.mic"))


def test_a_slot_keeps_its_publication_when_others_come_and_go() -> None:
    room = room_of("ann", "bob", "eve")
    publish(room, "ann")
    publish(room, "eve")
    want(room, "bob", "eve.mic")
    ack(room, "bob", room.take_effects())

    want(room, "bob", "ann.mic", "eve.mic")

    effects = room.take_effects()
    assert routes(effects) == []
    assert maps(effects)[-1].slots[:2] == (("a0", "eve.mic"), ("a1", "ann.mic"))


def test_a_wish_for_what_does_not_exist_yet_comes_true_when_it_appears() -> None:
    room = room_of("ann", "bob")
    want(room, "bob", "ann.mic")
    (empty,) = maps(room.take_effects())
    assert empty.map_id == 1
    assert all(publication is None for _, publication in empty.slots)

    publish(room, "ann")

    (stated,) = maps(room.take_effects())
    assert stated.map_id == 2
    assert stated.slots[0] == ("a0", "ann.mic")


def test_a_wish_that_changes_nothing_is_answered_by_the_same_map() -> None:
    room = room_of("ann", "bob")
    publish(room, "ann")
    want(room, "bob", "ann.mic")
    (before,) = maps(room.take_effects())

    want(room, "bob", "ann.mic", "ann.mic")

    assert maps(room.take_effects()) == [before]


def test_ones_own_publication_is_never_given_to_oneself() -> None:
    room = room_of("ann")
    publish(room, "ann")

    want(room, "ann", "ann.mic")

    assert all(publication is None for _, publication in maps(room.take_effects())[-1].slots)


def test_the_dearest_are_served_first_and_audio_and_video_apart() -> None:
    room = room_of("ann", "bob", "eve", "zoe")
    for name in ("ann", "bob", "eve"):
        publish(room, name)
        publish(room, name, Source.CAMERA, "1")
    publish(room, "eve", Source.SCREEN, "2")
    room.set_wants(
        "zoe",
        [
            Want(publication_id="ann.camera", priority=10),
            Want(publication_id="bob.camera", priority=20),
            Want(publication_id="eve.screen", priority=90),
            Want(publication_id="bob.mic", priority=1),
        ],
    )

    (stated,) = maps(room.take_effects())

    assert stated.slots == (
        ("a0", "bob.mic"),
        ("a1", None),
        ("v0", "eve.screen"),
        ("v1", "bob.camera"),
    )


def test_more_slots_fill_with_what_had_to_wait() -> None:
    room = room_of("ann", "bob", "eve")
    room.attach("zoe", 1, ())
    room.set_slots("zoe", ("a0",), ())
    for name in ("ann", "bob"):
        publish(room, name)
    want(room, "zoe", "ann.mic", "bob.mic")

    room.set_slots("zoe", ("a0", "a1"), ("v0",))

    assert maps(room.take_effects())[-1].slots == (
        ("a0", "ann.mic"),
        ("a1", "bob.mic"),
        ("v0", None),
    )


def test_what_is_taken_back_empties_its_slots() -> None:
    room = room_of("ann", "bob")
    publish(room, "ann")
    want(room, "bob", "ann.mic")
    ack(room, "bob", room.take_effects())

    room.unpublish("ann", "ann.mic")

    effects = room.take_effects()
    assert routes(effects) == [("ann/0", "a0", False)]
    assert maps(effects)[0].slots[0] == ("a0", None)
    assert ack(room, "bob", effects) == []


def test_a_publication_that_comes_back_elsewhere_waits_for_a_new_acknowledgement() -> None:
    room = room_of("ann", "bob")
    publish(room, "ann")
    want(room, "bob", "ann.mic")
    ack(room, "bob", room.take_effects())
    room.detach("ann")
    room.attach("ann", 2, ALL)
    effects = room.take_effects()
    assert routes(effects) == [("ann/0", "a0", False)]

    publish(room, "ann", mid="5")

    effects = room.take_effects()
    assert routes(effects) == []
    assert routes(ack(room, "bob", effects)) == [("ann/5", "a1", True)]


def test_who_leaves_is_heard_and_seen_by_nobody_and_another_may_sit_down() -> None:
    room = room_of("ann", "bob", seats=2)
    publish(room, "ann")
    want(room, "bob", "ann.mic")
    room.take_effects()

    room.detach("ann")
    room.detach("ann")

    assert maps(room.take_effects())[-1].slots[0] == ("a0", None)
    room.attach("eve", 1, ALL)


def test_a_mute_is_told_once() -> None:
    room = room_of("ann")
    publish(room, "ann")

    for is_muted in (True, True, False):
        room.mute("ann", "ann.mic", is_muted=is_muted)

    section = Section(participant_id="ann", attach_epoch=1, mid="0")
    assert room.take_effects() == [
        PublicationMuted(source=section, is_muted=True),
        PublicationMuted(source=section, is_muted=False),
    ]


def test_an_unacknowledged_map_is_stated_again_and_media_still_waits() -> None:
    room = room_of("ann", "bob")
    publish(room, "ann")
    want(room, "bob", "ann.mic")
    stated = maps(room.take_effects())
    assert room.deadline == float("-inf"), "it was made at an instant we were not told"

    room.on_deadline(now=10.0)
    assert room.deadline == 10.0 + RESEND_MAP_S
    room.on_deadline(now=11.0)
    assert room.take_effects() == []
    room.on_deadline(now=12.0)

    assert room.take_effects() == stated
    assert room.deadline == 12.0 + RESEND_MAP_S


def test_once_all_is_acknowledged_nothing_is_due() -> None:
    room = room_of("ann", "bob")
    assert room.deadline is None
    want(room, "bob")
    ack(room, "bob", room.take_effects())

    assert room.deadline is None
    room.on_deadline(now=99.0)
    assert room.take_effects() == []


def test_an_acknowledgement_repeated_or_outdated_changes_nothing() -> None:
    room = room_of("ann", "bob")
    publish(room, "ann")
    want(room, "bob", "ann.mic")
    effects = room.take_effects()
    ack(room, "bob", effects)

    assert ack(room, "bob", effects) == []
    room.ack_slots("bob", 1, now=2.0)
    assert room.take_effects() == []


def refusal_of(refused: pytest.ExceptionInfo[Refused]) -> RefusalCode:
    return refused.value.refusal


def test_a_full_room_takes_nobody() -> None:
    room = room_of("ann", seats=1)

    with pytest.raises(Refused) as refused:
        room.attach("bob", 1, ALL)

    assert refusal_of(refused) is RefusalCode.ROOM_FULL


def test_attaching_twice_is_our_own_mistake() -> None:
    with pytest.raises(LocalMisuse):
        room_of("ann").attach("ann", 2, ALL)


def test_an_unknown_participant_is_refused_every_verb() -> None:
    room = room_of("ann")
    verbs: list[Callable[[], None]] = [
        lambda: room.set_slots("eve", (), ()),
        lambda: room.publish("eve", "eve.mic", "0", Source.MIC, is_muted=False),
        lambda: room.unpublish("eve", "eve.mic"),
        lambda: room.mute("eve", "eve.mic", is_muted=True),
        lambda: room.set_wants("eve", ()),
        lambda: room.ack_slots("eve", 1, now=1.0),
    ]

    for verb in verbs:
        with pytest.raises(Refused) as refused:
            verb()
        assert refusal_of(refused) is RefusalCode.UNKNOWN_PARTICIPANT


def test_what_is_not_ones_own_cannot_be_muted_or_taken_back() -> None:
    room = room_of("ann", "bob")
    publish(room, "ann")

    for publication_id in ("ann.mic", "nobody.mic"):
        with pytest.raises(Refused) as refused:
            room.unpublish("bob", publication_id)
        assert refusal_of(refused) is RefusalCode.UNKNOWN_PUBLICATION


def test_only_what_the_ticket_allows_may_be_published_and_once() -> None:
    room = Room(seats=2)
    room.attach("ann", 1, (Source.MIC,))
    publish(room, "ann")

    for source in (Source.MIC, Source.CAMERA):
        with pytest.raises(Refused) as refused:
            publish(room, "ann", source)
        assert refusal_of(refused) is RefusalCode.BAD_COMMAND


def test_a_map_that_was_never_stated_cannot_be_acknowledged() -> None:
    with pytest.raises(Refused) as refused:
        room_of("ann").ack_slots("ann", 7, now=1.0)

    assert refusal_of(refused) is RefusalCode.BAD_COMMAND
