"""Over any history of a room: everybody inside knows it as it is, nobody outside learns of it."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from signaling.contract.errors import Refusal
from signaling.contract.ids import ParticipantId
from signaling.contract.messages import (
    ParticipantLeft,
    ParticipantReturned,
    RoomEnded,
    RoomEvent,
    SeatState,
    Source,
    VisitChanged,
)
from signaling.core.effects import (
    Announce,
    CloseSeat,
    CutMedia,
    Fact,
    OpenMedia,
    RoomEffect,
    Seated,
    TellVisit,
)
from signaling.core.room import Room, publication_of
from tests.support.signaling_peers import ROOM_ID, seat
from tests.support.signaling_viewer import Viewer

PEOPLE = ("doc", "ann", "bob", "eve")
NAMES = st.sampled_from([ParticipantId(name) for name in PEOPLE])
HOSTS = st.sampled_from([None, None, *(ParticipantId(name) for name in PEOPLE)])
SOURCES = st.sampled_from(Source)
RARELY = st.sampled_from((False, False, False, True))


class RoomHistory(RuleBasedStateMachine):
    """Drives a room as sockets, hosts and the visit service may; believes only its effects."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(ROOM_ID)
        self.viewers: dict[ParticipantId, Viewer] = {}
        self.clock = 0
        self.epochs: dict[ParticipantId, int] = {}
        self.stays: dict[ParticipantId, set[Fact]] = {}
        self.media: set[ParticipantId] = set()

    @initialize()
    def begin_as_a_visit_does(self) -> None:
        """A patient waits, the provider comes; rules alone seldom get that far."""
        self.enter(ParticipantId("ann"), is_direct=False, may_admit=False, lag=0)
        self.enter(ParticipantId("doc"), is_direct=True, may_admit=True, lag=0)

    # --- what may happen ---------------------------------------------------------------------

    @rule(name=NAMES, is_direct=st.booleans(), may_admit=RARELY, lag=st.integers(0, 2))
    def enter(self, name: ParticipantId, *, is_direct: bool, may_admit: bool, lag: int) -> None:
        """A socket takes the seat; one that lost a race arrives with an older epoch."""
        self.clock += 1
        known = self.room.seats.get(name)
        epoch = self.clock if known is None else max(1, known.attach_epoch + 1 - lag)
        state = SeatState.ACTIVE if is_direct else SeatState.LOBBY
        if known is None:
            self.stays[name] = set()
            epoch += self.epochs.get(name, 0)
        entrant = seat(name, state=state, may_admit=may_admit, attach_epoch=epoch)
        taken = self.room.enter(entrant)
        has_seat = taken.attach_epoch == epoch
        self.obey(but=name if has_seat else None)
        if has_seat:
            snapshot = self.room.snapshot(name)
            self.viewers[name] = Viewer(name, snapshot, may_admit=taken.may_admit)

    @rule(name=NAMES, by=HOSTS)
    def admit(self, name: ParticipantId, by: ParticipantId | None) -> None:
        self.attempt(lambda: self.room.admit(name, by=by))

    @rule(name=NAMES, by=HOSTS)
    def send_back(self, name: ParticipantId, by: ParticipantId | None) -> None:
        self.attempt(lambda: self.room.return_to_lobby(name, by=by))

    @rule(name=NAMES, by=HOSTS, happens=RARELY)
    def remove(self, name: ParticipantId, by: ParticipantId | None, *, happens: bool) -> None:
        if happens:
            self.attempt(lambda: self.room.remove(name, by=by))

    @rule(name=NAMES, happens=RARELY)
    def leave(self, name: ParticipantId, *, happens: bool) -> None:
        if happens:
            self.attempt(lambda: self.room.leave(name))

    @rule(name=NAMES)
    def time_out(self, name: ParticipantId) -> None:
        self.attempt(lambda: self.room.time_out(name))

    @rule(name=NAMES)
    def fall_silent(self, name: ParticipantId) -> None:
        self.attempt(lambda: self.room.fall_silent(name))

    @rule(name=NAMES)
    def be_heard(self, name: ParticipantId) -> None:
        self.attempt(lambda: self.room.be_heard(name))

    @rule(name=NAMES, mark=st.booleans())
    def lose_or_regain_media(self, name: ParticipantId, *, mark: bool) -> None:
        self.attempt(lambda: self.room.note_reconnecting(name, is_reconnecting=mark))

    @rule(name=NAMES, source=SOURCES, is_muted=st.booleans())
    def publish(self, name: ParticipantId, source: Source, *, is_muted: bool) -> None:
        self.attempt(lambda: self.room.publish(name, source, is_muted=is_muted))

    @rule(name=NAMES, other=NAMES, source=SOURCES)
    def unpublish(self, name: ParticipantId, other: ParticipantId, source: Source) -> None:
        self.attempt(lambda: self.room.unpublish(name, publication_of(other, source)))

    @rule(name=NAMES)
    def lose_connection(self, name: ParticipantId) -> None:
        self.attempt(lambda: self.room.drop_publications(name))

    @rule()
    def change_visit(self) -> None:
        self.attempt(lambda: self.room.change_visit(1))

    @rule(happens=st.sampled_from((False,) * 15 + (True,)))
    def end(self, *, happens: bool) -> None:
        if happens:
            self.attempt(self.room.end)
            assert self.room.seats == {}

    # --- what follows ------------------------------------------------------------------------

    def attempt(self, act: object) -> None:
        """Do it; a refusal must have changed nothing that anybody is told."""
        before = {name: (one.state, one.attach_epoch) for name, one in self.room.seats.items()}
        try:
            act()  # type: ignore[operator]
        except Refusal:
            assert self.room.take_effects() == []
            after = {name: (one.state, one.attach_epoch) for name, one in self.room.seats.items()}
            assert after == before
        self.obey()

    def obey(self, but: ParticipantId | None = None) -> None:
        """Do what is owed, in order; `but` has not been welcomed yet and is told nothing."""
        for effect in self.room.take_effects():
            self.do(effect, but)
        self.viewers = {
            name: each for name, each in self.viewers.items() if name in self.room.seats
        }

    def do(self, effect: RoomEffect, but: ParticipantId | None) -> None:
        match effect:
            case Announce(event=event, hearers=hearers):
                assert len(set(hearers)) == len(hearers)
                for name in hearers:
                    self.tell(name, event, but)
            case TellVisit():
                self.record(effect)
            case OpenMedia(participant_id=who):
                assert self.room.seats[who].state is SeatState.ACTIVE
                self.media.add(who)
            case CutMedia(participant_id=who):
                self.media.discard(who)
            case CloseSeat(participant_id=who):
                assert who not in self.room.seats
            case Seated(participant_id=who, state=state):
                assert self.room.seats[who].state is state

    def tell(self, name: ParticipantId, event: RoomEvent, but: ParticipantId | None) -> None:
        if isinstance(event, ParticipantLeft | ParticipantReturned):
            assert event.participant_id not in self.media, "told of an end before the media's end"
        one = self.room.seats.get(name)
        if one is None or not one.is_active:
            own_return = isinstance(event, ParticipantReturned) and event.participant_id == name
            assert own_return or isinstance(event, VisitChanged | RoomEnded)
        if name != but and name in self.viewers:
            self.viewers[name].hear(event)

    def record(self, told: TellVisit) -> None:
        """Keep the visit service's book: a stay joins once and ends once, epochs only rise."""
        who = told.participant_id
        assert told.attach_epoch >= self.epochs.get(who, 0)
        self.epochs[who] = told.attach_epoch
        stay = self.stays[who]
        assert Fact.LEFT not in stay
        assert told.fact is not Fact.JOINED or Fact.JOINED not in stay
        if told.fact in {Fact.BACK, Fact.AWAY}:
            assert stay, "back before it came"
        stay.add(told.fact)

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def whoever_is_inside_knows_the_room_as_it_is(self) -> None:
        for name, viewer in self.viewers.items():
            if self.room.seats[name].is_active:
                assert viewer.is_like(self.room.snapshot(name)), name

    @invariant()
    def whoever_waits_knows_of_nobody_else(self) -> None:
        for name, viewer in self.viewers.items():
            if not self.room.seats[name].is_active:
                assert set(viewer.participants) == {name}
                assert viewer.publications == {}

    @invariant()
    def media_is_for_people_inside(self) -> None:
        inside = {name for name, one in self.room.seats.items() if one.is_active}
        present = {name for name in inside if not self.room.seats[name].is_away}
        assert present <= self.media <= inside

    @invariant()
    def nobody_publishes_from_the_lobby(self) -> None:
        assert not any(one.publications for one in self.room.seats.values() if not one.is_active)

    @invariant()
    def whoever_has_a_seat_has_a_stay_and_whoever_went_has_left(self) -> None:
        for name, stay in self.stays.items():
            assert (Fact.LEFT in stay) is (name not in self.room.seats)


TestRoomHistory = RoomHistory.TestCase
TestRoomHistory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
