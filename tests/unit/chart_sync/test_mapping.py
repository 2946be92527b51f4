"""A finished visit as FHIR R4, held to the required elements and invariants of R4 and US Core."""

import json
from base64 import b64decode
from typing import Any
from uuid import UUID

import pytest

from telehealth.chart_sync.errors import ChartPayloadUnreadable
from telehealth.chart_sync.mapping import (
    ChartReferences,
    Resource,
    encounter,
    encounter_identifier,
    note,
    note_identifier,
    visit_facts,
    visit_system,
)
from tests.support.ledger import visit_facts as payload_of

VISIT = UUID("0192f0c0-0000-7000-8000-000000000777")
BOTH = ChartReferences(patient="Patient/p1", practitioner="Practitioner/d1")
PATIENT_ONLY = ChartReferences(patient="Patient/p1")

# R4 4.0.1 code lists, by element.
ENCOUNTER_STATUS = {
    *("planned", "arrived", "triaged", "in-progress", "onleave"),
    *("finished", "cancelled", "entered-in-error", "unknown"),
}
DOCUMENT_STATUS = {"current", "superseded", "entered-in-error"}
DOC_STATUS = {"preliminary", "final", "amended", "entered-in-error"}


def the_encounter(references: ChartReferences = BOTH, **changed: Any) -> Resource:
    return encounter(visit_facts(payload_of(VISIT, **changed)), references, deployment="demo")


def the_note(references: ChartReferences = BOTH, **changed: Any) -> Resource:
    facts = visit_facts(payload_of(VISIT, **changed))
    return note(facts, references, encounter_ref="Encounter/e1", deployment="demo")


def test_the_encounter_is_virtual_and_finished() -> None:
    resource = the_encounter()

    assert resource["resourceType"] == "Encounter"
    assert resource["status"] == "finished"
    assert resource["status"] in ENCOUNTER_STATUS
    assert resource["class"] == {
        "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
        "code": "VR",
        "display": "virtual",
    }


def test_the_encounter_holds_what_us_core_makes_mandatory() -> None:
    resource = the_encounter()

    assert resource["type"][0]["coding"][0]["system"] == "http://snomed.info/sct"
    assert resource["type"][0]["coding"][0]["code"]
    assert resource["subject"] == {"reference": "Patient/p1"}


def test_the_encounter_carries_our_visit_as_business_identifier() -> None:
    assert the_encounter()["identifier"] == [{"system": "urn:demo:visit", "value": str(VISIT)}]
    assert visit_system("demo") == "urn:demo:visit"
    assert encounter_identifier(VISIT) == str(VISIT)


def test_the_encounters_period_and_length_are_the_visits() -> None:
    resource = the_encounter()

    assert resource["period"] == {
        "start": "2030-03-04T15:00:00Z",
        "end": "2030-03-04T15:20:30Z",
    }
    assert resource["length"] == {
        "value": 21,
        "unit": "min",
        "system": "http://unitsofmeasure.org",
        "code": "min",
    }


def test_a_visit_whose_start_is_not_known_has_an_end_only() -> None:
    resource = the_encounter(started_at=None)

    assert resource["period"] == {"end": "2030-03-04T15:20:30Z"}
    assert "length" not in resource


def test_a_visit_of_seconds_lasted_a_minute() -> None:
    assert the_encounter(started_at="2030-03-04T15:20:29Z")["length"]["value"] == 1


def test_instants_are_written_in_utc_with_a_time() -> None:
    assert (
        the_encounter(ended_at="2030-03-04T10:20:30.987-05:00")["period"]["end"]
        == "2030-03-04T15:20:30Z"
    )


def test_a_known_provider_took_part() -> None:
    [participant] = the_encounter()["participant"]

    assert participant["individual"]["reference"] == "Practitioner/d1"
    assert participant["type"][0]["coding"][0]["code"] == "PPRF"


def test_a_provider_the_chart_does_not_know_is_not_pointed_at() -> None:
    assert "participant" not in the_encounter(PATIENT_ONLY)
    assert the_note(PATIENT_ONLY)["author"] == [{"display": "Dana Exemplar"}]


def test_the_note_holds_what_r4_and_us_core_make_mandatory() -> None:
    resource = the_note()

    assert resource["resourceType"] == "DocumentReference"
    assert resource["status"] == "current"
    assert resource["status"] in DOCUMENT_STATUS
    assert resource["docStatus"] == "final"
    assert resource["docStatus"] in DOC_STATUS
    assert resource["type"]["coding"][0]["system"] == "http://loinc.org"
    assert resource["type"]["coding"][0]["code"] == "11506-3"
    assert resource["category"][0]["coding"][0]["code"] == "clinical-note"
    assert resource["subject"] == {"reference": "Patient/p1"}
    assert resource["date"] == "2030-03-04T15:25:00Z"
    assert resource["author"][0]["reference"] == "Practitioner/d1"


def test_the_note_travels_inline_with_its_charset() -> None:
    """us-core-6: an attachment has a url or data; a charset so that no letter is lost."""
    [content] = the_note()["content"]

    attachment = content["attachment"]
    assert attachment["contentType"] == "text/plain;charset=utf-8"
    assert "url" not in attachment
    assert b64decode(attachment["data"], validate=True).decode() == (
        "Invented note: résumé of a pretend visit."
    )


def test_the_note_belongs_to_exactly_one_encounter_and_its_clinical_time() -> None:
    context = the_note()["context"]

    assert context["encounter"] == [{"reference": "Encounter/e1"}]
    assert context["period"]["end"] == "2030-03-04T15:20:30Z"


def test_each_version_of_a_note_has_its_own_identifier() -> None:
    assert the_note()["identifier"] == [{"system": "urn:demo:visit", "value": f"{VISIT}.note.1"}]
    assert note_identifier(VISIT, 2) == f"{VISIT}.note.2"


def test_the_same_visit_gives_the_same_resource() -> None:
    """A resend must have the same bytes."""
    payload = payload_of(VISIT)

    first = encounter(visit_facts(payload), BOTH, deployment="demo")
    second = encounter(visit_facts(json.loads(json.dumps(payload))), BOTH, deployment="demo")

    assert first == second


@pytest.mark.parametrize("resource", [the_encounter(), the_note()], ids=["encounter", "note"])
def test_no_empty_element_is_sent(resource: Resource) -> None:
    """FHIR JSON: an element is never empty or null."""

    def whole(value: object) -> bool:
        match value:
            case dict():
                return bool(value) and all(whole(inner) for inner in value.values())
            case list():
                return bool(value) and all(whole(inner) for inner in value)
            case _:
                return value not in {None, ""}

    assert whole(resource)


@pytest.mark.parametrize("resource", [the_encounter(), the_note()], ids=["encounter", "note"])
@pytest.mark.parametrize("forbidden", ["ticket", "/v/", "ws://", "sessionKey", "join"])
def test_nothing_that_opens_a_call_goes_into_the_chart(resource: Resource, forbidden: str) -> None:
    assert forbidden not in json.dumps(resource)


def test_a_visit_without_a_note_has_no_document() -> None:
    with pytest.raises(ChartPayloadUnreadable):
        the_note(note=None)


@pytest.mark.parametrize(
    "changed",
    [
        {"appointment_id": None, "provider": None},
        {"ended_at": None},
        {"ended_at": "2030-03-04T15:20:30"},
        {"patient": None},
        {"provider": {"npi": "12", "given": "Dana", "family": "Exemplar"}},
        {"note": {"version": 0, "text": "x", "signed_at": "2030-03-04T15:25:00Z"}},
    ],
    ids=["no provider", "no end", "no zone", "no patient", "npi", "version"],
)
def test_an_incomplete_payload_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ChartPayloadUnreadable) as refused:
        visit_facts(payload_of(VISIT, **changed))

    assert refused.value.log_fields == {"faults": 1}
