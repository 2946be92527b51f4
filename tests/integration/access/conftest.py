"""One application with two clinics behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from telehealth.app import VisitService
from telehealth.platform.db import Database
from telehealth.platform.paces import ALLOWANCE, Allowance
from tests.support.app_client import running_app
from tests.support.clock import FakeClock
from tests.support.two_clinics import TwoClinics, two_clinics
from tests.support.visits import NOW


@pytest.fixture
async def made(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[VisitService]:
    """Counting has its own tests; here nobody comes too often."""
    del database
    often = dict.fromkeys(ALLOWANCE, Allowance(1_000_000))
    monkeypatch.setattr("telehealth.platform.rates.ALLOWANCE", often)
    async with running_app(
        database_url,
        tmp_path,
        clock=FakeClock(NOW),
        sign_in_per_minute=1_000_000,
        deployment="access-test",
    ) as running:
        yield running


@pytest.fixture
async def world(made: VisitService, database: Database) -> AsyncIterator[TwoClinics]:
    async with two_clinics(made, database, now=NOW) as both:
        yield both
