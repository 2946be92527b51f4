"""Every query of the waiting room; visits are found through `visits` first."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.waiting_room.tables import AuditedPoll, QueueEntry


async def unscoped_entries(
    session: AsyncSession, visit_ids: Collection[UUID]
) -> dict[UUID, QueueEntry]:
    """Return what was stated at check-in for visits the caller may see."""
    found = await session.scalars(select(QueueEntry).where(QueueEntry.visit_id.in_(visit_ids)))
    return {entry.visit_id: entry for entry in found}


async def unscoped_poll(session: AsyncSession, person_id: UUID, view: str) -> AuditedPoll | None:
    """Return what the caller's own list last held when it was audited."""
    return await session.get(AuditedPoll, (person_id, view))
