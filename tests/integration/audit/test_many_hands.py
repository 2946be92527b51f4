"""A chain followed by several processes: the same verdict, and none when a process dies."""

import asyncio
import multiprocessing
import time

import pytest

from telehealth.audit.checks import unscoped_verdict
from telehealth.audit.many_hands import ManyHands, many_hands
from telehealth.audit.verdict import Standing, Verdict
from telehealth.platform.db import Database
from tests.support.audit_lab import (
    CLINIC,
    ENTRIES,
    act,
    fill,
    heads_of_every_size,
    take_guards_away,
)

SIZE, LENGTH = 40, 8


async def _verdict(database: Database, hands: ManyHands) -> Verdict:
    async with database.reading() as session:
        heads = await heads_of_every_size(session)
        return await unscoped_verdict(session, clinic_id=CLINIC, heads=heads, follow=hands.follow)


@pytest.mark.requirement("SEC-AUD-01", "SEC-AUD-03")
async def test_processes_find_what_one_piece_finds_at_the_edges_of_their_stretches(
    database: Database,
) -> None:
    """Whole first; then the last of a stretch, the first of one, and one within are altered."""
    await act(database, SIZE)
    await take_guards_away(database)

    async with many_hands(database, length=LENGTH, worth=0) as hands:
        found = [await _verdict(database, hands)]
        for seq in (3 * LENGTH + 3, 2 * LENGTH + 1, LENGTH):
            async with database.unit_of_work() as uow:
                changed = ENTRIES.update().where(ENTRIES.c.seq == seq).values(facts="{}")
                await uow.session.execute(changed)
            found.append(await _verdict(database, hands))

    assert [(verdict.standing, verdict.entries, verdict.first_bad) for verdict in found] == [
        (Standing.WHOLE, SIZE, None),
        (Standing.BROKEN, 3 * LENGTH + 2, 3 * LENGTH + 3),
        (Standing.BROKEN, 2 * LENGTH, 2 * LENGTH + 1),
        (Standing.BROKEN, LENGTH - 1, LENGTH),
    ]
    assert [verdict.heads_agreed for verdict in found] == [40, 26, 16, 7]


async def test_a_process_that_dies_is_no_verdict(sqlite_url: str) -> None:
    """Fail closed: the command says that it could not check."""
    await asyncio.to_thread(fill, sqlite_url, 20_000)
    database = Database(sqlite_url)

    def kill_the_first() -> None:
        while not (children := multiprocessing.active_children()):
            time.sleep(0.01)
        children[0].kill()

    killing = asyncio.create_task(asyncio.to_thread(kill_the_first))
    with pytest.raises(ChildProcessError):
        async with many_hands(database, length=LENGTH, worth=0) as hands:
            await _verdict(database, hands)
    await killing
    await database.close()
