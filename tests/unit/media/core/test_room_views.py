"""Who sees what, and whose sound goes first where slots are short."""

from media.contract.control import Source, Want
from media.core.room import Room
from media.core.room_facts import Section, SlotMapMade

ALL = tuple(Source)


def room_of(*names: str) -> Room:
    room = Room(seats=4)
    for name in names:
        room.attach(name, 1, ALL)
        room.set_slots(name, ("a0", "a1"), ("v0", "v1"))
    return room


def publish(room: Room, name: str, source: Source = Source.MIC, mid: str = "0") -> None:
    room.publish(name, f"{name}.{source}", mid, source, is_muted=False)


def want(room: Room, name: str, *publication_ids: str) -> None:
    room.set_wants(name, [Want(publication_id=each) for each in publication_ids])


def newest_map(room: Room) -> SlotMapMade | None:
    made = [each for each in room.take_effects() if isinstance(each, SlotMapMade)]
    return made[-1] if made else None


def test_what_a_participant_sees_is_told_only_while_media_may_enter() -> None:
    room = room_of("ann", "bob")
    publish(room, "ann", Source.CAMERA, "1")
    room.set_wants("bob", [Want(publication_id="ann.camera", max_width_px=320, priority=70)])
    assert room.views("bob") == []
    stated = newest_map(room)
    assert stated is not None
    room.ack_slots("bob", stated.map_id, now=1.0)

    (view,) = room.views("bob")

    assert (view.slot_mid, view.max_width_px, view.priority) == ("v0", 320, 70)
    assert view.publication == room.publications()[0]
    assert view.publication.section == Section(participant_id="ann", attach_epoch=1, mid="1")
    assert room.views("nobody") == []


def test_where_sound_slots_are_short_the_last_speakers_have_them() -> None:
    room = room_of("ann", "bob", "eve", "joe")
    for name in ("bob", "eve", "joe"):
        publish(room, name)
    want(room, "ann", "bob.mic", "eve.mic", "joe.mic")
    newest_map(room)
    room.note_speakers(["bob.mic", "eve.mic"])
    assert room.take_effects() == []

    room.note_speakers(["joe.mic", "bob.mic", "eve.mic"])

    stated = newest_map(room)
    assert stated is not None
    assert stated.slots[:2] == (("a0", "bob.mic"), ("a1", "joe.mic"))


def test_with_slots_for_all_nobodys_speech_moves_anything() -> None:
    room = room_of("ann", "bob", "eve")
    for name in ("bob", "eve"):
        publish(room, name)
    want(room, "ann", "bob.mic", "eve.mic")
    room.take_effects()

    room.note_speakers(["eve.mic", "bob.mic"])

    assert room.take_effects() == []
