"""Make a day's report when it is due, list the reports, mark one as looked at."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import structlog

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit import days
from telehealth.audit.cards import EntryCard
from telehealth.audit.chain import Json, canonical
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId
from telehealth.day_review import repository
from telehealth.day_review.errors import ReportUnknown
from telehealth.day_review.rules import EVENTS, LISTED, Due, due, report_of
from telehealth.day_review.tables import DayReport
from telehealth.delivery import actions as delivery
from telehealth.delivery.lanes import OwedEvent
from telehealth.identity import actions as identity
from telehealth.identity import finding
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid

SHOWN: Final = 30
_AT_ONCE: Final = 10
"""Reports of one transaction: each holds its clinic's chain until the end of it."""
_ALL: Final = 100_000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCard:
    """One day's report."""

    report_id: UUID
    day_on: date
    entries: int
    content: Mapping[str, Any]
    """As `rules.report_of` made it."""
    made_at: datetime
    is_late: bool
    reviewed_at: datetime | None
    reviewed_by: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """What an auditor is shown: those nobody has looked at first."""

    shown: Sequence[ReportCard]
    unseen: int
    """Of all there are, not of those shown."""


async def sweep(uow: UnitOfWork, *, now: datetime) -> int:
    """Make the reports that are due, one a clinic and turn; returns how many.

    Two workers may do so at once: a day has one report, and whoever is slower makes none.
    """
    last_days = await repository.unscoped_last_days(uow.session)
    made = 0
    for clinic_id, zone in (await identity.unscoped_zones(uow)).items():
        last_on = last_days.get(clinic_id)
        first_at = None
        if last_on is None:
            first_at = await days.unscoped_begins_at(uow.session, clinic_id)
        day = due(now=now, zone=zone, last_on=last_on, first_at=first_at)
        if day is not None and await _make(uow, clinic_id, day, last_on=last_on, now=now):
            made += 1
        if made == _AT_ONCE:
            break
    return made


async def latest(uow: UnitOfWork, *, by: Actor, now: datetime) -> Reports:
    """List the reports, those nobody has looked at first; the reading is audited.

    Raises:
        NotPermitted: The role reviews no days.
    """
    by.require(Permission.REVIEW_DAYS)
    found = await repository.latest(uow.session, actor=by, most=SHOWN)
    unseen = await repository.count_unseen(uow.session, actor=by)
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.DAY_REPORTS_VIEWED,
        facts={"rows": len(found)},
    )
    return Reports(shown=[_card_of(each) for each in found], unseen=unseen)


async def review(uow: UnitOfWork, *, by: Actor, now: datetime, report_id: UUID) -> ReportCard:
    """Mark a report as looked at; looked at already stays with whoever was first.

    Raises:
        NotPermitted: The role reviews no days.
        ReportUnknown: There is no such report in the actor's clinic.
    """
    by.require(Permission.REVIEW_DAYS)
    report = await repository.lock(uow.session, report_id, actor=by)
    if report is None:
        raise ReportUnknown
    if report.reviewed_at is None:
        report.reviewed_at, report.reviewed_by = now, by.person_id
        await audit.record(
            uow,
            by=by,
            now=now,
            event=AuditEvent.DAY_REPORT_REVIEWED,
            subject_id=report.id,
        )
    return _card_of(report)


async def _make(
    uow: UnitOfWork, clinic_id: ClinicId, day: Due, *, last_on: date | None, now: datetime
) -> bool:
    after_seq = None
    if last_on is not None:
        after_seq = await repository.unscoped_last_seq(uow.session, clinic_id, last_on)
    span = await days.unscoped_span(
        uow.session, clinic_id, after_seq=after_seq, since=day.starts_at, until=day.ends_at
    )
    content = await _content(uow, clinic_id, span)
    report = DayReport(
        id=new_uuid(),
        clinic_id=clinic_id,
        day_on=day.on,
        first_seq=span.first_seq,
        last_seq=span.last_seq,
        content=canonical(content).decode(),
        made_at=now,
        is_late=day.is_late,
        reviewed_at=None,
        reviewed_by=None,
    )
    if not await repository.add(uow.session, report):
        return False
    await audit.record(
        uow,
        by=Actor.of_job(Job.SWEEP, clinic_id),
        now=now,
        event=AuditEvent.DAY_REPORT_MADE,
        subject_id=report.id,
        facts={"entries": _entries(report), "is_late": report.is_late},
    )
    if day.is_late:
        # Somebody must ask why the worker stood still for a day.
        _log.error("day_report.made_late", clinic_id=clinic_id)
    if day.is_newest:
        await _tell(uow, clinic_id, report, now=now)
    return True


async def _content(uow: UnitOfWork, clinic_id: ClinicId, span: days.Span) -> Mapping[str, Json]:
    async def listed(
        *events: AuditEvent, last_seq: int | None = span.last_seq, most: int = _ALL
    ) -> list[EntryCard]:
        return await days.unscoped_listed(
            uow.session,
            clinic_id,
            first_seq=span.first_seq,
            last_seq=last_seq,
            events=events,
            most=most,
        )

    opened = await listed(AuditEvent.EMERGENCY_OPENED)
    # One that was opened before midnight ends after it.
    ended = await listed(AuditEvent.EMERGENCY_ENDED, last_seq=None) if opened else []
    return report_of(
        counts=await days.unscoped_counts(uow.session, clinic_id, span),
        opened=opened,
        ended=ended,
        listed={heading: await listed(*events, most=LISTED) for heading, events in EVENTS.items()},
    )


async def _tell(uow: UnitOfWork, clinic_id: ClinicId, report: DayReport, *, now: datetime) -> None:
    """Owe each auditor a notice; nothing of the report stands in it."""
    for auditor_id in await finding.told_auditors(uow, clinic_id=clinic_id):
        await delivery.record(
            uow,
            now=now,
            event=OwedEvent.DAY_REPORT_MADE,
            clinic_id=clinic_id,
            subject_id=report.id,
            version=1,
            facts={
                "template": "day_report",
                "person_id": str(auditor_id),
                "made_at": now.isoformat(),
            },
        )


def _entries(report: DayReport) -> int:
    return report.last_seq - report.first_seq + 1


def _card_of(report: DayReport) -> ReportCard:
    return ReportCard(
        report_id=report.id,
        day_on=report.day_on,
        entries=_entries(report),
        content=json.loads(report.content),
        made_at=report.made_at,
        is_late=report.is_late,
        reviewed_at=report.reviewed_at,
        reviewed_by=report.reviewed_by,
    )
