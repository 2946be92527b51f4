"""Long audit chains quickly, the hands of a database administrator, and heads of every size."""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

import psycopg
from sqlalchemy import Table, delete, insert, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.access.actor import Actor, Job
from telehealth.audit import actions as audit
from telehealth.audit.chain import NO_PREVIOUS, body_text, seal_of
from telehealth.audit.events import AuditEvent
from telehealth.audit.heads import Head
from telehealth.audit.tables import AuditEntry
from telehealth.audit.tree import Frontier
from telehealth.contract import ClinicId
from telehealth.platform.db import Database
from tests.support.clock import MORNING

CLINIC: Final = ClinicId(UUID(int=7))
LOG: Final = "telehealth/tests/audit"
_NAMES: Final = (
    "id, clinic_id, seq, at, event, actor_person_id, actor_role, actor_job, visit_id,"
    " patient_id, subject_id, facts, previous, seal"
)
ENTRIES: Final = cast("Table", AuditEntry.__table__)


def rows(count: int, clinic_id: UUID = CLINIC) -> Iterator[tuple[Any, ...]]:
    """Make the stored rows of a whole chain, without the product's appender."""
    previous, people = NO_PREVIOUS, [UUID(int=number) for number in range(1, 400)]
    for seq in range(1, count + 1):
        at = MORNING + timedelta(milliseconds=seq)
        id_, person = UUID(int=10**6 + seq), people[seq % 30]
        visit, patient = people[seq % 397], people[seq % 251]
        body = body_text(
            id_=str(id_),
            clinic_id=str(clinic_id),
            at=at.isoformat(timespec="microseconds"),
            event=AuditEvent.VISIT_VIEWED.value,
            actor_person_id=str(person),
            actor_role="provider",
            actor_job=None,
            visit_id=str(visit),
            patient_id=str(patient),
            subject_id=None,
            facts='{"version":1}',
        )
        seal = seal_of(seq=seq, previous=previous, body=body)
        yield (
            *(id_, clinic_id, seq, at, AuditEvent.VISIT_VIEWED.value, person, "provider", None),
            *(visit, patient, None, '{"version":1}', previous, seal),
        )
        previous = seal


def fill(url: str, count: int) -> Head:
    """Put a whole chain into an empty database, by the database's quickest way; its head."""
    frontier, seal = Frontier(), NO_PREVIOUS

    def watched() -> Iterator[tuple[Any, ...]]:
        nonlocal seal
        for row in rows(count):
            seal = row[-1]
            frontier.extend([seal])
            yield row

    _store(url, watched())
    root = frontier.root()
    return Head(
        log=LOG, clinic_id=CLINIC, size=count, root=root, seal=seal, at=MORNING, kid="k" * 43
    )


def _store(url: str, whole: Iterator[tuple[Any, ...]]) -> None:
    plain = make_url(url)
    if plain.get_backend_name() == "sqlite":
        _store_in_sqlite(str(plain.database), whole)
        return
    target = plain.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(target) as connection, connection.cursor() as cursor:
        statement = f"COPY audit_entries ({_NAMES}) FROM STDIN"
        with cursor.copy(statement.encode()) as copy:
            for row in whole:
                copy.write_row(row)
        cursor.execute("ANALYZE audit_entries")


def _store_in_sqlite(path: str, whole: Iterator[tuple[Any, ...]]) -> None:
    def stored(row: tuple[Any, ...]) -> tuple[Any, ...]:
        plain = [value.hex if isinstance(value, UUID) else value for value in row]
        plain[3] = row[3].strftime("%Y-%m-%d %H:%M:%S.%f")
        return tuple(plain)

    connection = sqlite3.connect(path)
    marks = ",".join("?" * 14)
    with connection:
        statement = f"INSERT INTO audit_entries ({_NAMES}) VALUES ({marks})"  # noqa: S608  (names above)
        connection.executemany(statement, map(stored, whole))
    connection.close()


async def act(database: Database, times: int, clinic_id: ClinicId = CLINIC) -> None:
    """Append by the product's own appender, in one transaction."""
    async with database.unit_of_work() as uow:
        for number in range(times):
            await audit.record(
                uow,
                by=Actor.of_job(Job.SWEEP, clinic_id),
                now=MORNING + timedelta(seconds=number),
                event=AuditEvent.VISIT_VIEWED,
                visit_id=UUID(int=number + 1),
                patient_id=UUID(int=number + 1),
                facts={"number": number},
            )


async def take_guards_away(database: Database) -> None:
    """Do what a database administrator could: take the triggers away."""
    async with database.unit_of_work() as uow:
        if not database.is_sqlite:
            await uow.session.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER ALL"))
            return
        named = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
        for name in list(await uow.session.scalars(named, {"table": "audit_entries"})):
            await uow.session.execute(text(f"DROP TRIGGER {name}"))


async def heads_of_every_size(session: AsyncSession) -> list[Head]:
    """Make the head that each entry of a chain would have got."""
    frontier, made = Frontier(), []
    seals = await session.scalars(select(AuditEntry.seal).order_by(AuditEntry.seq))
    for size, seal in enumerate(seals, 1):
        frontier.extend([seal])
        made.append(
            Head(
                log=LOG,
                clinic_id=CLINIC,
                size=size,
                root=frontier.root(),
                seal=seal,
                at=MORNING,
                kid="k" * 43,
            )
        )
    return made


class Tamperer:
    """Alters a chain as somebody could who holds the database; says what is wrong first.

    Each verb returns the number of the first entry that is no longer what it was.
    """

    def __init__(self, session: AsyncSession, dice: random.Random, *, size: int) -> None:
        self._session = session
        self._dice = dice
        self._size = size

    async def update(self) -> int:
        """Change one column of one entry."""
        seq = self._any()
        column, value = self._dice.choice(
            [
                ("event", "note.saved"),
                ("actor_role", "auditor"),
                ("actor_job", None),
                ("actor_person_id", UUID(int=5)),
                ("visit_id", UUID(int=999)),
                ("patient_id", None),
                ("subject_id", UUID(int=5)),
                ("facts", "{}"),
                ("id", UUID(int=5)),
                ("previous", bytes(31) + b"x"),
                ("seal", bytes(31) + b"x"),
            ]
        )
        await self._set(seq, **{column: value})
        return seq

    async def change_time(self) -> int:
        """Move an entry in time, by a microsecond or by years."""
        seq = self._any()
        by = timedelta(microseconds=self._dice.choice([1, -1, 60_000_000, 10**14]))
        at = await self._session.scalar(select(ENTRIES.c.at).where(ENTRIES.c.seq == seq))
        assert at is not None
        await self._set(seq, at=at + by)
        return seq

    async def delete(self) -> int:
        """Remove one entry, not the last."""
        seq = self._dice.randrange(1, self._size)
        await self._session.execute(delete(ENTRIES).where(ENTRIES.c.seq == seq))
        return seq

    async def swap(self) -> int:
        """Let two entries change places."""
        low, high = sorted(self._dice.sample(range(1, self._size + 1), 2))
        for which, to in ((low, -1), (high, low), (-1, high)):
            await self._set(which, seq=to)
        return low

    async def insert(self) -> int:
        """Put an entry in, sealed as it should be, and move all later ones."""
        seq = self._dice.randrange(2, self._size + 1)
        for to in (-ENTRIES.c.seq - 1, -ENTRIES.c.seq):
            moved = (ENTRIES.c.seq >= seq) | (ENTRIES.c.seq < 0)
            await self._session.execute(update(ENTRIES).where(moved).values(seq=to))
        before = await self._row(seq - 1)
        put = {**before, "id": UUID(int=4), "seq": seq, "previous": before["seal"]}
        put["seal"] = self._sealed(put)
        await self._session.execute(insert(ENTRIES).values(**put))
        return seq

    async def truncate_tail(self) -> int:
        """Cut off the newest entries."""
        seq = self._any()
        await self._session.execute(delete(ENTRIES).where(ENTRIES.c.seq >= seq))
        return seq

    async def replace_all(self) -> int:
        """Change one entry and seal it and all later ones anew: whole in itself."""
        first = self._any()
        previous = (await self._row(first - 1))["seal"] if first > 1 else NO_PREVIOUS
        for seq in range(first, self._size + 1):
            row = {**await self._row(seq), "previous": previous}
            if seq == first:
                row["event"] = "note.signed"
            previous = self._sealed(row)
            await self._set(seq, event=row["event"], previous=row["previous"], seal=previous)
        return first

    def _any(self) -> int:
        return self._dice.randrange(1, self._size + 1)

    async def _set(self, which: int, **values: object) -> None:
        await self._session.execute(update(ENTRIES).where(ENTRIES.c.seq == which).values(**values))

    async def _row(self, seq: int) -> dict[str, Any]:
        found = await self._session.execute(select(ENTRIES).where(ENTRIES.c.seq == seq))
        return dict(found.mappings().one())

    @staticmethod
    def _sealed(row: dict[str, Any]) -> bytes:
        columns = {name: value for name, value in row.items() if name not in {"previous", "seal"}}
        entry = AuditEntry(**columns)
        return seal_of(seq=row["seq"], previous=row["previous"], body=audit.body_of(entry))


TAMPERINGS: Final[Sequence[str]] = (
    "update",
    "change_time",
    "delete",
    "swap",
    "insert",
    "truncate_tail",
    "replace_all",
)
