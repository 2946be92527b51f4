"""What machines ask for is values: equal when they ask the same, and never changed later."""

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from media.contract.control import DetachReason
from signaling.contract.close_codes import CloseCode
from signaling.contract.messages import Action, Goodbye, Pong
from signaling.core.effects import (
    Close,
    CutReason,
    Fact,
    RoomEffect,
    Send,
    SessionEffect,
)
from telehealth.contract import PresenceKind


def test_effects_that_ask_the_same_are_equal() -> None:
    assert Send(Pong(re=1, server_at="")) == Send(Pong(re=1, server_at=""))
    assert Close(CloseCode.ENDED) == Close(CloseCode.ENDED, None)
    assert Close(CloseCode.ENDED) != Close(
        CloseCode.ENDED, Goodbye(cause="ended", action=Action.STOP)
    )


def test_an_effect_cannot_be_changed() -> None:
    effect = Close(CloseCode.LEFT)

    with pytest.raises(FrozenInstanceError):
        effect.code = CloseCode.ENDED  # type: ignore[misc]


@pytest.mark.parametrize("kind", [*get_args(SessionEffect), *get_args(RoomEffect)])
def test_every_effect_is_a_small_frozen_value(kind: type[object]) -> None:
    assert not hasattr(kind, "__dict__") or "__slots__" in vars(kind)
    assert vars(kind)["__dataclass_params__"].frozen


def test_a_cut_says_why_in_the_words_of_the_media_contract() -> None:
    assert {each.value for each in CutReason} <= {each.value for each in DetachReason}


def test_a_fact_is_told_in_the_words_of_the_visit_service() -> None:
    assert {each.value for each in Fact} == {each.value for each in PresenceKind}
