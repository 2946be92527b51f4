"""A copy of one's own record, and a correction of it, through their routes; both databases."""

import asyncio
import io
import json
import time
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from telehealth.charting.tables import NoteSignature, NoteVersion
from telehealth.contract import AttendanceKind
from telehealth.platform.db import Database
from telehealth.platform.ids import new_uuid
from telehealth.scheduling.booking import AppointmentState
from telehealth.scheduling.tables import Appointment
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.tables import Attendance, Visit
from tests.support.app_client import ORIGIN, AppClient, browser_of, running_app
from tests.support.clinic import BORN_ON, PASSWORD
from tests.support.clock import FakeClock
from tests.support.requirements import Figure
from tests.support.staff import STAFF_PASSWORD, add_staff
from tests.support.visits import NOW, InventedVisit, book

WITHIN_S = 300.0
BIRTH_DATE = BORN_ON.isoformat()


async def fetched(browser: AppClient, url: str, birth_date: str = BIRTH_DATE) -> Any:
    return await browser.post(url.removeprefix(ORIGIN), {"birth_date": birth_date})


def unpacked(raw: bytes) -> tuple[dict[str, Any], str]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert set(archive.namelist()) == {"record.json", "record.html"}
        return json.loads(archive.read("record.json")), archive.read("record.html").decode()


def kinds(made: dict[str, Any]) -> set[str]:
    return {entry["resource"]["resourceType"] for entry in made["entry"]}


async def signed_in(browser: AppClient, visit: InventedVisit) -> None:
    reply = await browser.open_link(visit.link_secret, BIRTH_DATE, take_over=True)
    assert reply.status_code == 200


@pytest.mark.requirement("PRV-09")
async def test_a_patient_fetches_the_whole_of_their_own_record_once(
    database: Database, database_url: str, tmp_path: Path, figure: Figure
) -> None:
    visit = await book(database)
    await visit.complete()
    later = await book(database, clinic=visit.clinic, starts_at=NOW + timedelta(days=3))
    stranger = await book(database, name="lakeside")
    await stranger.complete()
    clock = FakeClock(NOW)
    async with (
        running_app(database_url, tmp_path, clock=clock) as made,
        browser_of(made) as browser,
    ):
        await signed_in(browser, visit)
        url = (await browser.post("/v1/privacy/exports")).json()["url"]
        door = await browser.open(url.removeprefix(ORIGIN))
        again = await browser.open(url.removeprefix(ORIGIN))
        wrong = await fetched(browser, url, "1901-01-01")
        reply = await fetched(browser, url)
        second = await fetched(browser, url)

    assert [door.status_code, again.status_code] == [200, 200], "looking uses nothing up"
    assert "Ada" not in door.text
    assert (wrong.status_code, wrong.json()["tries_left"]) == (403, 4)
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    assert second.status_code == 410
    bundle, readable = unpacked(reply.content)
    assert kinds(bundle) == {
        "Patient", "Practitioner", "Appointment", "Encounter", "DocumentReference", "Consent",
    }  # fmt: skip
    ids = {entry["resource"]["id"] for entry in bundle["entry"]}
    assert {str(visit.visit_id), str(visit.clinic.patient_id)} <= ids
    assert str(later.visit_id) not in ids, "nothing took place: it is an appointment only"
    whole = json.dumps(bundle) + readable
    for foreign in (stranger.visit_id, stranger.clinic.patient_id, visit.link_secret):
        assert str(foreign) not in whole
    assert "Ada Invented" in readable
    assert "<script" not in readable
    assert "http" not in readable, "whole in itself"
    async with database.reading() as session:
        events = text("SELECT event FROM audit_entries WHERE event LIKE 'record.%' ORDER BY seq")
        told = list(await session.scalars(events))
    assert told == ["record.export_link_made", "record.export_refused", "record.exported"]
    figure("one use, own data only, birth date asked")


@pytest.mark.requirement("PRV-09")
async def test_a_link_is_over_after_a_day_and_after_five_wrong_tries(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    visit = await book(database)
    clock = FakeClock(NOW)
    async with (
        running_app(database_url, tmp_path, clock=clock) as made,
        browser_of(made) as browser,
    ):
        await signed_in(browser, visit)
        old = (await browser.post("/v1/privacy/exports")).json()["url"]
        tried = (await browser.post("/v1/privacy/exports")).json()["url"]
        for left in (4, 3, 2, 1, 0):
            reply = await fetched(browser, tried, "1901-01-01")
            assert reply.json()["tries_left"] == left
        assert (await fetched(browser, tried)).status_code == 410
        clock.advance(hours=23, minutes=59)
        assert (await browser.open(old.removeprefix(ORIGIN))).status_code == 200
        clock.advance(minutes=1)
        assert (await fetched(browser, old)).status_code == 410
        clock.advance(minutes=2)
        assert (await browser.open(old.removeprefix(ORIGIN))).status_code == 410
        bent = f"{old[:-2]}xx".removeprefix(ORIGIN)
        assert (await browser.open(bent)).status_code == 410


@pytest.mark.requirement("PRV-09")
async def test_of_twenty_at_once_one_gets_the_record(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    visit = await book(database)
    async with (
        running_app(database_url, tmp_path, clock=FakeClock(NOW)) as made,
        browser_of(made) as browser,
    ):
        await signed_in(browser, visit)
        url = (await browser.post("/v1/privacy/exports")).json()["url"]
        replies = await asyncio.gather(*(fetched(browser, url) for _ in range(20)))

    assert sorted(reply.status_code for reply in replies) == [200, *[410] * 19]


async def test_only_the_patient_or_an_administrator_makes_a_link(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    visit = await book(database)
    other = await book(database, name="lakeside")
    async with database.unit_of_work() as uow:
        await add_staff(uow, visit.clinic, now=NOW)
    path = f"/v1/people/{visit.clinic.patient_id}/record-exports"
    async with running_app(database_url, tmp_path, clock=FakeClock(NOW)) as made:
        for email in ("scheduler@riverside.example", "provider@riverside.example"):
            async with browser_of(made) as staff:
                await staff.sign_in(email, PASSWORD)
                assert (await staff.post(path)).status_code == 403
                assert (await staff.post("/v1/privacy/exports")).status_code == 403
        async with browser_of(made) as administrator:
            await administrator.sign_in("administrator@riverside.example", STAFF_PASSWORD)
            foreign = f"/v1/people/{other.clinic.patient_id}/record-exports"
            assert (await administrator.post(foreign)).status_code == 404
            assert (await administrator.post("/v1/people/x/record-exports")).status_code == 404
            url = (await administrator.post(path)).json()["url"]
        async with browser_of(made) as nobody:
            assert (await fetched(nobody, url)).status_code == 200


@pytest.mark.requirement("PRV-09")
@pytest.mark.timeout(400)
async def test_a_thousand_visits_are_exported_in_time(
    database: Database, database_url: str, tmp_path: Path, figure: Figure
) -> None:
    visit = await book(database)
    await _add_visits(database, visit, 1_000)
    async with (
        running_app(database_url, tmp_path, clock=FakeClock(NOW)) as made,
        browser_of(made) as browser,
    ):
        await signed_in(browser, visit)
        url = (await browser.post("/v1/privacy/exports")).json()["url"]
        began = time.monotonic()
        reply = await fetched(browser, url)
        took_s = time.monotonic() - began

    bundle, readable = unpacked(reply.content)
    encounters = [e for e in bundle["entry"] if e["resource"]["resourceType"] == "Encounter"]
    assert len(encounters) == 1_000
    assert readable.count("<section>") == 1_001
    assert took_s < WITHIN_S
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    figure(f"1,000 visits in {took_s:.1f} s on {kind}, {len(reply.content) // 1024} KiB")


async def test_a_correction_is_asked_for_answered_and_stands(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    visit = await book(database)
    said = "The note says left knee. It was the right one."
    async with running_app(database_url, tmp_path, clock=FakeClock(NOW)) as made:
        async with browser_of(made) as browser:
            await signed_in(browser, visit)
            asked = await browser.post("/v1/privacy/corrections", {"said": said})
            request_id = asked.json()["request_id"]
            assert (await browser.get("/v1/corrections")).status_code == 403
        answer = {"becomes": "denied", "text": "We looked again.", "reason": "accurate"}
        path = f"/v1/corrections/{request_id}/answer"
        async with browser_of(made) as staff:
            await staff.sign_in("scheduler@riverside.example", PASSWORD)
            [row] = (await staff.get("/v1/corrections")).json()["rows"]
            without = await staff.post(path, {"becomes": "denied", "text": "No."})
            answered = await staff.post(path, answer)
            twice = await staff.post(path, {**answer, "becomes": "accepted", "reason": None})
            assert (await staff.get("/v1/corrections")).json()["rows"] == []
            unknown = await staff.post(f"/v1/corrections/{UUID(int=1)}/answer", answer)
        async with browser_of(made) as browser:
            await signed_in(browser, visit)
            seen = (await browser.get("/v1/privacy")).json()

    assert (row["said"], row["patient_name"], row["due_on"]) == (said, "Ada Invented", "2026-05-01")
    assert [r.status_code for r in (asked, without, answered, twice, unknown)] == [
        201, 422, 200, 409, 404,
    ]  # fmt: skip
    [shown] = seen["corrections"]
    assert (shown["state"], shown["denial_reason"]) == ("denied", "accurate")
    assert {"correction.asked", "correction.viewed", "correction.answered"} <= set(
        await visit.audited()
    )
    assert {"day": "2026-03-02", "role": "scheduler", "times": 1} in seen["looks"]


async def test_another_clinic_sees_and_answers_nothing(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    visit = await book(database)
    await book(database, name="lakeside")
    async with running_app(database_url, tmp_path, clock=FakeClock(NOW)) as made:
        async with browser_of(made) as browser:
            await signed_in(browser, visit)
            asked = await browser.post("/v1/privacy/corrections", {"said": "Wrong."})
        request_id = asked.json()["request_id"]
        async with browser_of(made) as staff:
            await staff.sign_in("scheduler@lakeside.example", PASSWORD)
            rows = (await staff.get("/v1/corrections")).json()["rows"]
            answer = {"becomes": "accepted", "text": "Yes."}
            refused = await staff.post(f"/v1/corrections/{request_id}/answer", answer)

    assert rows == []
    assert refused.status_code == 404


async def test_five_requests_wait_at_most(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    visit = await book(database)
    async with (
        running_app(database_url, tmp_path, clock=FakeClock(NOW)) as made,
        browser_of(made) as browser,
    ):
        await signed_in(browser, visit)
        replies = [
            await browser.post("/v1/privacy/corrections", {"said": "Wrong."}) for _ in range(6)
        ]

    assert [reply.status_code for reply in replies] == [201, 201, 201, 201, 201, 429]


async def test_a_patient_sees_what_they_agreed_to_and_takes_it_back(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    visit = await book(database)
    await visit.talk()
    async with (
        running_app(database_url, tmp_path, clock=FakeClock(NOW)) as made,
        browser_of(made) as browser,
    ):
        await signed_in(browser, visit)
        page = await browser.open("/privacy")
        [consent] = (await browser.get("/v1/privacy")).json()["consents"]
        reply = await browser.post(f"/v1/visits/{visit.visit_id}/consents/withdraw")
        [after] = (await browser.get("/v1/privacy")).json()["consents"]
        own = (await browser.get("/v1/visit")).json()["consent"]
        out = await browser.post("/v1/sign-out")
        cleared = await browser.open("/cleared")

    assert page.status_code == 200
    assert consent["text"].startswith("A video visit is health care")
    assert (consent["jurisdiction"], consent["withdrawn_at"]) == ("US-IL", None)
    assert reply.json()["state"] == "wrap_up"
    assert after["withdrawn_at"] is not None
    assert (own["is_given"], own["withdrawn_at"] is None) == (False, False)
    for answer in (out, cleared):
        assert answer.headers["clear-site-data"] == '"cache", "storage"'


async def _add_visits(database: Database, like: InventedVisit, count: int) -> None:
    """Add finished visits in bulk; the ordinary actions would take minutes."""
    rows: dict[type, list[dict[str, Any]]] = {
        table: [] for table in (Appointment, Visit, Attendance, NoteVersion, NoteSignature)
    }
    for number in range(count):
        for table, row in _old_visit(like, NOW - timedelta(days=1 + number)).items():
            rows[table].append(row)
    async with database.unit_of_work() as uow:
        for table, each in rows.items():
            uow.session.add_all([table(**row) for row in each])
            await uow.session.flush()


def _old_visit(like: InventedVisit, at: datetime) -> dict[type, dict[str, Any]]:
    clinic, appointment_id, visit_id = like.clinic, new_uuid(), new_uuid()
    own = {
        "clinic_id": clinic.clinic_id,
        "patient_id": clinic.patient_id,
        "provider_id": clinic.provider_id,
    }
    return {
        Appointment: {
            **own,
            "id": appointment_id,
            "starts_at": at,
            "ends_at": at + timedelta(minutes=30),
            "state": AppointmentState.BOOKED,
            "booked_at": at,
        },
        Visit: {
            **own,
            "id": visit_id,
            "appointment_id": appointment_id,
            "visit_code": "ABC234",
            "state": VisitState.COMPLETED,
            "state_since": at,
            "version": 9,
            "started_at": at,
            "ended_at": at + timedelta(minutes=20),
        },
        Attendance: {
            "id": new_uuid(),
            "visit_id": visit_id,
            "person_id": clinic.patient_id,
            "kind": AttendanceKind.PATIENT,
            "is_present": False,
            "attach_epoch": 0,
            "is_media_connected": False,
        },
        NoteVersion: {
            "visit_id": visit_id,
            "version": 1,
            "clinic_id": clinic.clinic_id,
            "patient_id": clinic.patient_id,
            "author_id": clinic.provider_id,
            "text": "Invented note. " * 40,
            "saved_at": at,
        },
        NoteSignature: {
            "visit_id": visit_id,
            "version": 1,
            "signed_by": clinic.provider_id,
            "signed_at": at,
        },
    }
