"""What a room was told is written down, and wants the same done when it is fed again."""

from pathlib import Path

from media.contract.control import Source, Want
from media.core.replay import Replay, lines_of
from media.core.room import Room
from media.shell.recorder import Recorder


def test_who_speaks_moves_the_only_sound_slot_and_a_replay_moves_it_alike(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, boot_id="b")
    assert recorder.switch(is_on=True)
    room = recorder.room(Room(seats=3), name="r/1", seats=3, now=0.0)
    for name in ("ann", "bob", "cat"):
        room.attach(name, 1, [Source.MIC])
    room.set_slots("cat", ["3"], [])
    room.set_wants("cat", [Want(publication_id=each) for each in ("ann.mic", "bob.mic")])
    room.publish("ann", "ann.mic", "0", Source.MIC, is_muted=False)
    room.publish("bob", "bob.mic", "0", Source.MIC, is_muted=False)
    first = room.slots_of("cat")
    room.note_speakers(["bob.mic", "ann.mic"])
    second = room.slots_of("cat")
    recorder.switch(is_on=False)

    (written,) = tmp_path.iterdir()
    with written.open("rb") as lines:
        told = list(lines_of(iter(lines)))
    replay = Replay()
    again = [replay.feed(line) for line in told]

    assert [first[0][1], second[0][1]] == ["ann.mic", "bob.mic"]
    assert "note_speakers" in [line.verb for line in told]
    assert any(step.effects for step in again if step.line.verb == "note_speakers")
    assert all(step.is_same for step in again)
