"""What the simulated chart asks of a resource.  Pure.

Required elements, code lists and the two invariants that matter here; nothing like a whole
profile validator.

Source: FHIR R4 4.0.1 Patient, Practitioner, Encounter, DocumentReference; US Core 9 us-core-6.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

_COMMON: Final = frozenset(
    {"resourceType", "id", "meta", "implicitRules", "language", "text", "contained", "extension"}
    | {"modifierExtension", "identifier"}
)
ELEMENTS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "Patient": _COMMON
        | {"active", "name", "telecom", "gender", "birthDate", "deceasedBoolean", "address"}
        | {"deceasedDateTime", "maritalStatus", "multipleBirthBoolean", "multipleBirthInteger"}
        | {"photo", "contact", "communication", "generalPractitioner", "managingOrganization"}
        | {"link"},
        "Practitioner": _COMMON
        | {"active", "name", "telecom", "address", "gender", "birthDate", "photo"}
        | {"qualification", "communication"},
        "Encounter": _COMMON
        | {"status", "statusHistory", "class", "classHistory", "type", "serviceType", "priority"}
        | {"subject", "episodeOfCare", "basedOn", "participant", "appointment", "period"}
        | {"length", "reasonCode", "reasonReference", "diagnosis", "account", "hospitalization"}
        | {"location", "serviceProvider", "partOf"},
        "DocumentReference": _COMMON
        | {"masterIdentifier", "status", "docStatus", "type", "category", "subject", "date"}
        | {"author", "authenticator", "custodian", "relatesTo", "description", "securityLabel"}
        | {"content", "context"},
    }
)
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Patient": (),
        "Practitioner": (),
        "Encounter": ("status", "class"),
        "DocumentReference": ("status", "content"),
    }
)
_CODES: Final[Mapping[tuple[str, str], frozenset[str]]] = MappingProxyType(
    {
        ("Encounter", "status"): frozenset(
            (
                *("planned", "arrived", "triaged", "in-progress", "onleave", "finished"),
                *("cancelled", "entered-in-error", "unknown"),
            )
        ),
        ("DocumentReference", "status"): frozenset({"current", "superseded", "entered-in-error"}),
        ("DocumentReference", "docStatus"): frozenset(
            {"preliminary", "final", "amended", "entered-in-error"}
        ),
    }
)
_LISTS: Final = frozenset(
    {"identifier", "type", "participant", "category", "author", "content", "name", "telecom"}
)


def faults_of(resource: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List what is wrong: issue code and FHIRPath expression; an empty list means acceptable."""
    return list(_faults(resource))


def _faults(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = resource["resourceType"]
    for name in resource:
        if name not in ELEMENTS[kind]:
            yield "structure", f"{kind}.{name}"
    for name in _REQUIRED[kind]:
        if not resource.get(name):
            yield "required", f"{kind}.{name}"
    for (of_kind, name), codes in _CODES.items():
        if of_kind == kind and name in resource and resource[name] not in codes:
            yield "code-invalid", f"{kind}.{name}"
    yield from _shape_faults(kind, resource)
    if kind == "DocumentReference":
        yield from _attachment_faults(resource)


def _shape_faults(kind: str, resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _LISTS & resource.keys():
        # DocumentReference.type is one CodeableConcept, Encounter.type is a list of them.
        is_list = name != "type" or kind == "Encounter"
        if isinstance(resource[name], list) != is_list:
            yield "structure", f"{kind}.{name}"
    if "class" in resource and not isinstance(resource["class"], dict):
        yield "structure", f"{kind}.class"


def _attachment_faults(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    content = resource.get("content")
    for item in content if isinstance(content, list) else []:
        attachment = item.get("attachment") if isinstance(item, dict) else None
        if not isinstance(attachment, dict):
            yield "required", "DocumentReference.content.attachment"
        elif "url" not in attachment and "data" not in attachment:
            yield "invariant", "DocumentReference.content.attachment"
        elif not _is_base64(attachment.get("data", "")):
            yield "value", "DocumentReference.content.attachment.data"


def _is_base64(text: object) -> bool:
    try:
        base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
