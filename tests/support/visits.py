"""One invented visit, moved along by the ordinary actions."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from telehealth.access.actor import Actor
from telehealth.access.roles import Role
from telehealth.audit.tables import AuditEntry
from telehealth.charting import actions as charting
from telehealth.contract import (
    AttendanceKind,
    LeftCause,
    ParticipantId,
    PresenceEvent,
    PresenceKind,
    VisitId,
)
from telehealth.delivery.lanes import Lane
from telehealth.delivery.tables import LedgerEntry
from telehealth.platform.db import Database
from telehealth.platform.ids import new_uuid
from telehealth.visits import seats
from telehealth.visits.actions import arrival, booking, conduct, sight
from telehealth.visits.cards import VisitCard
from telehealth.waiting_room import actions as waiting_room
from telehealth.waiting_room.check_in import DeviceOutcome, DeviceResult
from tests.support.clinic import InventedClinic, invent_clinic

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
PARTS = ("microphone", "camera", "speaker", "network")


@dataclass(frozen=True, kw_only=True)
class InventedVisit:
    """A visit of an invented clinic, and those who act on it."""

    database: Database
    clinic: InventedClinic
    visit_id: VisitId
    link_secret: str

    @property
    def patient(self) -> Actor:
        """The patient, come by the link: bound to this visit."""
        return replace(self.clinic.actor(Role.PATIENT), visit_id=self.visit_id)

    @property
    def provider(self) -> Actor:
        """The provider of the visit."""
        return self.clinic.actor(Role.PROVIDER)

    @property
    def scheduler(self) -> Actor:
        """Somebody who runs the day."""
        return self.clinic.actor(Role.SCHEDULER)

    async def card(self) -> VisitCard:
        """Say where the visit stands."""
        async with self.database.unit_of_work() as uow:
            return await sight.see(uow, by=self.scheduler, visit_id=self.visit_id)

    async def seat(self, kind: AttendanceKind) -> ParticipantId:
        """Return the participant id of one who attends."""
        found = (await self.card()).attendance_as(kind)
        assert found is not None
        return found.participant_id

    async def arrive(self, *, now: datetime = NOW) -> VisitCard:
        """Have the patient open the link."""
        async with self.database.unit_of_work() as uow:
            return await arrival.open_by_patient(
                uow, by=self.patient, now=now, visit_id=self.visit_id
            )

    async def check_in(self, *, now: datetime = NOW, version: int = 1) -> VisitCard:
        """Have the patient say where they are, and consent."""
        async with self.database.unit_of_work() as uow:
            return await waiting_room.check_in(
                uow,
                by=self.patient,
                now=now,
                visit_id=self.visit_id,
                place_state="IL",
                place_address="1 Invented Street",
                call_back_number="(312) 555-0101",
                text_id="video-visit",
                consent_version=version,
                language="en",
            )

    async def check_devices(
        self,
        *,
        now: datetime = NOW,
        outcome: DeviceOutcome = DeviceOutcome.PASSED,
        result: DeviceResult = DeviceResult.PASS,
    ) -> VisitCard:
        """Have the patient end the device check."""
        async with self.database.unit_of_work() as uow:
            return await waiting_room.record_device_check(
                uow,
                by=self.patient,
                now=now,
                visit_id=self.visit_id,
                outcome=outcome,
                parts=dict.fromkeys(PARTS, result),
            )

    async def wait(self, *, now: datetime = NOW) -> VisitCard:
        """Bring the patient into the waiting room."""
        await self.arrive(now=now)
        await self.check_in(now=now)
        return await self.check_devices(now=now)

    async def call(self, *, now: datetime = NOW) -> VisitCard:
        """Have the provider press Start."""
        version = (await self.card()).version
        async with self.database.unit_of_work() as uow:
            return await waiting_room.call(
                uow, by=self.provider, now=now, visit_id=self.visit_id, version=version
            )

    async def tell(
        self,
        kind: PresenceKind,
        who: AttendanceKind = AttendanceKind.PATIENT,
        *,
        at: datetime = NOW,
        epoch: int = 1,
        cause: LeftCause | None = None,
        event_id: UUID | None = None,
    ) -> PresenceEvent:
        """Have signaling tell something of a seat; returns what was told, to be told again."""
        event = PresenceEvent(
            event_id=event_id or new_uuid(),
            kind=kind,
            visit_id=self.visit_id,
            participant_id=await self.seat(who),
            attach_epoch=epoch,
            at=at,
            cause=cause,
        )
        await self.repeat(event, now=at)
        return event

    async def repeat(self, event: PresenceEvent, *, now: datetime = NOW) -> None:
        """Have signaling tell something again."""
        async with self.database.unit_of_work() as uow:
            await seats.hear(uow, now=now, event=event)

    async def connect(self, *, now: datetime = NOW) -> VisitCard:
        """Have both media connect."""
        for kind in (AttendanceKind.PROVIDER, AttendanceKind.PATIENT):
            await self.tell(PresenceKind.JOINED, kind, at=now)
            await self.tell(PresenceKind.MEDIA_CONNECTED, kind, at=now)
        return await self.card()

    async def talk(self, *, now: datetime = NOW) -> VisitCard:
        """Bring the visit from booked to In call."""
        await self.wait(now=now)
        await self.call(now=now)
        return await self.connect(now=now)

    async def finish(self, *, now: datetime = NOW) -> VisitCard:
        """Have the provider press Finish visit."""
        version = (await self.card()).version
        async with self.database.unit_of_work() as uow:
            return await conduct.finish(
                uow, by=self.provider, now=now, visit_id=self.visit_id, version=version
            )

    async def write(self, text: str = "Invented.", *, based_on: int = 0) -> None:
        """Have the provider save the note."""
        async with self.database.unit_of_work() as uow:
            await charting.save(
                uow,
                by=self.provider,
                now=NOW,
                visit_id=self.visit_id,
                text=text,
                based_on=based_on,
            )

    async def sign(self, version: int = 1) -> None:
        """Have the provider sign the note."""
        async with self.database.unit_of_work() as uow:
            await charting.sign(
                uow, by=self.provider, now=NOW, visit_id=self.visit_id, version=version
            )

    async def close(self, *, now: datetime = NOW) -> VisitCard:
        """Have the provider close the visit."""
        version = (await self.card()).version
        async with self.database.unit_of_work() as uow:
            return await charting.close_visit(
                uow, by=self.provider, now=now, visit_id=self.visit_id, version=version
            )

    async def complete(self) -> VisitCard:
        """Bring the visit from booked to Done."""
        await self.talk()
        await self.finish()
        await self.write()
        await self.sign()
        return await self.close()

    async def audited(self) -> list[str]:
        """Return what the audit trail says of this visit, in order."""
        statement = (
            select(AuditEntry.event)
            .where(AuditEntry.visit_id == self.visit_id)
            .order_by(AuditEntry.seq)
        )
        async with self.database.reading() as session:
            return list(await session.scalars(statement))

    async def audited_facts(self, event: str) -> list[str]:
        """Return the facts of every entry of one kind."""
        statement = (
            select(AuditEntry.facts)
            .where(AuditEntry.visit_id == self.visit_id, AuditEntry.event == event)
            .order_by(AuditEntry.seq)
        )
        async with self.database.reading() as session:
            return list(await session.scalars(statement))

    async def owed(self) -> list[str]:
        """Return the kinds of what is owed to room and chart for this visit, in order."""
        statement = (
            select(LedgerEntry.kind)
            .where(LedgerEntry.subject_id == self.visit_id, LedgerEntry.lane != Lane.NOTICE)
            .order_by(LedgerEntry.lane.desc(), LedgerEntry.order_no)
        )
        async with self.database.reading() as session:
            return [kind.value for kind in await session.scalars(statement)]


async def book(
    database: Database,
    *,
    clinic: InventedClinic | None = None,
    starts_at: datetime = NOW + timedelta(minutes=10),
    now: datetime = NOW,
    name: str = "riverside",
) -> InventedVisit:
    """Book half an hour, in a clinic of its own unless one is given."""
    async with database.unit_of_work() as uow:
        clinic = clinic or await invent_clinic(uow, now=now, name=name)
        made = await booking.book(
            uow,
            by=clinic.actor(Role.SCHEDULER),
            now=now,
            patient_id=clinic.patient_id,
            provider_id=clinic.provider_id,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=30),
        )
    return InventedVisit(
        database=database,
        clinic=clinic,
        visit_id=made.visit_id,
        link_secret=made.link_secret,
    )


async def rows_in(database: Database, *tables: type) -> Collection[int]:
    """Count the rows of tables."""
    async with database.reading() as session:
        return [
            await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables
        ]
