"""One application with an invented clinic, and a browser before it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from telehealth.platform.db import Database
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.clinic import invent_clinic
from tests.support.clock import FakeClock
from tests.support.world import World


@pytest.fixture
async def world(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=clock.now())
    async with running_app(database_url, tmp_path, clock=clock) as made:
        yield World(made=made, clock=clock, clinic=clinic, database=database)


@pytest.fixture
async def browser(world: World) -> AsyncIterator[AppClient]:
    async with browser_of(world.made) as opened:
        yield opened
