"""Engine, sessions and the unit of work; the only `commit()` of the visit service."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeAlias
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Connection,
    DateTime,
    Dialect,
    MetaData,
    String,
    TypeDecorator,
    Uuid,
    event,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

_READS = "telehealth_reads"
SEALED_WITH = "telehealth_sealed_with"
"""Where a session keeps the keyring, in `Session.info`."""


class KeepsKeysFresh(Protocol):
    """What the database asks of the keyring: the rest is between it and sealed columns."""

    async def freshen(self) -> None:
        """Renew what is about to grow too old; called while no transaction is open."""
        ...


CommitMark: TypeAlias = Callable[[AsyncSession], Awaitable[None]]
_commit_mark: ContextVar["tuple[Database, CommitMark] | None"] = ContextVar(
    "commit_mark", default=None
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant on both databases; SQLite alone would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive instant; store UTC."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored instant must be aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back; PostgreSQL answers in the server's, SQLite in none."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Root of every table; the naming convention keeps migrations the same on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, UUID: Uuid}


class EnumText(TypeDecorator[StrEnum]):
    """A `StrEnum` stored as its value; pair it with `one_of` so the database says so too."""

    impl = String(64)
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        self.enum = enum
        super().__init__()

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        """Store the value."""
        del dialect
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Give the member back."""
        del dialect
        return None if value is None else self.enum(value)


def one_of(column: str, enum: type[StrEnum]) -> CheckConstraint:
    """Make the check constraint that holds `column` to the members of `enum`."""
    listed = ", ".join(f"'{member.value}'" for member in enum)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class UnitOfWork:
    """One transaction: everything an action changes, or nothing."""

    def __init__(self, session: AsyncSession, *, wake_worker: Callable[[], None]) -> None:
        self.session = session
        self.wake_worker = wake_worker
        self._after_commit: list[Callable[[], None]] = []

    def after_commit(self, call: Callable[[], None]) -> None:
        """Keep `call` (synchronous, quick, unable to fail) until the commit has happened."""
        self._after_commit.append(call)

    def committed(self) -> None:
        """Run what waited for the commit."""
        for call in self._after_commit:
            call()


@contextmanager
def marking_commits(database: "Database", mark: CommitMark) -> Iterator[None]:
    """Have `mark` write into every unit of work of this task and `database` before it commits.

    What it writes is there exactly when the unit's own changes are; raising rolls both back.
    Another database, such as the one of the keys, knows nothing of what is marked.
    """
    token = _commit_mark.set((database, mark))
    try:
        yield
    finally:
        _commit_mark.reset(token)


class Database:
    """One engine a process; hands out read sessions and units of work.

    Args:
        url: `sqlite+aiosqlite:///path` or `postgresql+psycopg://…`.
        wake_worker: Told after a commit that owes somebody something; a lost call costs the
            worker's one-second poll, nothing else.
        keyring: Opens and seals marked columns; without one, nothing marked is read or written.
    """

    def __init__(
        self,
        url: str,
        *,
        wake_worker: Callable[[], None] = lambda: None,
        keyring: KeepsKeysFresh | None = None,
    ) -> None:
        self._wake_worker = wake_worker
        self._keyring = keyring
        self.is_sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {} if self.is_sqlite else {"pool_pre_ping": True}
        # A driver's error would otherwise quote the values of the row: names, notes.
        self.engine = create_async_engine(url, hide_parameters=True, **options)
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_immediately)
        self._sessions = async_sessionmaker(
            self.engine, expire_on_commit=False, info={SEALED_WITH: keyring}
        )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a session that only reads; it is rolled back at the end.

        What was loaded expires with it: take the values out before the block ends.
        """
        await self._freshen()
        async with self._sessions() as session:
            await session.connection(execution_options={_READS: True})
            try:
                yield session
            finally:
                await session.rollback()

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """Open one write transaction; commit when the block ends, roll back when it raises.

        Cancel safety: a cancelled block is rolled back.  No network call belongs inside it.
        """
        await self._freshen()
        async with self._sessions() as session:
            unit = UnitOfWork(session, wake_worker=self._wake_worker)
            async with session.begin():
                yield unit
                await self._mark(session)
        unit.committed()

    async def answers(self) -> bool:
        """Say whether the database answers; for readiness only."""
        try:
            async with self.reading() as session:
                await session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError):
            return False
        return True

    async def _mark(self, session: AsyncSession) -> None:
        marking = _commit_mark.get()
        if marking is not None and marking[0] is self:
            await marking[1](session)

    async def _freshen(self) -> None:
        if self._keyring is not None:
            await self._keyring.freshen()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _prepare_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    """Set the pragmas; hand transaction control to us.

    Source:
        SQLite documentation: WAL, synchronous=FULL (NORMAL may lose the last commits at power
        loss), busy_timeout, foreign_keys.
    """
    del record
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "busy_timeout=15000",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediately(connection: Connection) -> None:
    """Begin a writer IMMEDIATE: a read that upgrades to a write fails at once otherwise."""
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
