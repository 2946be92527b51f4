"""What happened in a visit, in order."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from telehealth.audit.events import AuditEvent
from telehealth.contract import AttendanceKind, ClinicId, PersonId, VisitId
from telehealth.visits.cards import StayCard, VisitCard
from telehealth.visits.lifecycle import VisitState
from telehealth.waiting_room.timeline import Moment, timeline_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def minute(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


def card(state: VisitState, **instants: datetime) -> VisitCard:
    return VisitCard(
        visit_id=VisitId(UUID(int=1)),
        clinic_id=ClinicId(UUID(int=2)),
        appointment_id=UUID(int=3),
        patient_id=PersonId(UUID(int=4)),
        provider_id=PersonId(UUID(int=5)),
        visit_code="INVENT",
        state=state,
        version=1,
        state_since=minute(20),
        waiting_since=None,
        started_at=instants.get("started_at"),
        ended_at=instants.get("ended_at"),
        closed_at=instants.get("closed_at"),
        attendances=[],
    )


def nothing_else(seen: VisitCard, stays: list[StayCard] | None = None) -> list[Moment]:
    return timeline_of(
        seen, consented_at=None, checked_at=None, called_at=None, signed_at=None, stays=stays or []
    )


def test_a_visit_nobody_has_come_to_has_no_history() -> None:
    assert nothing_else(card(VisitState.SCHEDULED)) == []


def test_a_whole_visit_reads_in_order() -> None:
    done = card(
        VisitState.COMPLETED, started_at=minute(5), ended_at=minute(15), closed_at=minute(20)
    )
    stay = StayCard(kind=AttendanceKind.PATIENT, joined_at=minute(4), left_at=minute(15))

    told = timeline_of(
        done,
        consented_at=minute(0),
        checked_at=minute(1),
        called_at=minute(3),
        signed_at=minute(18),
        stays=[stay],
    )

    assert [moment.event for moment in told] == [
        AuditEvent.VISIT_CONSENT_GIVEN,
        AuditEvent.VISIT_DEVICE_CHECKED,
        AuditEvent.VISIT_CALLED,
        AuditEvent.VISIT_JOINED,
        AuditEvent.VISIT_CONNECTED,
        AuditEvent.VISIT_FINISHED,
        AuditEvent.VISIT_ATTENDANCE_ENDED,
        AuditEvent.NOTE_SIGNED,
        AuditEvent.VISIT_CLOSED,
    ]
    assert told[3].kind is AttendanceKind.PATIENT
    assert told[4].kind is None


def test_somebody_still_in_the_call_has_not_left_it() -> None:
    here = StayCard(kind=AttendanceKind.PROVIDER, joined_at=minute(4), left_at=None)

    told = nothing_else(card(VisitState.CALLED), [here])

    assert [moment.event for moment in told] == [AuditEvent.VISIT_JOINED]


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (VisitState.CANCELLED, AuditEvent.VISIT_CANCELLED),
        (VisitState.NO_SHOW, AuditEvent.VISIT_MARKED_NO_SHOW),
        (VisitState.LEFT, AuditEvent.VISIT_LEFT),
    ],
)
def test_a_visit_that_did_not_take_place_says_how(state: VisitState, event: AuditEvent) -> None:
    assert nothing_else(card(state)) == [Moment(at=minute(20), event=event)]
