"""The revisions, all of them, on both databases."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from telehealth.migrations.metadata import METADATA
from telehealth.migrations.run import config_for, downgrade, upgrade
from telehealth.platform.db import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/empty.sqlite3"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


def in_threads(*calls: Callable[[], None]) -> None:
    """Run each in a thread of its own, as no thread with a running loop may."""
    with ThreadPoolExecutor(len(calls)) as threads:
        for running in [threads.submit(call) for call in calls]:
            running.result()


def test_the_revisions_form_one_line() -> None:
    revisions = list(ScriptDirectory.from_config(config_for("sqlite://")).walk_revisions())

    assert [revision.revision for revision in reversed(revisions)] == [
        f"{number:04}" for number in range(1, len(revisions) + 1)
    ]


async def test_the_revisions_make_exactly_the_tables_we_use(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, METADATA))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_every_revision_can_be_undone_and_done_again(empty_url: str) -> None:
    in_threads(partial(upgrade, empty_url))
    in_threads(partial(downgrade, empty_url, "base"))
    assert await tables(empty_url) == {"alembic_version"}

    in_threads(partial(upgrade, empty_url))
    assert await tables(empty_url) == {*METADATA.tables, "alembic_version"}


async def test_two_runners_at_once_do_it_once(empty_url: str) -> None:
    """Two processes, as two machines starting together would be."""
    command = [sys.executable, "-m", "telehealth.cli", "migrate"]
    environment = {**os.environ, "TELEHEALTH_DATABASE_URL": empty_url}
    runners = [subprocess.Popen(command, env=environment) for _ in range(2)]

    assert [runner.wait(timeout=60) for runner in runners] == [0, 0]

    assert await tables(empty_url) == {*METADATA.tables, "alembic_version"}


async def test_two_threads_of_one_process_take_turns(tmp_path: Path) -> None:
    """Alembic's own context is one a process: without turns, one thread takes the other's."""
    urls = [f"sqlite+aiosqlite:///{tmp_path}/{number}.sqlite3" for number in range(4)]

    in_threads(*(partial(upgrade, url) for url in urls))

    for url in urls:
        assert await tables(url) == {*METADATA.tables, "alembic_version"}


async def test_a_second_run_changes_nothing(empty_url: str) -> None:
    in_threads(partial(upgrade, empty_url))
    database = Database(empty_url)
    async with database.unit_of_work() as uow:
        await uow.session.execute(
            text(
                "INSERT INTO clinics (id, name, short_name, phone, time_zone)"
                " VALUES ('00000000000000000000000000000001', 'x', 'x', 'x', 'UTC')"
            )
        )
    in_threads(partial(upgrade, empty_url))

    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM clinics")) == 1
    await database.close()


async def tables(url: str) -> set[str]:
    database = Database(url)
    async with database.engine.connect() as connection:
        found = await connection.run_sync(lambda plain: set(inspect(plain).get_table_names()))
    await database.close()
    return found
