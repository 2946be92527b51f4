"""How long a check takes: a million entries (AUDIT_ROWS=full), fifty thousand in every run."""

import asyncio
import os
import time
from typing import Final

import pytest

from telehealth.audit.checks import unscoped_verdict, unscoped_verdict_since
from telehealth.audit.heads import Head
from telehealth.audit.tree import Frontier
from telehealth.audit.verdict import Standing
from telehealth.platform.db import Database
from tests.support.audit_lab import CLINIC, LOG, act, fill, rows
from tests.support.clock import MORNING
from tests.support.requirements import Figure

IN_FULL: Final = os.environ.get("AUDIT_ROWS") == "full"
ROWS: Final = 1_000_000 if IN_FULL else 50_000
WHOLE_WITHIN_S: Final = 30.0 if IN_FULL else 15.0
"""The short form's bound is generous: it runs beside other tests."""
SINCE_WITHIN_S: Final = 1.0 if IN_FULL else 5.0


def _head_of_all() -> Head:
    frontier, seal = Frontier(), b""
    for row in rows(ROWS):
        seal = row[-1]
        frontier.extend([seal])
    return Head(
        log=LOG,
        clinic_id=CLINIC,
        size=ROWS,
        root=frontier.root(),
        seal=seal,
        at=MORNING,
        kid="k" * 43,
    )


@pytest.mark.timeout(900)
@pytest.mark.requirement("SEC-AUD-03")
async def test_a_long_chain_is_checked_in_time_and_what_is_new_at_once(
    database: Database, database_url: str, figure: Figure
) -> None:
    """Whole: every seal, and the tree over all of them against a head.  New: since that head."""
    await asyncio.to_thread(fill, database_url, ROWS)
    head = _head_of_all()

    began = time.perf_counter()
    async with database.reading() as session:
        whole = await unscoped_verdict(session, clinic_id=CLINIC, heads=[head])
    whole_s = time.perf_counter() - began
    await act(database, 1_000)
    began = time.perf_counter()
    async with database.reading() as session:
        since = await unscoped_verdict_since(session, clinic_id=CLINIC, head=head)
    since_s = time.perf_counter() - began

    assert (whole.standing, whole.entries, whole.heads_agreed) == (Standing.WHOLE, ROWS, 1)
    assert (since.standing, since.entries) == (Standing.WHOLE, ROWS + 1_000)
    name = "SQLite" if database.is_sqlite else "PostgreSQL"
    figure(f"{name}: {ROWS} entries {whole_s:.1f} s, 1000 more since a head {since_s:.2f} s")
    assert whole_s < WHOLE_WITHIN_S
    assert since_s < SINCE_WITHIN_S
