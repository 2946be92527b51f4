"""A patient's whole record as one FHIR R4 bundle.  Pure.

Everything the bundle refers to is in it, by `urn:uuid:`; nothing in it opens anything: no link, no
ticket, no address of a room.  The Encounter and the note are those the chart is given
(`chart_sync/mapping.py`), with the visit's id as their only identifier.

Source:
    45 CFR 164.524(c)(2)(ii), an electronic copy in a form the patient can use; FHIR R4 4.0.1
    Bundle (collection), Patient, Practitioner, Appointment, Encounter, DocumentReference, Consent.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha1
from types import MappingProxyType
from typing import Final
from uuid import UUID, uuid5

from telehealth.chart_sync import mapping as chart
from telehealth.chart_sync.mapping import Resource
from telehealth.visits.lifecycle import VisitState

_CONSENT_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
_S = VisitState
_APPOINTMENT_STATUS: Final[Mapping[VisitState, str]] = MappingProxyType(
    {
        _S.SCHEDULED: "booked",
        _S.CHECKING_IN: "arrived",
        _S.WAITING: "checked-in",
        _S.CALLED: "checked-in",
        _S.IN_CALL: "checked-in",
        _S.PAUSED: "checked-in",
        _S.WRAP_UP: "fulfilled",
        _S.COMPLETED: "fulfilled",
        _S.NO_SHOW: "noshow",
        _S.CANCELLED: "cancelled",
        _S.LEFT: "cancelled",
    }
)
"""Source: FHIR R4 AppointmentStatus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """The patient, or a provider who treated them."""

    person_id: UUID
    given: str
    family: str
    birth_on: date | None = None
    phone: str | None = None
    medical_record_number: str | None = None
    npi: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFacts:
    """The signed note of a visit."""

    version: int
    text: str
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFacts:
    """One consent, with the wording that was read."""

    consent_id: UUID
    text_id: str
    version: int
    language: str
    jurisdiction: str
    digest: str
    wording: str | None
    given_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFacts:
    """One visit of the record."""

    visit_id: UUID
    appointment_id: UUID
    state: VisitState
    starts_at: datetime
    ends_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    provider: PersonFacts
    place: str | None
    """As stated at check-in."""
    note: NoteFacts | None
    consents: Sequence[ConsentFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFacts:
    """One patient's record at one clinic."""

    clinic_name: str
    time_zone: str
    patient: PersonFacts
    visits: Sequence[VisitFacts]
    made_at: datetime


def bundle(record: RecordFacts) -> Resource:
    """Make the bundle: the patient, who treated them, then each visit in order."""
    providers = {visit.provider.person_id: visit.provider for visit in record.visits}
    resources = [_patient(record.patient), *(_practitioner(each) for each in providers.values())]
    for visit in record.visits:
        resources += _visit(record, visit)
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": _instant(record.made_at),
        "entry": [
            {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
            for resource in resources
        ],
    }


def _visit(record: RecordFacts, visit: VisitFacts) -> list[Resource]:
    found = [_appointment(record, visit)]
    took_place = visit.state in {VisitState.WRAP_UP, VisitState.COMPLETED}
    if took_place and visit.ended_at is not None:
        found += _encounter(record, visit, ended_at=visit.ended_at)
    return [*found, *(_consent(record, each) for each in visit.consents)]


def _patient(person: PersonFacts) -> Resource:
    resource: Resource = {
        "resourceType": "Patient",
        "id": str(person.person_id),
        "identifier": [_own_identifier(person.person_id)],
        "name": [_name(person)],
    }
    if person.medical_record_number is not None:
        number = {"type": {"text": "Medical record number"}, "value": person.medical_record_number}
        resource["identifier"].append(number)
    if person.birth_on is not None:
        resource["birthDate"] = person.birth_on.isoformat()
    if person.phone is not None:
        resource["telecom"] = [{"system": "phone", "value": person.phone}]
    return resource


def _practitioner(person: PersonFacts) -> Resource:
    number = (
        _own_identifier(person.person_id)
        if person.npi is None
        else {"system": chart.NPI_SYSTEM, "value": person.npi}
    )
    return {
        "resourceType": "Practitioner",
        "id": str(person.person_id),
        "identifier": [number],
        "name": [_name(person)],
    }


def _appointment(record: RecordFacts, visit: VisitFacts) -> Resource:
    return {
        "resourceType": "Appointment",
        "id": str(visit.appointment_id),
        "identifier": [_own_identifier(visit.appointment_id)],
        "status": _APPOINTMENT_STATUS[visit.state],
        "start": _instant(visit.starts_at),
        "end": _instant(visit.ends_at),
        "participant": [
            {"actor": _reference(person.person_id), "status": "accepted"}
            for person in (record.patient, visit.provider)
        ],
    }


def _encounter(record: RecordFacts, visit: VisitFacts, *, ended_at: datetime) -> list[Resource]:
    facts = chart.VisitFacts(
        visit_id=visit.visit_id,
        patient=chart.PatientFacts(given=record.patient.given, family=record.patient.family),
        provider=chart.ProviderFacts(
            npi=visit.provider.npi, given=visit.provider.given, family=visit.provider.family
        ),
        started_at=visit.started_at,
        ended_at=ended_at,
        note=None
        if visit.note is None
        else chart.NoteFacts(
            version=visit.note.version, text=visit.note.text, signed_at=visit.note.signed_at
        ),
    )
    references = chart.ChartReferences(
        patient=_url(record.patient.person_id), practitioner=_url(visit.provider.person_id)
    )
    made = chart.encounter(facts, references, deployment="record")
    made["id"] = str(visit.visit_id)
    made["identifier"] = [_own_identifier(visit.visit_id)]
    made["appointment"] = [_reference(visit.appointment_id)]
    if visit.place is not None:
        made["contained"] = [
            {"resourceType": "Location", "id": "place", "description": visit.place}
        ]
        made["location"] = [{"location": {"reference": "#place"}}]
    if visit.note is None:
        return [made]
    note = chart.note(facts, references, encounter_ref=_url(visit.visit_id), deployment="record")
    note_id = uuid5(visit.visit_id, "note")
    note["id"] = str(note_id)
    note["identifier"] = [_own_identifier(note_id)]
    return [made, note]


def _consent(record: RecordFacts, consent: ConsentFacts) -> Resource:
    title = f"{consent.text_id}, version {consent.version}"
    resource: Resource = {
        "resourceType": "Consent",
        "id": str(consent.consent_id),
        "status": "active" if consent.withdrawn_at is None else "inactive",
        "scope": {
            "coding": [
                {"system": _CONSENT_SCOPE, "code": "treatment", "display": "Treatment"},
            ]
        },
        "category": [
            {
                "coding": [
                    {"system": chart.LOINC, "code": "59284-0", "display": "Consent Document"},
                ]
            }
        ],
        "patient": _reference(record.patient.person_id),
        "dateTime": _instant(consent.given_at),
        "policyRule": {
            "text": f"{title}, {consent.jurisdiction}, SHA-256 {consent.digest}",
        },
    }
    if consent.wording is not None:
        raw = consent.wording.encode()
        # FHIR R4 Attachment.hash is SHA-1; what proves the wording is the SHA-256 above.
        digest = sha1(raw, usedforsecurity=False).digest()
        resource["sourceAttachment"] = {
            "contentType": "text/plain;charset=utf-8",
            "language": consent.language,
            "data": b64encode(raw).decode(),
            "hash": b64encode(digest).decode(),
            "title": title,
        }
    return resource


def _name(person: PersonFacts) -> Resource:
    return {"family": person.family, "given": [person.given]}


def _own_identifier(known_as: UUID) -> Resource:
    return {"system": "urn:ietf:rfc:3986", "value": _url(known_as)}


def _reference(to: UUID) -> Resource:
    return {"reference": _url(to)}


def _url(known_as: UUID) -> str:
    return f"urn:uuid:{known_as}"


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
