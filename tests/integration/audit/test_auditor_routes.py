"""The auditor's routes: what is found, who may ask, and that asking is recorded."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from telehealth.access.roles import Role
from telehealth.audit.events import AuditEvent
from telehealth.audit.fhir import profile_of
from telehealth.audit.head_directory import HeadDirectory
from telehealth.audit.head_keeper import HeadKeeper
from telehealth.audit.head_keys import public_key_set
from telehealth.platform.db import Database
from telehealth.platform.signing import make_key_file, read_key_file
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.audit_lab import LOG, take_guards_away
from tests.support.clinic import PASSWORD
from tests.support.clock import FakeClock
from tests.support.fhir_server import running_fhir_server
from tests.support.staff import STAFF_PASSWORD, add_staff
from tests.support.visits import NOW, InventedVisit, book


@dataclass(frozen=True, kw_only=True)
class Office:
    """An auditor's browser, beside a visit that has come to its end."""

    auditor: AppClient
    scheduler: AppClient
    visit: InventedVisit
    keeper: HeadKeeper
    database: Database

    async def entries(self, query: str = "") -> list[dict[str, Any]]:
        """Search as the page does."""
        reply = await self.auditor.get(f"/v1/audit/entries{query}")
        assert reply.status_code == 200, reply.text
        found: list[dict[str, Any]] = reply.json()["entries"]
        return found

    async def newest(self) -> tuple[str, str]:
        """Return event and facts of the newest entry, past the product."""
        async with self.database.reading() as session:
            statement = text("SELECT event, facts FROM audit_entries ORDER BY seq DESC LIMIT 1")
            row = (await session.execute(statement)).one()
        return row.event, row.facts


@pytest.fixture
async def office(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    visit = await book(database)
    await visit.complete()
    async with database.unit_of_work() as uow:
        await add_staff(
            uow,
            visit.clinic,
            now=NOW,
            email="auditor@riverside.example",
            role=Role.AUDITOR,
            given="Robin",
        )
    clock, key_file, heads = FakeClock(NOW), tmp_path / "audit_key.json", tmp_path / "heads"
    make_key_file(key_file)
    (tmp_path / "public.json").write_text(public_key_set(key_file))
    keeper = HeadKeeper(
        database,
        clock=clock,
        key=read_key_file(key_file)[0],
        log_name=LOG,
        sinks=[HeadDirectory(heads)],
    )
    async with (
        running_app(
            database_url,
            tmp_path,
            clock=clock,
            deployment="tests",
            audit_heads_folder=heads,
            audit_public_keys=tmp_path / "public.json",
        ) as made,
        browser_of(made) as auditor,
        browser_of(made) as scheduler,
    ):
        signed_in = await auditor.sign_in("auditor@riverside.example", STAFF_PASSWORD)
        assert signed_in.json()["home"] == "/auditor"
        await scheduler.sign_in("scheduler@riverside.example", PASSWORD)
        yield Office(
            auditor=auditor, scheduler=scheduler, visit=visit, keeper=keeper, database=database
        )


async def test_the_page_opens_and_holds_no_entry(office: Office) -> None:
    page = await office.auditor.open("/auditor")

    assert page.status_code == 200
    assert "auditor.js" in page.text
    assert "Ada Invented" not in page.text


async def test_a_patient_is_found_by_name_and_the_look_is_recorded(office: Office) -> None:
    reply = await office.auditor.post("/v1/audit/people-search", {"words": "invented ADA"})

    (found,) = reply.json()["people"]
    assert (found["name"], found["is_patient"]) == ("Ada Invented", True)
    assert (await office.newest())[0] == "person.viewed"
    nobody = await office.auditor.post("/v1/audit/people-search", {"words": "zz nobody"})
    assert nobody.json()["people"] == []


async def test_every_search_narrows_and_is_recorded(office: Office) -> None:
    visit, patient = office.visit.visit_id, office.visit.clinic.patient_id
    provider = office.visit.clinic.provider_id

    of_visit = await office.entries(f"?visit_id={visit}")
    of_patient = await office.entries(f"?patient_id={patient}")
    of_provider = await office.entries(f"?person_id={provider}")
    of_kind = await office.entries("?kind=note.signed")
    of_day = await office.entries(f"?day={NOW:%Y-%m-%d}")
    of_another_day = await office.entries("?day=2001-01-01")
    emergencies = await office.entries("?kind=emergency")

    assert {each["visit_id"] for each in of_visit} == {str(visit)}
    assert "visit.booked" in {each["event"] for each in of_patient}
    assert {str(patient)} == {each["patient"]["id"] for each in of_patient if each["patient"]}
    assert all(
        str(provider) in {each["by"].get("id"), (each["subject"] or {}).get("id")}
        for each in of_provider
    )
    assert [each["event"] for each in of_kind] == ["note.signed"]
    assert of_kind[0]["by"] == {
        "id": str(provider),
        "name": "Grace Madeup",
        "role": "provider",
        "job": None,
    }
    assert of_day
    assert (of_another_day, emergencies) == ([], [])
    assert await office.newest() == ("audit.viewed", '{"entries":0}')


async def test_older_entries_follow_page_by_page(office: Office) -> None:
    for _ in range(60):
        await office.entries("?day=2001-01-01")

    first = await office.auditor.get("/v1/audit/entries")
    last = first.json()["entries"][-1]["seq"]
    second = await office.entries(f"?before={last}")

    assert (len(first.json()["entries"]), first.json()["is_last"]) == (50, False)
    assert second[0]["seq"] == last - 1


@pytest.mark.parametrize(
    "query", ["patient_id=x", "visit_id=x", "day=x", "kind=x", "before=-1", "day=9999-12-31"]
)
async def test_a_search_by_nonsense_is_refused(office: Office, query: str) -> None:
    reply = await office.auditor.get(f"/v1/audit/entries?{query}")

    assert (reply.status_code, reply.json()["code"]) == (422, "audit.search_refused")


async def test_nobody_else_may_ask(office: Office) -> None:
    asked = [
        await office.scheduler.get("/v1/audit/entries"),
        await office.scheduler.get("/v1/audit/heads"),
        await office.scheduler.get("/v1/audit/export"),
        await office.scheduler.get(f"/v1/audit/patients/{uuid4()}/accounting"),
        await office.scheduler.post("/v1/audit/verify"),
        await office.scheduler.post("/v1/audit/people-search", {"words": "Ada"}),
    ]

    assert {reply.status_code for reply in asked} == {403}


async def test_the_check_says_how_far_heads_vouch_for_it(office: Office) -> None:
    alone = (await office.auditor.post("/v1/audit/verify")).json()
    await office.keeper.look()
    with_head = (await office.auditor.post("/v1/audit/verify")).json()
    sinks = (await office.auditor.get("/v1/audit/heads")).json()["sinks"]

    assert (alone["standing"], alone["heads"]) == ("whole", 0)
    assert (with_head["standing"], with_head["heads_agreed"]) == ("whole", 1)
    assert with_head["newest_head"]["size"] == sinks[0]["size"] == alone["entries"] + 1
    assert (sinks[0]["name"], sinks[0]["trouble"]) == ("directory", None)
    assert (await office.newest())[0] == "audit.verified"


async def test_the_check_names_what_was_altered(office: Office) -> None:
    await office.keeper.look()
    await take_guards_away(office.database)
    async with office.database.unit_of_work() as uow:
        await uow.session.execute(text("UPDATE audit_entries SET facts = '{}' WHERE seq = 5"))

    told = (await office.auditor.post("/v1/audit/verify")).json()

    assert (told["standing"], told["first_bad"]) == ("broken", 5)


async def test_the_accounting_tells_who_looked(office: Office) -> None:
    patient = office.visit.clinic.patient_id

    told = (await office.auditor.get(f"/v1/audit/patients/{patient}/accounting")).json()

    assert told["patient"]["name"] == "Ada Invented"
    assert all(each["event"].endswith(".viewed") for each in told["accesses"])
    event, facts = await office.newest()
    assert event == "accounting.viewed"
    assert json.loads(facts) == {
        "accesses": len(told["accesses"]),
        "disclosures": len(told["disclosures"]),
    }


async def test_an_export_holds_every_entry_and_is_recorded_before_it_leaves(
    office: Office,
) -> None:
    reply = await office.auditor.get("/v1/audit/export")

    lines = lines_of(reply)
    numbers = [int(_detail(line, "seq")) for line in lines]
    assert reply.headers["content-type"].startswith("application/fhir+ndjson")
    assert numbers == list(range(len(lines), 0, -1))
    assert lines[0]["subtype"][1]["code"] == "audit.exported"
    assert (await office.newest())[0] == "audit.exported"
    profiles = {profile for line in lines for profile in line.get("meta", {}).get("profile", [])}
    assert profiles <= {
        profile_of(event, has_patient=has_patient)
        for event in AuditEvent
        for has_patient in (True, False)
    }


async def test_a_fhir_server_we_did_not_write_takes_every_kind_of_entry(office: Office) -> None:
    """It validates against the base resource; the rules of BALP are held by unit tests."""
    reply = await office.auditor.get("/v1/audit/export")
    by_kind = {line["subtype"][1]["code"]: line for line in lines_of(reply)}

    with running_fhir_server() as server:
        async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client:
            answers = {
                kind: await client.post("/AuditEvent", json=each) for kind, each in by_kind.items()
            }
            broken = await client.post("/AuditEvent", json={**lines_of(reply)[0], "agent": []})

    refused = {kind: each.text for kind, each in answers.items() if each.status_code != 201}
    assert refused == {}
    assert broken.status_code == 400


def lines_of(reply: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in reply.text.splitlines()]


def _detail(resource: dict[str, Any], name: str) -> str:
    details = resource["entity"][0]["detail"]
    return next(str(each["valueString"]) for each in details if each["type"] == name)
