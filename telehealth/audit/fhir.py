"""From an entry to a FHIR R4 AuditEvent, in the form of IHE BALP where one fits.  Pure.

A read, a creation or an update follows the BALP profile of its kind (the Patient variant when a
patient is known).  A sign-in, a check or an export is no REST interaction: it follows the base
resource with a DICOM type.  We keep nobody's network address, so the client's is said to be
absent, with the reason.  People and visits are named by our business identifiers.

Source:
    IHE BALP (IHE.BasicAudit.*), FHIR R4 AuditEvent, DICOM PS3.16 CID 400.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from telehealth.audit.cards import EntryCard
from telehealth.audit.events import ACTION, EMERGENCY, REFUSED, AuditAction, AuditEvent

Resource = dict[str, Any]

_BALP: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_TYPES: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTIONS: Final = "http://hl7.org/fhir/restful-interaction"
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_ENTITY_TYPES: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_OBJECT_ROLES: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_PURPOSES: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_SOURCES: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

_SOURCE: Final = ("110153", "Source Role ID")
_DESTINATION: Final = ("110152", "Destination Role ID")
_PROFILES: Final[Mapping[AuditAction, tuple[str, str]]] = {
    AuditAction.CREATE: ("Create", "create"),
    AuditAction.READ: ("Read", "read"),
    AuditAction.UPDATE: ("Update", "update"),
}
_LOGIN: Final = ("110114", "User Authentication", "110122", "Login")
_LOGOUT: Final = ("110114", "User Authentication", "110123", "Logout")
_LOG_USED: Final = ("110101", "Audit Log Used", "110101", "Audit Log Used")
_HANDED_OUT: Final = ("110106", "Export", "110106", "Export")
_EXECUTED: Final[Mapping[AuditEvent, tuple[str, str, str, str]]] = {
    AuditEvent.PERSON_SIGNED_IN: _LOGIN,
    AuditEvent.PERSON_SIGN_IN_REFUSED: _LOGIN,
    AuditEvent.LINK_OPENED: _LOGIN,
    AuditEvent.LINK_REFUSED: _LOGIN,
    AuditEvent.PERSON_SIGNED_OUT: _LOGOUT,
    AuditEvent.SESSION_ENDED: _LOGOUT,
    AuditEvent.EMERGENCY_OPENED: (
        "110113",
        "Security Alert",
        "110127",
        "Emergency Override Started",
    ),
    AuditEvent.EMERGENCY_ENDED: (
        "110113",
        "Security Alert",
        "110128",
        "Emergency Override Stopped",
    ),
    AuditEvent.AUDIT_VERIFIED: _LOG_USED,
    AuditEvent.AUDIT_EXPORTED: _LOG_USED,
    AuditEvent.RECORD_EXPORTED: _HANDED_OUT,
    AuditEvent.EXPORT_REFUSED: _HANDED_OUT,
}
_OTHER: Final = ("110100", "Application Activity", "110100", "Application Activity")
_SUCCESS, _MINOR_FAILURE = "0", "4"


def audit_event(entry: EntryCard, *, deployment: str, origin: str) -> Resource:
    """Return the AuditEvent of one entry.

    Args:
        entry: As it is stored.
        deployment: Name of the installation in business identifiers.
        origin: Public origin of the visit service, such as `https://visits.example`.
    """
    event = _known(entry.event)
    action = ACTION[event] if event is not None else AuditAction.EXECUTE
    refused = event in REFUSED
    return {
        "resourceType": "AuditEvent",
        "id": str(entry.id),
        **_kind(entry, event, action),
        "action": action.value,
        "recorded": entry.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "outcome": _MINOR_FAILURE if refused else _SUCCESS,
        **({"outcomeDesc": entry.event} if refused else {}),
        "agent": _agents(entry, action, deployment=deployment, origin=origin),
        "source": {
            "observer": _device(f"{deployment}:visit-service"),
            "type": [_coding(_SOURCES, "4", "Application Server")],
        },
        "entity": _entities(entry, deployment),
    }


def profile_of(event: AuditEvent, *, has_patient: bool) -> str | None:
    """Return the canonical of the BALP profile an event follows; None: the base resource."""
    named = _PROFILES.get(ACTION[event])
    if named is None:
        return None
    return f"{_BALP}{'Patient' if has_patient else ''}{named[0]}"


def visit_system(deployment: str) -> str:
    """Return the identifier system of our visits, the same as in chart sync."""
    return f"urn:{deployment}:visit"


def _kind(entry: EntryCard, event: AuditEvent | None, action: AuditAction) -> Resource:
    named = _PROFILES.get(action)
    if event is not None and named is not None:
        profile = profile_of(event, has_patient=entry.patient_id is not None)
        subtypes = [_coding(_INTERACTIONS, named[1], named[1])]
        return {
            "meta": {"profile": [profile]},
            "type": _coding(_TYPES, "rest", "Restful Operation"),
            "subtype": [*subtypes, _our_event(entry)],
        }
    type_, type_name, subtype, subtype_name = (
        _OTHER if event is None else _EXECUTED.get(event, _OTHER)
    )
    return {
        "type": _coding(_DCM, type_, type_name),
        "subtype": [_coding(_DCM, subtype, subtype_name), _our_event(entry)],
    }


def _agents(
    entry: EntryCard, action: AuditAction, *, deployment: str, origin: str
) -> list[Resource]:
    """Return client, server and, if a person stands behind it, that person."""
    # Data flows to who reads, and from who writes.
    client, server = (
        (_DESTINATION, _SOURCE) if action is AuditAction.READ else (_SOURCE, _DESTINATION)
    )
    job = entry.actor_job
    agents: list[Resource] = [
        {
            "type": _concept(_DCM, *client),
            "who": _device(f"{deployment}:{job or 'browser'}"),
            "requestor": entry.actor_person_id is None,
            "network": _no_address(),
        },
        {
            "type": _concept(_DCM, *server),
            "who": _device(f"{deployment}:visit-service"),
            "requestor": False,
            "network": {"address": origin, "type": "5"},
        },
    ]
    if entry.actor_person_id is not None:
        agents.append(_person(entry, action))
    return agents


def _person(entry: EntryCard, action: AuditAction) -> Resource:
    kind = ("IRCP", "information recipient") if action is AuditAction.READ else ("AUT", "author")
    purpose = ("PATRQT", "patient requested") if entry.actor_role == "patient" else None
    if entry.actor_role == "provider":
        purpose = ("TREAT", "treatment")
    if entry.event in EMERGENCY:
        purpose = ("BTG", "break the glass")
    return {
        "type": _concept(_PARTICIPATION, *kind),
        "who": {"identifier": _urn(entry.actor_person_id), "display": entry.actor_role or ""},
        "requestor": True,
        "role": [{"text": entry.actor_role or ""}],
        "purposeOfUse": [_concept(_PURPOSES, *(purpose or ("HOPERAT", "healthcare operations")))],
    }


def _entities(entry: EntryCard, deployment: str) -> list[Resource]:
    """Return what was seen or changed, the patient, and the entry's own place in its chain."""
    found = [_data(entry, deployment)]
    if entry.patient_id is not None:
        found.append(
            {
                "what": {"identifier": _urn(entry.patient_id), "type": "Patient"},
                "type": _coding(_ENTITY_TYPES, "1", "Person"),
                "role": _coding(_OBJECT_ROLES, "1", "Patient"),
            }
        )
    return found


def _data(entry: EntryCard, deployment: str) -> Resource:
    what: Resource
    if entry.visit_id is not None:
        identifier = {"system": visit_system(deployment), "value": str(entry.visit_id)}
        what = {"identifier": identifier, "type": "Encounter"}
    else:
        what = {"identifier": _urn(entry.subject_id or entry.clinic_id)}
    details = [
        {"type": name, "valueString": str(value)}
        for name, value in entry.known_facts().items()
        if value is not None
    ]
    return {
        "what": what,
        "type": _coding(_ENTITY_TYPES, "2", "System Object"),
        "role": _coding(_OBJECT_ROLES, "4", "Domain Resource"),
        "detail": [
            *details,
            {"type": "seq", "valueString": str(entry.seq)},
            {"type": "seal", "valueBase64Binary": b64encode(entry.seal).decode()},
        ],
    }


def _known(event: str) -> AuditEvent | None:
    return AuditEvent(event) if event in set(AuditEvent) else None


def _our_event(entry: EntryCard) -> Resource:
    return {"system": "urn:telehealth:audit-event", "code": entry.event}


def _device(name: str) -> Resource:
    identifier = {"system": "urn:telehealth:device", "value": name}
    return {"identifier": identifier, "type": "Device", "display": name}


def _no_address() -> Resource:
    """Say that nobody asked for the address: none is kept."""
    absent = {"extension": [{"url": _ABSENT, "valueCode": "not-asked"}]}
    return {"_address": absent, "_type": absent}


def _urn(id_: UUID | None) -> Resource:
    return {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{id_}"}


def _coding(system: str, code: str, display: str) -> Resource:
    return {"system": system, "code": code, "display": display}


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [_coding(system, code, display)]}
