"""A thousand alterations by somebody who holds the database; each is found, at its entry."""

import random
from collections import Counter
from pathlib import Path

import pytest

from telehealth.audit import actions as audit
from telehealth.audit.checks import unscoped_verdict, unscoped_verdict_since
from telehealth.audit.verdict import Standing
from telehealth.platform.db import Database
from tests.support.audit_lab import (
    CLINIC,
    TAMPERINGS,
    Tamperer,
    act,
    heads_of_every_size,
    take_guards_away,
)
from tests.support.requirements import Figure

ACTS, SIZE = 1_000, 24


@pytest.mark.timeout(300)
@pytest.mark.requirement("SEC-AUD-01", "INV-06")
async def test_every_alteration_is_found_and_the_first_bad_entry_named(
    database: Database, seed: int, figure: Figure
) -> None:
    """Each act is rolled back before the next, so all of them start from the same whole chain."""
    dice, done, wrong = random.Random(seed), Counter[str](), []
    await act(database, SIZE)
    await take_guards_away(database)
    async with database.reading() as session:
        heads = await heads_of_every_size(session)

    for _ in range(ACTS):
        name = dice.choice(TAMPERINGS)
        async with database.reading() as session:
            first_bad = await getattr(Tamperer(session, dice, size=SIZE), name)()
            verdict = await unscoped_verdict(session, clinic_id=CLINIC, heads=heads)
            await session.rollback()
        done[name] += 1
        if verdict.standing is Standing.WHOLE or verdict.first_bad != first_bad:
            wrong.append((name, first_bad, verdict))

    async with database.reading() as session:
        assert (await unscoped_verdict(session, clinic_id=CLINIC, heads=heads)).entries == SIZE
    assert wrong == []
    assert set(done) == set(TAMPERINGS)
    figure(f"{sum(done.values())} of {ACTS} found at their entry, a head for each entry")


@pytest.mark.parametrize("name", ["truncate_tail", "replace_all"])
@pytest.mark.requirement("SEC-AUD-02", "INV-06")
async def test_a_chain_alone_does_not_show_what_its_heads_show(
    database: Database, seed: int, name: str, figure: Figure
) -> None:
    """The chain is whole in itself after both; only what was kept elsewhere tells."""
    dice = random.Random(seed)
    await act(database, SIZE)
    await take_guards_away(database)
    async with database.reading() as session:
        every = await heads_of_every_size(session)

    async with database.reading() as session:
        first_bad = await getattr(Tamperer(session, dice, size=SIZE), name)()
        alone = await audit.unscoped_report(session, clinic_id=CLINIC)
        without = await unscoped_verdict(session, clinic_id=CLINIC, heads=[])
        with_all = await unscoped_verdict(session, clinic_id=CLINIC, heads=every)
        with_one = await unscoped_verdict(session, clinic_id=CLINIC, heads=every[-1:])
        since_newest = await unscoped_verdict_since(session, clinic_id=CLINIC, head=every[-1])

    altered = Standing.TRUNCATED if name == "truncate_tail" else Standing.REWRITTEN
    assert alone.first_broken is None
    assert without.standing is Standing.WHOLE
    assert (with_all.standing, with_all.first_bad) == (altered, first_bad)
    assert (with_one.standing, since_newest.standing) == (altered, altered)
    figure(f"{name}: whole without heads, found with one")


async def test_an_entry_below_the_first_number_is_one_too_many(database: Database) -> None:
    await act(database, 3)
    await take_guards_away(database)
    async with database.reading() as session:
        tamperer = Tamperer(session, random.Random(1), size=3)
        await tamperer._set(3, seq=0)

        found = await audit.unscoped_report(session, clinic_id=CLINIC)

    assert (found.entries, found.first_broken) == (0, 1)


async def test_bytes_that_are_no_text_are_an_alteration_and_no_crash(
    sqlite_url: str, tmp_path: Path
) -> None:
    """SQLite stores what it is given; the check must not stumble over it."""
    del tmp_path
    database = Database(sqlite_url)
    await act(database, 3)
    await take_guards_away(database)
    async with database.reading() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "UPDATE audit_entries SET facts = CAST(x'ff00fe' AS TEXT), at = 7 WHERE seq = 2"
        )

        found = await audit.unscoped_report(session, clinic_id=CLINIC)
    await database.close()

    assert found.first_broken == 2
