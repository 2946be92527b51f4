"""Every query of notices."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.messaging.tables import Notice


async def unscoped_notice(session: AsyncSession, notice_id: UUID) -> Notice | None:
    """Return a notice by the message id of its ledger entry; for the worker only."""
    return await session.scalar(select(Notice).where(Notice.id == notice_id))
