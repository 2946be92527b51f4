"""The loop of one lane: claim, commit, write down the call, commit, call, store, commit.

No transaction is ever open during a call.  Each lane has its own runner, so that a slow chart
never holds up a room.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TypeVar

import structlog

from telehealth.delivery import bookkeeping
from telehealth.delivery.bookkeeping import Claim, Desk
from telehealth.delivery.breaker import Breaker
from telehealth.delivery.lanes import Lane
from telehealth.delivery.lifecycle import EntryState
from telehealth.delivery.ports import (
    Deliverer,
    DeliverOutcome,
    FindOutcome,
    NoAnswer,
    OutcomeCode,
    OwedEntry,
    Unknown,
)
from telehealth.delivery.settlement import Health, Settlement, Standing, after_call, after_query
from telehealth.platform.clock import Clock
from telehealth.platform.db import Database

_log = structlog.get_logger(__name__)
_Outcome = TypeVar("_Outcome")


class Point(StrEnum):
    """Where between two commits a worker stands; crash tests stop it there."""

    CLAIMED = "claimed"
    CALL_STARTED = "call_started"
    ANSWERED = "answered"
    STORED = "stored"
    QUERY_STARTED = "query_started"
    QUERY_ANSWERED = "query_answered"


def _pass_by(point: Point, held: Claim) -> None:
    del point, held


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Spans of one runner; the lease is part of its `Desk`."""

    calls_at_once: int = 10
    call_timeout: timedelta = timedelta(seconds=20)
    poll: timedelta = timedelta(seconds=1)
    """Longest time a lost nudge can cost."""
    finish_within: timedelta = timedelta(seconds=8)
    """Given to running calls at shutdown, inside the ten seconds of a supervisor."""


class LaneRunner:
    """Works one lane until told to stop.

    Args:
        lane: The lane.
        database: Where the ledger lies.
        deliverer: The partner's adapter.
        clock: Tells instants.
        desk: Worker name, lease, policies, dice.
        pace: Spans.
        at_point: Called between commits; does nothing outside crash tests.
    """

    def __init__(
        self,
        *,
        lane: Lane,
        database: Database,
        deliverer: Deliverer,
        clock: Clock,
        desk: Desk,
        pace: Pace | None = None,
        at_point: Callable[[Point, Claim], None] = _pass_by,
    ) -> None:
        self._lane = lane
        self._database = database
        self._deliverer = deliverer
        self._clock = clock
        self._desk = desk
        self._pace = pace or Pace()
        self._at_point = at_point
        self._breaker = Breaker()
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False

    def nudge(self) -> None:
        """Look for work now instead of at the next poll."""
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when the running calls have ended."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`.

        Cancel safety: cancelling abandons running calls; their leases run out and the next
        holder asks the partner before anything is sent again.
        """
        while not self._stopping:
            self._wake.clear()
            await self._claim_and_start()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.poll.total_seconds()):
                    await self._wake.wait()
        if self._running:
            await asyncio.wait(self._running, timeout=self._pace.finish_within.total_seconds())
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def run_until_quiet(self) -> None:
        """Work off everything that is due now, then return (one pass of a test or a drain)."""
        while await self._claim_and_start():
            await asyncio.gather(*self._running)

    async def _claim_and_start(self) -> int:
        loop_now = asyncio.get_running_loop().time()
        free = self._pace.calls_at_once - len(self._running)
        limit = self._breaker.allowance(free, now=loop_now)
        if limit <= 0:
            return 0
        try:
            async with self._database.unit_of_work() as uow:
                claims = await bookkeeping.claim(
                    uow, lane=self._lane, desk=self._desk, now=self._clock.now(), limit=limit
                )
        except Exception as broken:  # noqa: BLE001  (driver loop: the database may be away a while)
            _log.error("ledger.claim_failed", lane=self._lane, exc_info=broken)
            return 0
        self._breaker.begin(len(claims), now=loop_now)
        for held in claims:
            self._at_point(Point.CLAIMED, held)
            task = asyncio.create_task(self._work_guarded(held))
            self._running.add(task)
            task.add_done_callback(self._ended)
        return len(claims)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _work_guarded(self, held: Claim) -> None:
        try:
            await self._work(held)
        except Exception as broken:  # noqa: BLE001  (driver loop: the lease runs out, the next asks)
            _log.error("delivery.interrupted", entry_id=held.entry_id, exc_info=broken)

    async def _work(self, held: Claim) -> None:
        if not await self._start(held):
            return
        began = asyncio.get_running_loop().time()
        decide = await self._ask(held) if _asks(held) else await self._call(held)
        self._at_point(Point.QUERY_ANSWERED if _asks(held) else Point.ANSWERED, held)
        ended = asyncio.get_running_loop().time()
        async with self._database.unit_of_work() as uow:
            settlement = await bookkeeping.settle(
                uow,
                held,
                decide,
                desk=self._desk,
                now=self._clock.now(),
                duration_ms=round((ended - began) * 1000),
            )
        self._at_point(Point.STORED, held)
        self._learn(held, settlement)

    async def _start(self, held: Claim) -> bool:
        """Commit that a call begins, or give the entry back."""
        async with self._database.unit_of_work() as uow:
            if self._stopping:
                await bookkeeping.give_back(uow, held, desk=self._desk, now=self._clock.now())
                return False
            started = await bookkeeping.start(uow, held, desk=self._desk, now=self._clock.now())
        if started:
            self._at_point(Point.QUERY_STARTED if _asks(held) else Point.CALL_STARTED, held)
        return started

    async def _call(self, held: Claim) -> Callable[[Standing], Settlement]:
        outcome: DeliverOutcome
        try:
            outcome = await self._within_time(held, self._deliverer.deliver)
        except TimeoutError:
            outcome = Unknown(code=OutcomeCode.ANSWER_LOST)
        except Exception as broken:  # noqa: BLE001  (an adapter's bug must not lose an entry)
            _log.error("delivery.adapter_broken", kind=held.kind, exc_info=broken)
            outcome = Unknown(code=OutcomeCode.ADAPTER_BROKEN)
        return partial(after_call, outcome, now=self._clock.now(), draw=self._desk.draw())

    async def _ask(self, held: Claim) -> Callable[[Standing], Settlement]:
        outcome: FindOutcome
        try:
            outcome = await self._within_time(held, self._deliverer.find)
        except TimeoutError:
            outcome = NoAnswer(code=OutcomeCode.ANSWER_LOST)
        except Exception as broken:  # noqa: BLE001  (an adapter's bug must not lose an entry)
            _log.error("delivery.adapter_broken", kind=held.kind, exc_info=broken)
            outcome = NoAnswer(code=OutcomeCode.ADAPTER_BROKEN)
        return partial(after_query, outcome, now=self._clock.now(), draw=self._desk.draw())

    async def _within_time(
        self, held: Claim, speak: Callable[[OwedEntry], Awaitable[_Outcome]]
    ) -> _Outcome:
        """Speak to the partner, for the call time-out at most.

        The first byte must leave early enough for the whole call to end inside the lease.
        """
        timeout_s = self._pace.call_timeout.total_seconds()
        lease_left_s = (held.lease_until - self._clock.now()).total_seconds()
        send_before_s = asyncio.get_running_loop().time() + lease_left_s - timeout_s
        async with asyncio.timeout(timeout_s):
            return await speak(held.as_owed(send_before_s=send_before_s))

    def _learn(self, held: Claim, settlement: Settlement | None) -> None:
        """Tell the breaker and the log."""
        if settlement is None:
            _log.warning("delivery.lease_lost", entry_id=held.entry_id, kind=held.kind)
            return
        now = asyncio.get_running_loop().time()
        match settlement.health:
            case Health.ANSWERS:
                self._breaker.succeed()
            case Health.FAILS:
                self._breaker.fail(now=now)
            case Health.SHUT:
                self._breaker.trip(now=now)
            case Health.SAYS_NOTHING:
                pass
        _log.info(
            "delivery.answered",
            entry_id=held.entry_id,
            kind=held.kind,
            state=settlement.state,
            code=settlement.code,
            status=settlement.http_status,
        )


def _asks(held: Claim) -> bool:
    return held.state is EntryState.UNKNOWN
