"""Runs the revisions on the database whose URL it is given, one runner at a time."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text

from telehealth.migrations.metadata import METADATA
from telehealth.platform.db import Database

_LOCK = 0x7465_6C65  # any number, the same for every runner


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    # SQLite: the transaction began IMMEDIATE, so a second runner waits for the whole of it.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    context.run_migrations()


async def _run(url: str) -> None:
    database = Database(url)
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(_migrate)
    finally:
        await database.close()


asyncio.run(_run(context.config.get_main_option("sqlalchemy.url") or ""))
