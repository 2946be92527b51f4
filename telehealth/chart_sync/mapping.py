"""A finished visit as FHIR R4: one Encounter, one DocumentReference.  Pure.

The one place that says Encounter.  Nothing here lets anybody into a call: no ticket, no link, no
room address goes into the EHR copy.

Source: FHIR R4 4.0.1 Encounter and DocumentReference; US Core 9.0.0 profiles of both; the class
`VR` of v3-ActCode for a virtual encounter.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from telehealth.chart_sync.errors import ChartPayloadUnreadable

Resource: TypeAlias = dict[str, Any]

ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PARTICIPATION_TYPE: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
UCUM: Final = "http://unitsofmeasure.org"
NPI_SYSTEM: Final = "http://hl7.org/fhir/sid/us-npi"
NOTE_CATEGORY: Final = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class PatientFacts(_Facts):
    """Who was treated."""

    medical_record_number: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    given: str
    family: str
    birth_on: date | None = None


class ProviderFacts(_Facts):
    """Who treated."""

    npi: Annotated[str, Field(pattern=r"^[12]\d{9}$")] | None = None
    given: str
    family: str


class NoteFacts(_Facts):
    """The signed note."""

    version: Annotated[int, Field(ge=1)]
    text: str
    signed_at: AwareDatetime


class VisitFacts(_Facts):
    """Payload of lane `ehr`, as the visit recorded it."""

    visit_id: UUID
    patient: PatientFacts
    provider: ProviderFacts
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime
    note: NoteFacts | None = None


def visit_facts(payload: Mapping[str, object]) -> VisitFacts:
    """Read the payload of an owed chart entry.

    Raises:
        ChartPayloadUnreadable: Something a chart resource must have is missing.
    """
    try:
        return VisitFacts.model_validate(payload)
    except ValidationError as invalid:
        raise ChartPayloadUnreadable(faults=invalid.error_count()) from None


class ChartReferences(_Facts):
    """Where the people of the visit are in the chart."""

    patient: str
    practitioner: str | None = None
    """None when the chart does not know the provider by NPI."""


def visit_system(deployment: str) -> str:
    """Return the identifier system of our visits: one per deployment, so none collide."""
    return f"urn:{deployment}:visit"


def encounter_identifier(visit_id: UUID) -> str:
    """Return the business identifier of a visit's Encounter: one for ever."""
    return str(visit_id)


def note_identifier(visit_id: UUID, version: int) -> str:
    """Return the business identifier of one version of a visit's note."""
    return f"{visit_id}.note.{version}"


def encounter(facts: VisitFacts, references: ChartReferences, *, deployment: str) -> Resource:
    """Make the Encounter of a finished visit.

    Its period ends with the last call; its class is `VR`, virtual.
    """
    resource: Resource = {
        "resourceType": "Encounter",
        "identifier": [
            {"system": visit_system(deployment), "value": encounter_identifier(facts.visit_id)}
        ],
        "status": "finished",
        "class": _coding(ACT_CODE, "VR", "virtual"),
        "type": [
            {
                "coding": [
                    _coding(SNOMED, "448337001", "Telemedicine consultation with patient"),
                ],
                "text": "Video visit",
            }
        ],
        "subject": {"reference": references.patient},
        "period": _period(facts),
    }
    if references.practitioner is not None:
        resource["participant"] = [
            {
                "type": [{"coding": [_coding(PARTICIPATION_TYPE, "PPRF", "primary performer")]}],
                "individual": _provider(facts, references),
            }
        ]
    minutes = _minutes(facts)
    if minutes is not None:
        resource["length"] = {"value": minutes, "unit": "min", "system": UCUM, "code": "min"}
    return resource


def note(
    facts: VisitFacts, references: ChartReferences, *, encounter_ref: str, deployment: str
) -> Resource:
    """Make the DocumentReference of a visit's signed note.

    `date` is when the note was signed; the clinical time stands in `context.period`.  The content
    travels inline: an EHR must not be sent to our addresses.

    Raises:
        ChartPayloadUnreadable: The payload holds no note.
    """
    if facts.note is None:
        raise ChartPayloadUnreadable
    value = note_identifier(facts.visit_id, facts.note.version)
    data = b64encode(facts.note.text.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "identifier": [{"system": visit_system(deployment), "value": value}],
        "status": "current",
        "docStatus": "final",
        "type": {"coding": [_coding(LOINC, "11506-3", "Progress note")]},
        "category": [{"coding": [_coding(NOTE_CATEGORY, "clinical-note", "Clinical Note")]}],
        "subject": {"reference": references.patient},
        "date": _instant(facts.note.signed_at),
        "author": [_provider(facts, references)],
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain;charset=utf-8",
                    "data": data,
                    "title": "Video visit note",
                }
            }
        ],
        "context": {"encounter": [{"reference": encounter_ref}], "period": _period(facts)},
    }


def _provider(facts: VisitFacts, references: ChartReferences) -> Resource:
    """Refer to the provider; by name alone where the chart does not know them."""
    named: Resource = {"display": f"{facts.provider.given} {facts.provider.family}"}
    if references.practitioner is not None:
        named["reference"] = references.practitioner
    return named


def _period(facts: VisitFacts) -> Resource:
    period = {"end": _instant(facts.ended_at)}
    if facts.started_at is not None:
        period["start"] = _instant(facts.started_at)
    return period


def _minutes(facts: VisitFacts) -> int | None:
    """Return the whole minutes begun, at least one; None when no start is known."""
    if facts.started_at is None:
        return None
    seconds = (facts.ended_at - facts.started_at).total_seconds()
    return max(1, -(-int(seconds) // 60))


def _instant(at: datetime) -> str:
    """Write an instant with a time part and whole seconds, in UTC."""
    utc = at.astimezone(UTC).replace(microsecond=0)
    return utc.isoformat().replace("+00:00", "Z")


def _coding(system: str, code: str, display: str) -> Resource:
    return {"system": system, "code": code, "display": display}
