"""What may break beside a call without the call breaking: its path, its control, the books."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest

from tests.support.failover_lab import FailoverLab, failover_lab
from tests.support.redis import RedisServer
from tests.support.requirements import Figure
from tests.support.signaling_lab import until

GAP_LIMIT_S = 0.5
PATH_LIMIT_S = 8.0


@pytest.fixture
async def lab(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[FailoverLab]:
    async with failover_lab(redis_server, tmp_path) as made:
        yield made


@pytest.mark.requirement("INV-05")
@pytest.mark.timeout(60)
async def test_a_client_whose_address_changed_is_asked_for_a_new_path_and_keeps_its_keys(
    lab: FailoverLab, figure: Figure
) -> None:
    """Nothing tells the client: the node notices first, and asks through signaling."""
    async with lab.two_people() as (provider, patient):
        keys = patient.peer.keys if patient.peer else None
        lost_at = monotonic()
        await patient.lose_network()

        await until(lambda: patient.restarts == 1, within_s=PATH_LIMIT_S)
        await until(lambda: provider.hears_now and patient.hears_now, within_s=PATH_LIMIT_S)

        await until(lambda: provider.marks == [True, False])
        assert patient.peer is not None
        assert patient.peer.keys is keys
        assert patient.rebuilds == provider.rebuilds == []
        gap_s = provider.longest_gap_s(lost_at, monotonic())
    figure(f"address changed, heard again after {gap_s:.1f} s on the same keys")
    assert gap_s < PATH_LIMIT_S


@pytest.mark.timeout(60)
async def test_a_killed_signaling_node_touches_no_media(lab: FailoverLab) -> None:
    async with lab.two_people() as people:
        killed_at = monotonic()
        lab.kill_signaling()
        await asyncio.sleep(2.0)
        lab.start_signaling()
        await asyncio.sleep(3.0)
        now = monotonic()

        assert max(one.longest_gap_s(killed_at, now) for one in people) < GAP_LIMIT_S
        assert (await lab.place())[1] == people[0].room_epoch


@pytest.mark.timeout(60)
async def test_while_redis_is_silent_nobody_is_moved_and_afterwards_everybody(
    lab: FailoverLab, redis_server: RedisServer
) -> None:
    """One of the two witnesses cannot be asked: a dead worker is no proof by itself."""
    async with lab.two_people() as people:
        node_id, epoch = await lab.place()
        redis_server.freeze()
        await asyncio.sleep(0.5)
        lab.workers[node_id].end()
        await asyncio.sleep(4.0)
        moved_in_silence = [list(one.rebuilds) for one in people]
        redis_server.thaw()

        await until(lambda: all(one.room_epoch > epoch for one in people), within_s=10)
        await until(lambda: all(one.hears_now for one in people), within_s=10)

        assert moved_in_silence == [[], []]
        assert (await lab.place())[0] != node_id


@pytest.mark.timeout(60)
async def test_redis_gone_silent_alone_costs_no_packet(
    lab: FailoverLab, redis_server: RedisServer
) -> None:
    async with lab.two_people() as people:
        frozen_at = monotonic()
        redis_server.freeze()
        await asyncio.sleep(4.0)
        redis_server.thaw()
        await asyncio.sleep(2.0)
        now = monotonic()

        assert max(one.longest_gap_s(frozen_at, now) for one in people) < GAP_LIMIT_S
        assert people[0].rebuilds == []
