"""Every query of notes; whoever asks has found the visit through `visits`."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.charting.tables import NoteSignature, NoteVersion


async def unscoped_latest(session: AsyncSession, visit_id: UUID) -> NoteVersion | None:
    """Return the latest version of the note of a visit the caller may see."""
    return await session.scalar(
        select(NoteVersion)
        .where(NoteVersion.visit_id == visit_id)
        .order_by(NoteVersion.version.desc())
        .limit(1)
    )


async def unscoped_signature(session: AsyncSession, visit_id: UUID) -> NoteSignature | None:
    """Return the signature under the note of a visit the caller may see."""
    return await session.scalar(select(NoteSignature).where(NoteSignature.visit_id == visit_id))


async def unscoped_signed(
    session: AsyncSession, visit_ids: Collection[UUID]
) -> list[tuple[NoteVersion, NoteSignature]]:
    """Return what was signed of visits the caller may see, with its signature."""
    found = await session.execute(
        select(NoteVersion, NoteSignature)
        .join(
            NoteSignature,
            (NoteSignature.visit_id == NoteVersion.visit_id)
            & (NoteSignature.version == NoteVersion.version),
        )
        .where(NoteVersion.visit_id.in_(visit_ids))
    )
    return [(version, signature) for version, signature in found]
