"""New keys under writers, killed and resumed; and one person's keys destroyed."""

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import LargeBinary, func, select, type_coerce, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from telehealth.access.actor import Actor, Job
from telehealth.audit.events import AuditEvent
from telehealth.audit.tables import AuditEntry
from telehealth.charting.tables import NoteVersion
from telehealth.contract import ClinicId, PersonId
from telehealth.identity import actions as identity
from telehealth.identity.erasure import give_up_person
from telehealth.identity.repository import unscoped_person
from telehealth.identity.tables import Person
from telehealth.platform.clock import SystemClock
from telehealth.platform.ids import new_uuid
from telehealth.platform.sealing.errors import SealedErased
from telehealth.platform.sealing.form import key_id_of
from telehealth.platform.sealing.rotation import erase_person, rotate
from tests.support.clock import MORNING, FakeClock
from tests.support.ledger import entries, owe_chart
from tests.support.requirements import Figure
from tests.support.sealed_rows import add_clinic, given_of, person
from tests.support.sealing import SealedDatabase, open_database

FULL = os.environ.get("TRUST_RUNS") == "full"
ROWS = 100_000 if FULL else 200
WRITERS = 50 if FULL else 10
KILLS = 10 if FULL else 3


class Killed(BaseException):
    """The rotation was killed between two batches."""


def killer(after: int) -> Callable[[], None]:
    left = [after]

    def count() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    return count


async def add_people(database: SealedDatabase, clinic_id: UUID, count: int) -> list[UUID]:
    made: list[UUID] = []
    for at in range(0, count, 1000):
        rows = [person(clinic_id, "0") for _ in range(min(1000, count - at))]
        async with database.unit_of_work() as uow:
            uow.session.add_all(rows)
        made += [row.id for row in rows]
    return made


async def write_on(
    database: SealedDatabase, people: list[UUID], dice: random.Random, stop: asyncio.Event
) -> int:
    """Raise the number in one person's name after another; return how often it was done."""
    done = 0
    while not stop.is_set():
        async with database.unit_of_work() as uow:
            found = await uow.session.get(Person, dice.choice(people), with_for_update=True)
            assert found is not None
            found.given = str(int(found.given) + 1)
        done += 1
        await asyncio.sleep(0)
    return done


@pytest.mark.requirement("CRY-05")
@pytest.mark.timeout(7200 if FULL else 120)
async def test_everything_is_sealed_again_under_writers_though_killed(
    database: SealedDatabase, seed: int, figure: Figure
) -> None:
    dice, clock = random.Random(seed), FakeClock(SystemClock().now() + timedelta(minutes=1))
    people = await add_people(database, await add_clinic(database), ROWS)
    before = await key_ids(database)
    stop = asyncio.Event()
    writers = [
        asyncio.create_task(write_on(database, people, random.Random(dice.random()), stop))
        for _ in range(WRITERS)
    ]

    begun = []
    for _ in range(KILLS):
        with pytest.raises(Killed):
            await rotate(
                database,
                database.keyring,
                clock=clock,
                batch=20,
                after_batch=killer(dice.randrange(1, 4)),
            )
    begun.append(await rotate(database, database.keyring, clock=clock, batch=50))
    stop.set()
    written = sum(await asyncio.gather(*writers))
    # A writer may have sealed with an old key until it heard of the new one.
    last = await rotate(database, database.keyring, clock=clock, batch=50)
    clock.advance(minutes=16)
    report = await rotate(database, database.keyring, clock=clock, batch=50)

    async with database.reading() as session:
        rows = (await session.scalars(select(Person))).all()
        total = sum(int(row.given) for row in rows)
    assert total == written
    assert len(rows) == ROWS
    assert begun[0].begun == last.begun == report.begun == 0
    assert report.unreadable == 0
    assert report.still_retiring == 0
    assert report.retired == len(before)
    assert not before & await key_ids(database)
    figure(
        f"{ROWS:,} rows, {WRITERS} writers, {written:,} updates during it, 0 lost;"
        f" killed and resumed {KILLS} times; {report.retired:,} old keys destroyed at 0 references"
    )


async def key_ids(database: SealedDatabase) -> set[UUID]:
    async with database.reading() as session:
        return {key_id_of(held) for held in await session.scalars(select(Person.given_sealed))}


@pytest.mark.requirement("CRY-05")
async def test_notes_and_owed_payloads_are_sealed_again_and_otherwise_never_change(
    database: SealedDatabase,
) -> None:
    clock, visit_id = FakeClock(), new_uuid()
    clinic_id = await add_clinic(database)
    await owe_chart(database, clock, visit_id, clinic_id=clinic_id)
    async with database.unit_of_work() as uow:
        uow.session.add(note(clinic_id, visit_id, new_uuid()))
    later = FakeClock(clock.advance(days=365 * 10))

    report = await rotate(database, database.keyring, clock=later)

    assert report.resealed >= 3
    [first, *_] = await entries(database)
    assert "Rosa" in first.payload
    async with database.reading() as session:
        found = await session.scalar(select(NoteVersion))
        assert found is not None
        assert found.text == "A long story."
        held = found.text_sealed
    forged = held[:1] + new_uuid().bytes + held[17:] + b"x"
    for bad in (held[:-1] + b"x", forged, b"A changed story."):
        with pytest.raises(DBAPIError):
            async with database.unit_of_work() as uow:
                await uow.session.execute(
                    update(NoteVersion).values(text_sealed=type_coerce(bad, LargeBinary))
                )


async def test_a_key_something_refers_to_is_kept(database: SealedDatabase) -> None:
    clinic_id = await add_clinic(database)
    one = person(clinic_id, "One")
    async with database.unit_of_work() as uow:
        uow.session.add(one)
    async with database.unit_of_work() as uow:
        found = await uow.session.get(Person, one.id)
        assert found is not None
        found.given_sealed = found.given_sealed[:-1] + bytes([found.given_sealed[-1] ^ 1])
    later = FakeClock(FakeClock().advance(days=365 * 10))
    first = await rotate(database, database.keyring, clock=later)
    later.advance(minutes=16)

    second = await rotate(database, database.keyring, clock=later)

    assert (first.unreadable, second.unreadable) == (1, 1)
    assert (second.retired, second.still_retiring) == (0, 1)


@pytest.mark.requirement("CRY-08")
async def test_an_erased_person_is_unreadable_live_elsewhere_and_in_a_restored_backup(
    sqlite_url: str, tmp_path: Path, figure: Figure
) -> None:
    database = open_database(sqlite_url)
    clinic_id = await add_clinic(database)
    one, other = (
        await add_patient(database, clinic_id, 1),
        await add_patient(database, clinic_id, 2),
    )
    elsewhere = open_database(sqlite_url)
    assert await given_of(elsewhere, one) == "Given1"
    backup = tmp_path / "restored" / "data.sqlite3"
    back_up(sqlite_url, backup)

    await erase(database, clinic_id, one)

    restored = SealedDatabase(f"sqlite+aiosqlite:///{backup}", keyring=database.keyring)
    # Another process hears of it within seconds; here the wait is cut short.
    elsewhere.keyring._look_at = 0.0
    for each in (database, elsewhere, restored):
        with pytest.raises(SealedErased):
            await given_of(each, one)
        assert await given_of(each, other) == "Given2"
    async with database.reading() as session:
        found = await session.get(Person, one)
        assert found is not None
        assert found.medical_record_number_index is None
        for read in (lambda: found.family, lambda: found.birth_on, lambda: found.phone):
            with pytest.raises(SealedErased):
                read()
        story = await session.scalar(select(NoteVersion).where(NoteVersion.patient_id == one))
        assert story is not None
        with pytest.raises(SealedErased):
            _ = story.text
        erased = select(func.count()).where(AuditEntry.event == AuditEvent.PERSON_ERASED.value)
        assert await session.scalar(erased) == 1
    figure(
        "unreadable live, in another process and in a restored backup; index gone; 1 audit entry"
    )
    await elsewhere.close()
    await restored.close()
    await database.engine.dispose()


@pytest.mark.requirement("CRY-08")
async def test_nothing_is_ever_sealed_for_an_erased_person_again(database: SealedDatabase) -> None:
    clinic_id = await add_clinic(database)
    one = await add_patient(database, clinic_id, 1)
    await erase(database, clinic_id, one)
    await erase(database, clinic_id, one)

    with pytest.raises(SealedErased):
        async with database.unit_of_work() as uow:
            uow.session.add(note(clinic_id, new_uuid(), one))
    async with database.unit_of_work() as uow:
        by = Actor.of_job(Job.SETUP, clinic_id)
        found = await unscoped_person(uow.session, one)
        assert found is not None
        card = identity.card_of(found)
        assert (card.full_name, by.clinic_id) == ("— —", clinic_id)


async def add_patient(database: SealedDatabase, clinic_id: ClinicId, number: int) -> PersonId:
    async with database.unit_of_work() as uow:
        person_id = await identity.add_person(
            uow,
            by=Actor.of_job(Job.SETUP, clinic_id),
            now=MORNING,
            given=f"Given{number}",
            family="Family",
            birth_on=MORNING.date(),
            phone="555-0100",
            medical_record_number=f"MRN-{number}",
            npi=None,
        )
        uow.session.add(note(clinic_id, new_uuid(), person_id))
    return person_id


async def erase(database: SealedDatabase, clinic_id: ClinicId, person_id: PersonId) -> None:
    by = Actor.of_job(Job.SETUP, clinic_id)
    async with database.unit_of_work() as uow:
        await give_up_person(uow, by=by, now=MORNING, person_id=person_id)
    now = MORNING + timedelta(days=365 * 100)
    await erase_person(database.keyring, clinic_id=clinic_id, person_id=person_id, now=now)


def note(clinic_id: UUID, visit_id: UUID, patient_id: UUID) -> NoteVersion:
    return NoteVersion(
        visit_id=visit_id,
        version=1,
        clinic_id=clinic_id,
        patient_id=patient_id,
        author_id=new_uuid(),
        text="A long story.",
        saved_at=MORNING,
    )


def back_up(url: str, to: Path) -> None:
    """Copy a live SQLite file as its backup command does."""
    to.parent.mkdir()
    with sqlite3.connect(make_url(url).database or "") as source, sqlite3.connect(to) as target:
        source.backup(target)
    source.close()
    target.close()
    shutil.copymode(make_url(url).database or "", to)
