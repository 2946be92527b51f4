"""One peer's conversation: what is taken, what is asked of the shell, what ends it."""

import pytest

from signaling.contract.close_codes import CloseCode
from signaling.contract.codec import FIRST_FRAME_BYTES_MAX
from signaling.contract.errors import (
    LocalMisuse,
    MediaFull,
    Refusal,
    RoomFull,
    RoomOver,
    TicketInvalid,
    TryAgain,
)
from signaling.contract.messages import (
    Hello,
    Ok,
    Pong,
    Refused,
    SeatState,
    SeatTaken,
)
from signaling.core import effects
from signaling.core.effects import Attach, Carry, Close, Send
from signaling.core.limits import MESSAGES_BURST
from signaling.core.session import HELLO_LIMIT_S, TAKE_OVER_LIMIT_S, Place, Session
from tests.support.signaling_peers import frame, hello, welcome
from tests.support.signaling_sessions import OPEN, end, no, seated

# --- greeting ------------------------------------------------------------------------------------


def test_nobody_admits_before_the_ticket_says_so() -> None:
    assert not Session(now=0.0).may_admit


@pytest.mark.parametrize(
    ("features", "can_move"),
    [((), False), (("of-tomorrow",), False), (("of-tomorrow", "media-move"), True)],
)
def test_only_a_client_that_says_so_is_asked_to_hold_two_connections(
    features: tuple[str, ...],
    can_move: bool,  # noqa: FBT001  (the table)
) -> None:
    session = Session(now=0.0)
    assert not session.can_move

    session.receive(hello(1, features=features), now=0.0)

    assert session.can_move is can_move


def test_a_hello_asks_for_a_seat() -> None:
    session = Session(now=0.0)

    session.receive(hello(1), now=1.0)

    (effect,) = session.take_effects()
    assert isinstance(effect, Attach)
    assert isinstance(effect.hello, Hello)
    assert session.take_effects() == []


def test_a_seat_in_the_room_is_told_and_ends_the_waiting() -> None:
    session = Session(now=0.0)
    session.receive(hello(1), now=0.0)
    session.take_effects()

    session.on_attached(welcome(may_admit=True))

    assert session.take_effects() == [Send(welcome(may_admit=True))]
    assert session.place is Place.ACTIVE
    assert session.may_admit
    assert session.deadline is None


@pytest.mark.parametrize(
    ("state", "place"),
    [
        (SeatState.LOBBY, Place.LOBBY),
        (SeatState.LOBBY_AWAY, Place.LOBBY),
        (SeatState.ACTIVE, Place.ACTIVE),
        (SeatState.ACTIVE_AWAY, Place.ACTIVE),
    ],
)
def test_a_session_stands_where_its_seat_stands(state: SeatState, place: Place) -> None:
    assert seated(state).place is place


@pytest.mark.parametrize("text", ["", "{", "[]", frame("wave", 1), frame("hello", 1)])
def test_a_first_frame_that_is_no_hello_ends_the_socket(text: str) -> None:
    session = Session(now=0.0)

    session.receive(text, now=0.0)

    told, ended = session.take_effects()
    assert isinstance(told, Send)
    assert isinstance(told.message, Refused)
    assert ended == end(CloseCode.BAD_MESSAGE, told.message.code)


def test_a_first_frame_is_held_to_its_shorter_limit() -> None:
    session = Session(now=0.0)

    session.receive(hello(1, of_tomorrow="x" * FIRST_FRAME_BYTES_MAX), now=0.0)

    assert session.take_effects() == [
        no("bad_message", None),
        end(CloseCode.BAD_MESSAGE, "bad_message"),
    ]


def test_a_frame_at_a_seat_may_be_longer() -> None:
    session = seated()

    session.receive(frame("ping", 2, of_tomorrow="x" * FIRST_FRAME_BYTES_MAX), now=0.0)

    assert [type(effect) for effect in session.take_effects()] == [Carry]


def test_nobody_waits_for_a_hello_for_ever() -> None:
    session = Session(now=10.0)
    assert session.deadline == 10.0 + HELLO_LIMIT_S

    session.on_deadline(now=10.0 + HELLO_LIMIT_S - 0.1)
    assert session.take_effects() == []
    session.on_deadline(now=10.0 + HELLO_LIMIT_S)

    assert session.take_effects() == [end(CloseCode.NOT_AUTHENTICATED, "no_hello")]
    assert session.deadline is None


def test_a_hello_said_in_time_is_not_too_late_because_the_seat_takes_long() -> None:
    session = Session(now=0.0)
    session.receive(hello(1), now=HELLO_LIMIT_S - 0.1)
    session.take_effects()

    session.on_deadline(now=HELLO_LIMIT_S + 1.0)
    session.on_attached(welcome())

    assert session.take_effects() == [Send(welcome())]


def test_a_seat_has_no_deadline() -> None:
    session = seated()

    session.on_deadline(now=1e9)

    assert session.take_effects() == []


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (TicketInvalid(re=1), CloseCode.NOT_AUTHENTICATED),
        (RoomFull(re=1), CloseCode.LIMIT),
        (RoomOver(re=1), CloseCode.ENDED),
        (TryAgain(re=1, retry_after_ms=300), CloseCode.NOT_READY),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_refused_seat_is_told_once_with_its_reason_and_closes(
    refusal: Refusal, code: CloseCode
) -> None:
    session = Session(now=0.0)
    session.receive(hello(1), now=0.0)
    session.take_effects()

    session.on_turned_away(refusal)

    after_ms = refusal.retry_after_ms
    assert session.take_effects() == [
        no(refusal.code, 1, may_retry=type(refusal).may_retry, after_ms=after_ms),
        end(code, refusal.code, after_ms=after_ms),
    ]
    assert session.place is Place.CLOSED


# --- another device ------------------------------------------------------------------------------


@pytest.fixture
def asked() -> Session:
    """Return a session that was asked whether the call shall move to its device."""
    session = Session(now=0.0)
    session.receive(hello(1), now=0.0)
    session.take_effects()
    session.on_seat_taken(re=1, since_s=12, now=1.0)
    return session


def test_a_person_present_elsewhere_is_asked(asked: Session) -> None:
    assert asked.take_effects() == [Send(SeatTaken(re=1, since_s=12))]
    assert asked.deadline == 1.0 + TAKE_OVER_LIMIT_S


def test_a_person_may_move_the_call_here(asked: Session) -> None:
    asked.take_effects()

    asked.receive(frame("take-over", 2), now=5.0)
    assert asked.take_effects() == [effects.TakeOver(2)]
    asked.on_deadline(now=1.0 + TAKE_OVER_LIMIT_S)
    asked.on_attached(welcome(re=2))

    assert asked.take_effects() == [Send(welcome(re=2))]
    assert asked.place is Place.ACTIVE
    assert asked.deadline is None


def test_an_answer_too_late_moves_nothing(asked: Session) -> None:
    asked.take_effects()

    asked.on_deadline(now=1.0 + TAKE_OVER_LIMIT_S)

    assert asked.take_effects() == [
        no("seat_taken", None, may_retry=True),
        end(CloseCode.SUPERSEDED, "seat_taken"),
    ]


def test_who_is_asked_is_told_nothing_of_the_room(asked: Session) -> None:
    asked.take_effects()

    asked.tell(Pong(re=1, server_at=""))
    asked.on_media_open(OPEN)
    asked.on_answer(re=1, offer_id=1, sdp="v=0")
    asked.on_seated(SeatState.ACTIVE)

    assert asked.take_effects() == []
    assert asked.place is Place.SEAT_TAKEN


@pytest.mark.parametrize("place", [Place.SEAT_TAKEN, Place.LOBBY, Place.ACTIVE])
def test_only_a_hello_is_answered_with_a_question(place: Place) -> None:
    session = at(place)

    with pytest.raises(LocalMisuse):
        session.on_seat_taken(re=1, since_s=0, now=0.0)

    assert session.place is place


@pytest.mark.parametrize("place", [Place.LOBBY, Place.ACTIVE])
def test_a_seat_nobody_asked_for_is_our_own_misuse(place: Place) -> None:
    session = at(place)

    with pytest.raises(LocalMisuse):
        session.on_attached(welcome())

    assert session.take_effects() == []


def at(place: Place) -> Session:
    """Return a session that stands there; nothing is owed."""
    session = Session(now=0.0)
    match place:
        case Place.SEAT_TAKEN:
            session.on_seat_taken(re=1, since_s=0, now=0.0)
        case Place.LOBBY:
            session.on_attached(welcome(state=SeatState.LOBBY))
        case Place.ACTIVE:
            session.on_attached(welcome())
        case _:
            session.close(Close(CloseCode.DRAINING))
    session.take_effects()
    return session


# --- numbers and floods --------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_number_used_or_lower_is_a_violation(number: int) -> None:
    """Otherwise a frame told twice would take effect twice."""
    session = seated()
    session.receive(frame("ping", 3), now=0.0)
    session.take_effects()

    session.receive(frame("ping", number), now=0.0)

    assert session.take_effects() == [no("bad_message", number)]


def test_numbers_may_be_skipped() -> None:
    session = seated()

    session.receive(frame("ping", 900), now=0.0)

    assert [type(effect) for effect in session.take_effects()] == [Carry]


def test_the_third_violation_in_ten_seconds_ends_the_socket() -> None:
    session = seated()
    for instant in (0.0, 1.0):
        session.receive("{", now=instant)
        assert session.take_effects() == [no("bad_message", None)]

    session.receive("{", now=2.0)

    assert session.take_effects() == [
        no("bad_message", None),
        end(CloseCode.BAD_MESSAGE, "bad_message"),
    ]


def test_violations_over_a_long_visit_are_forgiven() -> None:
    session = seated()

    for instant in (0.0, 6.0, 12.0, 18.0, 24.0):
        session.receive("{", now=instant)

    assert len(session.take_effects()) == 5
    assert session.place is Place.ACTIVE


def test_what_is_only_out_of_place_never_adds_up() -> None:
    """A page that asks in the very moment it is returned to the lobby is no attacker."""
    session = seated(SeatState.LOBBY)

    for number in range(2, 10):
        session.receive(frame("subscribe", number, wants=[]), now=0.0)

    codes = [each.message.code for each in session.take_effects()]  # type: ignore[union-attr]
    assert codes == ["wrong_state"] * 8


def test_a_binary_frame_ends_the_socket() -> None:
    session = seated()

    session.receive(b"{}", now=0.0)

    assert session.take_effects() == [end(CloseCode.BINARY, "binary")]


def test_a_flood_of_messages_ends_the_socket() -> None:
    session = seated()
    for number in range(2, MESSAGES_BURST + 1):
        session.receive(frame("ping", number), now=0.0)
    session.take_effects()

    session.receive(frame("ping", MESSAGES_BURST + 1), now=0.0)

    assert session.take_effects() == [end(CloseCode.LIMIT, "flood")]


def test_a_flood_of_bytes_is_counted_in_bytes() -> None:
    """Four frames of 60 KB each, though only 15,000 letters, leave no room for a fifth."""
    session = seated()
    letters = "\N{STETHOSCOPE}" * 15_000
    for number in range(2, 6):
        session.receive(f'{{"type":"ping","id":{number},"x":"{letters}"}}', now=0.0)
    assert [type(effect) for effect in session.take_effects()] == [Carry] * 4

    session.receive(f'{{"type":"ping","id":6,"x":"{letters}"}}', now=0.0)

    assert session.take_effects() == [end(CloseCode.LIMIT, "flood")]


def test_a_closed_session_ignores_everything() -> None:
    session = seated()
    ended = Close(CloseCode.DRAINING)
    session.close(ended)
    assert session.take_effects() == [ended]

    session.receive(frame("ping", 2), now=0.0)
    session.receive(b"", now=0.0)
    session.close(Close(CloseCode.ENDED))
    session.on_deadline(now=1e9)
    session.on_seated(SeatState.LOBBY)
    session.on_media_open(OPEN)
    session.refuse(MediaFull(re=1))
    session.tell(Ok(re=1))
    # The node was drained while Redis was asked for a seat.
    session.on_attached(welcome())
    session.on_seat_taken(re=1, since_s=0, now=0.0)
    session.on_turned_away(RoomFull(re=1))

    assert session.take_effects() == []
    assert session.place is Place.CLOSED
    assert session.deadline is None


def test_the_waits_are_those_promised() -> None:
    assert (HELLO_LIMIT_S, TAKE_OVER_LIMIT_S) == (5.0, 30.0)
