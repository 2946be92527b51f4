"""The unit of work on both databases: all or nothing, and nothing quoted."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from telehealth.identity.tables import Clinic, Person
from telehealth.platform.db import Database, EnumText, UnitOfWork, UtcDateTime
from telehealth.visits.lifecycle import VisitState


def clinic(name: str = "x") -> Clinic:
    return Clinic(id=UUID(int=1), name=name, short_name="x", phone="x", time_zone="UTC")


async def count(database: Database) -> object:
    async with database.reading() as session:
        return await session.scalar(text("SELECT count(*) FROM clinics"))


async def test_what_waits_for_the_commit_runs_after_it(database: Database) -> None:
    seen: list[str] = []

    async with database.unit_of_work() as uow:
        uow.after_commit(lambda: seen.append("after"))
        uow.session.add(clinic())
        await uow.session.flush()
        seen.append("inside")

    assert seen == ["inside", "after"]
    assert await count(database) == 1


async def test_a_block_that_raises_changes_nothing_and_calls_nobody(database: Database) -> None:
    seen: list[str] = []

    async def act(uow: UnitOfWork) -> None:
        uow.after_commit(lambda: seen.append("after"))
        uow.session.add(clinic())
        await uow.session.flush()
        raise LookupError

    with pytest.raises(LookupError):
        async with database.unit_of_work() as uow:
            await act(uow)

    assert seen == []
    assert await count(database) == 0


async def test_a_cancelled_block_changes_nothing(database: Database) -> None:
    entered = asyncio.Event()

    async def act() -> None:
        async with database.unit_of_work() as uow:
            uow.session.add(clinic())
            await uow.session.flush()
            entered.set()
            await asyncio.Event().wait()

    acting = asyncio.create_task(act())
    await entered.wait()
    acting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await acting

    assert await count(database) == 0


async def test_a_drivers_error_does_not_quote_the_row(database: Database) -> None:
    async with database.unit_of_work() as uow:
        uow.session.add(clinic("Ada Lovelace"))

    with pytest.raises(IntegrityError) as refused:
        async with database.unit_of_work() as uow:
            uow.session.add(clinic("Ada Lovelace"))

    assert "Ada" not in str(refused.value)


async def test_writers_of_one_file_wait_for_each_other(database: Database) -> None:
    """Each reads first and writes then; deferred transactions would fail at once on SQLite."""
    async with database.unit_of_work() as uow:
        uow.session.add(clinic("0"))

    async def add_one() -> None:
        async with database.unit_of_work() as uow:
            found = await uow.session.get(Clinic, UUID(int=1), with_for_update=True)
            assert found is not None
            found.name = str(int(found.name) + 1)

    await asyncio.gather(*(add_one() for _ in range(20)))

    async with database.reading() as session:
        assert await session.scalar(text("SELECT name FROM clinics")) == "20"


async def test_the_database_says_whether_it_answers(database: Database) -> None:
    assert await database.answers()


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-6))])
async def test_an_instant_comes_back_in_utc(database: Database, zone: timezone) -> None:
    at = datetime(2030, 3, 4, 15, 0, 0, 123456, tzinfo=zone)
    async with database.unit_of_work() as uow:
        uow.session.add(clinic())
        await uow.session.flush()
        uow.session.add(
            Person(
                id=UUID(int=2),
                clinic_id=UUID(int=1),
                given="x",
                family="x",
                birth_on=None,
                phone=None,
                medical_record_number=None,
                npi=None,
                added_at=at,
            )
        )
    async with database.reading() as session:
        if not database.is_sqlite:
            await session.execute(text("SET LOCAL TIME ZONE 'America/Chicago'"))
        found = await session.scalar(select(Person.added_at))

    assert found == at
    assert found is not None
    assert found.utcoffset() == timedelta()


async def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="aware"):
        UtcDateTime().process_bind_param(datetime(2030, 1, 1), database.engine.dialect)  # noqa: DTZ001  (the mistake itself)


def test_a_value_outside_the_enum_is_refused_both_ways() -> None:
    column = EnumText(VisitState)
    dialect = sqlite.dialect()

    with pytest.raises(ValueError, match="nonsense"):
        column.process_result_value("nonsense", dialect)
    with pytest.raises(ValueError, match="nonsense"):
        column.process_bind_param("nonsense", dialect)  # type: ignore[arg-type]
    assert column.process_bind_param(None, dialect) is None
    assert column.process_result_value(None, dialect) is None
