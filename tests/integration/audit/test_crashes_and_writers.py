"""Killed anywhere, and written to by many at once: one chain, no fork, no gap, one entry an act."""

import asyncio
import os
import random
import statistics
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from telehealth.access.actor import Actor, Job
from telehealth.audit import actions as audit
from telehealth.audit import repository
from telehealth.audit.events import AuditEvent
from telehealth.platform.db import Database
from tests.support.audit_lab import CLINIC
from tests.support.clock import MORNING
from tests.support.requirements import Figure

CHILD = Path(__file__).parents[2] / "support" / "acting_child.py"
ROOT = CHILD.parents[2]
IN_FULL = os.environ.get("AUDIT_ROWS") == "full"
KILLS = 200 if IN_FULL else 4
WRITERS, ENTRIES = 50, 100_000 if IN_FULL else 400


async def _act_until_killed(url: str, dice: random.Random) -> set[UUID]:
    """Start a child, kill it -9 a random moment after its first act; what it said is done."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CHILD),
        url,
        str(dice.randrange(2**32)),
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert child.stdout is not None
    first = await asyncio.wait_for(child.stdout.readline(), 60)
    await asyncio.sleep(dice.uniform(0, 0.15))
    child.kill()
    rest = await child.stdout.read()
    await child.wait()
    whole_lines = (first + rest).decode().rpartition("\n")[0]
    return {UUID(int=int(number)) for number in whole_lines.split()}


async def _ids(database: Database, statement: str) -> list[UUID]:
    async with database.reading() as session:
        return [UUID(str(found)) for found in await session.scalars(text(statement))]


@pytest.mark.timeout(1_800)
@pytest.mark.requirement("SEC-AUD-04", "INV-06")
async def test_killed_at_random_points_the_chain_is_whole_and_each_act_has_one_entry(
    database: Database, database_url: str, seed: int, figure: Figure
) -> None:
    dice, said = random.Random(seed), set[UUID]()

    for _ in range(KILLS):
        said |= await _act_until_killed(database_url, dice)

    async with database.reading() as session:
        report = await audit.unscoped_report(session, clinic_id=CLINIC)
    done = await _ids(database, "SELECT person_id FROM audited_polls")
    entries = await _ids(database, "SELECT subject_id FROM audit_entries")
    assert report.first_broken is None
    assert len(entries) == len(set(entries)) == report.entries
    assert set(entries) == set(done) >= said
    figure(f"{KILLS} kills, {len(done)} acts committed, {len(entries)} entries")


@pytest.mark.timeout(3_600)
@pytest.mark.requirement("SEC-AUD-05", "INV-06")
async def test_fifty_writers_at_once_make_one_chain(database: Database, figure: Figure) -> None:
    """The time of an append is from the moment the chain is this writer's to the commit."""
    took_ms, numbers = list[float](), iter(range(ENTRIES))

    async def write() -> None:
        for number in numbers:
            async with database.unit_of_work() as uow:
                # Begins the transaction, which on SQLite is the lock.
                await uow.session.connection()
                await repository.lock_chain(uow.session, CLINIC)
                began = time.perf_counter()
                await audit.record(
                    uow,
                    by=Actor.of_job(Job.SWEEP, CLINIC),
                    now=MORNING,
                    event=AuditEvent.VISIT_VIEWED,
                    subject_id=UUID(int=number),
                )
            took_ms.append((time.perf_counter() - began) * 1_000)

    await asyncio.gather(*(write() for _ in range(WRITERS)))

    async with database.reading() as session:
        report = await audit.unscoped_report(session, clinic_id=CLINIC)
    entries = await _ids(database, "SELECT subject_id FROM audit_entries")
    assert (report.entries, report.first_broken) == (ENTRIES, None)
    assert len(set(entries)) == ENTRIES
    p99 = statistics.quantiles(took_ms, n=100)[-1]
    name = "SQLite" if database.is_sqlite else "PostgreSQL"
    figure(f"{name}: {WRITERS} writers, {ENTRIES} entries, append p99 {p99:.1f} ms")
