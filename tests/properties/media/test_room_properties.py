"""Over any history: no packet in a slot whose map is unacknowledged, one source a slot."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from media.contract.control import Source, Want
from media.contract.errors import Refused
from media.core.room import Room
from media.core.room_facts import RouteChanged, Section, SlotMapMade

NAMES = st.sampled_from(("ann", "bob", "eve", "zoe"))
SOURCES = st.sampled_from(tuple(Source))
PUBLICATIONS = st.builds("{}.{}".format, NAMES, SOURCES)
RARELY = st.sampled_from((False, False, False, False, True))
MIDS = {Source.MIC: "0", Source.CAMERA: "1", Source.SCREEN: "2"}
AUDIO, VIDEO = ("a0", "a1"), ("v0", "v1")


class RoomHistory(RuleBasedStateMachine):
    """Drives a room as signaling and clients may, and believes only what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(seats=3)
        self.now = 0.0
        self.epochs = 0
        self.seated: dict[str, int] = {}
        self.published: dict[str, Section] = {}
        self.stated: dict[str, list[SlotMapMade]] = {}
        self.acked: dict[str, int] = {}
        self.routes: dict[Section, Section] = {}

    @initialize()
    def begin_as_a_visit_does(self) -> None:
        """Three seats, all with a microphone; rules alone seldom get that far."""
        for name in ("ann", "bob", "eve"):
            self.attach(name)
            self.publish(name, Source.MIC)

    @rule(name=NAMES)
    def attach(self, name: str) -> None:
        if name in self.seated:
            return
        self.epochs += 1
        try:
            self.room.attach(name, self.epochs, tuple(Source))
        except Refused:
            assert len(self.seated) == 3
            return
        self.seated[name] = self.epochs
        self.stated[name], self.acked[name] = [], 0
        self.room.set_slots(name, AUDIO, VIDEO)
        self.obey()

    @rule(name=NAMES, happens=RARELY)
    def detach(self, name: str, happens: bool) -> None:  # noqa: FBT001  (drawn)
        if not happens:
            return
        self.room.detach(name)
        self.seated.pop(name, None)
        self.published = {
            each: section
            for each, section in self.published.items()
            if section.participant_id != name
        }
        # The peer is closed with the seat: what it received ends without an edit.
        self.routes = {
            sink: source for sink, source in self.routes.items() if sink.participant_id != name
        }
        self.obey()

    @rule(name=NAMES, source=SOURCES)
    def publish(self, name: str, source: Source) -> None:
        try:
            self.room.publish(name, f"{name}.{source}", MIDS[source], source, is_muted=False)
        except Refused:
            return
        self.published[f"{name}.{source}"] = Section(
            participant_id=name, attach_epoch=self.seated[name], mid=MIDS[source]
        )
        self.obey()

    @rule(publication=PUBLICATIONS, happens=RARELY)
    def unpublish(self, publication: str, happens: bool) -> None:  # noqa: FBT001  (drawn)
        if happens and publication in self.published:
            self.room.unpublish(publication.split(".", maxsplit=1)[0], publication)
            del self.published[publication]
            self.obey()

    @rule(name=NAMES, data=st.data())
    def wish(self, name: str, data: st.DataObject) -> None:
        if name not in self.seated:
            return
        known = st.sampled_from(sorted(self.published) or ["nobody.mic"])
        wished = data.draw(st.lists(st.one_of(known, known, PUBLICATIONS), max_size=6))
        self.room.set_wants(
            name,
            [Want(publication_id=each, priority=data.draw(st.integers(0, 3))) for each in wished],
        )
        assert self.obey(), "a wish is always answered by a map"

    @rule(name=NAMES)
    def acknowledge(self, name: str) -> None:
        if name in self.seated and self.stated[name]:
            self.confirm(name, self.stated[name][-1])

    @rule(name=NAMES, back=st.integers(1, 3))
    def acknowledge_late(self, name: str, back: int) -> None:
        if name in self.seated and len(self.stated[name]) > back:
            self.confirm(name, self.stated[name][-1 - back])

    def confirm(self, name: str, made: SlotMapMade) -> None:
        """Acknowledge a map, the newest or one before it."""
        self.room.ack_slots(name, made.map_id, now=self.now)
        self.acked[name] = max(self.acked[name], made.map_id)
        self.obey()

    @rule(passed_s=st.floats(0.0, 3.0))
    def wait(self, passed_s: float) -> None:
        self.now += passed_s
        if self.room.deadline is not None and self.now >= self.room.deadline:
            self.room.on_deadline(now=self.now)
        self.obey()

    def obey(self) -> int:
        """Do the effects as the shell does; how many maps were stated."""
        maps = 0
        for effect in self.room.take_effects():
            match effect:
                case RouteChanged(source=source, sink=sink, is_attached=True):
                    assert sink not in self.routes, "a slot has one source"
                    self.routes[sink] = source
                case RouteChanged(source=source, sink=sink, is_attached=False):
                    assert self.routes.pop(sink, source) == source
                case SlotMapMade():
                    self.state(effect)
                    maps += 1
                case _:
                    raise AssertionError(effect)
        return maps

    def state(self, made: SlotMapMade) -> None:
        before = self.stated[made.participant_id]
        assert made.attach_epoch == self.seated[made.participant_id]
        assert [mid for mid, _ in made.slots] == [*AUDIO, *VIDEO]
        named = [publication for _, publication in made.slots if publication is not None]
        assert len(named) == len(set(named)), "nobody is shown twice"
        if before:
            assert made.map_id >= before[-1].map_id
            assert made.map_id > before[-1].map_id or made == before[-1]
        before.append(made)

    @invariant()
    def what_flows_is_published_and_named_in_an_acknowledged_map(self) -> None:
        sections = {section: name for name, section in self.published.items()}
        for sink, source in self.routes.items():
            assert source.participant_id != sink.participant_id
            assert sink.attach_epoch == self.seated[sink.participant_id]
            name = sections[source]
            newest = self.stated[sink.participant_id][-1]
            assert dict(newest.slots)[sink.mid] == name
            acked = [
                dict(made.slots)[sink.mid]
                for made in self.stated[sink.participant_id]
                if made.map_id <= self.acked[sink.participant_id]
            ]
            assert acked[-1] == name

    @invariant()
    def what_is_published_and_acknowledged_flows(self) -> None:
        for name in self.seated:
            if not self.stated[name] or self.acked[name] < self.stated[name][-1].map_id:
                continue
            filled = {mid for mid, publication in self.stated[name][-1].slots if publication}
            assert {sink.mid for sink in self.routes if sink.participant_id == name} == filled


RoomHistory.TestCase.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
TestRoomHistory = RoomHistory.TestCase
