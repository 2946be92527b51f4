"""Callers are counted by kind of door, under hashes; guessing is refused while nobody counts."""

import pytest
from limits.aio.storage import MemoryStorage
from redis.exceptions import TimeoutError as RedisTimeout

from telehealth.platform.paces import ALLOWANCE, GUESSABLE, Allowance, Pace
from telehealth.platform.rates import NobodyCounts, Rates, TooMany, address_of

KEY = bytes(32)


class FakeSilentRedis(MemoryStorage):
    """A Redis that does not answer; counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        del key, limit, expiry, amount
        self.asked += 1
        raise RedisTimeout


def counting(requests: int) -> tuple[Rates, MemoryStorage]:
    storage = MemoryStorage()
    few = dict.fromkeys(ALLOWANCE, Allowance(requests))
    return Rates(storage, key=KEY, allowances=few), storage


async def test_a_caller_gets_what_the_kind_allows_and_is_told_when_to_come_back() -> None:
    rates, _ = counting(3)
    for _ in range(3):
        await rates.take(Pace.SIGN_IN, "192.0.2.1")

    with pytest.raises(TooMany) as refused:
        await rates.take(Pace.SIGN_IN, "192.0.2.1")

    wait_s = refused.value.log_fields["retry_after_s"]
    assert isinstance(wait_s, int)
    assert 1 <= wait_s <= 60


async def test_one_caller_or_kind_does_not_spend_for_another() -> None:
    rates, _ = counting(1)
    await rates.take(Pace.SIGN_IN, "192.0.2.1")

    await rates.take(Pace.SIGN_IN, "192.0.2.2")
    await rates.take(Pace.READ, "192.0.2.1")
    with pytest.raises(TooMany):
        await rates.take(Pace.READ, "192.0.2.1")


async def test_no_address_is_kept() -> None:
    rates, storage = counting(1)

    await rates.take(Pace.READ, "192.0.2.1")

    assert storage.storage
    assert "192.0.2.1" not in repr(storage.storage)


async def test_what_is_not_counted_is_never_too_often() -> None:
    rates, storage = counting(1)
    for _ in range(5):
        await rates.take(Pace.UNCOUNTED, "192.0.2.1")

    assert not storage.storage


@pytest.mark.parametrize("pace", sorted(GUESSABLE))
async def test_what_can_be_guessed_stays_shut_while_nobody_counts(pace: Pace) -> None:
    redis = FakeSilentRedis()
    rates = Rates(redis, key=KEY)

    with pytest.raises(NobodyCounts):
        await rates.take(pace, "192.0.2.1")

    assert rates.uncounted == 0


@pytest.mark.parametrize("pace", sorted(set(ALLOWANCE) - GUESSABLE))
async def test_care_goes_on_while_nobody_counts_and_that_is_counted(pace: Pace) -> None:
    redis = FakeSilentRedis()
    rates = Rates(redis, key=KEY)

    for _ in range(3):
        await rates.take(pace, "192.0.2.1")

    assert rates.uncounted == 3
    assert redis.asked == 1  # the others did not wait for the same silence


def test_every_kind_of_door_has_an_allowance_or_is_not_counted() -> None:
    assert set(Pace) == set(ALLOWANCE) | {Pace.UNCOUNTED}


def test_the_address_is_that_of_the_connection() -> None:
    scope = {"type": "http", "headers": [(b"x-forwarded-for", b"203.0.113.9")]}

    assert address_of({**scope, "client": ("192.0.2.1", 5)}) == "192.0.2.1"
    assert address_of(scope) == ""
