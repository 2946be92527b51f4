"""What is due goes, exactly, and nothing else; on both databases, with a moved clock."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from telehealth.access.errors import NotPermitted
from telehealth.access.roles import Role
from telehealth.audit import actions as audit
from telehealth.contract import AttendanceKind, PersonId
from telehealth.identity.tables import Membership, Person
from telehealth.migrations.metadata import METADATA
from telehealth.platform.db import Database
from telehealth.privacy.actions import holds, sweep
from telehealth.privacy.errors import AlreadyHeld, NotHeld
from telehealth.privacy.keeper import RetentionKeeper
from telehealth.privacy.retention import RULES, HoldReason
from telehealth.visits.tables import Attendance
from tests.support.clock import FakeClock
from tests.support.long_past import Past, invite, past
from tests.support.requirements import Figure
from tests.support.visits import NOW, book

YEAR = timedelta(days=366)
NEVER = {"audit_entries", "retention_runs"}
"""These only grow."""


async def counts(database: Database) -> dict[str, int]:
    """Count every table."""
    async with database.reading() as session:
        return {
            name: await session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in METADATA.tables.items()
        }


async def gone(past: Past, after: timedelta) -> dict[str, int]:
    """Run at a moved clock; return by table how many rows went."""
    before = await counts(past.database)
    await past.run(after)
    now = await counts(past.database)
    return {
        name: before[name] - now[name]
        for name in before
        if before[name] != now[name] and name not in NEVER
    }


async def whole(database: Database) -> bool:
    """Check the audit chain."""
    async with database.reading() as session:
        [clinic_id] = await audit.unscoped_clinics(session)
        report = await audit.unscoped_report(session, clinic_id=clinic_id)
        return report.first_broken is None


def test_every_table_has_a_row_in_the_policy() -> None:
    """A new table says how long its rows are kept, or this fails."""
    assert {rule.table for rule in RULES} == set(METADATA.tables)


def test_every_rule_names_columns_that_are_there() -> None:
    for rule in RULES:
        columns = METADATA.tables[rule.table].columns
        ways = [way for way in (rule.patient, rule.clinic) if way is not None]
        named = {rule.counted_from, *(way.column for way in ways), *rule.clears} - {None}
        assert named <= set(columns.keys()), rule.table
        assert all(columns[name].nullable for name in rule.clears)
        for named_by in (each for each in (rule.named_by, *rule.unless_named_by) if each):
            there = {named_by.column, *(named_by.only or ())[:1]}
            assert there <= set(METADATA.tables[named_by.table].columns.keys())
        for via in (step for way in ways for step in way.through):
            assert {via.key, via.then} <= set(METADATA.tables[via.table].columns.keys())


@pytest.mark.requirement("PRV-06")
async def test_exactly_what_is_due_goes(database: Database, figure: Figure) -> None:
    told = await past(database)
    await told.hold("held")
    presence = (await counts(database))["presence_events_seen"]
    per_visit = presence // 3

    assert await gone(told, timedelta(hours=23)) == {}
    assert await gone(told, timedelta(hours=25)) == {"presence_events_seen": 2 * per_visit}
    after_a_quarter = await gone(told, timedelta(days=99))
    assert set(after_a_quarter) == {
        "login_sessions",
        "refresh_secrets",
        "visit_links",
        "delivery_attempt",
        "ledger_entry",
    }
    assert after_a_quarter["visit_links"] == 3, "the held patient's link stays"
    async with database.reading() as session:
        left = await session.scalar(
            text("SELECT count(*) FROM queue_entries WHERE checked_at IS NOT NULL")
        )
    assert left == 1, "the held patient's device check stays"
    assert await gone(told, timedelta(days=99)) == {}, "a second run finds nothing"

    await book(database, clinic=told.visits["regular"].clinic, starts_at=NOW + 9 * YEAR)
    before_the_day = await gone(told, 10 * YEAR - timedelta(days=1))
    assert before_the_day == {"visit_links": 1}, "the link of the visit a year ago"
    removed = await gone(told, 10 * YEAR + timedelta(days=1))

    assert removed["people"] == removed["visits"] == removed["appointments"] == 1
    assert removed["note_versions"] == removed["note_signatures"] == removed["consents"] == 1
    assert removed["lane_order"] == 1, "made from the record number"
    async with database.reading() as session:
        names = {person.given for person in await session.scalars(select(Person))}
    assert {"held", "child", "regular"} <= names
    assert "adult" not in names
    assert await whole(database)
    figure(f"{len(METADATA.tables)} tables, {sum(removed.values())} rows of one record gone")


@pytest.mark.requirement("PRV-06")
async def test_a_hold_is_lifted_and_the_record_goes(database: Database) -> None:
    told = await past(database)
    await told.hold("held")
    await told.run(11 * YEAR)
    with pytest.raises(AlreadyHeld):
        await told.hold("held")

    await told.lift("held")
    removed = await gone(told, 11 * YEAR)

    assert removed["people"] == 1
    with pytest.raises(NotHeld):
        await told.lift("held")


@pytest.mark.requirement("PRV-06")
async def test_a_childs_record_outlives_the_years_of_an_adults(database: Database) -> None:
    told = await past(database)
    child = told.visits["child"].clinic.patient_id

    await told.run(15 * YEAR)
    async with database.reading() as session:
        assert await session.get(Person, child) is not None
    assert (await gone(told, 25 * YEAR))["people"] == 1
    async with database.reading() as session:
        assert await session.get(Person, child) is None


@pytest.mark.requirement("PRV-06")
async def test_a_guest_goes_when_the_invitation_is_long_over_and_nothing_else_names_them(
    database: Database, figure: Figure
) -> None:
    """Not with the visit of a held patient; nor who works here, or is a patient, as well."""
    told = await past(database)
    await told.hold("held")
    guests = {name: await invite(told, name) for name in ("adult", "held", "regular", "child")}
    async with database.unit_of_work() as uow:
        # One is hired since, one becomes a patient.
        uow.session.add(
            Membership(
                person_id=guests["regular"],
                clinic_id=told.clinic.clinic_id,
                role=Role.SCHEDULER,
                added_at=NOW,
            )
        )
    own = replace(told.clinic, patient_id=PersonId(guests["child"]))
    await book(database, clinic=own, starts_at=NOW + timedelta(days=1))

    async def there() -> set[str]:
        async with database.reading() as session:
            people = set(await session.scalars(select(Person.id)))
        return {name for name, person_id in guests.items() if person_id in people}

    await told.run(timedelta(days=90))
    before = await there()
    await told.run(timedelta(days=99))
    async with database.reading() as session:
        seats = await session.scalar(
            select(func.count())
            .select_from(Attendance)
            .where(Attendance.kind == AttendanceKind.INTERPRETER)
        )

    assert before == set(guests)
    assert await there() == {"held", "regular", "child"}
    assert seats == len(guests), "that an interpreter attended stays with the record"
    await told.lift("held")
    await told.run(timedelta(days=99))
    assert await there() == {"regular", "child"}
    assert await whole(database)
    figure("4 guests: 1 gone at 90 days, 1 when the hold ended, 2 kept as staff and patient")


@pytest.mark.requirement("PRV-06")
async def test_the_trail_tells_what_went_and_how_much(database: Database) -> None:
    told = await past(database)

    taken = await told.run(11 * YEAR)

    async with database.reading() as session:
        facts = await session.scalars(
            text("SELECT facts FROM audit_entries WHERE event = 'retention.removed' ORDER BY seq")
        )
        found = [str(each) for each in facts]
    for kind, rows in taken.items():
        if kind != "clinical_record":
            assert f'{{"kind":"{kind}","rows":{rows}}}' in found
    records = [each for each in found if '"clinical_record"' in each]
    assert len(records) == 3, "one entry a patient"
    assert await whole(database)


async def test_a_batch_is_a_transaction(database: Database) -> None:
    told = await past(database)
    [rule] = [each for each in RULES if each.table == "refresh_secrets" and each.counted_from]

    taken = []
    for _ in range(5):
        async with database.unit_of_work() as uow:
            taken.append(
                await sweep.remove_by_age(uow, by=told.sweep, now=NOW + YEAR, rule=rule, limit=3)
            )

    assert taken == [3, 1, 0, 0, 0]


async def test_counting_removes_nothing(database: Database) -> None:
    told = await past(database)
    before = await counts(database)

    async with database.unit_of_work() as uow:
        due = await sweep.due(uow, by=told.sweep, now=NOW + 11 * YEAR)

    assert await counts(database) == before
    found = {each.table: each.rows for each in due}
    assert found["people"] == 3
    assert found["visit_links"] == 4


async def test_it_runs_once_a_day_and_clinic(database: Database) -> None:
    told = await past(database)
    clock = FakeClock(NOW)
    keeper = RetentionKeeper(database, clock=clock)

    async def ran_at() -> datetime | None:
        async with database.reading() as session:
            return await session.scalar(select(METADATA.tables["retention_runs"].c.ran_at))

    await keeper.run_if_due()
    assert await ran_at() == NOW
    clock.advance(hours=23)
    await keeper.run_if_due()
    assert await ran_at() == NOW
    clock.advance(hours=1)
    await keeper.run_if_due()
    assert await ran_at() == NOW + timedelta(hours=24)
    assert told.clinic.clinic_id is not None


async def test_another_clinics_rows_stay(database: Database) -> None:
    told = await past(database)
    other = await book(database, name="lakeside")
    await other.complete()

    await told.run(11 * YEAR)

    assert (await other.card()).patient_id == other.clinic.patient_id


async def test_nobody_else_removes_or_holds(database: Database) -> None:
    told = await past(database)
    scheduler = told.visits["adult"].scheduler
    async with database.unit_of_work() as uow:
        with pytest.raises(NotPermitted):
            await sweep.remove_record(
                uow,
                by=scheduler,
                now=NOW + 11 * YEAR,
                patient_id=told.visits["adult"].clinic.patient_id,
            )
        with pytest.raises(NotPermitted):
            await holds.place(
                uow,
                by=scheduler,
                now=NOW,
                patient_id=told.clinic.patient_id,
                reason=HoldReason.LITIGATION,
            )


@pytest.mark.parametrize(
    "table", ["note_versions", "note_signatures", "ledger_entry", "delivery_attempt"]
)
async def test_without_a_permit_the_database_refuses(database: Database, table: str) -> None:
    """A permit lives inside the transaction that wrote it; between two there is none."""
    told = await past(database)
    await told.run(timedelta(days=1))
    assert (await counts(database))["removal_permits"] == 0

    with pytest.raises(DatabaseError):
        async with database.unit_of_work() as uow:
            await uow.session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  (names of the test)
