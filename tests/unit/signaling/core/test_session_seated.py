"""What is taken at a seat, what is asked of the shell, what is told and what not."""

import pytest

from signaling.contract.errors import (
    MediaFull,
)
from signaling.contract.messages import (
    Admitted,
    Answer,
    MediaMove,
    MediaRebuild,
    Ok,
    Pong,
    SeatState,
)
from signaling.core.effects import Carry, Send
from signaling.core.limits import OFFERS_BURST
from signaling.core.negotiation import CANDIDATES_MAX
from signaling.core.session import Session
from tests.support.signaling_peers import frame
from tests.support.signaling_sessions import OPEN, no, offer, seated, with_media

# --- at a seat -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [SeatState.LOBBY, SeatState.ACTIVE])
def test_whoever_has_a_seat_is_told(state: SeatState) -> None:
    session = seated(state)

    session.tell(Pong(re=2, server_at="2030-03-04T15:00:00Z"))

    assert session.take_effects() == [Send(Pong(re=2, server_at="2030-03-04T15:00:00Z"))]


def test_nobody_is_told_before_the_welcome() -> None:
    session = Session(now=0.0)

    session.tell(Ok(re=1))

    assert session.take_effects() == []


def test_a_refused_request_is_told_under_its_number() -> None:
    session = seated()

    session.refuse(MediaFull(re=4, retry_after_ms=500))

    assert session.take_effects() == [no("media_full", 4, may_retry=True, after_ms=500)]


@pytest.mark.parametrize(
    "message",
    [
        OPEN,
        MediaRebuild(room_epoch=8, cause="node_lost", retry_after_ms=0, ice_servers=()),
        MediaMove(room_epoch=8, ends_in_ms=6_000, ice_servers=()),
    ],
)
def test_media_is_told_to_nobody_in_the_lobby(
    message: Admitted | MediaRebuild | MediaMove,
) -> None:
    """Relay credentials are for people inside."""
    session = seated(SeatState.LOBBY)

    session.on_media_open(message)

    assert session.take_effects() == []


def test_an_admission_opens_media_for_offers() -> None:
    session = seated(SeatState.LOBBY)

    session.on_seated(SeatState.ACTIVE)
    session.on_media_open(OPEN)
    session.receive(offer(2, 1), now=0.0)

    told, carried = session.take_effects()
    assert told == Send(OPEN)
    assert isinstance(carried, Carry)


def test_before_media_is_open_an_offer_is_asked_to_wait() -> None:
    session = seated()

    session.receive(offer(2, 1), now=0.0)

    assert session.take_effects() == [no("media_unavailable", 2, may_retry=True, after_ms=1_000)]


def test_an_answer_is_told_to_whoever_offered() -> None:
    session = with_media()
    session.receive(offer(2, 1), now=0.0)
    session.take_effects()

    session.on_answer(re=2, offer_id=1, sdp="v=0")
    session.on_answer(re=2, offer_id=1, sdp="v=0")

    assert session.take_effects() == [Send(Answer(re=2, offer_id=1, sdp="v=0"))]


def test_an_answer_that_comes_after_the_return_to_the_lobby_is_not_told() -> None:
    session = with_media()
    session.receive(offer(2, 1), now=0.0)
    session.take_effects()

    session.on_seated(SeatState.LOBBY)
    session.on_answer(re=2, offer_id=1, sdp="v=0")
    session.on_seated(SeatState.ACTIVE)
    session.on_answer(re=2, offer_id=1, sdp="v=0")

    assert session.take_effects() == []


def test_a_moved_room_takes_only_offers_for_its_new_place() -> None:
    session = with_media()
    moved = MediaRebuild(room_epoch=8, cause="node_lost", retry_after_ms=0, ice_servers=())

    session.on_media_open(moved)
    session.receive(offer(2, 1), now=0.0)
    session.receive(offer(3, 1, room_epoch=8), now=0.0)

    told, refused, carried = session.take_effects()
    assert told == Send(moved)
    assert refused == no("stale_room_epoch", 2, may_retry=True)
    assert isinstance(carried, Carry)


def test_a_stale_offer_is_refused_under_its_number() -> None:
    session = with_media()
    session.receive(offer(2, 1), now=0.0)
    session.take_effects()

    session.receive(offer(3, 1), now=0.0)

    assert session.take_effects() == [no("stale_offer", 3, may_retry=True)]


def test_offers_too_fast_are_told_how_long_to_wait() -> None:
    session = with_media()
    for number in range(1, OFFERS_BURST + 1):
        session.receive(offer(number + 1, number), now=0.0)
    session.take_effects()

    session.receive(offer(90, 90), now=0.25)
    assert session.take_effects() == [no("limit_reached", 90, may_retry=True, after_ms=751)]
    session.receive(offer(91, 91), now=0.25 + 0.751)

    assert [type(effect) for effect in session.take_effects()] == [Carry]


def test_candidates_are_taken_and_need_no_answer() -> None:
    session = with_media()
    session.receive(offer(2, 1), now=0.0)
    session.take_effects()

    session.receive(frame("candidate", 3, offer_id=1, candidate="candidate:1"), now=0.0)

    assert session.take_effects() == []


def test_too_many_candidates_are_refused_without_ending_the_call() -> None:
    session = with_media()
    session.receive(offer(2, 1), now=0.0)
    for number in range(CANDIDATES_MAX):
        session.receive(frame("candidate", 3 + number, offer_id=1, candidate=None), now=1.0)
    session.take_effects()

    session.receive(frame("candidate", 90, offer_id=1, candidate=None), now=1.0)

    assert session.take_effects() == [no("limit_reached", 90, may_retry=True)]


def test_a_candidate_for_no_offer_is_a_violation() -> None:
    session = with_media()

    session.receive(frame("candidate", 2, offer_id=1, candidate=None), now=0.0)

    assert session.take_effects() == [no("bad_message", 2)]


@pytest.mark.parametrize(
    ("state", "is_carried"), [("connected", False), ("disconnected", False), ("failed", True)]
)
def test_only_failed_media_is_a_fact_for_others(
    state: str,
    is_carried: bool,  # noqa: FBT001  (a row of the table)
) -> None:
    session = seated()

    session.receive(frame("media-state", 2, offer_id=1, state=state), now=0.0)

    assert [type(effect) for effect in session.take_effects()] == [Carry] * is_carried


@pytest.mark.parametrize("tag", ["admit-participant", "return-to-lobby"])
def test_only_a_host_moves_others(tag: str) -> None:
    text = frame(tag, 2, participant_id="bob")
    host, other = seated(may_admit=True), seated()

    host.receive(text, now=0.0)
    other.receive(text, now=0.0)

    assert [type(effect) for effect in host.take_effects()] == [Carry]
    assert other.take_effects() == [no("not_permitted", 2)]


@pytest.mark.parametrize("cause", ["left", "page_closed"])
def test_whoever_leaves_says_how(cause: str) -> None:
    session = seated()

    session.receive(frame("leave", 2, cause=cause), now=0.0)

    assert [type(effect) for effect in session.take_effects()] == [Carry]


@pytest.mark.parametrize("cause", ["timeout", "removed", "ended"])
def test_nobody_says_of_themselves_what_only_others_can_do(cause: str) -> None:
    """It would stand in the record of the visit."""
    session = seated()

    session.receive(frame("leave", 2, cause=cause), now=0.0)

    assert session.take_effects() == [no("bad_message", 2)]


def test_media_closes_with_the_return_to_the_lobby_and_not_before() -> None:
    session = with_media()

    session.on_seated(SeatState.ACTIVE)
    session.receive(offer(2, 1), now=0.0)
    session.on_seated(SeatState.LOBBY)
    session.on_seated(SeatState.ACTIVE)
    session.receive(offer(3, 2), now=0.0)

    carried, refused = session.take_effects()
    assert isinstance(carried, Carry)
    assert refused == no("media_unavailable", 3, may_retry=True, after_ms=1_000)
