"""The job over a clinic's years: ten thousand visits with TRUST_RUNS=full, some in every run."""

import os
import random
import time
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from telehealth.audit import actions as audit
from telehealth.charting.tables import NoteVersion
from telehealth.identity.tables import Person, RefreshSecret
from telehealth.platform.db import Base, Database
from telehealth.privacy.keeper import RetentionKeeper
from telehealth.visits.tables import PresenceSeen
from telehealth.waiting_room.tables import QueueEntry
from tests.support.clinic import invent_clinic
from tests.support.clock import MORNING, FakeClock
from tests.support.many_visits import write_many
from tests.support.requirements import Figure

VISITS: Final = 10_000 if os.environ.get("TRUST_RUNS") == "full" else 160
_ID: Final[dict[type[Base], str]] = {
    NoteVersion: "visit_id",
    QueueEntry: "visit_id",
    PresenceSeen: "visit_id",
    RefreshSecret: "session_id",
}
"""The column that bears the visit's id, where it is not `id`."""


async def left(database: Database, kind: type[Base], staff: set[UUID]) -> set[UUID]:
    async with database.reading() as session:
        return set(await session.scalars(select(getattr(kind, _ID.get(kind, "id"))))) - staff


@pytest.mark.timeout(7_200)
@pytest.mark.requirement("PRV-06")
async def test_of_many_visits_exactly_what_is_due_goes(
    database: Database, seed: int, figure: Figure
) -> None:
    """What must be left is told by the test's own words of the rule, row by row."""
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=MORNING)
    async with database.reading() as session:
        staff = set(await session.scalars(select(Person.id)))
    written = await write_many(
        database, clinic.clinic_id, visits=VISITS, now=MORNING, dice=random.Random(seed)
    )
    keeper = RetentionKeeper(database, clock=FakeClock(MORNING))

    began = time.perf_counter()
    taken = await keeper.remove(clinic.clinic_id)
    took_s = time.perf_counter() - began
    again = await keeper.remove(clinic.clinic_id)

    for kind, expected in written.expected().items():
        assert await left(database, kind, staff) == expected, kind.__tablename__
    assert again == {}
    assert written.gone
    async with database.reading() as session:
        told = await session.scalar(
            text(
                "SELECT count(*) FROM audit_entries WHERE event = 'retention.removed'"
                " AND patient_id IS NOT NULL"
            )
        )
        report = await audit.unscoped_report(session, clinic_id=clinic.clinic_id)
        checks = await session.scalar(
            select(func.count()).select_from(QueueEntry).where(QueueEntry.checked_at.is_not(None))
        )
    assert told == len(written.gone), "one entry a record"
    assert report.first_broken is None
    held = sum(len(patient.visits) for patient in written.patients if patient.is_held)
    assert checks is not None
    assert checks >= held, "a held patient's device checks stay"
    name = "SQLite" if database.is_sqlite else "PostgreSQL"
    figure(
        f"{name}: {VISITS} visits of {len(written.patients)} patients, {len(written.gone)} records"
        f" and {sum(taken.values())} rows gone in {took_s:.1f} s"
    )
