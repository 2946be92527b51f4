"""A clinic with history, made by the ordinary actions: patients long gone, and their guests."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select, text, update

from telehealth.access.actor import Actor, Job
from telehealth.contract import AttendanceKind, PersonId
from telehealth.delivery.ports import OutcomeCode
from telehealth.delivery.tables import AttemptStep, DeliveryAttempt, LedgerEntry
from telehealth.identity import actions as identity
from telehealth.identity import link_door
from telehealth.platform.db import Database
from telehealth.platform.ids import new_uuid
from telehealth.privacy.actions import holds
from telehealth.privacy.keeper import RetentionKeeper
from telehealth.privacy.retention import HoldReason
from telehealth.visits.actions import invitations
from telehealth.visits.actions.invitations import Invitation
from telehealth.visits.lifecycle import VisitState
from telehealth.visits.tables import Attendance, Visit
from tests.support.clinic import BORN_ON, InventedClinic, invent_clinic
from tests.support.clock import FakeClock
from tests.support.visits import NOW, InventedVisit, book


@dataclass(frozen=True, kw_only=True)
class Past:
    """A clinic with history: four patients, each with one visit long ago."""

    database: Database
    clinic: InventedClinic
    visits: Mapping[str, InventedVisit]

    @property
    def sweep(self) -> Actor:
        """The job that removes."""
        return Actor.of_job(Job.SWEEP, self.clinic.clinic_id)

    @property
    def operator(self) -> Actor:
        """Somebody at the machine."""
        return Actor.of_job(Job.SETUP, self.clinic.clinic_id)

    async def run(self, after: timedelta) -> Mapping[str, int]:
        """Move the clock and remove what is due."""
        keeper = RetentionKeeper(self.database, clock=FakeClock(NOW + after))
        taken = await keeper.remove(self.clinic.clinic_id)
        return {kind.value: rows for kind, rows in taken.items()}

    async def hold(self, name: str) -> None:
        """Put a patient's record on hold."""
        async with self.database.unit_of_work() as uow:
            await holds.place(
                uow,
                by=self.operator,
                now=NOW,
                patient_id=self.visits[name].clinic.patient_id,
                reason=HoldReason.LITIGATION,
            )

    async def lift(self, name: str) -> None:
        """End it."""
        async with self.database.unit_of_work() as uow:
            await holds.lift(
                uow,
                by=self.operator,
                now=NOW,
                patient_id=self.visits[name].clinic.patient_id,
            )


async def past(database: Database) -> Past:
    """Make the history through the ordinary actions."""
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=NOW)
    visits = {}
    for number, (name, born_on) in enumerate(
        {"adult": BORN_ON, "held": BORN_ON, "child": date(2020, 1, 1), "regular": BORN_ON}.items()
    ):
        async with database.unit_of_work() as uow:
            patient_id = await identity.add_person(
                uow,
                by=Actor.of_job(Job.SETUP, clinic.clinic_id),
                now=NOW,
                given=name,
                family="Invented",
                birth_on=born_on,
                phone=None,
                medical_record_number=f"MRN-{name}",
                npi=None,
            )
        visits[name] = await _live_through(
            database, replace(clinic, patient_id=PersonId(patient_id)), number, born_on
        )
    return Past(database=database, clinic=clinic, visits=visits)


async def _live_through(
    database: Database, clinic: InventedClinic, number: int, born_on: date
) -> InventedVisit:
    starts_at = NOW + timedelta(minutes=10 + number)
    visit = await book(database, clinic=clinic, starts_at=starts_at)
    async with database.unit_of_work() as uow:
        await link_door.open_link(uow, secret=visit.link_secret, birth_on=born_on, now=NOW)
    if born_on == BORN_ON:
        await visit.complete()
    async with database.unit_of_work() as uow:
        entries = await uow.session.scalars(
            select(LedgerEntry).where(LedgerEntry.subject_id == visit.visit_id)
        )
        for entry in entries:
            uow.session.add(
                DeliveryAttempt(
                    attempt_id=new_uuid(),
                    entry_id=entry.entry_id,
                    lease_epoch=1,
                    step=AttemptStep.ANSWERED,
                    at=NOW,
                    made_by="worker",
                    result=OutcomeCode.UNREACHABLE,
                )
            )
        await uow.session.execute(
            text("UPDATE ledger_entry SET state = 'confirmed', settled_at = created_at")
        )
    return visit


async def invite(past: Past, name: str) -> UUID:
    """Invite an interpreter to the visit of one patient, whose visit may be over."""
    visit = past.visits[name]
    invitation = Invitation(
        name=f"Interpreter of {name}",
        kind=AttendanceKind.INTERPRETER,
        phone="+13125550101",
        email=None,
        language="en",
    )
    async with past.database.unit_of_work() as uow:
        await uow.session.execute(
            update(Visit).where(Visit.id == visit.visit_id).values(state=VisitState.WAITING)
        )
        invited = await invitations.invite(
            uow, by=visit.scheduler, now=NOW, visit_id=visit.visit_id, invitation=invitation
        )
        seat = await uow.session.get(Attendance, invited.participant_id)
        assert seat is not None
        return seat.person_id
