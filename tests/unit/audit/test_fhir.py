"""Each event as an AuditEvent, against the rules of IHE BALP and of the base resource."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from telehealth.audit.cards import EntryCard
from telehealth.audit.events import ACTION, REFUSED, AuditAction, AuditEvent
from telehealth.audit.fhir import audit_event, profile_of, visit_system
from telehealth.chart_sync import mapping
from tests.support.clock import MORNING

ENTRY = EntryCard(
    id=UUID(int=1),
    clinic_id=UUID(int=2),
    seq=42,
    at=MORNING,
    event=AuditEvent.NOTE_VIEWED.value,
    actor_person_id=UUID(int=3),
    actor_role="provider",
    actor_job=None,
    visit_id=UUID(int=4),
    patient_id=UUID(int=5),
    subject_id=None,
    facts='{"version":2}',
    previous=bytes(32),
    seal=bytes(range(32)),
)
DCM = "http://dicom.nema.org/resources/ontology/DCM"
SUBTYPE = {AuditAction.CREATE: "create", AuditAction.READ: "read", AuditAction.UPDATE: "update"}
USER = {AuditAction.CREATE: "AUT", AuditAction.READ: "IRCP", AuditAction.UPDATE: "AUT"}


def made(entry: EntryCard = ENTRY) -> dict[str, Any]:
    return audit_event(entry, deployment="demo", origin="https://visits.example")


def agents_of(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return the agents by the code of their type."""
    return {each["type"]["coding"][0]["code"]: each for each in resource["agent"]}


@pytest.mark.parametrize("event", AuditEvent)
@pytest.mark.parametrize("has_patient", [True, False])
@pytest.mark.parametrize("by_job", [True, False])
def test_every_event_holds_what_the_base_resource_requires(
    event: AuditEvent, *, has_patient: bool, by_job: bool
) -> None:
    """FHIR R4 AuditEvent: type, recorded, agent 1..*, agent.requestor, source.observer."""
    entry = replace(ENTRY, event=event.value, patient_id=UUID(int=5) if has_patient else None)
    if by_job:
        entry = replace(entry, actor_person_id=None, actor_role=None, actor_job="sweep")

    resource = made(entry)

    assert resource["resourceType"] == "AuditEvent"
    assert {"system", "code"} <= resource["type"].keys()
    assert resource["recorded"] == "2030-03-04T15:00:00.000Z"
    assert resource["outcome"] == ("4" if event in REFUSED else "0")
    assert resource["action"] == ACTION[event].value
    assert resource["source"]["observer"]["identifier"]["value"] == "demo:visit-service"
    assert all(isinstance(agent["requestor"], bool) for agent in resource["agent"])
    assert sum(agent["requestor"] for agent in resource["agent"]) == 1


@pytest.mark.parametrize(
    "event", [event for event in AuditEvent if profile_of(event, has_patient=True)]
)
@pytest.mark.parametrize("has_patient", [True, False])
def test_reads_and_changes_follow_the_profile_of_their_kind(
    event: AuditEvent, *, has_patient: bool
) -> None:
    """IHE BALP: type rest, subtype, two agents that swap for a read, data and patient entities."""
    action = ACTION[event]
    entry = replace(ENTRY, event=event.value, patient_id=UUID(int=5) if has_patient else None)

    resource = made(entry)

    assert resource["meta"]["profile"] == [profile_of(event, has_patient=has_patient)]
    assert resource["meta"]["profile"][0].endswith(
        f".{'Patient' if has_patient else ''}{SUBTYPE[action].title()}"
    )
    assert resource["type"]["code"] == "rest"
    assert resource["subtype"][0]["code"] == SUBTYPE[action]
    agents = agents_of(resource)
    client, server = ("110152", "110153") if action is AuditAction.READ else ("110153", "110152")
    assert agents[client]["who"]["identifier"]["value"] == "demo:browser"
    assert agents[server]["network"] == {"address": "https://visits.example", "type": "5"}
    assert "network" not in agents[USER[action]]
    assert all("media" not in agent for agent in agents.values())
    kinds = [(each["type"]["code"], each["role"]["code"]) for each in resource["entity"]]
    assert kinds == [("2", "4"), ("1", "1")][: 2 if has_patient else 1]


def test_no_address_of_anybody_is_in_it_and_it_says_why() -> None:
    network = agents_of(made())["110152"]["network"]

    assert network["_address"]["extension"][0]["valueCode"] == "not-asked"
    assert "address" not in network


def test_the_visit_is_named_as_in_the_chart() -> None:
    """Whoever holds both finds the Encounter by it."""
    what = made()["entity"][0]["what"]["identifier"]

    assert visit_system("demo") == mapping.visit_system("demo") == what["system"]
    assert what["value"] == mapping.encounter_identifier(UUID(int=4))


def test_place_and_seal_come_along() -> None:
    details = {each["type"]: each for each in made()["entity"][0]["detail"]}

    assert details["seq"]["valueString"] == "42"
    assert base64.b64decode(details["seal"]["valueBase64Binary"]) == ENTRY.seal
    assert details["version"]["valueString"] == "2"


@pytest.mark.parametrize(
    ("event", "type_", "subtype"),
    [
        (AuditEvent.PERSON_SIGNED_IN, "110114", "110122"),
        (AuditEvent.PERSON_SIGN_IN_REFUSED, "110114", "110122"),
        (AuditEvent.PERSON_SIGNED_OUT, "110114", "110123"),
        (AuditEvent.AUDIT_VERIFIED, "110101", "110101"),
    ],
)
def test_what_is_no_rest_interaction_has_its_dicom_type(
    event: AuditEvent, type_: str, subtype: str
) -> None:
    resource = made(replace(ENTRY, event=event.value))

    assert "meta" not in resource
    assert resource["type"] == {**resource["type"], "system": DCM, "code": type_}
    assert resource["subtype"][0]["code"] == subtype


def test_an_event_of_another_release_is_exported_all_the_same() -> None:
    resource = made(replace(ENTRY, event="something.newer", facts="no json"))

    assert resource["subtype"][1]["code"] == "something.newer"
    assert resource["type"]["code"] == "110100"


@pytest.mark.parametrize(
    ("event", "subtype"),
    [(AuditEvent.EMERGENCY_OPENED, "110127"), (AuditEvent.EMERGENCY_ENDED, "110128")],
)
def test_an_emergency_is_a_security_alert_and_names_its_purpose(
    event: AuditEvent, subtype: str
) -> None:
    """DICOM PS3.16: Emergency Override Started, Stopped; v3-ActReason BTG, break the glass."""
    resource = made(replace(ENTRY, event=event.value, visit_id=None))

    assert (resource["type"]["code"], resource["subtype"][0]["code"]) == ("110113", subtype)
    assert agents_of(resource)["AUT"]["purposeOfUse"][0]["coding"][0]["code"] == "BTG"
