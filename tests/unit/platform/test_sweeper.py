"""Sweeps run in turn, each in its own transaction; one that fails does not stop the others."""

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

from telehealth.platform.db import Database, UnitOfWork
from telehealth.platform.sweeper import EVERY_S, keep_sweeping, sweep_once
from tests.support.clock import FakeClock


async def two(uow: UnitOfWork, *, now: datetime) -> int:
    del uow, now
    return 2


async def broken(uow: UnitOfWork, *, now: datetime) -> int:
    del uow, now
    raise LookupError


async def test_a_sweep_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'x.sqlite3'}")

    done = await sweep_once([broken, two, two], database=database, clock=FakeClock())

    await database.close()
    assert done == 4


async def test_sweeping_rests_between_turns_and_ends_when_told(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'x.sqlite3'}")
    rests: list[float] = []

    async def rest(span_s: float) -> None:
        rests.append(span_s)
        if len(rests) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_sweeping([two], database=database, clock=FakeClock(), rest=rest)

    await database.close()
    assert rests == [EVERY_S] * 3
