"""Notes on both databases: versions are added, a signed note stands, the database holds to it."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from telehealth.charting import actions as charting
from telehealth.charting.actions import Note
from telehealth.charting.errors import NoteAlreadySigned, NoteEmpty, NoteMoved
from telehealth.platform.db import Database
from telehealth.visits.errors import VisitUnknown
from tests.support.visits import NOW, InventedVisit, book


async def written(database: Database) -> InventedVisit:
    visit = await book(database)
    await visit.talk()
    await visit.write("First.")
    await visit.write("Second.", based_on=1)
    return visit


async def note_of(visit: InventedVisit) -> Note:
    async with visit.database.unit_of_work() as uow:
        return await charting.read(uow, by=visit.provider, now=NOW, visit_id=visit.visit_id)


async def run(database: Database, statement: str) -> None:
    async with database.unit_of_work() as uow:
        await uow.session.execute(text(statement))


async def test_each_save_adds_a_version_and_the_latest_is_read(database: Database) -> None:
    visit = await written(database)

    note = await note_of(visit)

    assert (note.version, note.text, note.signed_at) == (2, "Second.", None)


async def test_of_two_windows_saving_at_once_one_is_told_of_the_other(database: Database) -> None:
    visit = await written(database)

    results = await asyncio.gather(
        visit.write("Mine.", based_on=2), visit.write("Theirs.", based_on=2), return_exceptions=True
    )

    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, NoteMoved) for result in results) == 1
    assert (await note_of(visit)).version == 3


async def test_a_signed_note_takes_no_further_word(database: Database) -> None:
    visit = await written(database)
    await visit.sign(2)

    with pytest.raises(NoteAlreadySigned):
        await visit.write("More.", based_on=2)
    with pytest.raises(NoteAlreadySigned):
        await visit.sign(2)

    note = await note_of(visit)
    assert (note.text, note.signed_at) == ("Second.", NOW)


async def test_an_older_text_is_not_signed(database: Database) -> None:
    visit = await written(database)

    with pytest.raises(NoteMoved):
        await visit.sign(1)


async def test_nothing_is_not_signed(database: Database) -> None:
    visit = await book(database)
    await visit.talk()

    with pytest.raises(NoteEmpty):
        await visit.sign(0)


async def test_another_clinics_provider_reads_nothing(database: Database) -> None:
    visit, other = await written(database), await book(database, name="lakeside")

    async with database.unit_of_work() as uow:
        with pytest.raises(VisitUnknown):
            await charting.read(uow, by=other.provider, now=NOW, visit_id=visit.visit_id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE note_versions SET text = 'changed'",
        "DELETE FROM note_versions",
        "UPDATE note_signatures SET version = 1",
        "DELETE FROM note_signatures",
    ],
)
async def test_the_database_refuses_what_the_rules_forbid(
    database: Database, statement: str
) -> None:
    visit = await written(database)
    await visit.sign(2)

    with pytest.raises(DBAPIError):
        await run(database, statement)

    assert (await note_of(visit)).text == "Second."


async def test_the_database_refuses_a_version_after_the_signature(database: Database) -> None:
    visit = await written(database)
    await visit.sign(2)

    with pytest.raises(DBAPIError):
        await run(
            database,
            "INSERT INTO note_versions (visit_id, version, clinic_id, patient_id, author_id, text,"
            " saved_at) SELECT visit_id, 3, clinic_id, patient_id, author_id, text, saved_at"
            " FROM note_versions "
            "WHERE version = 2",
        )
