"""Every query of opened records."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, false, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission, is_permitted
from telehealth.break_glass.errors import AnotherOpen
from telehealth.break_glass.tables import OpenedRecord


def visible_to(actor: Actor) -> Select[OpenedRecord]:
    """Select the accesses `actor` may know of: one's own, or a reviewer's whole clinic."""
    in_clinic = select(OpenedRecord).where(OpenedRecord.clinic_id == actor.clinic_id)
    if actor.role is None:
        return in_clinic.where(false())
    if is_permitted(actor.role, Permission.REVIEW_BREAK_GLASS):
        return in_clinic
    if is_permitted(actor.role, Permission.BREAK_GLASS):
        return in_clinic.where(OpenedRecord.person_id == actor.person_id)
    return in_clinic.where(false())


async def lock(session: AsyncSession, access_id: UUID, *, actor: Actor) -> OpenedRecord | None:
    """Lock one access until the transaction ends; None if absent or not visible."""
    statement = visible_to(actor).where(OpenedRecord.id == access_id)
    return await session.scalar(statement.with_for_update(of=OpenedRecord))


async def lock_unended(session: AsyncSession, *, actor: Actor) -> OpenedRecord | None:
    """Lock the access of the actor that was not ended, if there is one."""
    statement = visible_to(actor).where(
        OpenedRecord.ended_at.is_(None), OpenedRecord.person_id == actor.person_id
    )
    return await session.scalar(statement.with_for_update(of=OpenedRecord))


async def latest(session: AsyncSession, *, actor: Actor) -> Sequence[OpenedRecord]:
    """Return the accesses the actor may know of, open ones first, then the newest."""
    statement = (
        visible_to(actor)
        .order_by(OpenedRecord.ended_at.is_not(None), OpenedRecord.opened_at.desc())
        .limit(200)
    )
    return (await session.scalars(statement)).all()


async def add(session: AsyncSession, opened: OpenedRecord) -> None:
    """Store a new access.

    Raises:
        AnotherOpen: The unique index refused it: another page was faster.
    """
    try:
        async with session.begin_nested():
            session.add(opened)
    except IntegrityError:
        raise AnotherOpen from None


async def unscoped_lock_due(session: AsyncSession, *, now: datetime) -> Sequence[OpenedRecord]:
    """Lock every access whose hour is over; for the sweep only."""
    statement = select(OpenedRecord).where(
        OpenedRecord.ended_at.is_(None), OpenedRecord.ends_at <= now
    )
    return (await session.scalars(statement.with_for_update(skip_locked=True))).all()
