"""Many precise reasons inside; outside a code, whether to retry, and one of few close codes."""

from collections.abc import Iterator

import pytest

from signaling.contract import errors
from signaling.contract.close_codes import CloseCode
from signaling.contract.errors import (
    BadMessage,
    LocalMisuse,
    NotPermitted,
    PeerViolation,
    Refusal,
    SignalingError,
)

# Code → may retry, and the close code when it answers a hello.
TOLD: dict[str, tuple[bool, CloseCode]] = {
    "bad_message": (False, CloseCode.BAD_MESSAGE),
    "unsupported_message": (False, CloseCode.BAD_MESSAGE),
    "wrong_state": (False, CloseCode.BAD_MESSAGE),
    "not_permitted": (False, CloseCode.BAD_MESSAGE),
    "unknown_participant": (False, CloseCode.NOT_AUTHENTICATED),
    "unknown_publication": (False, CloseCode.NOT_AUTHENTICATED),
    "ticket_invalid": (True, CloseCode.NOT_AUTHENTICATED),
    "ticket_used": (True, CloseCode.NOT_AUTHENTICATED),
    "seat_taken": (True, CloseCode.SUPERSEDED),
    "room_full": (False, CloseCode.LIMIT),
    "room_ended": (False, CloseCode.ENDED),
    "limit_reached": (True, CloseCode.LIMIT),
    "stale_offer": (True, CloseCode.NOT_AUTHENTICATED),
    "stale_room_epoch": (True, CloseCode.NOT_AUTHENTICATED),
    "too_many_slots": (False, CloseCode.NOT_AUTHENTICATED),
    "media_full": (True, CloseCode.NOT_AUTHENTICATED),
    "media_unavailable": (True, CloseCode.NOT_AUTHENTICATED),
    "try_again": (True, CloseCode.NOT_READY),
    "audit_unavailable": (True, CloseCode.NOT_AUTHENTICATED),
}


def below(root: type[SignalingError]) -> Iterator[type[SignalingError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from below(kind)


REFUSALS: list[type[Refusal]] = [
    kind
    for kind in below(Refusal)
    if issubclass(kind, Refusal)
    and kind is not PeerViolation
    and kind.__module__ == errors.__name__
]


def test_every_refusal_has_its_row_and_no_row_is_left_over() -> None:
    assert sorted(kind.code for kind in REFUSALS) == sorted(TOLD)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_says_who_may_retry_and_how_it_closes(kind: type[Refusal]) -> None:
    assert (kind.may_retry, kind.closes_with) == TOLD[kind.code]


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_reads_as_a_sentence_to_a_patient(kind: type[Refusal]) -> None:
    sentence = kind.public_message

    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert kind.code not in sentence
    assert sentence != SignalingError.public_message


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_carries_its_code_and_numbers_alone(kind: type[Refusal]) -> None:
    refusal = kind(re=3, retry_after_ms=250)

    assert str(refusal) == kind.code
    assert vars(refusal) == {"re": 3, "retry_after_ms": 250}


def test_a_refusal_of_an_unreadable_frame_names_no_request() -> None:
    refusal = BadMessage()

    assert refusal.re is None
    assert refusal.retry_after_ms is None


def test_violations_are_few() -> None:
    """Only these count towards the third strike: a race of two honest sides never does."""
    assert set(below(PeerViolation)) == {BadMessage, NotPermitted}


def test_our_own_misuse_is_told_as_internal_and_is_no_refusal() -> None:
    misuse = LocalMisuse()

    assert str(misuse) == misuse.code == "internal"
    assert not isinstance(misuse, Refusal)
    assert misuse.public_message == "Something went wrong on our side."
