"""Children are started in order, kept running, kept on their core, and ended."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from telehealth.platform.child_process import ChildPlan, Supervisor, pinned_cores
from telehealth.platform.sealing.providers import Mode
from telehealth.serve_all import Place, child_plans, free_ports

CHILD = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(60)"


class Child:
    """One child that notes each of its lives in a file."""

    def __init__(self, folder: Path, name: str, *, core: int | None = None) -> None:
        self.note = folder / name
        self.note.touch()
        self.plan = ChildPlan(
            name=name,
            command=[sys.executable, "-c", CHILD, str(self.note)],
            environment={"PATH": os.environ["PATH"]},
            is_ready=self._is_ready,
            core=core,
        )

    @property
    def lives(self) -> list[int]:
        """Process ids, in order."""
        return [int(line) for line in self.note.read_text().split()]

    async def _is_ready(self) -> bool:
        return bool(self.lives)


async def until_lives(child: Child, count: int) -> None:
    async with asyncio.timeout(20):
        while len(child.lives) < count:  # noqa: ASYNC110  (another process tells it)
            await asyncio.sleep(0.02)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def text_of(path: Path) -> str:
    return path.read_text()


async def test_a_child_that_dies_is_started_again_and_the_others_go_on(
    tmp_path: Path, log: Path
) -> None:
    first, second = Child(tmp_path, "first"), Child(tmp_path, "second")
    with log.open("w") as written:
        supervisor = Supervisor([first.plan, second.plan], log=written)
        await supervisor.start()
        try:
            os.kill(first.lives[0], signal.SIGKILL)
            await until_lives(first, 2)
            os.kill(first.lives[1], signal.SIGKILL)
            await until_lives(first, 3)
            running = dict(supervisor.pids())
        finally:
            await supervisor.stop()

    assert running == {"first": first.lives[-1], "second": second.lives[0]}
    said = text_of(log)
    assert "first ended with -9; starting again in 0.5 s" in said
    assert "starting again in 1.0 s" in said, "each death in a row waits longer"


async def test_a_child_stays_on_its_core(tmp_path: Path, log: Path) -> None:
    core = min(os.sched_getaffinity(0))
    child = Child(tmp_path, "pinned", core=core)
    with log.open("w") as written:
        supervisor = Supervisor([child.plan], log=written)
        await supervisor.start()
        try:
            assert os.sched_getaffinity(child.lives[0]) == {core}
        finally:
            await supervisor.stop()


def test_cores_are_given_only_where_some_are_left_for_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})

    assert pinned_cores(2) == [2, 3]
    assert pinned_cores(4) == [None] * 4


def test_every_worker_has_a_name_ports_and_a_door_of_its_own(tmp_path: Path) -> None:
    place = Place(
        data=tmp_path,
        port=8000,
        media_address="127.0.0.1",
        database_url="sqlite+aiosqlite://",
        ehr_base_url="http://127.0.0.1:1/fhir",
        mode=Mode.DEMO,
        media_workers=3,
    )

    plans = child_plans(place, free_ports(place.media_workers))

    media = [plan for plan in plans if plan.name.startswith("media-")]
    assert [plan.name for plan in media] == ["media-1", "media-2", "media-3"]
    for setting in ("NODE_ID", "PORT", "CONTROL_LISTEN", "CONTROL_URL", "OPERATOR_SOCKET"):
        assert len({plan.environment[f"MEDIA_{setting}"] for plan in media}) == 3
    others = [plan for plan in plans if plan not in media]
    assert not any("MEDIA_NODE_ID" in plan.environment for plan in others)
