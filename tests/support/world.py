"""A running visit service with an invented clinic in it, for tests of its routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from argon2 import PasswordHasher as Argon2
from sqlalchemy import select, text

from telehealth.access.roles import Role
from telehealth.app import VisitService
from telehealth.contract import VisitId
from telehealth.identity import actions as identity
from telehealth.identity.passwords import _peppered
from telehealth.identity.tables import Account
from telehealth.platform.db import Base, Database
from telehealth.platform.ids import new_uuid
from telehealth.platform.sealing.columns import index_of
from tests.support.clinic import InventedClinic
from tests.support.clock import FakeClock
from tests.support.sealing import PEPPER

Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True, kw_only=True)
class World:
    """The service, its clock, its clinic and its database."""

    made: VisitService
    clock: FakeClock
    clinic: InventedClinic
    database: Database

    def new_visit_id(self) -> VisitId:
        """Make an id as booking would."""
        return VisitId(new_uuid())

    async def link(
        self, visit_id: VisitId | None = None, *, lasts: timedelta = timedelta(days=7)
    ) -> str:
        """Have the scheduler make a link for the patient."""
        async with self.database.unit_of_work() as uow:
            return await identity.issue_link(
                uow,
                by=self.clinic.actor(Role.SCHEDULER),
                now=self.clock.now(),
                person_id=self.clinic.patient_id,
                visit_id=visit_id or self.new_visit_id(),
                expires_at=self.clock.now() + lasts,
            )

    async def events(self) -> list[str]:
        """Return the audit trail's events in order."""
        async with self.database.reading() as session:
            rows = await session.execute(text("SELECT event FROM audit_entries ORDER BY seq"))
            return [str(event) for (event,) in rows]

    async def execute(self, statement: str) -> None:
        """Change a row behind the product's back."""
        async with self.database.unit_of_work() as uow:
            await uow.session.execute(text(statement))

    async def scalar(self, statement: str) -> object:
        """Look at a value behind the product's back."""
        async with self.database.reading() as session:
            return await session.scalar(text(statement))

    async def rows(self, kind: type[Row]) -> list[Row]:
        """Return every row of a mapped class in order of its key, with what is sealed in it."""
        async with self.database.reading() as session:
            ordered = select(kind).order_by(*kind.__table__.primary_key)
            found = list(await session.scalars(ordered))
            session.expunge_all()  # else they would be looked up anew, outside the session
            return found

    @asynccontextmanager
    async def account(self, email: str) -> AsyncIterator[Account]:
        """Look at an account behind the product's back, and change it."""
        async with self.database.unit_of_work() as uow:
            mark = await index_of(uow.session, Account, Account.email, email)
            found = select(Account).where(Account.email_index == mark)
            yield (await uow.session.scalars(found)).one()

    async def dump(self, *tables: str) -> str:
        """Return everything in some tables as one text, bytes as hex and as letters."""
        found = []
        async with self.database.reading() as session:
            for table in tables:
                rows = await session.execute(text(f"SELECT * FROM {table}"))  # noqa: S608  (names of the test)
                found += [repr(tuple(row)) for row in rows]
        return "\n".join(found)

    async def weaken_hashes(self, password: str) -> None:
        """Store the hashes an older release would have made."""
        weak = Argon2(time_cost=1, memory_cost=8192, parallelism=1)
        hashed = weak.hash(_peppered(password, PEPPER))
        hashed = f"$pepper${PEPPER.key_id.hex}{hashed}"
        await self.execute(f"UPDATE accounts SET password_hash = '{hashed}'")  # noqa: S608  (made here)
