from typing import Any

from media.contract.control import (
    AckSlots,
    DetachReason,
    Mute,
    Publish,
    SeatCommand,
    SetWants,
    Source,
    Unpublish,
    Want,
    WishedPublication,
)
from signaling.contract.ids import ParticipantId
from signaling.core.effects import CutReason
from signaling.core.media_wish import Place, Wish
from tests.support.signaling_peers import ROOM_ID

ANN = ParticipantId("ann")
HERE = Place(ROOM_ID, 7)
ENVELOPE: dict[str, Any] = {
    "request_id": "-",
    "room_id": ROOM_ID,
    "room_epoch": 7,
    "participant_id": ANN,
    "attach_epoch": 3,
}
MIC = WishedPublication(publication_id="ann.mic", mid="0", source=Source.MIC)


def a_wish(*done: SeatCommand) -> Wish:
    wish = Wish(attach_epoch=3, may_publish=(Source.MIC,), is_attached=True)
    for command in done:
        wish.note(command)
    return wish


def publish() -> Publish:
    return Publish(**ENVELOPE, publication_id="ann.mic", mid="0", source=Source.MIC)


def test_what_was_done_is_what_is_restated() -> None:
    wants = (Want(publication_id="bob.mic"),)
    wish = a_wish(publish(), SetWants(**ENVELOPE, wants=wants), AckSlots(**ENVELOPE, map_id=1))
    wish.is_paused = True

    (seat,) = HERE.sync({ANN: wish}).seats

    assert seat.participant_id == ANN
    assert (seat.attach_epoch, seat.is_paused, seat.wants) == (3, True, wants)
    assert seat.publications == (MIC,)


def test_a_mute_changes_what_was_published_and_nothing_else() -> None:
    mute = Mute(**ENVELOPE, publication_id="ann.mic", is_muted=True)

    assert a_wish(publish(), mute).publications["ann.mic"].is_muted
    assert a_wish(mute).publications == {}


def test_what_was_withdrawn_is_not_restated() -> None:
    withdrawn = a_wish(publish(), Unpublish(**ENVELOPE, publication_id="ann.mic"))

    assert HERE.sync({ANN: withdrawn}).seats[0].publications == ()


def test_a_lost_peer_takes_everything_with_it_but_the_right_to_another() -> None:
    wish = a_wish(publish())
    wish.is_paused = wish.was_told = True

    wish.lose()

    assert (wish.is_attached, wish.is_paused, wish.publications) == (False, False, {})
    assert wish.was_told


def test_every_command_carries_the_place_it_is_meant_for() -> None:
    wish = a_wish()
    commands = [
        HERE.open(),
        HERE.close(),
        HERE.attach(ANN, wish),
        HERE.detach(ANN, 3, CutReason.LEFT),
        HERE.pause(ANN, wish),
        HERE.sync({}),
    ]

    assert {(each.room_id, each.room_epoch) for each in commands} == {(ROOM_ID, 7)}
    assert HERE.detach(ANN, 3, CutReason.LEFT).reason is DetachReason.LEFT
