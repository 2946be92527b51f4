"""What other capabilities may know of a visit: values, read once, never live rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from telehealth.contract import AttendanceKind, ClinicId, ParticipantId, PersonId, VisitId
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.tables import Attendance, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendanceCard:
    """One person's part in a visit."""

    participant_id: ParticipantId
    person_id: PersonId
    kind: AttendanceKind
    is_present: bool
    presence_since: datetime | None
    is_removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitCard:
    """Where a visit stands."""

    visit_id: VisitId
    clinic_id: ClinicId
    appointment_id: UUID
    patient_id: PersonId
    provider_id: PersonId
    visit_code: str
    state: VisitState
    version: int
    state_since: datetime
    waiting_since: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    closed_at: datetime | None
    attendances: Sequence[AttendanceCard]

    def attendance_of(self, person_id: UUID | None) -> AttendanceCard | None:
        """Return the part a person has in this visit."""
        return next((each for each in self.attendances if each.person_id == person_id), None)

    def attendance_as(self, kind: AttendanceKind) -> AttendanceCard | None:
        """Return the first attendance of a kind."""
        return next((each for each in self.attendances if each.kind is kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StayCard:
    """One stay in the call."""

    kind: AttendanceKind
    joined_at: datetime
    left_at: datetime | None


def card_of(visit: Visit, attendances: Sequence[Attendance]) -> VisitCard:
    """Make the card of a stored visit."""
    return VisitCard(
        visit_id=VisitId(visit.id),
        clinic_id=ClinicId(visit.clinic_id),
        appointment_id=visit.appointment_id,
        patient_id=PersonId(visit.patient_id),
        provider_id=PersonId(visit.provider_id),
        visit_code=visit.visit_code,
        state=visit.state,
        version=visit.version,
        state_since=visit.state_since,
        waiting_since=visit.waiting_since,
        started_at=visit.started_at,
        ended_at=visit.ended_at,
        closed_at=visit.closed_at,
        attendances=[
            AttendanceCard(
                participant_id=ParticipantId(each.id),
                person_id=PersonId(each.person_id),
                kind=each.kind,
                is_present=each.is_present,
                presence_since=each.presence_since,
                is_removed=each.removed_at is not None,
            )
            for each in attendances
            if each.visit_id == visit.id
        ],
    )
