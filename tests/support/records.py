"""A record to be exported, made without a database."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

from telehealth.privacy.bundle import (
    ConsentFacts,
    NoteFacts,
    PersonFacts,
    RecordFacts,
    VisitFacts,
)
from telehealth.visits.consent import TextVersion
from telehealth.visits.consent_texts import wording
from telehealth.visits.lifecycle import VisitState

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
_HERE = UUID("0195f0aa-0000-7000-8000-000000000000")


def person(name: str, *, npi: str | None = None) -> PersonFacts:
    """Invent somebody."""
    return PersonFacts(
        person_id=uuid5(_HERE, name),
        given=name,
        family="Invented",
        birth_on=None if npi else date(1984, 2, 29),
        phone=None if npi else "+13125550101",
        medical_record_number=None if npi else "MRN-1",
        npi=npi,
    )


def visit(number: int, state: VisitState = VisitState.COMPLETED) -> VisitFacts:
    """Invent one visit."""
    starts_at = NOW - timedelta(days=number)
    is_over = state in {VisitState.COMPLETED, VisitState.WRAP_UP}
    text = wording(TextVersion("video-visit", 1), "en")
    return VisitFacts(
        visit_id=uuid5(_HERE, f"visit {number} {state}"),
        appointment_id=uuid5(_HERE, f"appointment {number} {state}"),
        state=state,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=30),
        started_at=starts_at if is_over else None,
        ended_at=starts_at + timedelta(minutes=20) if is_over else None,
        provider=person("Grace", npi="1234567893"),
        place="1 Invented Street, IL",
        note=NoteFacts(version=2, text="Invented: sore throat.", signed_at=starts_at)
        if state is VisitState.COMPLETED
        else None,
        consents=[
            ConsentFacts(
                consent_id=uuid5(_HERE, f"consent {number} {state}"),
                text_id=text.text_id,
                version=text.version,
                language=text.language,
                jurisdiction="US-IL",
                digest=text.digest,
                wording=text.text,
                given_at=starts_at,
                withdrawn_at=starts_at if number % 2 else None,
            )
        ],
    )


def record(*visits: VisitFacts) -> RecordFacts:
    """Invent a record of these visits."""
    return RecordFacts(
        clinic_name="Riverside Clinic",
        time_zone="America/Chicago",
        patient=person("Ada"),
        visits=visits,
        made_at=NOW,
    )
