"""Follows a long chain with every core: a process reads, spells and seals a stretch of it."""

import asyncio
import multiprocessing
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import aclosing, asynccontextmanager
from itertools import islice
from typing import Final, TypeAlias

from telehealth.audit import actions, repository
from telehealth.audit.chain import FIRST_SEQ, NO_PREVIOUS, ChainReport
from telehealth.audit.stretches import (
    LENGTH,
    FollowedStretch,
    Stretch,
    joined,
    seals_of,
    stretches,
)
from telehealth.audit.verdict import Watch
from telehealth.contract import ClinicId
from telehealth.platform.core_dumps import refuse_core_dumps
from telehealth.platform.db import Database

Run: TypeAlias = Callable[[ClinicId, Stretch], Awaitable[FollowedStretch]]
"""Follows one stretch, here or elsewhere."""

_MOST_PROCESSES: Final = 8
_WORTH_PROCESSES: Final = 4 * LENGTH
"""Below this many entries, starting processes takes longer than they save."""


class ManyHands:
    """Follows chains in stretches, several at a time; a short one in one piece.

    Args:
        run: Follows one stretch.
        at_once: Stretches under way at a time.
        length: Entries of a stretch.
        worth: Chains with fewer entries are followed in one piece.
    """

    def __init__(
        self, run: Run, *, at_once: int, length: int = LENGTH, worth: int = _WORTH_PROCESSES
    ) -> None:
        self._run = run
        self._at_once = at_once
        self._length = length
        self._worth = worth

    async def follow(
        self,
        session: repository.Reads,
        *,
        clinic_id: ClinicId,
        after_seq: int,
        previous: bytes,
        to_seq: int,
        watch: Watch | None = None,
    ) -> ChainReport:
        """Follow a chain as `actions.unscoped_follow` does, with the same report.

        Raises:
            ChildProcessError: A process ended before its stretch was followed.
        """
        if to_seq - after_seq < self._worth:
            return await actions.unscoped_follow(
                session,
                clinic_id=clinic_id,
                after_seq=after_seq,
                previous=previous,
                to_seq=to_seq,
                watch=watch,
            )
        report = ChainReport(entries=0, first_broken=None, head=previous)
        parts = stretches(after_seq=after_seq, to_seq=to_seq, length=self._length)
        async with aclosing(self._in_order(clinic_id, parts)) as followed:
            async for stretch, part in followed:
                before, report = report.entries, joined(report, stretch, part)
                if watch is not None:
                    watch.feed(stretch.after_seq + 1, seals_of(part)[: report.entries - before])
                if report.first_broken is not None:
                    break
        return report

    async def _in_order(
        self, clinic_id: ClinicId, parts: Iterator[Stretch]
    ) -> AsyncGenerator[tuple[Stretch, FollowedStretch], None]:
        """Yield what each stretch gave, in order, with a few begun ahead of need."""

        def begin(count: int) -> list[tuple[Stretch, asyncio.Future[FollowedStretch]]]:
            return [
                (stretch, asyncio.ensure_future(self._run(clinic_id, stretch)))
                for stretch in islice(parts, count)
            ]

        under_way = deque(begin(2 * self._at_once))
        try:
            while under_way:
                stretch, part = under_way.popleft()
                yield stretch, await part
                under_way.extend(begin(1))
        finally:
            # Waited for, not cancelled: the pool of a process that died ends its futures itself,
            # and one cancelled under its hands breaks it.
            await asyncio.gather(*(part for _, part in under_way), return_exceptions=True)


@asynccontextmanager
async def many_hands(
    database: Database, *, length: int = LENGTH, worth: int = _WORTH_PROCESSES
) -> AsyncIterator[ManyHands]:
    """Open as many processes as there are cores; each reads by a connection of its own.

    They start with the first chain that is worth them.  What is checked is what is committed.
    """
    at_once = min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)
    url = database.engine.url.render_as_string(hide_password=False)
    # Spawned: a fork would take the database driver's threads half with it.
    pool = ProcessPoolExecutor(
        at_once, mp_context=multiprocessing.get_context("spawn"), initializer=refuse_core_dumps
    )

    others, is_broken = set(multiprocessing.active_children()), False

    async def run(clinic_id: ClinicId, stretch: Stretch) -> FollowedStretch:
        nonlocal is_broken
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(pool, _followed_alone, url, clinic_id, stretch)
        except BrokenProcessPool as ended:
            is_broken = True
            raise ChildProcessError("a process of the check ended before its work") from ended

    try:
        yield ManyHands(run, at_once=at_once, length=length, worth=worth)
    finally:
        if is_broken:
            # One that was being started when another died is told nothing, and waited for.
            for child in set(multiprocessing.active_children()) - others:
                child.kill()
        await asyncio.to_thread(pool.shutdown, cancel_futures=True)


def _followed_alone(url: str, clinic_id: ClinicId, stretch: Stretch) -> FollowedStretch:
    """Follow one stretch; the whole of what a process of the pool does."""

    async def follow() -> FollowedStretch:
        database = Database(url)
        try:
            async with database.reading() as session:
                return await unscoped_followed(session, clinic_id, stretch)
        finally:
            await database.close()

    return asyncio.run(follow())


class _Seals:
    """Keeps the seals of what was followed, for heads to be compared with elsewhere."""

    def __init__(self) -> None:
        self.kept = bytearray()

    def feed(self, first_seq: int, seals: Sequence[bytes]) -> None:
        """Take the seals of the next whole entries."""
        del first_seq
        self.kept += b"".join(seals)


async def unscoped_followed(
    session: repository.Reads, clinic_id: ClinicId, stretch: Stretch
) -> FollowedStretch:
    """Follow one stretch from the seal that stands before it."""
    previous: bytes | None = NO_PREVIOUS
    if stretch.after_seq >= FIRST_SEQ:
        previous = await repository.unscoped_seal_at(session, clinic_id, stretch.after_seq)
    if previous is None or len(previous) != len(NO_PREVIOUS):
        # The stretch before this one is broken there, and says so.
        first_broken = stretch.after_seq + 1
        return FollowedStretch(previous, ChainReport(entries=0, first_broken=first_broken), b"")
    seals = _Seals()
    report = await actions.unscoped_follow(
        session,
        clinic_id=clinic_id,
        after_seq=stretch.after_seq,
        previous=previous,
        to_seq=stretch.to_seq,
        watch=seals,
    )
    return FollowedStretch(previous, report, bytes(seals.kept))
