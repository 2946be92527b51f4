"""Each offer is answered once, for the place the media is at; nothing old is taken or told."""

import pytest

from signaling.contract.errors import (
    BadMessage,
    LimitReached,
    MediaUnavailable,
    StaleOffer,
    StaleRoomEpoch,
)
from signaling.core.negotiation import CANDIDATES_MAX, NO_MEDIA_RETRY_MS, Negotiation

EPOCH = 7


@pytest.fixture
def negotiation() -> Negotiation:
    made = Negotiation()
    made.open(EPOCH)
    return made


def test_without_media_no_offer_is_taken() -> None:
    with pytest.raises(MediaUnavailable) as refused:
        Negotiation().offer(1, EPOCH)

    assert refused.value.retry_after_ms == NO_MEDIA_RETRY_MS


def test_an_offer_is_answered_once(negotiation: Negotiation) -> None:
    negotiation.offer(1, EPOCH)

    assert negotiation.answer(1)
    assert not negotiation.answer(1)


def test_an_answer_nobody_asked_for_is_not_told(negotiation: Negotiation) -> None:
    assert not negotiation.answer(1)


def test_only_the_newest_offer_is_answered(negotiation: Negotiation) -> None:
    negotiation.offer(1, EPOCH)
    negotiation.offer(2, EPOCH)

    assert not negotiation.answer(1)
    assert negotiation.answer(2)


@pytest.mark.parametrize("offer_id", [1, 2, 3])
def test_a_number_used_or_lower_is_stale(negotiation: Negotiation, offer_id: int) -> None:
    negotiation.offer(3, EPOCH)

    with pytest.raises(StaleOffer):
        negotiation.offer(offer_id, EPOCH)

    assert negotiation.answer(3)


@pytest.mark.parametrize("room_epoch", [EPOCH - 1, EPOCH + 1])
def test_an_offer_for_another_place_is_refused(negotiation: Negotiation, room_epoch: int) -> None:
    with pytest.raises(StaleRoomEpoch):
        negotiation.offer(1, room_epoch)

    negotiation.offer(1, EPOCH)


def test_when_the_media_moves_the_pending_answer_is_void(negotiation: Negotiation) -> None:
    negotiation.offer(1, EPOCH)

    negotiation.open(EPOCH + 1)

    assert not negotiation.answer(1)
    with pytest.raises(StaleOffer):
        negotiation.offer(1, EPOCH + 1)
    negotiation.offer(2, EPOCH + 1)
    assert negotiation.answer(2)


def test_back_in_the_lobby_nothing_is_taken_or_told(negotiation: Negotiation) -> None:
    negotiation.offer(1, EPOCH)

    negotiation.close()

    assert not negotiation.answer(1)
    with pytest.raises(MediaUnavailable):
        negotiation.offer(2, EPOCH)


def test_candidates_are_counted_for_each_offer(negotiation: Negotiation) -> None:
    negotiation.offer(1, EPOCH)
    for _ in range(CANDIDATES_MAX):
        negotiation.candidate(1)

    with pytest.raises(LimitReached):
        negotiation.candidate(1)

    negotiation.offer(2, EPOCH)
    negotiation.candidate(2)


def test_a_candidate_late_for_the_last_offer_is_taken(negotiation: Negotiation) -> None:
    negotiation.offer(1, EPOCH)
    negotiation.offer(2, EPOCH)

    negotiation.candidate(1)


def test_a_candidate_for_an_offer_never_made_is_a_violation(negotiation: Negotiation) -> None:
    with pytest.raises(BadMessage):
        negotiation.candidate(1)


def test_before_the_first_offer_no_answer_is_due(negotiation: Negotiation) -> None:
    assert not negotiation.answer(0)


def test_the_bounds_are_those_promised() -> None:
    assert (CANDIDATES_MAX, NO_MEDIA_RETRY_MS) == (32, 1_000)
