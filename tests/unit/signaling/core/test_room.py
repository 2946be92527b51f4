"""Who sits where, who hears of it, what the visit service is told, when media opens and ends."""

import pytest

from signaling.contract.close_codes import CloseCode
from signaling.contract.errors import (
    NotPermitted,
    SignalingError,
    UnknownParticipant,
)
from signaling.contract.ids import ParticipantId
from signaling.contract.messages import (
    Action,
    Cause,
    Goodbye,
    ParticipantAdmitted,
    ParticipantBack,
    ParticipantChanged,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantReturned,
    ParticipantWaiting,
    PublicationAdded,
    PublicationRemoved,
    SeatState,
    Source,
)
from signaling.core.effects import (
    Announce,
    Audience,
    Close,
    CloseSeat,
    CutReason,
    Fact,
    OpenMedia,
    Seated,
    TellVisit,
)
from signaling.core.room import Room
from tests.support.signaling_peers import ROOM_ID, seat
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
    room_of,
    told,
)

# --- coming in -----------------------------------------------------------------------------------


def test_a_patient_who_waits_is_seen_by_hosts_alone() -> None:
    room = room_of(seat("bob"))
    ann = seat("ann", state=L)

    assert room.enter(ann) is ann

    assert room.take_effects() == [
        announced(ParticipantWaiting(seq=0, participant=ann.seen()), DOC, audience=Audience.HOSTS),
        Seated(participant_id=ANN, state=L),
        told(Fact.ENTERED_LOBBY, ANN),
    ]
    assert room.take_effects() == []


def test_whoever_may_enter_directly_joins_and_gets_media() -> None:
    room = room_of()
    ann = seat("ann")

    room.enter(ann)

    assert room.take_effects() == [
        announced(ParticipantJoined(seq=0, participant=ann.seen()), DOC, ANN),
        Seated(participant_id=ANN, state=A),
        told(Fact.JOINED, ANN),
        OpenMedia(participant_id=ANN),
    ]


@pytest.mark.parametrize("state", [L, A])
def test_a_newer_socket_of_somebody_present_is_no_news_to_others(state: SeatState) -> None:
    room = room_of(seat("ann", state=state))

    taken = room.enter(seat("ann", state=state, attach_epoch=2))

    assert taken.attach_epoch == 2
    media = [OpenMedia(participant_id=ANN)] if state is A else []
    assert room.take_effects() == [told(Fact.BACK, ANN, epoch=2), *media]


def test_a_ticket_older_than_the_admission_does_not_take_it_back() -> None:
    room = room_of(seat("ann"))

    assert room.enter(seat("ann", state=L, attach_epoch=2)).state is A


def test_what_the_old_socket_published_is_withdrawn() -> None:
    """Its peer connection is gone, and so is what it sent."""
    room = room_of(seat("ann"))
    room.publish(ANN, Source.MIC, is_muted=False)
    room.take_effects()

    room.enter(seat("ann", attach_epoch=2))

    assert room.take_effects()[0] == announced(
        PublicationRemoved(seq=0, publication_id=ANN_MIC), DOC, ANN
    )


def test_a_ticket_with_direct_entry_brings_somebody_waiting_in() -> None:
    room = room_of(seat("ann", state=L))

    ann = room.enter(seat("ann", attach_epoch=2))

    assert room.take_effects() == [
        Seated(participant_id=ANN, state=A),
        announced(ParticipantAdmitted(seq=0, participant=ann.seen()), DOC, ANN),
        told(Fact.JOINED, ANN, epoch=2),
        OpenMedia(participant_id=ANN),
    ]


@pytest.mark.parametrize(("away", "present"), [(LA, L), (AA, A)])
def test_somebody_away_who_comes_with_a_newer_socket_is_back(
    away: SeatState, present: SeatState
) -> None:
    room = room_of(seat("ann", state=away))

    room.enter(seat("ann", state=present, attach_epoch=2))

    back = ParticipantBack(seq=0, participant_id=ANN)
    expected = (
        announced(back, DOC, ANN) if present is A else announced(back, DOC, audience=Audience.HOSTS)
    )
    owed = room.take_effects()
    assert owed[:3] == [
        Seated(participant_id=ANN, state=present),
        expected,
        told(Fact.BACK, ANN, epoch=2),
    ]
    assert owed[3:] == ([OpenMedia(participant_id=ANN)] if present is A else [])


def test_a_mark_of_the_old_connection_is_taken_off_for_all() -> None:
    """Otherwise the others would read Reconnecting for the rest of the visit."""
    room = room_of(seat("ann"))
    room.note_reconnecting(ANN, is_reconnecting=True)
    room.take_effects()

    ann = room.enter(seat("ann", attach_epoch=2))

    assert not ann.is_reconnecting
    assert room.take_effects()[0] == announced(
        ParticipantChanged(seq=0, participant=ann.seen()), DOC, ANN
    )


def test_of_two_sockets_the_one_with_the_later_epoch_keeps_the_seat_in_any_order() -> None:
    room = room_of(seat("ann", attach_epoch=5))

    taken = room.enter(seat("ann", attach_epoch=4))

    assert taken.attach_epoch == 5
    assert room.take_effects() == []


def test_a_newer_ticket_may_change_who_admits() -> None:
    room = room_of(seat("ann"))

    assert room.enter(seat("ann", may_admit=True, attach_epoch=2)).is_host


@pytest.mark.parametrize("state", [LA, AA])
def test_a_seat_of_an_earlier_process_is_known_without_a_word(state: SeatState) -> None:
    room = Room(ROOM_ID)

    room.adopt(seat("ann", state=state))
    assert room.take_effects() == []
    room.be_heard(ANN)

    facts = [each for each in room.take_effects() if isinstance(each, TellVisit)]
    assert facts == [told(Fact.BACK, ANN)]


def test_a_seat_known_already_is_not_adopted_over() -> None:
    room = room_of(seat("ann"))

    room.adopt(seat("ann", state=LA, attach_epoch=9))

    assert room.seats[ANN].state is A


# --- the host's acts -----------------------------------------------------------------------------


@pytest.mark.parametrize("by", [DOC, None], ids=["host", "visit service"])
def test_an_admission_opens_the_room_and_tells_who_is_there(by: ParticipantId | None) -> None:
    room = room_of(seat("bob"), seat("eve", state=L), seat("ann", state=L))
    publication_id = room.publish(BOB, Source.CAMERA, is_muted=False)
    room.take_effects()

    room.admit(ANN, by=by)

    everybody = room.seats
    one = Audience.ONE
    camera = everybody[BOB].publications[Source.CAMERA]
    assert publication_id == camera.publication_id
    assert room.take_effects() == [
        Seated(participant_id=ANN, state=A),
        announced(ParticipantAdmitted(seq=0, participant=everybody[ANN].seen()), DOC, BOB, ANN),
        told(Fact.JOINED, ANN),
        OpenMedia(participant_id=ANN),
        announced(ParticipantJoined(seq=0, participant=everybody[DOC].seen()), ANN, audience=one),
        announced(ParticipantJoined(seq=0, participant=everybody[BOB].seen()), ANN, audience=one),
        announced(PublicationAdded(seq=0, publication=camera), ANN, audience=one),
    ]


def test_an_admitted_host_is_told_who_waits() -> None:
    room = room_of(seat("eve", state=L), seat("ann", state=L, may_admit=True))

    room.admit(ANN, by=None)

    events = [each.event for each in room.take_effects() if isinstance(each, Announce)]
    assert ParticipantWaiting(seq=0, participant=room.seats[EVE].seen()) in events


def test_an_admission_of_somebody_away_is_kept_and_opens_media_at_the_return() -> None:
    room = room_of(seat("ann", state=LA))

    room.admit(ANN, by=DOC)
    admitted = room.take_effects()
    room.be_heard(ANN)

    assert not any(isinstance(each, OpenMedia | TellVisit) for each in admitted)
    assert room.take_effects() == [
        Seated(participant_id=ANN, state=A),
        announced(ParticipantBack(seq=0, participant_id=ANN), DOC, ANN),
        told(Fact.JOINED, ANN),
        OpenMedia(participant_id=ANN),
    ]


@pytest.mark.parametrize("state", [A, AA])
def test_an_admission_repeated_changes_nothing(state: SeatState) -> None:
    room = room_of(seat("ann", state=state))

    room.admit(ANN, by=None)

    assert room.take_effects() == []


@pytest.mark.parametrize("by", [DOC, None], ids=["host", "visit service"])
def test_before_others_hear_of_a_return_the_media_is_cut(by: ParticipantId | None) -> None:
    room = room_of(seat("bob"), seat("ann"))
    room.publish(ANN, Source.MIC, is_muted=False)
    room.note_reconnecting(ANN, is_reconnecting=True)
    room.take_effects()

    room.return_to_lobby(ANN, by=by)

    assert room.take_effects() == [
        Seated(participant_id=ANN, state=L),
        cut(ANN, CutReason.RETURNED),
        announced(ParticipantReturned(seq=0, participant_id=ANN), DOC, BOB, ANN),
        told(Fact.ENTERED_LOBBY, ANN),
    ]
    assert room.seats[ANN].publications == {}
    assert not room.seats[ANN].is_reconnecting


def test_whoever_was_returned_has_entered_the_lobby_once() -> None:
    room = room_of(seat("ann"))
    room.return_to_lobby(ANN, by=DOC)
    room.fall_silent(ANN)
    room.take_effects()

    room.be_heard(ANN)

    assert told(Fact.BACK, ANN) in room.take_effects()


@pytest.mark.parametrize("state", [L, LA])
def test_a_return_repeated_changes_nothing(state: SeatState) -> None:
    room = room_of(seat("ann", state=state))

    room.return_to_lobby(ANN, by=None)

    assert room.take_effects() == []


@pytest.mark.parametrize("state", [A, AA])
def test_somebody_removed_from_the_room_loses_socket_and_media(state: SeatState) -> None:
    room = room_of(seat("bob"), seat("ann", state=state))

    room.remove(ANN, by=DOC)

    goodbye = Goodbye(cause="removed", action=Action.STOP)
    assert room.take_effects() == [
        CloseSeat(participant_id=ANN, close=Close(CloseCode.REMOVED, goodbye)),
        cut(ANN, CutReason.REMOVED),
        announced(ParticipantLeft(seq=0, participant_id=ANN, cause=Cause.REMOVED), DOC, BOB),
        told(Fact.LEFT, ANN, cause=Cause.REMOVED),
    ]
    assert ANN not in room.seats


@pytest.mark.parametrize("state", [L, LA])
def test_somebody_removed_from_the_lobby_had_no_media(state: SeatState) -> None:
    room = room_of(seat("bob"), seat("ann", state=state))

    room.remove(ANN, by=None)

    left = ParticipantLeft(seq=0, participant_id=ANN, cause=Cause.REMOVED)
    assert room.take_effects()[1:] == [
        announced(left, DOC, audience=Audience.HOSTS),
        told(Fact.LEFT, ANN, cause=Cause.REMOVED),
    ]


ACTS = ("admit", "return_to_lobby", "remove")


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    ("by", "whom", "refusal"),
    [
        (DOC, EVE, UnknownParticipant),
        (None, EVE, UnknownParticipant),
        # A host could otherwise send itself to a lobby with nobody left to open it.
        (DOC, DOC, NotPermitted),
        (BOB, ANN, NotPermitted),
        (EVE, ANN, NotPermitted),
        # Whether somebody sits here is told to hosts alone.
        (BOB, EVE, NotPermitted),
    ],
)
def test_nobody_but_a_host_moves_another(
    act: str, by: ParticipantId | None, whom: ParticipantId, refusal: type[SignalingError]
) -> None:
    room = room_of(seat("bob"), seat("ann", state=L))
    before = {name: one.state for name, one in room.seats.items()}

    with pytest.raises(refusal):
        getattr(room, act)(whom, by=by)

    assert room.take_effects() == []
    assert {name: one.state for name, one in room.seats.items()} == before


@pytest.mark.parametrize("act", ACTS)
def test_a_host_in_the_lobby_is_none(act: str) -> None:
    room = room_of(seat("bob", state=L, may_admit=True), seat("ann", state=L))

    with pytest.raises(NotPermitted):
        getattr(room, act)(ANN, by=BOB)


def test_a_host_is_checked_before_the_act_is_recorded() -> None:
    room = room_of(seat("ann", state=L))

    assert room.check_host(DOC, ANN) is room.seats[ANN]
    assert room.take_effects() == []
