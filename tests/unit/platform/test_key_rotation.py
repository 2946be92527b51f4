"""The life of a signing key: no step too early, no key gone too soon."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from telehealth.contract import KEY_SET_LIFE_S
from telehealth.platform.key_rotation import (
    KEEP_AFTER,
    LOOK_EVERY,
    PUBLISH_AHEAD,
    KeyStepRefused,
    WhyNot,
    promoted,
    removed,
    retired,
    staged,
)
from telehealth.platform.signing import KeyFileUnsafe, KeyState, SigningKey
from tests.support.clock import MORNING
from tests.support.keys import key_for_tests

FIRST, SECOND, THIRD = (key_for_tests(number, KeyState.NEXT) for number in (1, 2, 3))
ACTIVE = [key_for_tests(1)]


def states(keys: Sequence[SigningKey]) -> dict[str, KeyState]:
    return {key.kid: key.state for key in keys}


def test_a_key_lives_from_next_to_gone() -> None:
    later = MORNING + PUBLISH_AHEAD
    two = staged(ACTIVE, SECOND, now=MORNING)
    swapped = promoted(two, now=later)
    left = retired(swapped, kid=FIRST.kid, now=later + KEEP_AFTER)

    assert states(two) == {FIRST.kid: KeyState.ACTIVE, SECOND.kid: KeyState.NEXT}
    assert states(swapped) == {FIRST.kid: KeyState.RETIRING, SECOND.kid: KeyState.ACTIVE}
    assert states(left) == {SECOND.kid: KeyState.ACTIVE}


def test_a_key_is_published_for_twice_as_long_as_any_copy_lives() -> None:
    assert 2 * (timedelta(seconds=KEY_SET_LIFE_S) + LOOK_EVERY) <= PUBLISH_AHEAD


def test_a_key_does_not_sign_before_every_copy_has_it() -> None:
    two = staged(ACTIVE, SECOND, now=MORNING)

    with pytest.raises(KeyStepRefused) as refused:
        promoted(two, now=MORNING + PUBLISH_AHEAD - timedelta(seconds=1))

    assert refused.value.why is WhyNot.TOO_EARLY
    assert refused.value.not_before == MORNING + PUBLISH_AHEAD
    assert states(promoted(two, now=MORNING, is_forced=True))[SECOND.kid] is KeyState.ACTIVE


def test_without_a_next_key_nothing_is_promoted() -> None:
    with pytest.raises(KeyStepRefused, match="stage one"):
        promoted(ACTIVE, now=MORNING, is_forced=True)


def test_one_key_is_next_at_a_time() -> None:
    with pytest.raises(KeyStepRefused, match="already"):
        staged(staged(ACTIVE, SECOND, now=MORNING), THIRD, now=MORNING)


def test_a_key_stays_until_its_longest_token_has_ended() -> None:
    swapped = promoted(staged(ACTIVE, SECOND, now=MORNING), now=MORNING, is_forced=True)

    with pytest.raises(KeyStepRefused) as refused:
        retired(swapped, kid=FIRST.kid, now=MORNING + KEEP_AFTER - timedelta(seconds=1))

    assert refused.value.why is WhyNot.STILL_NEEDED
    assert refused.value.not_before == MORNING + KEEP_AFTER


@pytest.mark.parametrize("kid", [SECOND.kid, FIRST.kid])
def test_only_a_retiring_key_retires(kid: str) -> None:
    with pytest.raises(KeyStepRefused, match="only a retiring"):
        retired(staged(ACTIVE, SECOND, now=MORNING), kid=kid, now=MORNING + KEEP_AFTER)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(KeyStepRefused, match="no such key"):
        retired(ACTIVE, kid="x", now=MORNING)
    with pytest.raises(KeyStepRefused, match="no such key"):
        removed(ACTIVE, kid="x", fresh=SECOND, now=MORNING)


def test_a_compromised_key_goes_at_once_and_the_next_one_signs() -> None:
    two = staged(ACTIVE, SECOND, now=MORNING)

    assert states(removed(two, kid=FIRST.kid, fresh=THIRD, now=MORNING)) == {
        SECOND.kid: KeyState.ACTIVE
    }


def test_a_compromised_key_without_a_next_one_leaves_a_fresh_one() -> None:
    assert states(removed(ACTIVE, kid=FIRST.kid, fresh=THIRD, now=MORNING)) == {
        THIRD.kid: KeyState.ACTIVE
    }


def test_a_compromised_key_that_does_not_sign_leaves_the_active_one() -> None:
    two = staged(ACTIVE, SECOND, now=MORNING)

    assert removed(two, kid=SECOND.kid, fresh=THIRD, now=MORNING) == ACTIVE


def test_there_is_always_exactly_one_active_key() -> None:
    with pytest.raises(KeyFileUnsafe):
        promoted([SECOND], now=MORNING, is_forced=True)
