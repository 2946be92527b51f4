"""How long a check takes: fifty thousand entries in every run, a million with AUDIT_ROWS=full.

AUDIT_ROWS may name a number of entries, too.
"""

import asyncio
import os
import time
from typing import Final

import pytest

from telehealth.audit.checks import unscoped_verdict, unscoped_verdict_since
from telehealth.audit.many_hands import many_hands
from telehealth.audit.verdict import Standing
from telehealth.platform.db import Database
from tests.support.audit_lab import CLINIC, act, fill
from tests.support.requirements import Figure

ASKED: Final = os.environ.get("AUDIT_ROWS", "50000")
IN_FULL: Final = ASKED == "full"
ROWS: Final = 1_000_000 if IN_FULL else int(ASKED)
WHOLE_WITHIN_S: Final = 30.0 if IN_FULL else 15.0
"""The short form's bound is generous: it runs beside other tests."""
SINCE_WITHIN_S: Final = 1.0 if IN_FULL else 5.0


@pytest.mark.timeout(900)
@pytest.mark.requirement("SEC-AUD-03")
async def test_a_long_chain_is_checked_in_time_and_what_is_new_at_once(
    database: Database, database_url: str, figure: Figure
) -> None:
    """Whole: every seal, and the tree over all of them against a head.  New: since that head.

    As the command does it; the start of its processes, where a chain is worth them, is included.
    """
    head = await asyncio.to_thread(fill, database_url, ROWS)

    began = time.perf_counter()
    async with database.reading() as session, many_hands(database) as hands:
        whole = await unscoped_verdict(session, clinic_id=CLINIC, heads=[head], follow=hands.follow)
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
