"""Thousands of visits of years gone by, written straight into the tables; what of them is due."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

from telehealth.access.roles import Role
from telehealth.charting.tables import NoteVersion
from telehealth.contract import AttendanceKind, ClinicId
from telehealth.identity.tables import LoginSession, Person, RefreshSecret, VisitLink
from telehealth.platform.db import Base, Database
from telehealth.privacy.retention import HoldReason
from telehealth.privacy.tables import LegalHold
from telehealth.scheduling.booking import AppointmentState
from telehealth.scheduling.tables import Appointment
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.tables import Attendance, Consent, PresenceSeen, Visit
from telehealth.waiting_room.tables import QueueEntry

_BATCH = 100
_DAY = timedelta(days=1)
TEN_YEARS = 3_660 * _DAY
"""Longest form of ten years, as the policy counts."""


@dataclass(kw_only=True)
class Patient:
    """One patient, and when each visit was."""

    person_id: UUID
    born_on: date
    visits: dict[UUID, datetime]
    is_held: bool

    def is_due(self, now: datetime) -> bool:
        """Say whether the whole record must go, in words of the law, not of the product."""
        of_age = datetime.combine(
            self.born_on.replace(year=self.born_on.year + 18), time(0), tzinfo=UTC
        )
        last = max(self.visits.values())
        return not self.is_held and max(last, of_age) + TEN_YEARS <= now


@dataclass(kw_only=True)
class ManyVisits:
    """What was written, by table and id of the row."""

    clinic_id: ClinicId
    now: datetime
    patients: list[Patient] = field(default_factory=list)

    @property
    def gone(self) -> list[Patient]:
        """Whose record must go."""
        return [patient for patient in self.patients if patient.is_due(self.now)]

    def expected(self) -> dict[type[Base], set[UUID]]:
        """Return which rows must be left; every row of a visit bears the visit's id."""
        kept = [patient for patient in self.patients if not patient.is_due(self.now)]
        stay = {visit_id for patient in kept for visit_id in patient.visits}

        def newer(than: timedelta) -> set[UUID]:
            return {
                visit_id
                for patient in kept
                for visit_id, at in patient.visits.items()
                if patient.is_held or at > self.now - than
            }

        return {
            Person: {patient.person_id for patient in kept},
            **dict.fromkeys((Visit, Appointment, NoteVersion, Consent, QueueEntry), stay),
            Attendance: stay,
            VisitLink: newer(90 * _DAY),
            LoginSession: newer(90 * _DAY),
            RefreshSecret: newer(30 * _DAY),
            PresenceSeen: newer(_DAY),
        }


async def write_many(
    database: Database, clinic_id: ClinicId, *, visits: int, now: datetime, dice: random.Random
) -> ManyVisits:
    """Write visits of nineteen years, four a patient in three; one patient in twenty is held."""
    written = ManyVisits(clinic_id=clinic_id, now=now)
    for _ in range(visits // 4):
        # Never on the very instant a span ends: that is for the tests of the rules.
        last = now - dice.randrange(16 * 365) * _DAY - timedelta(hours=1)
        written.patients.append(
            Patient(
                person_id=uuid4(),
                born_on=date(dice.randrange(1930, now.year), dice.randrange(1, 13), 15),
                visits={
                    uuid4(): last - each * _DAY
                    for each in (0, *(dice.randrange(1, 3 * 365) for _ in range(3)))
                },
                is_held=dice.random() < 1 / 20,
            )
        )
    for at in range(0, len(written.patients), _BATCH):
        async with database.unit_of_work() as uow:
            some = written.patients[at : at + _BATCH]
            for level in range(4):
                uow.session.add_all(row for each in some for row in _rows(each, clinic_id, level))
                await uow.session.flush()
    return written


def _rows(patient: Patient, clinic_id: ClinicId, level: int) -> Iterator[Base]:
    """Yield a patient's rows; a level refers to those before it."""
    if level == 0:
        yield from _person(patient, clinic_id)
    for visit_id, at in patient.visits.items():
        yield from (_visit, _of_visit, _of_link, _of_session)[level](
            patient.person_id, clinic_id, visit_id, at
        )


def _person(patient: Patient, clinic_id: ClinicId) -> Iterator[Base]:
    yield Person(
        id=patient.person_id,
        clinic_id=clinic_id,
        given="Ada",
        family="Invented",
        birth_on=patient.born_on,
        added_at=min(patient.visits.values()),
    )
    if patient.is_held:
        yield LegalHold(
            id=uuid4(),
            clinic_id=clinic_id,
            patient_id=patient.person_id,
            reason=HoldReason.LITIGATION,
            placed_at=max(patient.visits.values()),
            placed_by="operator",
        )


def _visit(person_id: UUID, clinic_id: UUID, visit_id: UUID, at: datetime) -> Iterator[Base]:
    yield Visit(
        id=visit_id,
        clinic_id=clinic_id,
        appointment_id=visit_id,
        patient_id=person_id,
        provider_id=visit_id,
        visit_code="x",
        state=VisitState.COMPLETED,
        state_since=at,
        version=1,
    )
    yield Appointment(
        id=visit_id,
        clinic_id=clinic_id,
        patient_id=person_id,
        provider_id=visit_id,
        starts_at=at - timedelta(minutes=20),
        ends_at=at,
        state=AppointmentState.BOOKED,
        booked_at=at - _DAY,
    )
    yield NoteVersion(
        visit_id=visit_id,
        version=1,
        clinic_id=clinic_id,
        patient_id=person_id,
        author_id=visit_id,
        text="Invented.",
        saved_at=at,
    )
    yield QueueEntry(
        visit_id=visit_id,
        clinic_id=clinic_id,
        patient_id=person_id,
        provider_id=visit_id,
        place_state="IL",
        place_address="1 Invented Street",
        call_back_number="555-0101",
        arrived_at=at,
        checked_at=at,
    )
    yield PresenceSeen(event_id=visit_id, visit_id=visit_id, at=at)


def _of_visit(person_id: UUID, clinic_id: UUID, visit_id: UUID, at: datetime) -> Iterator[Base]:
    yield Attendance(
        id=visit_id,
        visit_id=visit_id,
        person_id=person_id,
        kind=AttendanceKind.PATIENT,
        is_present=False,
        attach_epoch=0,
        is_media_connected=False,
    )
    yield Consent(
        id=visit_id,
        visit_id=visit_id,
        person_id=person_id,
        text_id="video-visit",
        version=1,
        language="en",
        digest="x",
        modality="video",
        jurisdiction="US",
        given_at=at,
    )
    yield VisitLink(
        id=visit_id,
        clinic_id=clinic_id,
        person_id=person_id,
        visit_id=visit_id,
        secret_hash=visit_id.bytes * 2,
        issued_at=at - _DAY,
        expires_at=at,
    )


def _of_link(person_id: UUID, clinic_id: UUID, visit_id: UUID, at: datetime) -> Iterator[Base]:
    yield LoginSession(
        id=visit_id,
        clinic_id=clinic_id,
        person_id=person_id,
        role=Role.PATIENT,
        link_id=visit_id,
        visit_id=visit_id,
        started_at=at - _DAY,
        renewed_at=at,
        expires_at=at,
    )


def _of_session(person_id: UUID, clinic_id: UUID, visit_id: UUID, at: datetime) -> Iterator[Base]:
    del person_id, clinic_id
    yield RefreshSecret(secret_hash=visit_id.bytes * 2, session_id=visit_id, made_at=at)
