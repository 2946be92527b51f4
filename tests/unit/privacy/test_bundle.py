"""A patient's record as a FHIR bundle."""

import base64
import json
from dataclasses import replace
from hashlib import sha1
from typing import Any

import pytest

from telehealth.privacy.bundle import bundle
from telehealth.visits.lifecycle import VisitState
from tests.support.records import record, visit

STATUSES = {
    "Appointment": {
        "proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow",
        "entered-in-error", "checked-in", "waitlist",
    },
    "Encounter": {"finished"},
    "Consent": {"active", "inactive"},
    "DocumentReference": {"current"},
}  # fmt: skip
"""The test server checks no required code bindings, so we do.  Source: FHIR R4 value sets."""


def resources(kind: str, made: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        entry["resource"] for entry in made["entry"] if entry["resource"]["resourceType"] == kind
    ]


def references(value: object) -> set[str]:
    match value:
        case {"reference": str(found)}:
            return {found}
        case dict():
            return {each for inner in value.values() for each in references(inner)}
        case list():
            return {each for inner in value for each in references(inner)}
        case _:
            return set()


def test_everything_a_bundle_refers_to_is_in_it() -> None:
    made = bundle(record(*(visit(number, state) for number, state in enumerate(VisitState))))

    urls = [entry["fullUrl"] for entry in made["entry"]]
    assert len(urls) == len(set(urls))
    assert references(made) <= {*urls, "#place"}


@pytest.mark.parametrize("state", VisitState)
def test_every_visit_is_told_by_the_codes_of_fhir(state: VisitState) -> None:
    made = bundle(record(visit(1, state)))

    for kind, allowed in STATUSES.items():
        assert {each["status"] for each in resources(kind, made)} <= allowed
    took_place = state in {VisitState.WRAP_UP, VisitState.COMPLETED}
    assert len(resources("Encounter", made)) == int(took_place)
    assert len(resources("Appointment", made)) == 1
    assert len(resources("DocumentReference", made)) == int(state is VisitState.COMPLETED)


def test_a_note_and_the_wording_of_a_consent_are_there_to_the_letter() -> None:
    told = visit(2)
    made = bundle(record(told))

    [note] = resources("DocumentReference", made)
    [consent] = resources("Consent", made)
    assert told.note is not None
    text = base64.b64decode(note["content"][0]["attachment"]["data"]).decode()
    assert text == told.note.text
    attachment = consent["sourceAttachment"]
    raw = base64.b64decode(attachment["data"])
    assert raw.decode() == told.consents[0].wording
    assert base64.b64decode(attachment["hash"]) == sha1(raw, usedforsecurity=False).digest()
    assert told.consents[0].digest in consent["policyRule"]["text"]


def test_a_consent_that_was_taken_back_is_told_as_inactive() -> None:
    made = bundle(record(visit(1), visit(2)))

    assert [each["status"] for each in resources("Consent", made)] == ["inactive", "active"]


def test_a_record_without_visits_is_the_patient_alone() -> None:
    made = bundle(record())

    assert [entry["resource"]["resourceType"] for entry in made["entry"]] == ["Patient"]


def test_what_is_not_known_is_left_out() -> None:
    bare = record(replace(visit(2), place=None, consents=[]))
    patient = replace(bare.patient, birth_on=None, phone=None, medical_record_number=None)

    made = bundle(replace(bare, patient=patient))

    [told] = resources("Patient", made)
    assert {"birthDate", "telecom"} & set(told) == set()
    assert "location" not in resources("Encounter", made)[0]
    assert "null" not in json.dumps(made)


def test_a_wording_that_is_gone_is_still_named_by_its_digest() -> None:
    told = visit(2)
    consent = replace(told.consents[0], wording=None)

    [found] = resources("Consent", bundle(record(replace(told, consents=[consent]))))

    assert "sourceAttachment" not in found
    assert consent.digest in found["policyRule"]["text"]
