"""A finished visit reaches a chart: the simulated one, and a server we did not write."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from telehealth.contract import ClinicId
from telehealth.delivery.lifecycle import EntryState
from telehealth.delivery.ports import Done, OutcomeCode, OwedEntry
from telehealth.platform.clock import SystemClock
from telehealth.platform.db import Database
from telehealth.platform.signing import make_partner_key_file
from tests.support.chart import chart_deliverer
from tests.support.clock import FakeClock
from tests.support.fhir_server import FhirServer, running_fhir_server
from tests.support.ledger import entries, owe_chart, runner_for, states
from tests.support.sandbox_ehr import SandboxEhr, running_sandbox_ehr
from tests.support.sealing import open_database

NOBODY = {"given": "Nobody", "family": "Known", "birth_on": "1970-01-01"}


@pytest.fixture(scope="module")
def stranger() -> Iterator[FhirServer]:
    with running_fhir_server() as server:
        server.preload_people()
        yield server


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxEhr]:
    with running_sandbox_ehr() as ehr:
        yield ehr


async def work_off(
    database: Database, clock: FakeClock, base_url: str, *, key_file: Path | None = None
) -> None:
    deliverer = chart_deliverer(base_url, database=database, clock=clock, key_file=key_file)
    await runner_for(database, deliverer, clock).run_until_quiet()
    await deliverer.close()


def found(base_url: str, kind: str, value: str) -> list[dict[str, Any]]:
    """Search as somebody else would."""
    reply = httpx.get(
        f"{base_url}/{kind}", params={"identifier": f"urn:demo:visit|{value}"}, trust_env=False
    )
    return [entry["resource"] for entry in reply.json().get("entry", [])]


def fetch(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False)


def register(base_url: str, number: str) -> None:
    """Register a patient, as a clerk at the EHR would."""
    patient = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:demo:medical-record-number", "value": number}],
    }
    httpx.post(f"{base_url}/Patient", json=patient, trust_env=False).raise_for_status()


async def test_a_visit_arrives_at_a_server_we_did_not_write(
    database: Database, stranger: FhirServer
) -> None:
    clock, visit = FakeClock(), uuid4()
    await owe_chart(database, clock, visit)

    await work_off(database, clock, stranger.base_url)

    [encounter] = found(stranger.base_url, "Encounter", str(visit))
    [document] = found(stranger.base_url, "DocumentReference", f"{visit}.note.1")
    assert await states(database) == {"chart.encounter": "confirmed", "chart.note": "confirmed"}
    assert encounter["class"]["code"] == "VR"
    assert encounter["subject"]["reference"].startswith("Patient/")
    assert encounter["participant"][0]["individual"]["reference"].startswith("Practitioner/")
    assert document["context"]["encounter"][0]["reference"] == f"Encounter/{encounter['id']}"
    text = b64decode(document["content"][0]["attachment"]["data"]).decode()
    assert text == "Invented note: résumé of a pretend visit."


async def test_a_visit_sent_twice_is_in_the_chart_once(
    database: Database, stranger: FhirServer
) -> None:
    """As after a crash before the outcome was stored, with nothing remembered."""
    clock, visit = FakeClock(), uuid4()
    deliverer = chart_deliverer(stranger.base_url, database=database, clock=clock)
    await owe_chart(database, clock, visit)
    await runner_for(database, deliverer, clock).run_until_quiet()

    for entry in await entries(database):
        assert entry.partner_ref is not None
    await resend_everything(database, clock, stranger.base_url)
    await deliverer.close()

    assert len(found(stranger.base_url, "Encounter", str(visit))) == 1
    assert len(found(stranger.base_url, "DocumentReference", f"{visit}.note.1")) == 1


async def resend_everything(database: Database, clock: FakeClock, base_url: str) -> None:
    deliverer = chart_deliverer(base_url, database=database, clock=clock)
    for entry in await entries(database):
        outcome = await deliverer.deliver(
            OwedEntry(
                entry_id=entry.entry_id,
                clinic_id=ClinicId(entry.clinic_id),
                subject_id=entry.subject_id,
                kind=entry.kind,
                key=entry.key,
                message_id=entry.message_id,
                payload=json.loads(entry.payload),
                send_before_s=float("inf"),
            )
        )
        assert isinstance(outcome, Done)
        assert outcome.http_status == 200
    await deliverer.close()


@pytest.mark.parametrize(
    ("patient", "code"),
    [
        ({**NOBODY, "medical_record_number": "DEMO-9999"}, OutcomeCode.PATIENT_NOT_FOUND),
        ({**NOBODY, "medical_record_number": None}, OutcomeCode.PATIENT_NOT_FOUND),
        ({**NOBODY, "medical_record_number": "DEMO-0001"}, OutcomeCode.PATIENT_MISMATCH),
    ],
    ids=["no such number", "no number", "another birth date"],
)
async def test_a_patient_who_is_not_surely_found_is_parked_and_never_made(
    database: Database, sandbox: SandboxEhr, patient: dict[str, Any], code: OutcomeCode
) -> None:
    clock, visit = FakeClock(), uuid4()
    await owe_chart(database, clock, visit, patient=patient)

    await work_off(database, clock, sandbox.base_url)

    encounter, note = await entries(database)
    assert (encounter.state, encounter.last_code) == (EntryState.PARKED, code)
    assert note.state is EntryState.PENDING
    assert found(sandbox.base_url, "Encounter", str(visit)) == []
    assert "Patient" not in sandbox.created()


async def test_a_patient_found_twice_is_parked(database: Database, stranger: FhirServer) -> None:
    clock, number = FakeClock(), f"TWICE-{uuid4()}"
    for _ in range(2):
        register(stranger.base_url, number)
    await owe_chart(database, clock, uuid4(), patient={**NOBODY, "medical_record_number": number})

    await work_off(database, clock, stranger.base_url)

    encounter, _ = await entries(database)
    assert encounter.last_code is OutcomeCode.PATIENT_AMBIGUOUS


async def test_a_provider_the_chart_does_not_know_is_named_and_not_pointed_at(
    database: Database, sandbox: SandboxEhr
) -> None:
    clock, visit = FakeClock(), uuid4()
    provider = {"npi": "2000000002", "given": "Un", "family": "Charted"}
    await owe_chart(database, clock, visit, provider=provider)

    await work_off(database, clock, sandbox.base_url)

    [encounter] = found(sandbox.base_url, "Encounter", str(visit))
    [document] = found(sandbox.base_url, "DocumentReference", f"{visit}.note.1")
    assert "participant" not in encounter
    assert document["author"] == [{"display": "Un Charted"}]


@pytest.mark.parametrize("plan", ["1:lost@1", "1:lost@2", "1:lost@1,lost@2", "1:wrong@1,wrong@2"])
async def test_lost_and_wrong_answers_leave_one_of_each(database: Database, plan: str) -> None:
    clock, visit = FakeClock(), uuid4()
    await owe_chart(database, clock, visit)

    with running_sandbox_ehr("--faults", plan) as ehr:
        await work_off(database, clock, ehr.base_url)
        made = ehr.created()

    assert made == ["Encounter", "DocumentReference"]
    assert await states(database) == {"chart.encounter": "confirmed", "chart.note": "confirmed"}


async def test_an_outage_delays_and_loses_nothing(database: Database) -> None:
    clock, visit = FakeClock(), uuid4()
    await owe_chart(database, clock, visit)

    with running_sandbox_ehr("--faults", "1:outage=0.2") as ehr:
        for _ in range(60):
            await work_off(database, clock, ehr.base_url)
            clock.advance(minutes=2)
        made = ehr.created()

    assert made == ["Encounter", "DocumentReference"]
    assert set((await states(database)).values()) == {"confirmed"}


async def test_a_chart_that_is_not_there_is_tried_again(
    database: Database, sandbox: SandboxEhr
) -> None:
    clock, visit = FakeClock(), uuid4()
    await owe_chart(database, clock, visit)

    await work_off(database, clock, "http://127.0.0.1:9/fhir")
    [waiting, _] = await entries(database)
    clock.advance(minutes=1)
    await work_off(database, clock, sandbox.base_url)

    assert (waiting.state, waiting.last_code) == (EntryState.PENDING, OutcomeCode.UNREACHABLE)
    assert set((await states(database)).values()) == {"confirmed"}


async def test_a_resend_has_the_same_bytes(database: Database) -> None:
    clock, visit = FakeClock(), uuid4()
    await owe_chart(database, clock, visit, note=None)

    with running_sandbox_ehr("--faults", "1:outage@1") as ehr:
        for _ in range(8):
            await work_off(database, clock, ehr.base_url)
            clock.advance(hours=1)
        posts = [line["body_sha256"] for line in ehr.ledger() if line["method"] == "POST"]

    assert len(posts) == 2
    assert len(set(posts)) == 1


async def test_the_chart_is_written_with_a_signed_in_client(
    sqlite_url: str, tmp_path: Path
) -> None:
    database, clock, visit = open_database(sqlite_url), FakeClock(SystemClock().now()), uuid4()
    key_file = tmp_path / "ehr_client.json"
    make_partner_key_file(key_file)
    await owe_chart(database, clock, visit)

    with running_sandbox_ehr("--client-key", str(key_file)) as ehr:
        await work_off(database, clock, ehr.base_url, key_file=key_file)
        made = ehr.created()
        stranger = fetch(f"{ehr.base_url}/Patient?_id=x")

    assert made == ["Encounter", "DocumentReference"]
    assert stranger.status_code == 401
    await database.close()


async def test_a_client_with_another_key_writes_nothing(sqlite_url: str, tmp_path: Path) -> None:
    database, clock = open_database(sqlite_url), FakeClock(SystemClock().now())
    registered, other = tmp_path / "registered.json", tmp_path / "other.json"
    make_partner_key_file(registered)
    make_partner_key_file(other)
    await owe_chart(database, clock, uuid4())

    with running_sandbox_ehr("--client-key", str(registered)) as ehr:
        await work_off(database, clock, ehr.base_url, key_file=other)
        made = ehr.created()

    [encounter, _] = await entries(database)
    assert made == []
    assert encounter.last_code is OutcomeCode.SIGN_IN_REFUSED
    await database.close()


def test_a_restarted_simulator_still_has_everything(tmp_path: Path) -> None:
    kept = str(tmp_path / "ehr.json")
    resource = {"resourceType": "Encounter", "status": "finished", "class": {"code": "VR"}}
    with running_sandbox_ehr("--data", kept) as ehr:
        made = httpx.post(f"{ehr.base_url}/Encounter", json=resource, trust_env=False).json()

    with running_sandbox_ehr("--data", kept) as ehr:
        again = httpx.get(f"{ehr.base_url}/Encounter/{made['id']}", trust_env=False).json()
        patients = httpx.get(
            f"{ehr.base_url}/Patient",
            params={"identifier": "urn:demo:medical-record-number|DEMO-0001"},
            trust_env=False,
        ).json()

    assert again == made
    assert patients["total"] == 1


@pytest.mark.parametrize("path", ["/", "/ledger", "/fhir/metadata", "/fhir/Encounter/none"])
def test_every_reply_says_that_it_is_a_simulators(sandbox: SandboxEhr, path: str) -> None:
    reply = httpx.get(f"{sandbox.origin}{path}", trust_env=False)

    assert reply.headers["X-Simulator"] == "Simulator"


async def test_a_person_can_read_the_simulated_chart(
    database: Database, sandbox: SandboxEhr
) -> None:
    clock, visit = FakeClock(), uuid4()
    note = {"version": 1, "text": "<b>bold</b>", "signed_at": "2030-03-04T15:25:00Z"}
    await owe_chart(database, clock, visit, note=note)
    await work_off(database, clock, sandbox.base_url)

    page = fetch(sandbox.origin).text

    assert "Simulator" in page
    assert "Rosa Samplewood" in page
    assert "&lt;b&gt;bold" in page
    assert str(visit) in page


async def test_several_copies_in_the_chart_are_parked_for_a_person(
    database: Database, stranger: FhirServer
) -> None:
    clock, visit = FakeClock(), uuid4()
    for _ in range(2):
        put_encounter(stranger.base_url, str(visit))
    await owe_chart(database, clock, visit, note=None)

    await work_off(database, clock, stranger.base_url)

    [encounter] = await entries(database)
    assert encounter.state is EntryState.PARKED
    assert encounter.last_code is OutcomeCode.DUPLICATES_AT_PARTNER


def put_encounter(base_url: str, value: str) -> None:
    encounter = {
        "resourceType": "Encounter",
        "identifier": [{"system": "urn:demo:visit", "value": value}],
        "status": "finished",
        "class": {"code": "VR"},
    }
    httpx.post(f"{base_url}/Encounter", json=encounter, trust_env=False).raise_for_status()


async def test_an_unreadable_record_is_parked_and_nothing_is_sent(
    database: Database, sandbox: SandboxEhr
) -> None:
    clock = FakeClock()
    before = len(sandbox.ledger())
    await owe_chart(database, clock, uuid4(), ended_at=None, note=None)

    await work_off(database, clock, sandbox.base_url)

    [encounter] = await entries(database)
    assert encounter.last_code is OutcomeCode.CONTENT_UNREADABLE
    assert len(sandbox.ledger()) == before


async def test_what_reaches_the_chart_is_audited_once(
    database: Database, sandbox: SandboxEhr
) -> None:
    clock = FakeClock()
    await owe_chart(database, clock, uuid4())

    await work_off(database, clock, sandbox.base_url)

    async with database.reading() as session:
        told = (await session.execute(text("SELECT event, actor_job FROM audit_entries"))).all()
    assert [tuple(row) for row in told] == [("chart.pushed", "delivery-worker")] * 2
