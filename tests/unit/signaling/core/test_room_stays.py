"""How stays end, what silence costs, and who hears of tracks and marks."""

import pytest

from signaling.contract.close_codes import CloseCode
from signaling.contract.errors import (
    UnknownPublication,
    WrongState,
)
from signaling.contract.ids import ParticipantId, PublicationId
from signaling.contract.messages import (
    Action,
    Cause,
    Goodbye,
    ParticipantAway,
    ParticipantBack,
    ParticipantChanged,
    ParticipantLeft,
    PublicationAdded,
    PublicationChanged,
    PublicationRemoved,
    RoomEnded,
    SeatState,
    Source,
    VisitChanged,
)
from signaling.core.effects import (
    Announce,
    Audience,
    Close,
    CloseSeat,
    CutReason,
    Fact,
    Seated,
)
from signaling.core.room import publication_of
from telehealth.contract import LeftCause
from tests.support.signaling_peers import seat
from tests.support.signaling_rooms import (
    AA,
    ANN,
    ANN_MIC,
    BOB,
    DOC,
    EVE,
    LA,
    A,
    L,
    announced,
    cut,
    mic,
    room_of,
    told,
)

# --- silence -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("present", "away"), [(L, LA), (A, AA)])
def test_somebody_silent_keeps_the_seat_and_is_heard_again(
    present: SeatState, away: SeatState
) -> None:
    room = room_of(seat("ann", state=present))
    hearers, audience = ((DOC, ANN), Audience.ACTIVE) if present is A else ((DOC,), Audience.HOSTS)

    room.fall_silent(ANN)
    went = room.take_effects()
    room.be_heard(ANN)

    assert went == [
        Seated(participant_id=ANN, state=away),
        announced(ParticipantAway(seq=0, participant_id=ANN), *hearers, audience=audience),
        told(Fact.AWAY, ANN),
    ]
    assert room.take_effects()[:3] == [
        Seated(participant_id=ANN, state=present),
        announced(ParticipantBack(seq=0, participant_id=ANN), *hearers, audience=audience),
        told(Fact.BACK, ANN),
    ]


@pytest.mark.parametrize("state", [LA, AA])
def test_silence_repeated_is_no_news(state: SeatState) -> None:
    room = room_of(seat("ann", state=state))

    room.fall_silent(ANN)

    assert room.take_effects() == []


@pytest.mark.parametrize("state", [L, A])
def test_somebody_present_who_is_heard_is_no_news(state: SeatState) -> None:
    room = room_of(seat("ann", state=state))

    room.be_heard(ANN)

    assert room.take_effects() == []


def test_of_somebody_gone_there_is_no_news() -> None:
    room = room_of()

    room.fall_silent(ANN)
    room.be_heard(ANN)
    room.leave(ANN)
    room.time_out(ANN)
    room.drop_publications(ANN)
    room.note_reconnecting(ANN, is_reconnecting=True)

    assert room.take_effects() == []


@pytest.mark.parametrize("state", [LA, AA])
def test_a_seat_is_not_kept_for_ever(state: SeatState) -> None:
    room = room_of(seat("ann", state=state))

    room.time_out(ANN)

    media = [cut(ANN, CutReason.TIMEOUT)] if state is AA else []
    audience = Audience.ACTIVE if state is AA else Audience.HOSTS
    left = ParticipantLeft(seq=0, participant_id=ANN, cause=Cause.TIMEOUT)
    assert room.take_effects() == [
        *media,
        announced(left, DOC, audience=audience),
        told(Fact.LEFT, ANN, cause=Cause.TIMEOUT),
    ]


@pytest.mark.parametrize("state", [L, A])
def test_somebody_present_never_times_out(state: SeatState) -> None:
    room = room_of(seat("ann", state=state))

    with pytest.raises(WrongState):
        room.time_out(ANN)

    assert ANN in room.seats
    assert room.take_effects() == []


@pytest.mark.parametrize("state", SeatState)
def test_anybody_may_leave(state: SeatState) -> None:
    room = room_of(seat("ann", state=state))

    room.leave(ANN)

    is_inside = state in {A, AA}
    left = ParticipantLeft(seq=0, participant_id=ANN, cause=Cause.LEFT)
    assert room.take_effects() == [
        *([cut(ANN, CutReason.LEFT)] if is_inside else []),
        announced(left, DOC, audience=Audience.ACTIVE if is_inside else Audience.HOSTS),
        told(Fact.LEFT, ANN, cause=Cause.LEFT),
    ]
    assert ANN not in room.seats


def test_whoever_comes_again_after_leaving_joins_anew() -> None:
    room = room_of(seat("ann"))
    room.leave(ANN)
    room.take_effects()

    room.enter(seat("ann", attach_epoch=2))

    assert told(Fact.JOINED, ANN, epoch=2) in room.take_effects()


def test_the_end_of_the_visit_ends_every_seat() -> None:
    room = room_of(seat("ann", state=LA))

    room.end()

    over = Close(CloseCode.ENDED, Goodbye(cause="ended", action=Action.STOP))
    assert room.take_effects() == [
        announced(RoomEnded(seq=0), DOC, ANN, audience=Audience.EVERYBODY),
        CloseSeat(participant_id=DOC, close=over),
        told(Fact.LEFT, DOC, cause=Cause.ENDED),
        cut(DOC, CutReason.ENDED),
        CloseSeat(participant_id=ANN, close=over),
        told(Fact.LEFT, ANN, cause=Cause.ENDED),
    ]
    assert room.seats == {}


@pytest.mark.parametrize("cause", [Cause.LEFT, Cause.TIMEOUT, Cause.REMOVED, Cause.ENDED])
def test_the_visit_service_knows_every_cause_a_room_tells(cause: Cause) -> None:
    assert LeftCause(cause.value)


# --- publications and marks ----------------------------------------------------------------------


def test_a_track_is_offered_to_everybody_inside() -> None:
    room = room_of(seat("ann"), seat("eve", state=L))

    assert room.publish(ANN, Source.MIC, is_muted=False) == ANN_MIC

    assert room.take_effects() == [announced(PublicationAdded(seq=0, publication=mic()), DOC, ANN)]


def test_the_same_track_again_is_no_news_and_a_muted_one_is_a_change() -> None:
    room = room_of(seat("ann"))
    room.publish(ANN, Source.MIC, is_muted=False)
    room.take_effects()

    assert room.publish(ANN, Source.MIC, is_muted=False) == ANN_MIC
    repeated = room.take_effects()
    assert room.publish(ANN, Source.MIC, is_muted=True) == ANN_MIC

    assert repeated == []
    assert room.take_effects() == [
        announced(PublicationChanged(seq=0, publication=mic(is_muted=True)), DOC, ANN)
    ]


@pytest.mark.parametrize("who", [ANN, EVE], ids=["in the lobby", "gone"])
def test_nobody_publishes_from_outside(who: ParticipantId) -> None:
    room = room_of(seat("ann", state=L))

    with pytest.raises(WrongState):
        room.publish(who, Source.MIC, is_muted=False)

    assert room.take_effects() == []


def test_a_track_is_withdrawn() -> None:
    room = room_of(seat("ann"))
    room.publish(ANN, Source.MIC, is_muted=False)
    room.take_effects()

    room.unpublish(ANN, ANN_MIC)

    assert room.take_effects() == [
        announced(PublicationRemoved(seq=0, publication_id=ANN_MIC), DOC, ANN)
    ]
    assert room.seats[ANN].publications == {}


@pytest.mark.parametrize(
    ("who", "what"),
    [
        (DOC, ANN_MIC),
        (ANN, PublicationId("ann.camera")),
        (EVE, PublicationId("eve.mic")),
    ],
    ids=["of another", "never made", "of nobody"],
)
def test_only_ones_own_track_is_withdrawn_or_muted(who: ParticipantId, what: PublicationId) -> None:
    room = room_of(seat("ann"))
    room.publish(ANN, Source.MIC, is_muted=False)
    room.take_effects()

    with pytest.raises(UnknownPublication):
        room.own_publication(who, what)
    with pytest.raises(UnknownPublication):
        room.unpublish(who, what)

    assert room.take_effects() == []


def test_everything_of_a_lost_connection_is_withdrawn() -> None:
    room = room_of(seat("ann"))
    for source in Source:
        room.publish(ANN, source, is_muted=False)
    room.take_effects()

    room.drop_publications(ANN)

    assert room.take_effects() == [
        announced(PublicationRemoved(seq=0, publication_id=publication_of(ANN, source)), DOC, ANN)
        for source in Source
    ]


def test_a_publication_is_named_after_who_and_what() -> None:
    assert publication_of(ANN, Source.SCREEN) == "ann.screen"


def test_interrupted_media_is_one_mark_told_once_each_way() -> None:
    room = room_of(seat("ann"))

    for is_reconnecting in (True, True, False, False):
        room.note_reconnecting(ANN, is_reconnecting=is_reconnecting)

    marks = [
        each.event.participant.is_reconnecting
        for each in room.take_effects()
        if isinstance(each, Announce) and isinstance(each.event, ParticipantChanged)
    ]
    assert marks == [True, False]


def test_nobody_in_the_lobby_has_media_to_lose() -> None:
    room = room_of(seat("ann", state=L))

    room.note_reconnecting(ANN, is_reconnecting=True)

    assert room.take_effects() == []


def test_everybody_hears_that_the_visit_changed() -> None:
    room = room_of(seat("ann", state=L))

    room.change_visit(4)

    assert room.take_effects() == [
        announced(VisitChanged(seq=0, version=4), DOC, ANN, audience=Audience.EVERYBODY)
    ]


def test_a_snapshot_is_the_room_as_its_receiver_may_see_it() -> None:
    room = room_of(seat("bob"), seat("ann", state=L))

    assert [each.participant_id for each in room.snapshot(DOC).participants] == [DOC, BOB, ANN]
    assert [each.participant_id for each in room.snapshot(BOB).participants] == [DOC, BOB]
    assert [each.participant_id for each in room.snapshot(ANN).participants] == [ANN]
