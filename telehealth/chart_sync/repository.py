"""Every query of chart sync; only the worker asks."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.chart_sync.tables import ChartLink, ChartThing


async def unscoped_links(session: AsyncSession, visit_id: UUID) -> Mapping[ChartThing, str | None]:
    """Return the known references of one visit by thing."""
    links = await session.scalars(select(ChartLink).where(ChartLink.visit_id == visit_id))
    return {link.thing: link.remote_ref for link in links}


async def unscoped_remember(session: AsyncSession, link: ChartLink) -> None:
    """Store a reference, or replace the one known before."""
    await session.merge(link)
