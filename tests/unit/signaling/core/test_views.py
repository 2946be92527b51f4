"""A lobby seat sees itself alone; hosts see who waits; the others see who is inside."""

import pytest

from signaling.contract.ids import ParticipantId, PublicationId
from signaling.contract.messages import PublicationSeen, SeatState, Source
from signaling.core.effects import Audience
from signaling.core.views import hearers, seen_by, snapshot_for
from tests.support.signaling_peers import ROOM_ID, seat

HOST = seat("host", may_admit=True)
INSIDE = seat("inside")
INSIDE_AWAY = seat("inside_away", state=SeatState.ACTIVE_AWAY)
WAITING = seat("waiting", state=SeatState.LOBBY)
WAITING_AWAY = seat("waiting_away", state=SeatState.LOBBY_AWAY)
WAITING_HOST = seat("waiting_host", state=SeatState.LOBBY, may_admit=True)
ALL = [HOST, INSIDE, INSIDE_AWAY, WAITING, WAITING_AWAY, WAITING_HOST]
NAMES = [each.participant_id for each in ALL]

SEES: dict[str, list[str]] = {
    "host": [str(name) for name in NAMES],
    "inside": ["host", "inside", "inside_away"],
    "inside_away": ["host", "inside", "inside_away"],
    "waiting": ["waiting"],
    "waiting_away": ["waiting_away"],
    "waiting_host": ["waiting_host"],
}
HEARS: dict[Audience, list[str]] = {
    Audience.ACTIVE: ["host", "inside", "inside_away"],
    Audience.HOSTS: ["host"],
    Audience.EVERYBODY: [str(name) for name in NAMES],
    Audience.ONE: [],
}


@pytest.mark.parametrize("viewer", ALL, ids=NAMES)
def test_each_seat_sees_whom_it_may(viewer: object) -> None:
    one = next(each for each in ALL if each is viewer)

    assert [each.participant_id for each in seen_by(one, ALL)] == SEES[one.participant_id]


@pytest.mark.parametrize("audience", Audience)
def test_each_audience_is_who_it_says(audience: Audience) -> None:
    assert list(hearers(audience, ALL)) == HEARS[audience]


@pytest.mark.parametrize("audience", Audience)
def test_one_more_may_hear_and_hears_once(audience: Audience) -> None:
    for name in NAMES:
        told = hearers(audience, ALL, also=name)

        assert set(told) == {*HEARS[audience], name}
        assert len(told) == len(set(told))


def test_somebody_gone_hears_nothing() -> None:
    assert hearers(Audience.ONE, ALL, also=ParticipantId("gone")) == ()


def test_a_snapshot_holds_the_seats_seen_and_their_publications_alone() -> None:
    publisher = seat("publisher")
    publisher.publications[Source.MIC] = PublicationSeen(
        publication_id=PublicationId("publisher.mic"),
        participant_id=ParticipantId("publisher"),
        source=Source.MIC,
        is_muted=True,
    )
    seats = [*ALL, publisher]

    inside = snapshot_for(INSIDE, ROOM_ID, seats)
    waiting = snapshot_for(WAITING, ROOM_ID, seats)

    assert inside.room_id == waiting.room_id == ROOM_ID
    assert [each.publication_id for each in inside.publications] == ["publisher.mic"]
    assert [each.participant_id for each in inside.participants] == [*SEES["inside"], "publisher"]
    assert waiting.publications == ()
    assert waiting.participants == (WAITING.seen(),)
