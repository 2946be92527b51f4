"""However many visits there were, the metrics are as many series, and name none of them."""

import asyncio
import os
from typing import Final
from uuid import uuid4

import httpx
import pytest

from tests.support.requirements import Figure
from tests.support.signaling_lab import SignalingLab

IN_FULL: Final = os.environ.get("TRUST_RUNS") == "full"
VISITS: Final = 10_000 if IN_FULL else 40
FIRST, AT_ONCE = 10, 5
SERIES_LIMIT: Final = 5_000


async def pages(lab: SignalingLab) -> str:
    """Read the metrics of the signaling node and of the media node."""
    async with httpx.AsyncClient(trust_env=False) as http:
        told = [
            await http.get(f"{lab.internal_url}/metrics"),
            await http.get(lab.media_metrics_url),
        ]
    assert all(answer.status_code == 200 for answer in told)
    return "\n".join(answer.text for answer in told)


def series(page: str) -> set[str]:
    """Return names with labels, without values."""
    lines = [line for line in page.splitlines() if line and not line.startswith("#")]
    return {line.rpartition(" ")[0] for line in lines}


async def hold(lab: SignalingLab, visits: list[str]) -> None:
    """Have somebody sit in the room of each visit, a few at a time."""

    async def one(room: str) -> None:
        async with lab.provider(room=room, device_id=f"device-{room}") as guest:
            await guest.admitted()

    for at in range(0, len(visits), AT_ONCE):
        async with asyncio.TaskGroup() as group:
            for room in visits[at : at + AT_ONCE]:
                group.create_task(one(room))


@pytest.mark.timeout(3_600)
@pytest.mark.requirement("PRV-05")
async def test_metrics_do_not_grow_with_the_visits(lab: SignalingLab, figure: Figure) -> None:
    visits = [str(uuid4()) for _ in range(VISITS)]
    await hold(lab, visits[:FIRST])
    before = series(await pages(lab))

    await hold(lab, visits[FIRST:])

    page = await pages(lab)
    after = series(page)
    assert [visit for visit in visits if visit in page] == []
    assert len(after) < SERIES_LIMIT
    # A count that was nothing may have appeared; none appears for each visit.
    assert len(after) <= len(before) + FIRST
    figure(f"{VISITS} visits, {len(after)} series ({len(before)} after {FIRST})")
