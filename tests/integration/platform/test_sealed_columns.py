"""Sealed columns on both databases: what a thief of the files finds, and what a forger achieves."""

import sqlite3
from contextlib import suppress
from datetime import date
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, StatementError

from telehealth.access.actor import Actor, Job
from telehealth.contract import ClinicId
from telehealth.delivery.tables import LedgerEntry
from telehealth.identity import actions as identity
from telehealth.identity.repository import unscoped_account
from telehealth.identity.tables import Person
from telehealth.platform.db import Database
from telehealth.platform.sealing.columns import Phi, sealed_attributes, sealed_classes
from telehealth.platform.sealing.errors import (
    PlainTextRefused,
    SealedUnreadable,
)
from tests.support.clinic import invent_clinic
from tests.support.clock import MORNING
from tests.support.requirements import Figure
from tests.support.sealed_canaries import PEOPLE, WORDS, canaries, digests, forms, write_canaries
from tests.support.sealed_rows import account, add_clinic, person
from tests.support.sealing import SealedDatabase, open_database


def everything_stored(url: str, folder: Path) -> bytes:
    """Return every byte of the database: files and log, or a copy of every table."""
    if url.startswith("sqlite"):
        files = [path for path in folder.rglob("*") if path.is_file() and "sqlite3" in path.name]
        assert any(path.name.endswith("-wal") for path in files)
        dump = sqlite3.connect(make_url(url).database or "")
        told = "\n".join(dump.iterdump()).encode()
        dump.close()
        return told + b"".join(path.read_bytes() for path in files)
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        parts: list[bytes] = []
        for (table,) in tables:
            with connection.cursor().copy(f"COPY {table} TO STDOUT".encode()) as copy:
                parts += [bytes(part) for part in copy]
    return b"".join(parts)


@pytest.mark.requirement("CRY-01")
async def test_no_canary_is_found_in_any_file_or_dump(
    database: SealedDatabase, database_url: str, tmp_path: Path, figure: Figure
) -> None:
    told = canaries()
    await write_canaries(database, told)

    stored = everything_stored(database_url, tmp_path)
    found = [name for name, value in told.items() if any(form in stored for form in forms(value))]

    assert found == []
    # The hunt works: what is stored in the clear is found by it.
    assert b"2030-03-04" in stored
    figure(f"{len(told)} canaries, 0 hits in {len(stored):,} bytes")


@pytest.mark.requirement("CRY-01")
async def test_no_plain_digest_of_what_is_sealed_confirms_a_guess(
    database: SealedDatabase, database_url: str, tmp_path: Path, figure: Figure
) -> None:
    """Of each canary, and of each payload owed, which a guesser could write out."""
    told = canaries()
    await write_canaries(database, told)
    async with database.reading() as session:
        payloads = [entry.payload for entry in await session.scalars(select(LedgerEntry))]

    stored = everything_stored(database_url, tmp_path)
    guesses = [*told.values(), *payloads]
    found = [guess for guess in guesses if any(form in stored for form in digests(guess))]

    assert found == []
    assert len(payloads) == 2 * PEOPLE
    figure(f"{len(guesses)} values, no plain digest of one")


async def test_values_come_back_in_another_process(
    database: SealedDatabase, database_url: str
) -> None:
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=MORNING)
    other = open_database(database_url)

    async with other.reading() as session:
        one = await session.get(Person, clinic.patient_id)
        account_of = await unscoped_account(session, "Provider@riverside.example")
        assert one is not None
        assert (one.given, one.family, one.birth_on) == ("Ada", "Invented", date(1984, 2, 29))
        assert (one.phone, one.medical_record_number) == ("555-0101", "MRN-riverside")
        assert account_of is not None
        assert account_of.email == "provider@riverside.example"
    await other.close()


async def test_uniqueness_holds_though_nobody_can_read(database: SealedDatabase) -> None:
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=MORNING)

    async def again(clinic_id: ClinicId) -> None:
        async with database.unit_of_work() as uow:
            await identity.add_person(
                uow,
                by=Actor.of_job(Job.SETUP, clinic_id),
                now=MORNING,
                given="x",
                family="x",
                birth_on=None,
                phone=None,
                medical_record_number="mrn-RIVERSIDE",
                npi=None,
            )

    with pytest.raises(IntegrityError):
        await again(clinic.clinic_id)
    await again(await add_clinic(database, 7))


@pytest.mark.requirement("CRY-02")
async def test_the_same_value_twice_is_stored_differently(database: SealedDatabase) -> None:
    clinic_id = await add_clinic(database)
    async with database.unit_of_work() as uow:
        uow.session.add_all([person(clinic_id, "Twin"), person(clinic_id, "Twin")])
    async with database.reading() as session:
        stored = (await session.scalars(select(Person.given_sealed))).all()

    assert len(set(stored)) == 2


@pytest.mark.requirement("CRY-03", "CRY-07")
@pytest.mark.parametrize(
    "move",
    [
        "UPDATE people SET given = family",
        "UPDATE people SET given = (SELECT given FROM people AS p WHERE p.id <> people.id)",
        "UPDATE people SET given = (SELECT email FROM accounts)",
        "UPDATE people SET clinic_id = '00000000000000000000000000000007'",
    ],
)
async def test_a_value_moved_by_sql_never_opens(database: SealedDatabase, move: str) -> None:
    clinic_id = await add_clinic(database)
    await add_clinic(database, 7)
    one, other = person(clinic_id, "One"), person(clinic_id, "Other")
    async with database.unit_of_work() as uow:
        uow.session.add_all([one, other])
        await uow.session.flush()
        uow.session.add(account(clinic_id, one.id, "one@example.org"))
    async with database.unit_of_work() as uow:
        await uow.session.execute(text(move))

    async with database.reading() as session:
        for each in (await session.scalars(select(Person))).all():
            with suppress(SealedUnreadable):
                # SQLite changes row after row, so a value may come back to where it belongs.
                assert each.given == ("One" if each.id == one.id else "Other")
    assert database.keyring.refused["people.given"] >= 1


@pytest.mark.requirement("CRY-04", "CRY-07")
async def test_an_altered_value_is_refused_counted_and_harms_no_other(
    database: SealedDatabase, figure: Figure
) -> None:
    clinic_id = await add_clinic(database)
    one = person(clinic_id, "One")
    async with database.unit_of_work() as uow:
        uow.session.add(one)
    whole = one.given_sealed
    altered = [
        whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
        for at in range(1, len(whole))
    ]
    for value in altered:
        async with database.unit_of_work() as uow:
            found = await uow.session.get(Person, one.id)
            assert found is not None
            found.given_sealed = value
        async with database.reading() as session:
            found = await session.get(Person, one.id)
            assert found is not None
            with pytest.raises(SealedUnreadable) as refused:
                _ = found.given
            assert found.family == "x"
            assert "One" not in repr(refused.value.__dict__)
    assert database.keyring.refused["people.given"] >= len(altered)
    figure(f"{len(altered)} altered bytes refused in the database and counted")


async def test_nothing_unsealed_is_ever_bound(database: SealedDatabase, database_url: str) -> None:
    clinic_id = await add_clinic(database)
    without_keys = Database(database_url)

    with pytest.raises(PlainTextRefused):
        async with without_keys.unit_of_work() as uow:
            uow.session.add(person(clinic_id, "Plain"))
    with pytest.raises(StatementError, match="PlainTextRefused"):
        await write_behind_the_attribute(database, clinic_id)
    await without_keys.close()


def test_sql_cannot_compare_what_is_sealed() -> None:
    with pytest.raises(TypeError, match="blind index"):
        select(Person).where(Person.given == "Ada")  # type: ignore[arg-type]  # the mistake itself
    with pytest.raises(TypeError, match="blind index"):
        select(Person.given)


def test_there_is_a_canary_for_every_sealed_column() -> None:
    """A new sealed column gets one, or this fails."""
    sealed = {
        f"{kind.__tablename__}.{attribute.name}"
        for kind in sealed_classes()
        for attribute in sealed_attributes(kind)
    }

    assert set(WORDS.values()) == sealed


def test_every_sealed_column_says_so_to_programs() -> None:
    marked = {
        f"{kind.__tablename__}.{attribute.name}"
        for kind in sealed_classes()
        for attribute in sealed_attributes(kind)
    }

    assert marked >= {"people.given", "accounts.email", "note_versions.text"}
    for kind in sealed_classes():
        for attribute in sealed_attributes(kind):
            column = kind.__table__.columns[attribute.name]
            assert column.info["sealed"] is True
            assert column.info["class"] in {each.value for each in Phi}


async def write_behind_the_attribute(database: Database, clinic_id: UUID) -> None:
    async with database.unit_of_work() as uow:
        made = person(clinic_id, "Plain")
        uow.session.add(made)
        await uow.session.flush()
        made.given_sealed = b"Plain"
