"""Every query of day reports."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Select, false, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission, is_permitted
from telehealth.contract import ClinicId
from telehealth.day_review.tables import DayReport


def visible_to(actor: Actor) -> Select[DayReport]:
    """Select the reports `actor` may know exist.  An unlisted role sees none."""
    in_clinic = select(DayReport).where(DayReport.clinic_id == actor.clinic_id)
    if actor.role is not None and is_permitted(actor.role, Permission.REVIEW_DAYS):
        return in_clinic
    return in_clinic.where(false())


async def latest(session: AsyncSession, *, actor: Actor, most: int) -> Sequence[DayReport]:
    """Return the reports nobody has looked at first, then the newest."""
    statement = (
        visible_to(actor)
        .order_by(DayReport.reviewed_at.is_not(None), DayReport.day_on.desc())
        .limit(most)
    )
    return (await session.scalars(statement)).all()


async def count_unseen(session: AsyncSession, *, actor: Actor) -> int:
    """Count the reports nobody has looked at, however old."""
    unseen = visible_to(actor).where(DayReport.reviewed_at.is_(None))
    return await session.scalar(unseen.with_only_columns(func.count())) or 0


async def lock(session: AsyncSession, report_id: UUID, *, actor: Actor) -> DayReport | None:
    """Lock one report until the transaction ends; None if absent or not visible."""
    statement = visible_to(actor).where(DayReport.id == report_id)
    return await session.scalar(statement.with_for_update(of=DayReport))


async def add(session: AsyncSession, report: DayReport) -> bool:
    """Store a report; False: another worker was faster, and the day has one."""
    try:
        async with session.begin_nested():
            session.add(report)
    except IntegrityError:
        return False
    return True


async def unscoped_last_days(session: AsyncSession) -> Mapping[ClinicId, date]:
    """Return the day of each clinic's newest report; for the sweep, which serves all clinics."""
    statement = select(DayReport.clinic_id, func.max(DayReport.day_on)).group_by(
        DayReport.clinic_id
    )
    return {ClinicId(clinic_id): on for clinic_id, on in await session.execute(statement)}


async def unscoped_last_seq(session: AsyncSession, clinic_id: ClinicId, on: date) -> int | None:
    """Return the last entry a day's report covers; for the sweep, which goes on behind it."""
    statement = select(DayReport.last_seq).where(
        DayReport.clinic_id == clinic_id, DayReport.day_on == on
    )
    return await session.scalar(statement)
