"""Kill the worker anywhere: what the chart holds equals what was recorded, once each.

The short form is part of every run.  The full form (`DELIVERY_CRASH_RUNS=full`) delivers thousands
under faults while workers are killed at random.
"""

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from telehealth.delivery.lifecycle import EntryState
from telehealth.delivery.runner import Point
from telehealth.delivery.tables import AttemptStep
from telehealth.platform.clock import SystemClock
from telehealth.platform.db import Database
from tests.support.crash_worker import AFTER_BYTES, AFTER_COMMIT, BEFORE_COMMIT
from tests.support.ledger import attempts, entries, owe_chart
from tests.support.sandbox_ehr import SandboxEhr, running_sandbox_ehr

IS_FULL = os.environ.get("DELIVERY_CRASH_RUNS") == "full"
VISITS, KILLS, MOST_WORKERS = (1000, 50, 4) if IS_FULL else (12, 3, 2)
QUIET_WITHIN_S = 900 if IS_FULL else 60
PATIENTS = 8
PEOPLE = Path(__file__).parents[3] / "telehealth" / "sandbox" / "people.json"
PEOPLE_TEXT = PEOPLE.read_text()


@pytest.fixture(scope="module")
def ehr() -> Iterator[SandboxEhr]:
    with running_sandbox_ehr() as sandbox:
        yield sandbox


async def started(plan: dict[str, Any]) -> asyncio.subprocess.Process:
    """Start a worker, or a recorder, as its own process."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.crash_worker", json.dumps(plan)),
        env={"PATH": os.environ.get("PATH", "")},
        stdout=asyncio.subprocess.DEVNULL,
    )


def plan_for(database_url: str, ehr: SandboxEhr, **more: Any) -> dict[str, Any]:
    plan = {"database_url": database_url, "base_url": ehr.base_url, "seed": 1, "worker": "first"}
    return {**plan, **more}


async def until_quiet(database: Database, *, within_s: float = 60) -> None:
    """Wait until nothing is owed any more (or a person must look)."""
    async with asyncio.timeout(within_s):
        while await is_busy(database):  # noqa: ASYNC110  (the others are processes)
            await asyncio.sleep(1.0 if IS_FULL else 0.1)


async def is_busy(database: Database) -> bool:
    at_rest = {EntryState.CONFIRMED, EntryState.PARKED}
    return any(entry.state not in at_rest for entry in await entries(database))


async def finish_with_a_new_worker(
    database: Database, database_url: str, ehr: SandboxEhr, *, within_s: float = 60
) -> None:
    process = await started(plan_for(database_url, ehr, worker="second", seed=2))
    try:
        await until_quiet(database, within_s=within_s)
    finally:
        process.terminate()
        await process.wait()


async def owe_visits(database: Database, number: int) -> list[UUID]:
    """Record completed visits, spread over the patients."""
    people = json.loads(PEOPLE_TEXT)["patients"]
    visits = [uuid4() for _ in range(number)]
    for index, visit in enumerate(visits):
        await owe_chart(database, SystemClock(), visit, patient=people[index % PATIENTS])
    return visits


async def hold_the_invariants(
    database: Database, ehr: SandboxEhr, visits: Sequence[UUID], *, label: str
) -> None:
    """Lost 0, doubled 0, order kept, no call without a line, no send from unknown unasked."""
    held = await entries(database)
    effects = created_by_identifier(ehr)
    lost = [entry.key for entry in held if effects[entry.key] == 0]
    doubled = [entry.key for entry in held if effects[entry.key] > 1]
    print(f"{label}: owed {len(held)}, lost {len(lost)}, doubled {len(doubled)}")
    assert (lost, doubled) == ([], [])
    assert {entry.key for entry in held} == {
        key for visit in visits for key in (str(visit), f"{visit}.note.1")
    }
    assert {entry.state for entry in held} == {EntryState.CONFIRMED}
    place = {key: index for index, key in enumerate(effects)}
    assert all(place[str(visit)] < place[f"{visit}.note.1"] for visit in visits)
    await hold_the_history(database)


async def hold_the_history(database: Database) -> None:
    """Each epoch has at most one outcome, and none without a committed start."""
    lines = await attempts(database)
    of_step: dict[AttemptStep, Counter[tuple[UUID, int]]] = {
        step: Counter() for step in AttemptStep
    }
    for line in lines:
        of_step[line.step][line.entry_id, line.lease_epoch] += 1
    outcomes = of_step[AttemptStep.ANSWERED] + of_step[AttemptStep.QUERY_ANSWERED]
    begun = of_step[AttemptStep.CALL_STARTED] + of_step[AttemptStep.QUERY_STARTED]
    assert max(outcomes.values(), default=0) <= 1
    assert outcomes.keys() <= begun.keys()
    assert begun.keys() <= of_step[AttemptStep.CLAIMED].keys()


def sent_by_identifier(ehr: SandboxEhr) -> Counter[str]:
    """Count what was sent, whether or not it had an effect: nothing goes out blindly twice."""
    return Counter(
        line["if_none_exist"].rsplit("%7C", 1)[1] for line in ehr.ledger() if line["if_none_exist"]
    )


def created_by_identifier(ehr: SandboxEhr) -> Counter[str]:
    """Count what the chart really made, by our identifier, in the order it was made."""
    made: Counter[str] = Counter()
    for line in ehr.ledger():
        if line["effect"] == "created" and line["if_none_exist"]:
            made[line["if_none_exist"].rsplit("%7C", 1)[1]] += 1
    return made


@pytest.mark.parametrize(
    ("point", "is_recorded"), [(BEFORE_COMMIT, False), (AFTER_COMMIT, True)], ids=["K1", "K2"]
)
async def test_an_intent_stands_or_falls_with_its_transaction(
    database: Database,
    database_url: str,
    ehr: SandboxEhr,
    point: str,
    is_recorded: bool,  # noqa: FBT001  (a table)
) -> None:
    visit = uuid4()
    recorder = await started(plan_for(database_url, ehr, visit_id=str(visit), point=point))
    assert await recorder.wait() == -signal.SIGKILL

    await finish_with_a_new_worker(database, database_url, ehr)

    if is_recorded:
        await hold_the_invariants(database, ehr, [visit], label="K2")
    else:
        assert await entries(database) == []
        assert created_by_identifier(ehr)[str(visit)] == 0


@pytest.mark.parametrize(
    ("point", "times", "number_of_visits"),
    [
        (Point.CLAIMED, 1, 1),
        (Point.CALL_STARTED, 1, 1),
        (AFTER_BYTES, 1, 1),
        (Point.ANSWERED, 1, 1),
        (Point.STORED, 1, 1),
        (Point.ANSWERED, 4, PATIENTS),
    ],
    ids=["K3", "K4", "K5", "K6", "K7", "K9"],
)
async def test_a_killed_worker_loses_and_doubles_nothing(
    database: Database,
    database_url: str,
    ehr: SandboxEhr,
    point: str,
    times: int,
    number_of_visits: int,
) -> None:
    visits = await owe_visits(database, number_of_visits)
    worker = await started(plan_for(database_url, ehr, point=str(point), times=times))
    assert await worker.wait() == -signal.SIGKILL

    await finish_with_a_new_worker(database, database_url, ehr)

    await hold_the_invariants(database, ehr, visits, label=f"{point} after {times}")
    sent = sent_by_identifier(ehr)
    assert [sent[entry.key] for entry in await entries(database)] == [1] * 2 * number_of_visits


@pytest.mark.parametrize("point", [Point.QUERY_STARTED, Point.QUERY_ANSWERED], ids=["K8", "K8b"])
async def test_a_worker_killed_while_it_asks_asks_again(
    database: Database, database_url: str, point: str
) -> None:
    visits = await owe_visits(database, 1)
    with running_sandbox_ehr("--faults", "1:lost@1") as ehr:
        worker = await started(plan_for(database_url, ehr, point=str(point)))
        assert await worker.wait() == -signal.SIGKILL

        await finish_with_a_new_worker(database, database_url, ehr)

        await hold_the_invariants(database, ehr, visits, label=str(point))


@pytest.mark.parametrize(
    "point", [Point.CLAIMED, Point.CALL_STARTED, AFTER_BYTES], ids=["K11", "K11b", "K11c"]
)
async def test_a_worker_frozen_beyond_its_lease_changes_nothing_when_it_wakes(
    database: Database, database_url: str, ehr: SandboxEhr, point: str
) -> None:
    visits = await owe_visits(database, 1)
    frozen = await started(plan_for(database_url, ehr, point=str(point), freeze=True))
    try:
        await until_stopped(frozen.pid)
        await finish_with_a_new_worker(database, database_url, ehr)
        os.kill(frozen.pid, signal.SIGCONT)
        await asyncio.sleep(0.5)
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
        frozen.terminate()
        await frozen.wait()

    await hold_the_invariants(database, ehr, visits, label=f"frozen at {point}")


async def until_stopped(pid: int) -> None:
    """Wait until the kernel says that a process stands still."""
    async with asyncio.timeout(30):
        while state_of(pid) != "T":  # noqa: ASYNC110  (the kernel sets no event)
            await asyncio.sleep(0.05)


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.timeout(QUIET_WITHIN_S * 2)
async def test_workers_killed_at_random_under_faults_lose_and_double_nothing(
    database: Database, database_url: str, seed: int
) -> None:
    dice = random.Random(seed)
    visits = await owe_visits(database, VISITS)
    began = asyncio.get_running_loop().time()
    with running_sandbox_ehr("--faults", f"{seed}:lost=0.1,wrong=0.05,outage=0.01") as ehr:
        for kill in range(KILLS):
            workers = [
                await started(plan_for(database_url, ehr, worker=f"w{kill}-{one}", seed=kill))
                for one in range(dice.randint(1, MOST_WORKERS))
            ]
            await asyncio.sleep(dice.uniform(1.0, 3.0))
            for worker in workers:
                worker.kill()
            await asyncio.gather(*(worker.wait() for worker in workers))
        await finish_with_a_new_worker(database, database_url, ehr, within_s=QUIET_WITHIN_S)
        took_s = asyncio.get_running_loop().time() - began

        label = f"seed {seed}, {KILLS} kills, {2 * VISITS / took_s:.1f} deliveries/s"
        await hold_the_invariants(database, ehr, visits, label=label)
