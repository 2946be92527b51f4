"""Every query of wrapped keys; found only by clinic and key id, or by clinic and purpose."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    func,
    inspect,
    or_,
    select,
    text,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from telehealth.platform.sealing.tables import DataKey, KeyBase, KeyKind, KeyState

_LOCK = 0x6B65_7973  # any number, the same for every process


async def make_table(engine: AsyncEngine) -> None:
    """Make the table unless it is there; two processes at once make one."""
    async with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await connection.run_sync(KeyBase.metadata.create_all)


async def unscoped_key(session: AsyncSession, *, clinic_id: UUID, key_id: UUID) -> DataKey | None:
    """Return one key of one clinic, whatever its state."""
    return await session.get(DataKey, (clinic_id, key_id))


async def unscoped_active(
    session: AsyncSession, *, clinic_id: UUID, kind: KeyKind, scope: str
) -> DataKey | None:
    """Return the key that seals for one purpose."""
    return await session.scalar(
        select(DataKey).where(
            DataKey.clinic_id == clinic_id,
            DataKey.kind == kind,
            DataKey.scope == scope,
            DataKey.state == KeyState.ACTIVE,
        )
    )


async def unscoped_of_scope(
    session: AsyncSession, *, clinic_id: UUID, scope: str
) -> Sequence[DataKey]:
    """Return every key there ever was for one purpose."""
    found = await session.scalars(
        select(DataKey).where(DataKey.clinic_id == clinic_id, DataKey.scope == scope)
    )
    return found.all()


async def unscoped_in_state(
    session: AsyncSession, state: KeyState, kind: KeyKind = KeyKind.DATA
) -> Sequence[DataKey]:
    """Return all keys of one kind in one state."""
    found = await session.scalars(
        select(DataKey).where(DataKey.state == state, DataKey.kind == kind)
    )
    return found.all()


async def unscoped_gone_since(session: AsyncSession, instant: datetime) -> Sequence[UUID]:
    """Return the ids of keys gone at or after an instant."""
    found = await session.scalars(select(DataKey.key_id).where(DataKey.gone_at >= instant))
    return found.all()


async def insert_unless_active(session: AsyncSession, key: DataKey) -> None:
    """Add an active key; does nothing if its purpose has one, whoever made it meanwhile."""
    dialect = session.get_bind().dialect.name
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    values = {
        name: getattr(key, name)
        for name in ("clinic_id", "key_id", "kind", "scope", "state", "wrapped", "uses", "made_at")
    }
    await session.execute(insert(DataKey).values(**values).on_conflict_do_nothing())


async def count_uses(session: AsyncSession, *, clinic_id: UUID, key_id: UUID, more: int) -> int:
    """Count uses ahead; return the whole count, or -1 if the key seals no more."""
    counted = await session.scalar(
        update(DataKey)
        .where(
            DataKey.clinic_id == clinic_id,
            DataKey.key_id == key_id,
            DataKey.state == KeyState.ACTIVE,
        )
        .values(uses=DataKey.uses + more)
        .returning(DataKey.uses)
        .execution_options(synchronize_session=False)
    )
    return -1 if counted is None else int(counted)


async def retire(session: AsyncSession, *, clinic_id: UUID, key_id: UUID, now: datetime) -> None:
    """Let a key seal no more; a no-op unless it is active."""
    await session.execute(
        update(DataKey)
        .where(
            DataKey.clinic_id == clinic_id,
            DataKey.key_id == key_id,
            DataKey.state == KeyState.ACTIVE,
        )
        .values(state=KeyState.RETIRING, retiring_at=now)
        .execution_options(synchronize_session=False)
    )


async def retire_all_made_before(session: AsyncSession, instant: datetime, *, now: datetime) -> int:
    """Let every active data key made before an instant seal no more; return how many."""
    retired = await session.scalars(
        update(DataKey)
        .where(
            DataKey.kind == KeyKind.DATA,
            DataKey.state == KeyState.ACTIVE,
            DataKey.made_at < instant,
        )
        .values(state=KeyState.RETIRING, retiring_at=now)
        .returning(DataKey.key_id)
        .execution_options(synchronize_session=False)
    )
    return len(retired.all())


async def destroy(
    session: AsyncSession,
    *,
    clinic_id: UUID,
    key_ids: Sequence[UUID],
    state: KeyState,
    now: datetime,
) -> None:
    """Overwrite wrapped keys with nothing; the rows say when and why."""
    await session.execute(
        update(DataKey)
        .where(DataKey.clinic_id == clinic_id, DataKey.key_id.in_(key_ids))
        .values(state=state, wrapped=None, gone_at=now)
        .execution_options(synchronize_session=False)
    )


async def unscoped_sealed_with(
    session: AsyncSession,
    kind: type[Any],
    key_ids: Sequence[UUID],
    *,
    after: Sequence[object] | None,
    limit: int,
) -> Sequence[Any]:
    """Lock up to `limit` rows sealed with one of `key_ids`, in the order of their primary keys.

    Rows another transaction holds are passed over; whoever asks comes again.
    """
    keys = inspect(kind).primary_key
    statement = select(kind).where(_is_sealed_with(kind, key_ids)).order_by(*keys).limit(limit)
    if after is not None:
        statement = statement.where(tuple_(*keys) > tuple_(*after))
    found = await session.scalars(statement.with_for_update(skip_locked=True))
    return found.all()


async def unscoped_references(
    session: AsyncSession, kind: type[Any], key_ids: Sequence[UUID]
) -> set[UUID]:
    """Return those of `key_ids` that something in a table is still sealed with."""
    left: set[UUID] = set()
    for column in sealed_columns(kind):
        named = func.substr(type_coerce(column, LargeBinary), 2, 16, type_=LargeBinary)
        wanted = [key_id.bytes for key_id in key_ids]
        found = await session.scalars(select(named).where(named.in_(wanted)).distinct())
        left |= {UUID(bytes=bytes(each)) for each in found}
    return left


def sealed_columns(kind: type[Any]) -> list[Any]:
    """Return the columns of a mapped class that are marked as sealed."""
    return [column for column in inspect(kind).local_table.columns if column.info.get("sealed")]


def _is_sealed_with(kind: type[Any], key_ids: Sequence[UUID]) -> ColumnElement[bool]:
    wanted = [key_id.bytes for key_id in key_ids]
    return or_(
        *(
            func.substr(type_coerce(column, LargeBinary), 2, 16, type_=LargeBinary).in_(wanted)
            for column in sealed_columns(kind)
        )
    )
