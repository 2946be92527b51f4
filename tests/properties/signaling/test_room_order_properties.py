"""What happens to one seat does not depend on when the others moved; told twice is told once."""

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from signaling.contract.errors import Refusal
from signaling.contract.ids import ParticipantId
from signaling.contract.messages import SeatState, Source
from signaling.core.effects import Fact, TellVisit
from signaling.core.room import Room, publication_of
from tests.support.signaling_peers import ROOM_ID, seat

Act: TypeAlias = Callable[[Room, ParticipantId, int], object]


def _enter(state: SeatState) -> Act:
    return lambda room, who, epoch: room.enter(seat(who, state=state, attach_epoch=epoch))


# What comes to a seat from its own socket, the node's sweep and the visit service.
ACTS: Final[Mapping[str, Act]] = MappingProxyType(
    {
        "enter the lobby": _enter(SeatState.LOBBY),
        "enter directly": _enter(SeatState.ACTIVE),
        "admit": lambda room, who, _: room.admit(who, by=None),
        "return": lambda room, who, _: room.return_to_lobby(who, by=None),
        "remove": lambda room, who, _: room.remove(who, by=None),
        "leave": lambda room, who, _: room.leave(who),
        "fall silent": lambda room, who, _: room.fall_silent(who),
        "be heard": lambda room, who, _: room.be_heard(who),
        "time out": lambda room, who, _: room.time_out(who),
        "lose media": lambda room, who, _: room.note_reconnecting(who, is_reconnecting=True),
        "regain media": lambda room, who, _: room.note_reconnecting(who, is_reconnecting=False),
        "publish": lambda room, who, _: room.publish(who, Source.MIC, is_muted=False),
        "mute": lambda room, who, _: room.publish(who, Source.MIC, is_muted=True),
        "unpublish": lambda room, who, _: room.unpublish(who, publication_of(who, Source.MIC)),
    }
)
# Told once more, these are no news.
REPEATABLE: Final = sorted(ACTS.keys() - {"enter the lobby", "enter directly", "unpublish"})
HISTORIES = st.lists(
    st.lists(st.sampled_from(sorted(ACTS)), min_size=1, max_size=8), min_size=2, max_size=4
)


def do(room: Room, act: str, who: ParticipantId, epoch: int) -> None:
    try:
        ACTS[act](room, who, epoch)
    except Refusal:
        return


def facts_of(room: Room) -> list[tuple[ParticipantId, Fact, int, str | None]]:
    return [
        (each.participant_id, each.fact, each.attach_epoch, each.cause)
        for each in room.take_effects()
        if isinstance(each, TellVisit)
    ]


def played(
    histories: list[list[str]], order: list[int]
) -> tuple[dict[ParticipantId, object], dict[str, list[object]]]:
    """Play each person's history in its own order; `order` says whose turn it is."""
    room, told = Room(ROOM_ID), dict[str, list[object]]()
    turns = [iter(enumerate(history, start=1)) for history in histories]
    for person in order:
        who = ParticipantId(f"p{person}")
        epoch, act = next(turns[person])
        do(room, act, who, epoch)
        for name, *fact in facts_of(room):
            told.setdefault(name, []).append(fact)
    return {name: (one.seen(), one.publications) for name, one in room.seats.items()}, told


@given(histories=HISTORIES, shuffle=st.randoms(use_true_random=False))
def test_any_order_among_people_gives_the_same_room_and_the_same_facts(
    histories: list[list[str]], shuffle: random.Random
) -> None:
    one_after_another = [at for at, history in enumerate(histories) for _ in history]
    mixed = list(one_after_another)
    shuffle.shuffle(mixed)

    assert played(histories, mixed) == played(histories, one_after_another)


@given(
    history=st.lists(st.sampled_from(sorted(ACTS)), max_size=12), act=st.sampled_from(REPEATABLE)
)
def test_what_is_told_twice_is_told_once(history: list[str], act: str) -> None:
    """Visit events are repeated until they are acknowledged."""
    room, who = Room(ROOM_ID), ParticipantId("ann")
    for epoch, each in enumerate([*history, act], start=1):
        do(room, each, who, epoch)
    room.take_effects()

    do(room, act, who, 99)

    assert room.take_effects() == []


@given(epochs=st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_of_racing_sockets_the_newest_has_the_seat_in_whatever_order_they_arrive(
    epochs: list[int],
) -> None:
    room = Room(ROOM_ID)

    seen = [room.enter(seat("ann", attach_epoch=epoch)).attach_epoch for epoch in epochs]

    assert seen == sorted(seen)
    assert seen[-1] == max(epochs)
