"""What the simulated chart refuses."""

from typing import Any

import pytest

from telehealth.sandbox.ehr_rules import faults_of

ENCOUNTER = {"resourceType": "Encounter", "status": "finished", "class": {"code": "VR"}}
NOTE = {
    "resourceType": "DocumentReference",
    "status": "current",
    "docStatus": "final",
    "type": {"coding": []},
    "content": [{"attachment": {"contentType": "text/plain", "data": "SGVsbG8="}}],
}


@pytest.mark.parametrize("resource", [ENCOUNTER, NOTE, {"resourceType": "Patient"}])
def test_a_whole_resource_is_taken(resource: dict[str, Any]) -> None:
    assert faults_of(resource) == []


@pytest.mark.parametrize(
    ("base", "changed", "fault"),
    [
        (ENCOUNTER, {"class": None}, ("required", "Encounter.class")),
        (ENCOUNTER, {"class": []}, ("required", "Encounter.class")),
        (ENCOUNTER, {"class": ["VR"]}, ("structure", "Encounter.class")),
        (ENCOUNTER, {"status": ""}, ("required", "Encounter.status")),
        (ENCOUNTER, {"status": "nope"}, ("code-invalid", "Encounter.status")),
        (ENCOUNTER, {"colour": "blue"}, ("structure", "Encounter.colour")),
        (ENCOUNTER, {"identifier": {}}, ("structure", "Encounter.identifier")),
        (ENCOUNTER, {"type": {}}, ("structure", "Encounter.type")),
        (NOTE, {"type": []}, ("structure", "DocumentReference.type")),
        (NOTE, {"docStatus": "done"}, ("code-invalid", "DocumentReference.docStatus")),
        (NOTE, {"content": []}, ("required", "DocumentReference.content")),
        (NOTE, {"content": "x"}, ("structure", "DocumentReference.content")),
        (NOTE, {"content": ["x"]}, ("required", "DocumentReference.content.attachment")),
        (NOTE, {"content": [{}]}, ("required", "DocumentReference.content.attachment")),
        (
            NOTE,
            {"content": [{"attachment": {"title": "empty"}}]},
            ("invariant", "DocumentReference.content.attachment"),
        ),
        (
            NOTE,
            {"content": [{"attachment": {"data": "%%"}}]},
            ("value", "DocumentReference.content.attachment.data"),
        ),
    ],
)
def test_what_is_wrong_is_named(
    base: dict[str, Any], changed: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert fault in faults_of({**base, **changed})
