"""The simulated EHR behaves as a FHIR server we did not write, case by case."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.fhir_server import running_fhir_server
from tests.support.sandbox_ehr import running_sandbox_ehr

SYSTEM = "urn:test:visit"


@pytest.fixture(scope="module", params=["sandbox", "stranger"])
def base_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sandbox":
        with running_sandbox_ehr() as sandbox:
            yield sandbox.base_url
    else:
        with running_fhir_server() as server:
            yield server.base_url


@pytest.fixture
def ehr(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, trust_env=False) as client:
        yield client


def an_encounter(value: str, **changed: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "identifier": [{"system": SYSTEM, "value": value}],
        "status": "finished",
        "class": {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
            "code": "VR",
            "display": "virtual",
        },
        **changed,
    }


def a_patient(number: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:test:mrn", "value": number}],
        "name": [{"family": "Samplewood", "given": ["Rosa"]}],
    }


def create_once(ehr: httpx.Client, value: str, **changed: Any) -> httpx.Response:
    return ehr.post(
        "/Encounter",
        json=an_encounter(value, **changed),
        headers={"If-None-Exist": f"identifier=urn%3Atest%3Avisit%7C{value}"},
    )


def test_it_says_which_fhir_it_speaks(ehr: httpx.Client) -> None:
    reply = ehr.get("/metadata")

    assert reply.status_code == 200
    assert reply.json()["resourceType"] == "CapabilityStatement"
    assert reply.json()["fhirVersion"] == "4.0.1"


def test_a_created_resource_has_a_place_and_a_version(ehr: httpx.Client) -> None:
    reply = ehr.post("/Encounter", json=an_encounter(str(uuid4())))

    stored = reply.json()
    assert reply.status_code == 201
    assert (
        f"/Encounter/{stored['id']}/_history/{stored['meta']['versionId']}"
        in reply.headers["Location"]
    )
    assert reply.headers["ETag"] == f'W/"{stored["meta"]["versionId"]}"'
    assert ehr.get(f"/Encounter/{stored['id']}").json() == stored


def test_a_conditional_create_without_a_match_creates(ehr: httpx.Client) -> None:
    reply = create_once(ehr, str(uuid4()))

    assert reply.status_code == 201


def test_a_conditional_create_with_one_match_changes_nothing(ehr: httpx.Client) -> None:
    value = str(uuid4())
    first = create_once(ehr, value)

    second = create_once(ehr, value, status="cancelled")

    assert second.status_code == 200
    assert second.headers["ETag"] == first.headers["ETag"]
    assert ehr.get(f"/Encounter/{first.json()['id']}").json()["status"] == "finished"


def test_a_conditional_create_with_several_matches_is_refused(ehr: httpx.Client) -> None:
    value = str(uuid4())
    for _ in range(2):
        ehr.post("/Encounter", json=an_encounter(value)).raise_for_status()

    reply = create_once(ehr, value)

    assert reply.status_code == 412
    assert reply.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("number_of_matches", [0, 1, 2])
def test_a_search_by_identifier_finds_what_carries_it(
    ehr: httpx.Client, number_of_matches: int
) -> None:
    value = str(uuid4())
    for _ in range(number_of_matches):
        ehr.post("/Encounter", json=an_encounter(value)).raise_for_status()

    bundle = ehr.get("/Encounter", params={"identifier": f"{SYSTEM}|{value}"}).json()

    found = [entry["resource"] for entry in bundle.get("entry", [])]
    assert bundle["resourceType"] == "Bundle"
    assert bundle["type"] == "searchset"
    assert [one["identifier"][0]["value"] for one in found] == [value] * number_of_matches


def test_the_same_value_under_another_system_is_not_found(ehr: httpx.Client) -> None:
    value = str(uuid4())
    ehr.post("/Encounter", json=an_encounter(value)).raise_for_status()

    bundle = ehr.get("/Encounter", params={"identifier": f"urn:other:visit|{value}"}).json()

    assert bundle.get("entry", []) == []


def test_a_search_by_patient_finds_that_patients_only(ehr: httpx.Client) -> None:
    ids = [ehr.post("/Patient", json=a_patient(str(uuid4()))).json()["id"] for _ in range(2)]
    for patient_id in ids:
        subject = {"reference": f"Patient/{patient_id}"}
        ehr.post("/Encounter", json=an_encounter(str(uuid4()), subject=subject)).raise_for_status()

    bundle = ehr.get("/Encounter", params={"patient": f"Patient/{ids[0]}"}).json()

    subjects = [entry["resource"]["subject"]["reference"] for entry in bundle["entry"]]
    assert subjects == [f"Patient/{ids[0]}"]


def test_an_update_with_the_current_version_makes_a_new_one(ehr: httpx.Client) -> None:
    created = ehr.post("/Encounter", json=an_encounter(str(uuid4())))
    stored = created.json()

    reply = ehr.put(
        f"/Encounter/{stored['id']}",
        json={**stored, "status": "entered-in-error"},
        headers={"If-Match": created.headers["ETag"]},
    )

    assert reply.status_code == 200
    assert reply.headers["ETag"] != created.headers["ETag"]


def test_an_update_with_a_stale_version_changes_nothing(ehr: httpx.Client) -> None:
    created = ehr.post("/Encounter", json=an_encounter(str(uuid4())))
    stored = created.json()
    path = f"/Encounter/{stored['id']}"
    ehr.put(
        path,
        json={**stored, "status": "entered-in-error"},
        headers={"If-Match": created.headers["ETag"]},
    ).raise_for_status()

    reply = ehr.put(path, json=stored, headers={"If-Match": created.headers["ETag"]})

    assert reply.status_code == 412
    assert ehr.get(path).json()["status"] == "entered-in-error"


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/Encounter", {"resourceType": "Encounter", "status": "finished"}),
        ("/Encounter", an_encounter("x", colour="blue")),
        ("/DocumentReference", {"resourceType": "DocumentReference", "status": "current"}),
        (
            "/DocumentReference",
            {"resourceType": "DocumentReference", "status": "current", "content": [{}]},
        ),
    ],
    ids=["no class", "unknown element", "no content", "no attachment"],
)
def test_an_invalid_resource_is_refused_with_an_outcome(
    ehr: httpx.Client, path: str, resource: dict[str, Any]
) -> None:
    reply = ehr.post(path, json=resource)

    assert reply.status_code == 400
    assert reply.json()["resourceType"] == "OperationOutcome"
    assert reply.json()["issue"][0]["severity"] == "error"


def test_a_body_that_is_no_json_is_refused(ehr: httpx.Client) -> None:
    reply = ehr.post("/Encounter", content=b"{", headers={"Content-Type": "application/fhir+json"})

    assert reply.status_code == 400


def test_an_unknown_resource_is_not_found(ehr: httpx.Client) -> None:
    reply = ehr.get(f"/Encounter/{uuid4()}")

    assert reply.status_code == 404
    assert reply.json()["resourceType"] == "OperationOutcome"
