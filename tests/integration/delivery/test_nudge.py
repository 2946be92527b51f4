"""A commit wakes the worker; a lost nudge costs a second and nothing else."""

import asyncio
from pathlib import Path

from telehealth.delivery.nudge import listening, nudger


async def test_a_nudge_arrives(tmp_path: Path) -> None:
    path, woken = tmp_path / "worker.sock", asyncio.Event()

    with listening(path, on_nudge=woken.set):
        nudger(path)()
        async with asyncio.timeout(5):
            await woken.wait()

    assert not path.exists()


async def test_many_nudges_are_one_awakening(tmp_path: Path) -> None:
    path, woken = tmp_path / "worker.sock", []

    with listening(path, on_nudge=lambda: woken.append(1)):
        wake = nudger(path)
        for _ in range(50):
            wake()
        await asyncio.sleep(0.05)

    assert 1 <= len(woken) < 50


async def test_only_the_owner_may_nudge(tmp_path: Path) -> None:
    path = tmp_path / "worker.sock"

    with listening(path, on_nudge=lambda: None):
        mode = path.stat().st_mode & 0o777

    assert mode == 0o600


async def test_a_socket_left_by_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "worker.sock"
    path.touch()

    with listening(path, on_nudge=lambda: None):
        assert path.is_socket()


def test_a_nudge_without_a_worker_is_lost_quietly(tmp_path: Path) -> None:
    nudger(tmp_path / "nobody.sock")()


def test_without_a_path_nobody_is_nudged() -> None:
    nudger(None)()


async def test_without_a_path_nobody_listens() -> None:
    with listening(None, on_nudge=lambda: None):
        pass
