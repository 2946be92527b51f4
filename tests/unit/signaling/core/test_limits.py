"""What one peer may send, and how long it waits for more."""

import pytest

from signaling.core.limits import (
    BYTES_BURST,
    BYTES_PER_S,
    MESSAGES_BURST,
    MESSAGES_PER_S,
    OFFERS_BURST,
    OFFERS_PER_S,
    VIOLATIONS_MAX,
    VIOLATIONS_SPAN_S,
    PeerLimits,
    TokenBucket,
)


def test_a_bucket_begins_full_and_is_then_empty() -> None:
    bucket = TokenBucket(burst=2, per_s=1, now=0.0)

    assert [bucket.take(now=0.0) for _ in range(3)] == [0.0, 0.0, 1.0]


def test_tokens_come_back_at_the_rate() -> None:
    bucket = TokenBucket(burst=2, per_s=4, now=0.0)
    bucket.take(2, now=0.0)

    assert bucket.take(now=0.125) == 0.125
    assert bucket.take(now=0.25) == 0.0


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(burst=2, per_s=1, now=0.0)

    assert bucket.take(2, now=1_000.0) == 0.0
    assert bucket.take(now=1_000.0) == 1.0


def test_tokens_are_taken_all_or_none() -> None:
    bucket = TokenBucket(burst=3, per_s=1, now=0.0)

    assert bucket.take(4, now=0.0) == 1.0
    assert bucket.take(3, now=0.0) == 0.0


def test_a_clock_that_steps_back_gives_no_tokens_twice() -> None:
    bucket = TokenBucket(burst=1, per_s=1, now=10.0)
    bucket.take(now=10.0)

    assert bucket.take(now=9.0) == 1.0
    assert bucket.take(now=10.5) == 0.5


def test_a_burst_of_messages_passes_and_the_next_is_a_flood() -> None:
    limits = PeerLimits(now=0.0)

    assert all(limits.has_room_for(1, now=0.0) for _ in range(MESSAGES_BURST))
    assert not limits.has_room_for(1, now=0.0)
    assert limits.has_room_for(1, now=1 / MESSAGES_PER_S)


def test_a_burst_of_bytes_passes_and_the_next_is_a_flood() -> None:
    limits = PeerLimits(now=0.0)

    assert limits.has_room_for(BYTES_BURST, now=0.0)
    assert not limits.has_room_for(1, now=0.0)
    assert limits.has_room_for(BYTES_PER_S, now=1.0)


def test_offers_pass_in_a_burst_then_one_a_second() -> None:
    limits = PeerLimits(now=0.0)

    assert [limits.wait_for_offer_s(now=0.0) for _ in range(OFFERS_BURST)] == [0.0] * OFFERS_BURST
    assert limits.wait_for_offer_s(now=0.25) == 0.75
    assert limits.wait_for_offer_s(now=1.0) == 0.0


@pytest.mark.parametrize("count", range(1, VIOLATIONS_MAX))
def test_fewer_violations_are_forgiven(count: int) -> None:
    limits = PeerLimits(now=0.0)

    assert not any(limits.is_last_strike(now=0.0) for _ in range(count))


def test_the_third_violation_within_the_span_is_the_last() -> None:
    limits = PeerLimits(now=100.0)

    strikes = [limits.is_last_strike(now=100.0 + at) for at in (0.0, 5.0, VIOLATIONS_SPAN_S)]

    assert strikes == [False, False, True]


def test_violations_far_apart_never_add_up() -> None:
    limits = PeerLimits(now=0.0)

    strikes = [limits.is_last_strike(now=instant) for instant in (0.0, 6.0, 12.0, 18.0)]

    assert not any(strikes)


def test_the_bounds_are_those_promised() -> None:
    assert (MESSAGES_PER_S, MESSAGES_BURST) == (50, 100)
    assert (BYTES_PER_S, BYTES_BURST) == (131_072, 262_144)
    assert (OFFERS_PER_S, OFFERS_BURST) == (1, 5)
    assert (VIOLATIONS_MAX, VIOLATIONS_SPAN_S) == (3, 10.0)
