"""The database refuses, whoever of us asks: by triggers on both, by grants on PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from telehealth.audit import actions as audit
from telehealth.audit.guards import AuditTrailUnguarded, Weakness, refuse_unguarded, weaknesses
from telehealth.platform.db import Database
from tests.support.audit_lab import CLINIC, act, take_guards_away
from tests.support.requirements import Figure

ROLES = Path(__file__).parents[3] / "deploy" / "postgres" / "roles.sql"
CHANGES = (
    "UPDATE audit_entries SET event = 'x'",
    "UPDATE audit_entries SET seq = seq + 1 WHERE seq = 3",
    "DELETE FROM audit_entries",
    "DELETE FROM audit_entries WHERE seq = 3",
)
POSTGRESQL_CHANGES = (
    *CHANGES,
    "TRUNCATE audit_entries",
    "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
    "DROP TRIGGER audit_entries_stay ON audit_entries",
    "ALTER TABLE audit_entries DROP COLUMN seal",
    "DROP TABLE audit_entries",
    "SET session_replication_role = 'replica'",
    "CREATE TABLE mine (x int)",
)
SQLITE_CHANGES = (
    *CHANGES,
    "INSERT OR REPLACE INTO audit_entries SELECT * FROM audit_entries WHERE seq = 3",
    "REPLACE INTO audit_entries SELECT * FROM audit_entries",
    "UPDATE OR REPLACE audit_entries SET seq = 1 WHERE seq = 3",
)


@pytest.fixture
async def as_app(postgres_url: str) -> AsyncIterator[Database]:
    """The same database, connected as the application's role."""
    with psycopg.connect(_plain(postgres_url), autocommit=True) as admin:
        for _ in range(2):  # It may run any number of times.
            admin.execute(ROLES.read_bytes())
    url = make_url(postgres_url).update_query_dict({"options": "-c role=telehealth_app"})
    database = Database(url.render_as_string(hide_password=False))
    yield database
    await database.close()


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.mark.requirement("SEC-AUD-06")
async def test_the_application_role_appends_and_reads_and_can_do_nothing_else(
    as_app: Database, figure: Figure
) -> None:
    await act(as_app, 5)

    for statement in POSTGRESQL_CHANGES:
        with pytest.raises(DBAPIError) as refused:
            async with as_app.unit_of_work() as uow:
                await uow.session.execute(text(statement))
        assert isinstance(refused.value.orig, errors.InsufficientPrivilege), statement

    async with as_app.reading() as session:
        found = await audit.unscoped_report(session, clinic_id=CLINIC)
    assert (found.entries, found.first_broken) == (5, None)
    assert await weaknesses(as_app) == []
    await refuse_unguarded(as_app)
    figure(f"PostgreSQL role: {len(POSTGRESQL_CHANGES)} statements refused by grants")


@pytest.mark.requirement("SEC-AUD-06")
async def test_the_application_role_does_the_rest_of_its_work(as_app: Database) -> None:
    """Grants that are too narrow would be found at a clinic otherwise."""
    async with as_app.unit_of_work() as uow:
        await uow.session.execute(text("UPDATE clinics SET name = name"))
        await uow.session.execute(text("DELETE FROM audited_polls"))


@pytest.mark.requirement("SEC-AUD-06")
async def test_sqlite_refuses_by_triggers_and_replacing_too(
    sqlite_url: str, figure: Figure
) -> None:
    """INSERT OR REPLACE removes a row without firing a delete trigger; one of its own sees it."""
    database = Database(sqlite_url)
    await act(database, 5)

    for statement in SQLITE_CHANGES:
        with pytest.raises(DBAPIError, match="audit entries are never"):
            async with database.unit_of_work() as uow:
                await uow.session.execute(text(statement))

    async with database.reading() as session:
        found = await audit.unscoped_report(session, clinic_id=CLINIC)
    assert await weaknesses(database) == []
    await database.close()
    assert (found.entries, found.first_broken) == (5, None)
    figure(f"SQLite: {len(SQLITE_CHANGES)} statements refused by triggers")


@pytest.mark.requirement("SEC-AUD-06")
async def test_a_start_without_triggers_is_refused(database: Database) -> None:
    await take_guards_away(database)

    assert Weakness.TRIGGER_MISSING in await weaknesses(database)
    with pytest.raises(AuditTrailUnguarded, match="trigger_missing"):
        await refuse_unguarded(database)


@pytest.mark.requirement("SEC-AUD-06")
async def test_a_start_as_owner_or_superuser_is_refused(postgres_url: str) -> None:
    """Whoever owns the table can take its triggers away first."""
    database = Database(postgres_url)

    found = await weaknesses(database)

    await database.close()
    assert found == [Weakness.MAY_CHANGE, Weakness.MAY_DISARM]
