"""What other capabilities may know of a visit."""

from datetime import UTC, datetime
from uuid import UUID

from telehealth.contract import AttendanceKind
from telehealth.visits.cards import card_of
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.tables import Attendance, Visit

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def visit(number: int) -> Visit:
    return Visit(
        id=UUID(int=number),
        clinic_id=UUID(int=90),
        appointment_id=UUID(int=91),
        patient_id=UUID(int=11),
        provider_id=UUID(int=12),
        visit_code="INVENT",
        state=VisitState.WAITING,
        state_since=NOON,
        version=3,
    )


def attendance(visit_id: int, person: int, kind: AttendanceKind) -> Attendance:
    return Attendance(
        id=UUID(int=visit_id * 1000 + person),
        visit_id=UUID(int=visit_id),
        person_id=UUID(int=person),
        kind=kind,
        is_present=True,
        presence_since=NOON,
        removed_at=NOON if kind is AttendanceKind.FAMILY else None,
    )


def test_a_card_holds_those_who_attend_this_visit_only() -> None:
    card = card_of(
        visit(1),
        [
            attendance(1, 11, AttendanceKind.PATIENT),
            attendance(2, 12, AttendanceKind.PROVIDER),
            attendance(1, 13, AttendanceKind.FAMILY),
        ],
    )

    assert [each.person_id for each in card.attendances] == [UUID(int=11), UUID(int=13)]
    assert [each.is_removed for each in card.attendances] == [False, True]


def test_a_seat_is_found_by_person_and_by_kind() -> None:
    card = card_of(visit(1), [attendance(1, 11, AttendanceKind.PATIENT)])
    own = card.attendance_of(UUID(int=11))

    assert own is not None
    assert card.attendance_as(AttendanceKind.PATIENT) == own
    assert card.attendance_of(UUID(int=12)) is None
    assert card.attendance_of(None) is None
    assert card.attendance_as(AttendanceKind.PROVIDER) is None
