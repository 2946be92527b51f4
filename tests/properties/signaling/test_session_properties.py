"""Over any conversation: nothing happens twice, nobody waiting hears of media, one end."""

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from signaling.contract.close_codes import CloseCode
from signaling.contract.errors import TryAgain
from signaling.contract.messages import Admitted, Answer, MediaRebuild, Refused, SeatState
from signaling.core.effects import Attach, Carry, Close, Send, TakeOver
from signaling.core.session import Place, Session
from tests.support.signaling_peers import REQUESTS, welcome

TAGS = st.sampled_from(sorted(REQUESTS))
SKIPS = st.sampled_from((1, 1, 1, 1, 1, 2, 7, 0, -1))
STATES = st.sampled_from(SeatState)
SEATED = {Place.LOBBY, Place.ACTIVE}


class Conversation(RuleBasedStateMachine):
    """A page, honest or not, and a room that moves its seat."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.session = Session(now=0.0)
        self.number = 0
        self.room_epoch = 0
        self.offers: list[int] = []
        self.done: list[int] = []
        self.answered: list[int] = []
        self.closes: list[Close] = []
        self.refusals = 0
        self.is_asked = False

    @initialize(is_seated=st.booleans())
    def begin_as_most_pages_do(self, *, is_seated: bool) -> None:
        """A seat with media open; rules alone seldom get that far."""
        if is_seated:
            self.say("hello", 1, 1, 0.0)
            self.welcome_or_question(SeatState.ACTIVE, may_admit=True)
            self.open_media(is_rebuild=False)

    # --- what may happen ---------------------------------------------------------------------

    @rule(tag=TAGS, skip=SKIPS, offer_id=st.integers(1, 12), pause=st.floats(0, 2))
    def say(self, tag: str, skip: int, offer_id: int, pause: float) -> None:
        self.now += pause
        number = max(1, self.number + skip)
        self.number = max(number, self.number)
        fields = dict(REQUESTS[tag])
        if tag == "offer":
            fields |= {"offer_id": offer_id, "room_epoch": self.room_epoch}
        self.session.receive(json.dumps({"type": tag, "id": number, **fields}), now=self.now)
        self.obey()

    @rule(state=STATES, may_admit=st.booleans())
    def welcome_or_question(self, state: SeatState, *, may_admit: bool) -> None:
        """The shell answers a hello only where one was asked."""
        if not self.is_asked:
            return
        self.is_asked = False
        if self.session.place is Place.GREETING and may_admit and state is SeatState.LOBBY:
            self.session.on_seat_taken(re=1, since_s=1, now=self.now)
        elif self.session.place in {Place.GREETING, Place.SEAT_TAKEN}:
            self.session.on_attached(welcome(state=state, may_admit=may_admit))
        self.obey()

    @rule(happens=st.sampled_from((False,) * 9 + (True,)))
    def turn_away(self, *, happens: bool) -> None:
        if self.is_asked and happens:
            self.session.on_turned_away(TryAgain(re=1))
            self.obey()

    @rule(state=STATES)
    def move_the_seat(self, state: SeatState) -> None:
        self.session.on_seated(state)
        self.obey()

    @rule(is_rebuild=st.booleans())
    def open_media(self, *, is_rebuild: bool) -> None:
        self.room_epoch += 1
        self.session.on_media_open(
            MediaRebuild(
                room_epoch=self.room_epoch, cause="node_lost", retry_after_ms=0, ice_servers=()
            )
            if is_rebuild
            else Admitted(room_epoch=self.room_epoch, ice_servers=(), slots_max=22)
        )
        self.obey()

    @precondition(lambda self: self.offers)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        offer_id = data.draw(st.sampled_from(self.offers))
        self.session.on_answer(re=1, offer_id=offer_id, sdp="v=0")
        self.obey()

    @rule(pause=st.floats(0, 40))
    def let_time_pass(self, pause: float) -> None:
        self.now += pause
        self.session.on_deadline(now=self.now)
        self.obey()

    # --- what follows ------------------------------------------------------------------------

    def obey(self) -> None:
        for effect in self.session.take_effects():
            assert not self.closes, "asked something of the shell after the end"
            match effect:
                case Send(message=message):
                    self.hear(message)
                case Close():
                    self.closes.append(effect)
                case Attach(hello=request):
                    self.note(request.id)
                    self.is_asked = True
                case TakeOver(re=number):
                    self.note(number)
                    self.is_asked = True
                case Carry(request=request):
                    self.note(request.id)
                    if request.__struct_config__.tag == "offer":
                        self.offers.append(request.offer_id)  # type: ignore[attr-defined]

    def note(self, number: int) -> None:
        assert not self.done or number > self.done[-1], "a request took effect twice"
        self.done.append(number)

    def hear(self, message: object) -> None:
        if isinstance(message, Admitted | MediaRebuild | Answer):
            assert self.session.place is Place.ACTIVE
        if isinstance(message, Answer):
            assert message.offer_id == self.offers[-1], "an older offer's answer was told"
            assert message.offer_id not in self.answered, "an offer was answered twice"
            self.answered.append(message.offer_id)
        if isinstance(message, Refused):
            self.refusals += 1

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def offers_rise(self) -> None:
        assert self.offers == sorted(set(self.offers))

    @invariant()
    def one_end_and_then_nothing(self) -> None:
        assert len(self.closes) <= 1
        assert bool(self.closes) is (self.session.place is Place.CLOSED)

    @invariant()
    def whoever_has_no_seat_has_a_deadline(self) -> None:
        """Unless it has spoken, and it is for us to answer."""
        is_waiting = self.session.place in {Place.GREETING, Place.SEAT_TAKEN} and not self.is_asked
        assert (self.session.deadline is not None) is is_waiting

    @invariant()
    def an_end_says_why(self) -> None:
        for each in self.closes:
            assert each.goodbye is not None
            assert each.code not in {CloseCode.INTERNAL, CloseCode.LEFT}


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
