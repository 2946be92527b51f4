"""A process that acts until it is killed.

Started with a database URL and a seed.  Each act is one transaction: it puts a row with a number
of its own into a table, which stands for whatever an act changes, and records one entry with the
same number.  After each commit it says the number: what was said was committed.
"""

import asyncio
import random
import sys
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId
from telehealth.platform.clock import SystemClock
from telehealth.platform.db import Database
from telehealth.waiting_room.tables import AuditedPoll

CLINIC = ClinicId(UUID(int=7))


async def act(database: Database, number: int) -> None:
    """Change something and record it, in one transaction."""
    now = SystemClock().now()
    async with database.unit_of_work() as uow:
        uow.session.add(
            AuditedPoll(person_id=UUID(int=number), view="act", digest="", audited_at=now)
        )
        await audit.record(
            uow,
            by=Actor.of_job(Job.SWEEP, CLINIC),
            now=now,
            event=AuditEvent.VISIT_VIEWED,
            subject_id=UUID(int=number),
        )


async def main(url: str, seed: int) -> None:
    """Act for ever, several at a time."""
    database, dice = Database(url), random.Random(seed)

    async def keep_acting() -> None:
        while True:
            number = dice.getrandbits(100) + 1
            await act(database, number)
            print(number, flush=True)

    await asyncio.gather(*(keep_acting() for _ in range(4)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
