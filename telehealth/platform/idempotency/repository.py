"""Every query of named acts; a row is found by its key alone, and the key holds the person."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.platform.idempotency.tables import NamedAct


async def claim(session: AsyncSession, act: NamedAct) -> bool:
    """Store a new act; False when its key is taken."""
    try:
        async with session.begin_nested():
            session.add(act)
    except IntegrityError:
        return False
    return True


async def unscoped_act(session: AsyncSession, key_hash: bytes) -> NamedAct | None:
    """Return the act of a key; the hash was made of the person who asks."""
    return await session.scalar(select(NamedAct).where(NamedAct.key_hash == key_hash))


async def take_over(
    session: AsyncSession, act: NamedAct, *, run: UUID, now: datetime, expires_at: datetime
) -> bool:
    """Take an act from a try that died before it did anything; False if another was faster."""
    taken = await session.execute(
        update(NamedAct)
        .where(
            NamedAct.key_hash == act.key_hash, NamedAct.run == act.run, NamedAct.done_at.is_(None)
        )
        .values(run=run, started_at=now, expires_at=expires_at)
        .returning(NamedAct.key_hash)
        .execution_options(synchronize_session=False)
    )
    return taken.first() is not None


async def mark_done(session: AsyncSession, key_hash: bytes, *, run: UUID, now: datetime) -> bool:
    """Say in the act's own transaction that it was done; False: this try no longer holds it."""
    marked = await session.execute(
        update(NamedAct)
        .where(NamedAct.key_hash == key_hash, NamedAct.run == run)
        .values(done_at=now)
        .returning(NamedAct.key_hash)
        .execution_options(synchronize_session=False)
    )
    return marked.first() is not None


async def keep_answer(
    session: AsyncSession, key_hash: bytes, *, run: UUID, status: int, sealed: bytes
) -> None:
    """Keep what was answered."""
    await session.execute(
        update(NamedAct)
        .where(NamedAct.key_hash == key_hash, NamedAct.run == run)
        .values(status=status, sealed_answer=sealed)
        .execution_options(synchronize_session=False)
    )


async def forget(session: AsyncSession, key_hash: bytes, *, run: UUID) -> None:
    """Forget an act that was not done, so that it may be tried again."""
    await session.execute(
        delete(NamedAct)
        .where(
            NamedAct.key_hash == key_hash,
            NamedAct.run == run,
            or_(NamedAct.done_at.is_(None), NamedAct.status.is_not(None)),
        )
        .execution_options(synchronize_session=False)
    )


async def sweep(session: AsyncSession, *, now: datetime) -> int:
    """Forget what was kept for its day; returns how many acts went."""
    gone = await session.execute(
        delete(NamedAct)
        .where(NamedAct.expires_at <= now)
        .returning(NamedAct.key_hash)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
