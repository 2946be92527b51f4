"""The audit trail on both databases: whole after any history, and every alteration found."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from telehealth.access.actor import Actor, Job
from telehealth.access.errors import NotPermitted
from telehealth.access.roles import Role
from telehealth.audit import actions as audit
from telehealth.audit.chain import ChainReport
from telehealth.audit.errors import EntryRefused
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId, PersonId
from telehealth.platform.db import Database
from telehealth.platform.ids import new_uuid
from tests.support.clock import MORNING, FakeClock

CLINIC, OTHER = ClinicId(UUID(int=7)), ClinicId(UUID(int=8))
PERSON = PersonId(UUID(int=9))


async def record(database: Database, times: int, clinic_id: ClinicId = CLINIC) -> None:
    clock = FakeClock()
    for number in range(times):
        async with database.unit_of_work() as uow:
            await audit.record(
                uow,
                by=Actor.of_job(Job.SWEEP, clinic_id),
                now=clock.advance(hours=1),
                event=AuditEvent.VISIT_VIEWED,
                visit_id=new_uuid(),
                facts={"number": number, "share": 0.5, "role": Role.PATIENT, "nobody": None},
            )


async def report(database: Database, clinic_id: ClinicId = CLINIC, **part: object) -> ChainReport:
    async with database.reading() as session:
        return await audit.unscoped_report(session, clinic_id=clinic_id, **part)  # type: ignore[arg-type]


async def test_what_was_written_is_whole(database: Database) -> None:
    await record(database, 5)

    found = await report(database)

    assert (found.entries, found.first_broken) == (5, None)


async def test_many_entries_of_one_transaction_follow_each_other(database: Database) -> None:
    async with database.unit_of_work() as uow:
        for _ in range(4):
            await audit.record(
                uow,
                by=Actor.of_job(Job.SWEEP, CLINIC),
                now=MORNING,
                event=AuditEvent.QUEUE_VIEWED,
            )

    assert (await report(database)).entries == 4


async def test_a_long_chain_is_read_in_pages(database: Database) -> None:
    async with database.unit_of_work() as uow:
        for _ in range(1_001):
            await audit.record(
                uow, by=Actor.of_job(Job.SWEEP, CLINIC), now=MORNING, event=AuditEvent.BOARD_VIEWED
            )

    found = await report(database)

    assert (found.entries, found.first_broken) == (1_001, None)


async def test_writers_at_the_same_time_make_one_chain(database: Database) -> None:
    """No fork and no gap: one appender at a time."""
    await asyncio.gather(*(record(database, 10) for _ in range(8)))

    found = await report(database)

    assert (found.entries, found.first_broken) == (80, None)


async def test_each_clinic_has_a_chain_of_its_own(database: Database) -> None:
    await asyncio.gather(record(database, 3, CLINIC), record(database, 4, OTHER))

    async with database.reading() as session:
        clinics = await audit.unscoped_clinics(session)

    assert clinics == [CLINIC, OTHER]
    assert [(await report(database, clinic)).entries for clinic in clinics] == [3, 4]


async def test_an_act_that_fails_leaves_no_entry(database: Database) -> None:
    async def act() -> None:
        async with database.unit_of_work() as uow:
            await audit.record(
                uow, by=Actor.of_job(Job.SWEEP, CLINIC), now=MORNING, event=AuditEvent.NOTE_SAVED
            )
            raise LookupError

    with pytest.raises(LookupError):
        await act()

    assert (await report(database)).entries == 0


@pytest.mark.parametrize("fact", ["Ada Lovelace", float("nan"), 2**60, b"x", ["x"]])
async def test_an_entry_that_cannot_be_written_fails_the_act(
    database: Database, fact: object
) -> None:
    with pytest.raises(EntryRefused):
        async with database.unit_of_work() as uow:
            await audit.record(
                uow,
                by=Actor.of_job(Job.SWEEP, CLINIC),
                now=MORNING,
                event=AuditEvent.NOTE_SAVED,
                facts={"fact": fact},  # type: ignore[dict-item]
            )

    assert (await report(database)).entries == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET event = 'x'",
        "DELETE FROM audit_entries",
        "UPDATE audit_entries SET seq = seq + 1 WHERE seq = 3",
        "TRUNCATE audit_entries",
    ],
)
async def test_the_database_refuses_to_change_or_remove(database: Database, statement: str) -> None:
    await record(database, 3)

    with pytest.raises(DBAPIError):
        async with database.unit_of_work() as uow:
            await uow.session.execute(text(statement))

    assert (await report(database)).entries == 3


async def tamper(database: Database, *statements: str) -> None:
    """Do what a database administrator could: take the triggers away first."""
    if database.is_sqlite:
        off = ["DROP TRIGGER audit_entries_stay_unchanged", "DROP TRIGGER audit_entries_stay"]
    else:
        off = ["ALTER TABLE audit_entries DISABLE TRIGGER ALL"]
    async with database.unit_of_work() as uow:
        for statement in [*off, *statements]:
            await uow.session.execute(text(statement))


def set_column(column: str, value: str) -> Callable[[int], Sequence[str]]:
    def act(seq: int) -> Sequence[str]:
        return [f"UPDATE audit_entries SET {column} = {value} WHERE seq = {seq}"]  # noqa: S608  (numbers of the test)

    return act


def remove(seq: int) -> Sequence[str]:
    return [f"DELETE FROM audit_entries WHERE seq = {seq}"]  # noqa: S608  (numbers of the test)


def swap(seq: int) -> Sequence[str]:
    return [
        f"UPDATE audit_entries SET seq = {to} WHERE seq = {which}"  # noqa: S608  (numbers of the test)
        for which, to in ((seq, -1), (seq + 1, seq), (-1, seq + 1))
    ]


def insert(seq: int) -> Sequence[str]:
    columns = (
        "clinic_id, at, event, actor_person_id, actor_role, actor_job, visit_id, patient_id,"
        " subject_id, facts, previous, seal"
    )
    return [
        *(
            f"UPDATE audit_entries SET seq = {number + 1} WHERE seq = {number}"  # noqa: S608  (numbers of the test)
            for number in range(20, seq, -1)
        ),
        (
            f"INSERT INTO audit_entries (id, seq, {columns})"  # noqa: S608  (numbers of the test)
            f" SELECT '{UUID(int=1).hex}', seq + 1, {columns} FROM audit_entries"
            f" WHERE seq = {seq}"
        ),
    ]


@pytest.mark.parametrize(
    ("act", "shift"),
    [
        (set_column("event", "'note.saved'"), 0),
        (set_column("actor_role", "'provider'"), 0),
        (set_column("actor_job", "NULL"), 0),
        (set_column("visit_id", f"'{UUID(int=5).hex}'"), 0),
        (set_column("patient_id", f"'{UUID(int=5).hex}'"), 0),
        (set_column("facts", "'{}'"), 0),
        (set_column("at", "'2031-01-01 00:00:00.000000'"), 0),
        (remove, 0),
        (swap, 0),
        (insert, 1),
    ],
)
async def test_an_administrators_alteration_is_found_at_its_place(
    database: Database, seed: int, act: Callable[[int], Sequence[str]], shift: int
) -> None:
    await record(database, 20)
    seq = random.Random(seed).randrange(1, 20)

    await tamper(database, *act(seq))
    found = await report(database)

    assert found.first_broken == seq + shift
    assert found.entries == seq + shift - 1


async def test_a_part_of_a_chain_can_be_checked_by_time(database: Database) -> None:
    await record(database, 10)
    since, until = MORNING + timedelta(hours=4), MORNING + timedelta(hours=8)

    assert (await report(database, since=since)).entries == 7
    assert (await report(database, until=until)).entries == 7
    assert (await report(database, since=since, until=until)).entries == 4
    assert (await report(database, since=MORNING + timedelta(days=9))).entries == 0
    assert (await report(database, until=MORNING)).entries == 0


async def test_a_part_shows_what_was_cut_off_before_it(database: Database) -> None:
    await record(database, 10)
    await tamper(database, *remove(3))

    found = await report(database, since=MORNING + timedelta(hours=4))

    assert found.first_broken == 3


async def test_an_auditor_checks_and_the_check_is_recorded(database: Database) -> None:
    await record(database, 2)
    auditor = Actor(clinic_id=CLINIC, role=Role.AUDITOR, person_id=PERSON)

    async with database.unit_of_work() as uow:
        found = await audit.verify_chain(uow, by=auditor, now=MORNING + timedelta(days=1))

    assert found.entries == 2
    assert (await report(database)).entries == 3


@pytest.mark.parametrize("role", [Role.PATIENT, Role.PROVIDER, Role.SCHEDULER, Role.GUEST])
async def test_others_may_not_check(database: Database, role: Role) -> None:
    actor = Actor(clinic_id=CLINIC, role=role, person_id=PERSON)

    with pytest.raises(NotPermitted):
        async with database.unit_of_work() as uow:
            await audit.verify_chain(uow, by=actor, now=MORNING)
