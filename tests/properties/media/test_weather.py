"""The lossy link does what it says: shares, bursts, rates and order, whatever the seed."""

import random
from itertools import groupby, pairwise

import pytest

from tests.support.weather import BLOCKED, Fate, Road, Weather

MANY = 20_000


def fates(
    weather: Weather, seed: int, *, size: int = 1_000, every_s: float = 0.001
) -> list[list[float]]:
    road = Road(random.Random(seed), weather)
    return [road.fate(size, number * every_s) for number in range(MANY)]


@pytest.mark.parametrize("loss", [0.05, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("burst", [1.0, 5.0, 10.0])
def test_losses_have_their_mean_and_their_length(loss: float, burst: float, seed: int) -> None:
    lost = [not found for found in fates(Weather(loss=loss, burst=burst), seed)]
    runs = [len(list(run)) for is_lost, run in groupby(lost) if is_lost]

    assert abs(sum(lost) / MANY - loss) < 0.02 * burst**0.5
    expected = burst if burst > 1 else 1 / (1 - loss)
    assert 0.7 * expected < sum(runs) / len(runs) < 1.3 * expected


def test_a_capped_link_passes_its_rate_and_queues_no_longer_than_it_may(seed: int) -> None:
    weather = Weather(rate_bps=1_000_000, queue_s=0.2)
    road = Road(random.Random(seed), weather)
    sent = [(number * 0.001, road.fate(972, number * 0.001)) for number in range(MANY)]
    passed = [(at, found[0]) for at, found in sent if found]

    assert abs(len(passed) * 8_000 - 1_000_000 * 20) < 400_000
    assert max(left - at for at, left in passed) <= 0.2 + 0.009
    assert all(early < late for (_, early), (_, late) in pairwise(passed))
    assert road.ledger[Fate.QUEUE_FULL] == MANY - len(passed)


def test_jitter_alone_keeps_the_order_and_overtaking_breaks_it(seed: int) -> None:
    def in_order(weather: Weather) -> int:
        left = [found[0] for found in fates(weather, seed)]
        return sum(early <= late for early, late in pairwise(left))

    assert in_order(Weather(delay_s=0.05, jitter_s=0.2)) == MANY - 1
    assert in_order(Weather(overtaken=0.2)) < MANY * 0.9


def test_doubles_sizes_and_blocks_are_counted(seed: int) -> None:
    doubled = [found for found in fates(Weather(doubled=0.1), seed) if len(found) == 2]
    assert 0.08 < len(doubled) / MANY < 0.12
    assert fates(Weather(mtu_bytes=1_280), seed, size=1_253) == [[]] * MANY
    assert all(fates(Weather(mtu_bytes=1_280), seed, size=1_252))
    assert fates(BLOCKED, seed) == [[]] * MANY
