"""The waiting room through its routes."""

from pathlib import Path

from telehealth.access.roles import Role
from telehealth.platform.db import Database
from telehealth.visits.actions import booking
from tests.integration.waiting_room.test_first_visit import NOW, waiting_visit
from tests.support.app_client import browser_of, running_app
from tests.support.clinic import BORN_ON, PASSWORD
from tests.support.clock import FakeClock


async def test_a_provider_sees_who_waits_and_calls_them(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    _clinic, visit_id, version = await waiting_visit(database)
    async with (
        running_app(database_url, tmp_path, clock=FakeClock(NOW)) as made,
        browser_of(made) as browser,
    ):
        await browser.sign_in("provider@riverside.example", PASSWORD)

        queue = await browser.get("/v1/consult-queue")
        visit = await browser.get(f"/v1/visits/{visit_id}")
        stale = await browser.post(f"/v1/visits/{visit_id}/call", {"version": version - 1})
        called = await browser.post(f"/v1/visits/{visit_id}/call", {"version": version})
        ticket = await browser.post(f"/v1/visits/{visit_id}/join-tickets")

    assert [queue.status_code, visit.status_code, stale.status_code] == [200, 200, 409]
    assert stale.json()["version"] == version
    assert called.json()["state"] == "called"
    assert ticket.json()["entry"] == "direct"


async def test_a_patient_sees_their_own_visit_only(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    clinic, visit_id, _version = await waiting_visit(database)
    async with database.unit_of_work() as uow:
        secret = await booking.replace_link(
            uow, by=clinic.actor(Role.SCHEDULER), now=NOW, visit_id=visit_id
        )
    async with (
        running_app(database_url, tmp_path, clock=FakeClock(NOW)) as made,
        browser_of(made) as browser,
    ):
        await browser.open_link(secret, BORN_ON.isoformat())

        own = await browser.get("/v1/visit")
        staff = await browser.get(f"/v1/visits/{visit_id}")

    assert (own.status_code, own.json()["state"]) == (200, "waiting")
    assert staff.status_code == 403
