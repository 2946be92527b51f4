"""The daily review: one report a clinic and day, whatever the worker went through."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.app import VisitService
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.audit.tables import AuditEntry
from telehealth.contract import ClinicId
from telehealth.day_review.actions import sweep
from telehealth.day_review.rules import SETTLES, midnight
from telehealth.day_review.tables import DayReport
from telehealth.delivery.lanes import EntryKind
from telehealth.delivery.tables import LedgerEntry
from telehealth.platform.db import Database
from telehealth.platform.sweeper import sweep_once
from telehealth.worker import SWEEPS
from tests.support.app_client import running_app
from tests.support.clinic import BORN_ON
from tests.support.clock import FakeClock
from tests.support.requirements import Figure
from tests.support.two_clinics import Caller, TwoClinics, open_session, two_clinics
from tests.support.visits import NOW

REASON = "Unconscious at the desk, allergies unknown"
ZONE = "America/Chicago"
DAY = timedelta(days=1)
FIRST_DAY = date(2026, 3, 2)


def morning_after(on: date) -> datetime:
    """Return the instant from which a day's report is due."""
    return midnight(on + DAY, zone=ZONE) + SETTLES


@dataclass(frozen=True, kw_only=True)
class Office:
    """Two clinics and their auditors, a clock, and the worker's sweeps."""

    made: VisitService
    database: Database
    clock: FakeClock
    world: TwoClinics

    @property
    def clinic_id(self) -> ClinicId:
        return self.world.own.clinic.clinic_id

    def caller(self, role: Role, place: str = "first") -> Caller:
        return next(c for c in self.world.callers if c.name == f"{role.value} of the {place}")

    async def signed_in(self, role: Role, place: str = "first") -> Caller:
        """Sign somebody in anew: since the last time a night has passed."""
        caller = self.caller(role, place)
        assert caller.actor is not None
        now = self.clock.now()
        caller.http.cookies.update(
            await open_session(self.made, self.database, caller.actor, now=now)
        )
        return caller

    def go_to(self, at: datetime) -> None:
        self.clock.advance(seconds=(at - self.clock.now()).total_seconds())

    async def sweep(self) -> int:
        return await sweep_once(SWEEPS, database=self.database, clock=self.clock)

    async def happen(self, *events: AuditEvent, at: datetime | None = None) -> None:
        by = Actor.of_job(Job.SIGN_IN, self.clinic_id)
        for event in events:
            async with self.database.unit_of_work() as uow:
                await audit.record(uow, by=by, now=at or self.clock.now(), event=event)

    async def stored(self) -> Sequence[DayReport]:
        async with self.database.reading() as session:
            statement = select(DayReport).where(DayReport.clinic_id == self.clinic_id)
            found = (await session.scalars(statement.order_by(DayReport.day_on))).all()
            session.expunge_all()
            return found

    async def owed(self) -> Sequence[tuple[UUID, Any]]:
        """Return the report and the facts of each notice."""
        async with self.database.reading() as session:
            statement = select(LedgerEntry).where(
                LedgerEntry.kind == EntryKind.NOTICE_DAY_REPORT,
                LedgerEntry.clinic_id == self.clinic_id,
            )
            return [
                (each.subject_id, json.loads(each.payload))
                for each in await session.scalars(statement)
            ]

    async def break_glass(self) -> str:
        body = {
            "medical_record_number": "MRN-others",
            "birth_date": BORN_ON.isoformat(),
            "reason": REASON,
        }
        answer = await self.caller(Role.PROVIDER).ask("POST", "/v1/break-glass", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["access_id"])

    async def reports(self, place: str = "first") -> Any:
        auditor = await self.signed_in(Role.AUDITOR, place)
        return (await auditor.ask("GET", "/v1/audit/day-reports", None)).json()


@pytest.fixture
async def office(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    clock = FakeClock(NOW)
    async with (
        running_app(database_url, tmp_path, clock=clock) as made,
        two_clinics(made, database, now=NOW) as world,
    ):
        yield Office(made=made, database=database, clock=clock, world=world)


def heading(report: Any, name: str) -> Any:
    return next(each for each in report["headings"] if each["heading"] == name)


@pytest.mark.requirement("PRV-07")
async def test_a_day_has_one_report_and_it_counts_every_entry_of_the_day(
    office: Office, figure: Figure
) -> None:
    await office.happen(
        AuditEvent.PERSON_SIGN_IN_REFUSED,
        AuditEvent.PERSON_SIGN_IN_REFUSED,
        AuditEvent.ACCOUNT_LOCKED,
        AuditEvent.PERSON_ROLE_CHANGED,
        AuditEvent.FACTOR_ADDED,
    )
    async with office.database.reading() as session:
        statement = select(AuditEntry.event).where(AuditEntry.clinic_id == office.clinic_id)
        held = Counter(await session.scalars(statement))

    office.go_to(morning_after(FIRST_DAY) - timedelta(seconds=1))
    too_early = await office.sweep()
    office.go_to(morning_after(FIRST_DAY))
    made = [await office.sweep() for _ in range(3)]

    assert (too_early, made) == (0, [2, 0, 0])
    [report] = await office.stored()
    content = json.loads(report.content)
    assert (report.day_on, report.is_late) == (FIRST_DAY, False)
    assert content["counts"] == held
    assert report.last_seq - report.first_seq + 1 == held.total()
    for name, count in {"refused": 2, "locked": 1, "keys": 1}.items():
        assert (heading(content, name)["count"], name) == (count, name)
        assert len(heading(content, name)["entries"]) == count
    assert "person.role_changed" in {e["event"] for e in heading(content, "rights")["entries"]}
    figure(f"{held.total()} entries of {len(held)} kinds, every one counted")


@pytest.mark.requirement("PRV-07")
async def test_missed_days_are_made_up_for_and_marked_late(office: Office, figure: Figure) -> None:
    missed = 4
    for n in range(missed + 1):
        at = midnight(FIRST_DAY + n * DAY, zone=ZONE) + timedelta(hours=20)
        await office.happen(*[AuditEvent.LINK_REFUSED] * n, at=at)

    office.go_to(morning_after(FIRST_DAY + missed * DAY))
    while await office.sweep():
        pass

    reports = await office.stored()
    assert [(each.day_on, each.is_late) for each in reports] == [
        (FIRST_DAY + n * DAY, n < missed) for n in range(missed + 1)
    ]
    refused = [heading(json.loads(each.content), "refused")["count"] for each in reports]
    assert refused == list(range(missed + 1))
    assert [report_id for report_id, _ in await office.owed()] == [reports[-1].id]
    figure(f"{missed} missed days made up for and marked late, one notice")


@pytest.mark.requirement("PRV-07")
async def test_every_entry_stands_in_exactly_one_report(office: Office) -> None:
    """Even one that was written after its day was read, with an instant before it."""
    office.go_to(morning_after(FIRST_DAY))
    await office.sweep()
    await office.happen(AuditEvent.CODE_REFUSED, at=morning_after(FIRST_DAY) - timedelta(hours=3))
    office.go_to(morning_after(FIRST_DAY + DAY))
    await office.sweep()

    first, second = await office.stored()
    assert second.first_seq == first.last_seq + 1
    assert json.loads(second.content)["counts"]["code.refused"] == 1
    # Its own making is the next day's.
    assert json.loads(second.content)["counts"]["day_report.made"] == 1


@pytest.mark.requirement("PRV-07")
async def test_of_two_workers_one_makes_the_report(office: Office, figure: Figure) -> None:
    rounds = 10
    for n in range(rounds):
        now = morning_after(FIRST_DAY + n * DAY)

        async def work(now: datetime = now) -> int:
            async with office.database.unit_of_work() as uow:
                return await sweep(uow, now=now)

        made = await asyncio.gather(work(), work())
        assert sum(made) == 2, "one a clinic, of two clinics"

    reports = await office.stored()
    assert [each.day_on for each in reports] == [FIRST_DAY + n * DAY for n in range(rounds)]
    assert len(await office.owed()) == rounds
    figure(f"{rounds} days, 2 workers: 1 report and 1 notice a day")


@pytest.mark.requirement("PRV-07")
async def test_a_day_on_which_nothing_happened_has_a_report_too(office: Office) -> None:
    async with office.database.unit_of_work() as uow:
        while await sweep(uow, now=morning_after(FIRST_DAY)):
            pass
    quiet = FIRST_DAY + 3 * DAY
    for n in range(1, 4):
        async with office.database.unit_of_work() as uow:
            await sweep(uow, now=morning_after(FIRST_DAY + n * DAY))

    report = (await office.stored())[-1]
    assert report.day_on == quiet
    assert set(json.loads(report.content)["counts"]) == {"day_report.made"}


@pytest.mark.requirement("PRV-07", "PRV-08")
async def test_the_auditors_are_told_by_a_notice_that_says_nothing_of_it(office: Office) -> None:
    auditor = office.caller(Role.AUDITOR).actor
    assert auditor is not None
    await office.break_glass()
    office.go_to(morning_after(FIRST_DAY))
    await office.sweep()

    [report] = await office.stored()
    facts = {
        "template": "day_report",
        "person_id": str(auditor.person_id),
        "made_at": office.clock.now().isoformat(),
    }
    assert await office.owed() == [(report.id, facts)]


@pytest.mark.requirement("PRV-08")
async def test_an_emergency_access_is_reported_the_next_day_with_how_it_ended(
    office: Office, figure: Figure
) -> None:
    """One is opened in the day's last minute: its hour is over when the day is read."""
    provider = office.caller(Role.PROVIDER)
    by_hand = await office.break_glass()
    await provider.ask("GET", f"/v1/break-glass/{by_hand}/record", None)
    await provider.ask("POST", f"/v1/break-glass/{by_hand}/end", None)
    by_time = await office.break_glass()
    await provider.ask(
        "POST",
        "/v1/break-glass",
        {"medical_record_number": "MRN-none", "birth_date": BORN_ON.isoformat(), "reason": REASON},
    )

    office.go_to(morning_after(FIRST_DAY))
    await office.sweep()

    [report] = (await office.reports())["reports"]
    ends = {each["access_id"]: (each["ended_how"], each["reads"]) for each in report["emergencies"]}
    assert ends == {by_hand: ("by_hand", 1), by_time: ("by_time", 0)}
    assert {each["patient_name"] for each in report["emergencies"]} == {"Mary Invented"}
    assert heading(report, "emergency")["count"] == 1
    [stored] = await office.stored()
    assert "Invented" not in stored.content
    assert REASON not in stored.content
    figure("2 accesses and 1 try in vain reported the next day, each with its end")


@pytest.mark.requirement("PRV-07")
async def test_an_auditor_marks_a_report_and_both_are_audited(
    office: Office, figure: Figure
) -> None:
    office.go_to(morning_after(FIRST_DAY))
    await office.sweep()
    auditor = await office.signed_in(Role.AUDITOR)

    before = await office.reports()
    path = f"/v1/audit/day-reports/{before['reports'][0]['report_id']}/review"
    seen = await auditor.ask("POST", path, None)
    office.clock.advance(minutes=4)
    again = await auditor.ask("POST", path, None)
    after = await office.reports()

    assert (before["unseen"], after["unseen"]) == (1, 0)
    assert seen.json()["reviewed_by"] == "Auditor Madeup"
    assert again.json()["reviewed_at"] == seen.json()["reviewed_at"]
    async with office.database.reading() as session:
        statement = (
            select(AuditEntry.event)
            .where(AuditEntry.event.startswith("day_report"), AuditEntry.actor_role == "auditor")
            .order_by(AuditEntry.seq)
        )
        audited = list(await session.scalars(statement))
    assert audited == ["day_reports.viewed", "day_report.reviewed", "day_reports.viewed"]
    figure("read and marked once by name, both audited")


@pytest.mark.requirement("PRV-07")
async def test_nobody_else_reads_or_marks_a_report(office: Office) -> None:
    office.go_to(morning_after(FIRST_DAY))
    await office.sweep()
    report_id = (await office.reports())["reports"][0]["report_id"]
    path = f"/v1/audit/day-reports/{report_id}/review"

    foreign = await (await office.signed_in(Role.AUDITOR, "second")).ask("POST", path, None)
    not_one = await office.caller(Role.AUDITOR).ask("POST", "/v1/audit/day-reports/x/review", None)
    others = [
        await (await office.signed_in(role)).ask("GET", "/v1/audit/day-reports", None)
        for role in (Role.PROVIDER, Role.SCHEDULER, Role.ADMINISTRATOR, Role.PATIENT)
    ]

    assert (foreign.status_code, foreign.json()["code"]) == (404, "day_review.unknown")
    assert (not_one.status_code, not_one.json()["code"]) == (404, "day_review.unknown")
    assert {each.status_code for each in others} == {403}
    [report] = await office.stored()
    assert report.reviewed_at is None
