"""The patient's pages through the public application: nobody is known before the birth date."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from telehealth.access.roles import Role
from telehealth.app import VisitService
from telehealth.platform.db import Database
from telehealth.visits.actions import booking
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.clinic import InventedClinic, invent_clinic
from tests.support.clock import FakeClock

BIRTH_DATE = "1984-02-29"


@dataclass(frozen=True)
class Booked:
    """A visit that starts in ten minutes, and its link."""

    made: VisitService
    clinic: InventedClinic
    clock: FakeClock
    secret: str


@pytest.fixture
async def booked(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Booked]:
    clock = FakeClock()
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=clock.now())
        visit = await booking.book(
            uow,
            by=clinic.actor(Role.SCHEDULER),
            now=clock.now(),
            patient_id=clinic.patient_id,
            provider_id=clinic.provider_id,
            starts_at=clock.now() + timedelta(minutes=10),
            ends_at=clock.now() + timedelta(minutes=40),
        )
    async with running_app(database_url, tmp_path, clock=clock) as made:
        yield Booked(made, clinic, clock, visit.link_secret)


@pytest.fixture
async def browser(booked: Booked) -> AsyncIterator[AppClient]:
    async with browser_of(booked.made) as opened:
        yield opened


async def test_a_link_shows_clinic_and_time_and_nobody(booked: Booked, browser: AppClient) -> None:
    page = await browser.open(f"/v/{booked.secret}")

    assert page.status_code == 200
    assert "Riverside Clinic" in page.text
    assert 'id="birth-date"' in page.text
    assert "Madeup" not in page.text


async def test_every_file_a_page_names_is_served(booked: Booked, browser: AppClient) -> None:
    page = await browser.open(f"/v/{booked.secret}")
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)

    assert len(named) >= 4
    for address in named:
        answer = await browser.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


async def test_the_birth_date_opens_the_visit(booked: Booked, browser: AppClient) -> None:
    before = await browser.open("/visit")
    opened = await browser.open_link(booked.secret, BIRTH_DATE)
    after = await browser.open("/visit")

    assert before.status_code == 401
    assert opened.json() == {"home": "/visit"}
    assert after.status_code == 200
    assert 'id="app"' in after.text
    assert re.search(r"<title>[^<]*</title>", after.text, re.DOTALL)
    assert "Madeup" not in after.text


async def test_a_language_once_chosen_is_remembered(booked: Booked, browser: AppClient) -> None:
    del booked
    chosen = await browser.open("/?language=es")
    later = await browser.open("/")

    assert '<html lang="es">' in chosen.text
    assert '<html lang="es">' in later.text


async def test_an_unknown_link_says_what_to_do(booked: Booked, browser: AppClient) -> None:
    del booked
    page = await browser.open("/v/AAAAAAAAAAAAAAAAAAAAAA")
    assert page.status_code == 404
    assert "call your clinic" in page.text


async def test_the_offline_card_may_answer_for_every_page(
    booked: Booked, browser: AppClient
) -> None:
    del booked
    worker = await browser.get("/sw.js")
    assert worker.headers["service-worker-allowed"] == "/"
    assert worker.headers["content-type"].startswith("text/javascript")
