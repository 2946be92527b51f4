"""One tick a node; garbage is collected when we say so."""

import asyncio
import gc

from media.shell import timers
from media.shell.timers import Ticker


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_it_ticks_with_rising_instants_until_stopped() -> None:
    instants: list[float] = []
    ticker = Ticker(instants.append, interval_s=0.0)

    ticker.start()
    await turns(5)
    await ticker.stop()
    count = len(instants)
    await turns(5)

    assert count >= 3
    assert instants == sorted(instants)
    assert len(instants) == count


async def test_automatic_collection_is_off_while_it_ticks() -> None:
    ticker = Ticker(lambda _now: None, interval_s=0.0)

    ticker.start()
    assert not gc.isenabled()
    await ticker.stop()

    assert gc.isenabled()


async def test_a_tick_that_fails_is_not_the_last() -> None:
    calls = 0

    def fail(_now: float) -> None:
        nonlocal calls
        calls += 1
        raise ValueError("a fault of ours")

    ticker = Ticker(fail, interval_s=0.0)

    ticker.start()
    await turns(5)
    await ticker.stop()

    assert calls >= 3
    assert ticker.failures == calls


async def test_stopping_what_never_started_is_nothing() -> None:
    await Ticker(lambda _now: None).stop()


async def test_the_young_are_collected_from_time_to_time() -> None:
    collected: list[str] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 0:
            collected.append(phase)

    ticker = Ticker(lambda _now: None, interval_s=0.0, collect_every_s=0.0)
    gc.callbacks.append(note)
    try:
        ticker.start()
        await turns(5)
        await ticker.stop()
    finally:
        gc.callbacks.remove(note)

    assert collected
    assert ticker.gc_pause_s > 0.0
    assert timers.COLLECT_EVERY_S == 10.0
