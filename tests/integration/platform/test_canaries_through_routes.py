"""300 canaries through every route, as nobody, a patient and staff; then again with a broken table.

What a person typed is in no log line and in no refusal, in no form.
"""

import io
import logging
import random
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from sqlalchemy import text
from starlette.routing import Route

from telehealth.app import VisitService
from telehealth.platform.logging import set_up_logging
from telehealth.platform.paces import ALLOWANCE, Allowance
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.canaries import Canaries
from tests.support.clinic import BORN_ON, PASSWORD
from tests.support.clock import FakeClock
from tests.support.requirements import Figure
from tests.support.sealing import open_database
from tests.support.visits import NOW, book

COUNT = 300
KINDS = (
    "name Canary{} O'Neill-Ñandú",
    "+1312555{:04}",
    "19{:02}-0{}-1{}",
    "MRN-{:06}",
    "canary{}@mail.example",
    "{} Canary Street\r\nApt. \x1b[31m4",
    "haematuria {} days",
    "a=ice-pwd:canary{:020}",
    "eyJhbGciOiJub25lIn0.canary{}.",
    "canarychat {} \u2028 \u0000 end",
)
FIELDS = (
    "given", "text", "said", "place_address", "call_back_number", "place_state", "email",
    "password", "birth_date", "consent_text_id", "language", "patient_id", "reason", "version",
)  # fmt: skip


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    written = io.StringIO()
    set_up_logging(written)
    yield written
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


@pytest.fixture
async def made(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[VisitService]:
    often = dict.fromkeys(ALLOWANCE, Allowance(1_000_000))
    monkeypatch.setattr("telehealth.platform.rates.ALLOWANCE", often)
    async with running_app(
        sqlite_url, tmp_path, clock=FakeClock(NOW), sign_in_per_minute=1_000_000
    ) as running:
        yield running


def values(seed: int) -> list[str]:
    draw = random.Random(seed)
    found = []
    for number in range(COUNT):
        digits = draw.randrange(100, 10_000)
        parts = (digits, number % 9 + 1, digits % 10)
        kind = KINDS[number % len(KINDS)]
        found.append(kind.format(*parts[: kind.count("{")]) + (f" {number}" if number % 2 else ""))
    return found


def bodies(draw: random.Random, canaries: list[str]) -> list[dict[str, Any]]:
    """One body with a canary in every field we know, one with a canary as a field's name."""
    return [
        {name: draw.choice(canaries) for name in FIELDS},
        {draw.choice(canaries): draw.choice(canaries)},
    ]


async def push(
    browser: AppClient, made: VisitService, draw: random.Random, canaries: list[str]
) -> list[tuple[int, str]]:
    """Send canaries wherever a request has room; return the refusals."""
    answers = []
    for route in made.public.routes:
        if not isinstance(route, Route) or route.path.startswith(("/static", "/v1/sign-out")):
            continue
        for method in sorted((route.methods or set()) - {"HEAD"}):
            path = re.sub(r"{\w+(:\w+)?}", quote(draw.choice(canaries), safe=""), route.path)
            query = f"?q={quote(draw.choice(canaries))}&language={quote(draw.choice(canaries))}"
            headers = {"referer": "https://x.example/" + quote(draw.choice(canaries))}
            sent = [None] if method == "GET" else bodies(draw, canaries)
            answers += [
                await browser.get(path + query, headers=headers)
                if body is None
                else await browser.send(method, path + query, body, headers=headers)
                for body in sent
            ]
    return [(each.status_code, each.text) for each in answers if each.status_code >= 400]


@pytest.mark.requirement("PRV-02", "SEC-LOG-02")
async def test_no_route_repeats_what_a_person_typed(
    made: VisitService, sqlite_url: str, stream: io.StringIO, seed: int, figure: Figure
) -> None:
    planted = values(seed)
    canaries = Canaries({f"canary {number}": value for number, value in enumerate(planted)})
    draw = random.Random(seed)
    database = open_database(sqlite_url)
    visit = await book(database)
    refusals: list[tuple[int, str]] = []
    async with browser_of(made) as nobody, browser_of(made) as patient, browser_of(made) as staff:
        await patient.open_link(visit.link_secret, BORN_ON.isoformat())
        await staff.sign_in("scheduler@riverside.example", PASSWORD)
        for browser in (nobody, patient, staff):
            refusals += await push(browser, made, draw, planted)
        async with database.unit_of_work() as uow:
            await uow.session.execute(text("ALTER TABLE visits RENAME TO gone"))
        for browser in (patient, staff):
            refusals += await push(browser, made, draw, planted)
    await database.close()

    log = stream.getvalue()
    statuses = {status for status, _ in refusals}
    assert {401, 403, 404, 422, 500} <= statuses, statuses
    assert '"error_type"' in log, "the broken table was told"
    assert canaries.hunt("the log", log) == []
    for status, body in refusals:
        assert canaries.hunt(f"a refusal {status}", body) == []
    assert all(line.startswith("{") and line.endswith("}") for line in log.splitlines())
    figure(f"{len(canaries)} canaries, {len(refusals)} refusals, {len(log)} log characters, 0 hits")
