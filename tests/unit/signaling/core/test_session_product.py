"""Every message, in every place, in every role: taken, or refused as the table says."""

import pytest

from signaling.contract.close_codes import CloseCode
from signaling.contract.messages import Admitted, Refused, SeatState
from signaling.core.effects import Attach, Carry, Close, Send, SessionEffect, TakeOver
from signaling.core.session import ALLOWED, HOSTS_ONLY, Place, Session
from tests.support.signaling_peers import REQUESTS, frame, hello, welcome

G, T, L, A = Place.GREETING, Place.SEAT_TAKEN, Place.LOBBY, Place.ACTIVE

# Message → where it is taken, whether from hosts only, and what then is asked of the shell.
TABLE: dict[str, tuple[set[Place], bool, type[SessionEffect] | None]] = {
    "hello": ({G}, False, Attach),
    "take-over": ({T}, False, TakeOver),
    "ping": ({L, A}, False, Carry),
    "leave": ({L, A}, False, Carry),
    "offer": ({A}, False, Carry),
    # A lite agent learns addresses from checks, so nothing follows.
    "candidate": ({A}, False, None),
    "media-state": ({A}, False, Carry),
    "publish": ({A}, False, Carry),
    "unpublish": ({A}, False, Carry),
    "mute": ({A}, False, Carry),
    "subscribe": ({A}, False, Carry),
    "ack-slots": ({A}, False, Carry),
    "media-ready": ({A}, False, Carry),
    "admit-participant": ({A}, True, Carry),
    "return-to-lobby": ({A}, True, Carry),
    "remove-participant": ({A}, True, Carry),
}


def peer(place: Place, *, may_admit: bool) -> Session:
    """Return a session that stands there; an active one has offered once.  Nothing is owed."""
    session = Session(now=0.0)
    if place is Place.GREETING:
        return session
    session.receive(hello(1), now=0.0)
    if place is Place.SEAT_TAKEN:
        session.on_seat_taken(re=1, since_s=0, now=0.0)
    elif place is Place.CLOSED:
        session.close(Close(CloseCode.DRAINING))
    else:
        state = SeatState.LOBBY if place is Place.LOBBY else SeatState.ACTIVE
        session.on_attached(welcome(state=state, may_admit=may_admit))
        session.on_media_open(Admitted(room_epoch=7, ice_servers=(), slots_max=22))
        session.receive(frame("offer", 2, offer_id=1, room_epoch=7, sdp="v=0"), now=0.0)
    session.take_effects()
    return session


def code_of(tag: str, place: Place, *, may_admit: bool) -> str | None:
    """Return the code of the expected refusal; None if the message is taken."""
    places, is_hosts_only, _ = TABLE[tag]
    if place not in places:
        return "wrong_state"
    return "not_permitted" if is_hosts_only and not may_admit else None


def test_the_table_covers_every_message() -> None:
    tags = {str(each.__struct_config__.tag) for each in ALLOWED}

    assert tags == set(TABLE) == set(REQUESTS)
    assert {str(each.__struct_config__.tag) for each in HOSTS_ONLY} == {
        tag for tag, (_, is_hosts_only, _) in TABLE.items() if is_hosts_only
    }


@pytest.mark.parametrize("may_admit", [False, True], ids=["other", "host"])
@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("tag", TABLE)
def test_a_message_is_taken_or_refused_by_place_and_role(
    tag: str,
    place: Place,
    may_admit: bool,  # noqa: FBT001  (the product)
) -> None:
    session = peer(place, may_admit=may_admit)
    code = code_of(tag, place, may_admit=may_admit)

    session.receive(frame(tag, 100, **REQUESTS[tag]), now=5.0)

    owed = session.take_effects()
    if place is Place.CLOSED:
        assert owed == []
    elif code is None:
        asked = TABLE[tag][2]
        assert [type(effect) for effect in owed] == ([asked] if asked else [])
        assert session.place is place
    else:
        assert owed[0] == Send(Refused(re=100, code=code, may_retry=False))
        is_seated = place in {Place.LOBBY, Place.ACTIVE}
        assert [type(effect) for effect in owed[1:]] == ([] if is_seated else [Close])
        assert session.place is (place if is_seated else Place.CLOSED)


@pytest.mark.parametrize("tag", [tag for tag, row in TABLE.items() if row[1]])
def test_one_who_only_may_admit_by_word_of_the_ticket_is_a_host(tag: str) -> None:
    """Nothing in a frame makes a host: the right comes with the seat."""
    session = peer(Place.ACTIVE, may_admit=False)

    session.receive(frame(tag, 100, **REQUESTS[tag], may_admit=True, role="provider"), now=5.0)

    assert session.take_effects() == [Send(Refused(re=100, code="not_permitted", may_retry=False))]
