"""A worker of lane `ehr` that stops itself at a named point; run as its own process.

`python -m tests.support.crash_worker '{"database_url": …}'`.  The point is reached between two
commits, by SIGKILL (as by a power cut) or SIGSTOP (as by a long freeze).
"""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.pool import QueuePool

from telehealth.chart_sync.actions import ChartDeliverer
from telehealth.chart_sync.fhir_client import FhirClient, http_exchange
from telehealth.chart_sync.ports import Exchange, NoReply, Reply
from telehealth.delivery import actions
from telehealth.delivery.bookkeeping import Claim, Desk
from telehealth.delivery.lanes import POLICY, Lane, OwedEvent
from telehealth.delivery.runner import LaneRunner, Pace, Point
from telehealth.platform.clock import SystemClock
from telehealth.platform.db import Database
from tests.support.chart import PLACE
from tests.support.ledger import CLINIC, visit_facts
from tests.support.sealing import open_database

LEASE: Final = timedelta(seconds=1.2)
QUIET: Final = timedelta(seconds=0.3)
CALL_TIMEOUT: Final = timedelta(seconds=0.5)
AFTER_BYTES: Final = "after_bytes"
BEFORE_COMMIT: Final = "before_commit"
AFTER_COMMIT: Final = "after_commit"


class Stopper:
    """Stops this process when a point is reached for the given time."""

    def __init__(self, point: str | None, *, times: int, number: int) -> None:
        self._point = point
        self._left = times
        self._number = number

    def reach(self, point: str) -> None:
        """Stop if this is the point."""
        if point != self._point:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._number)

    def at_point(self, point: Point, held: Claim) -> None:
        """Take the runner's word for where it stands."""
        del held
        self.reach(point.value)


class CuttingExchange:
    """An exchange that may stop the process when the EHR has acted and before we have read it.

    It stops between transactions: the runner looks for more work meanwhile, and a process frozen
    inside a write transaction holds SQLite's one lock, so that nobody else could go on.
    """

    def __init__(self, inner: Exchange, stopper: Stopper, *, database: Database) -> None:
        self._inner = inner
        self._stopper = stopper
        pool = database.engine.pool
        assert isinstance(pool, QueuePool)
        self._pool = pool

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Reply | NoReply:
        """Send, and stop where a write has taken effect."""
        reply = await self._inner(method, url, headers=headers, content=content)
        if method == "POST":
            while self._pool.checkedout():  # noqa: ASYNC110  (the pool sets no event)
                await asyncio.sleep(0.001)
            self._stopper.reach(AFTER_BYTES)
        return reply

    async def close(self) -> None:
        """Close the inner one."""
        await self._inner.close()


def make_runner(
    database: Database, base_url: str, *, worker: str, stopper: Stopper, seed: int
) -> tuple[LaneRunner, ChartDeliverer]:
    """Make a runner whose lease is short, so that tests need not wait for a minute."""
    clock = SystemClock()
    exchange = CuttingExchange(http_exchange(base_url), stopper, database=database)
    client = FhirClient(exchange, base_url=base_url, sign_in=None, clock=clock)
    deliverer = ChartDeliverer(client, database=database, clock=clock, place=PLACE)
    quick = {kind: replace(policy, quiet=QUIET) for kind, policy in POLICY.items()}
    dice = random.Random(seed)
    desk = Desk(worker=worker, lease=LEASE, policies=quick, draw=lambda: dice.random() / 20)
    runner = LaneRunner(
        lane=Lane.EHR,
        database=database,
        deliverer=deliverer,
        clock=clock,
        desk=desk,
        pace=Pace(poll=timedelta(milliseconds=50), call_timeout=CALL_TIMEOUT),
        at_point=stopper.at_point,
    )
    return runner, deliverer


async def _record(plan: Mapping[str, Any], stopper: Stopper) -> None:
    database = open_database(plan["database_url"], wake_worker=lambda: stopper.reach(AFTER_COMMIT))
    visit_id = UUID(plan["visit_id"])
    async with database.unit_of_work() as uow:
        await actions.record(
            uow,
            now=SystemClock().now(),
            event=OwedEvent.VISIT_COMPLETED,
            clinic_id=CLINIC,
            subject_id=visit_id,
            version=1,
            facts=visit_facts(visit_id),
        )
        stopper.reach(BEFORE_COMMIT)
    await database.close()


async def _work(plan: Mapping[str, Any], stopper: Stopper) -> None:
    database = open_database(plan["database_url"])
    runner, deliverer = make_runner(
        database, plan["base_url"], worker=plan["worker"], stopper=stopper, seed=plan["seed"]
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, runner.stop)
    await runner.run()
    await deliverer.close()
    await database.close()


def main() -> None:
    """Do what the plan says."""
    plan: Mapping[str, Any] = json.loads(sys.argv[1])
    number = signal.SIGSTOP if plan.get("freeze") else signal.SIGKILL
    stopper = Stopper(plan.get("point"), times=plan.get("times", 1), number=number)
    asyncio.run(_record(plan, stopper) if "visit_id" in plan else _work(plan, stopper))


if __name__ == "__main__":
    main()
