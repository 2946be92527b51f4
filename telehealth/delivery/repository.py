"""Every query of the ledger: claims, fences, what a person may see.

Time is an argument, never the database's.  Row locks act on PostgreSQL; on SQLite the immediate
transaction already serialises writers.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import CTE, Select, and_, case, false, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission, is_permitted
from telehealth.delivery.lanes import EntryKind, Lane, OrderUntil
from telehealth.delivery.lifecycle import SETTLED, EntryState
from telehealth.delivery.tables import DeliveryAttempt, LedgerEntry

# From the worst to the best: what speaks for a visit with several chart entries.
_LEAST_SETTLED = (
    EntryState.PARKED,
    EntryState.UNKNOWN,
    EntryState.PENDING,
    EntryState.LEASED,
    EntryState.SENT,
    EntryState.CANCELLED,
    EntryState.CONFIRMED,
)

_MAY_BE_HELD = (EntryState.LEASED, EntryState.UNKNOWN)
# An unfinished entry holds up those behind it; `sent` does where its order asks for the last word.
_BLOCKING = (EntryState.PENDING, EntryState.LEASED, EntryState.UNKNOWN, EntryState.PARKED)


def visible_to(actor: Actor) -> Select[LedgerEntry]:
    """Select the entries `actor` may know exist.  An unlisted role sees none."""
    in_clinic = select(LedgerEntry).where(LedgerEntry.clinic_id == actor.clinic_id)
    if actor.role is not None and is_permitted(actor.role, Permission.SEE_NEEDS_ATTENTION):
        return in_clinic
    return in_clinic.where(false())


async def unsettled(session: AsyncSession, *, actor: Actor) -> Sequence[LedgerEntry]:
    """List visible entries that have not come to an end, oldest first."""
    statement = (
        visible_to(actor)
        .where(LedgerEntry.state.not_in(SETTLED))
        .order_by(LedgerEntry.created_at, LedgerEntry.entry_id)
        .limit(500)
    )
    return (await session.scalars(statement)).all()


async def lock_entry(session: AsyncSession, entry_id: UUID, *, actor: Actor) -> LedgerEntry | None:
    """Lock one entry until the transaction ends; None if absent or not visible."""
    statement = visible_to(actor).where(LedgerEntry.entry_id == entry_id)
    return await session.scalar(statement.with_for_update(of=LedgerEntry))


async def chart_states(
    session: AsyncSession, *, actor: Actor, visit_ids: Sequence[UUID]
) -> dict[UUID, EntryState]:
    """Return the least settled state of each visit's chart entries."""
    statement = visible_to(actor).where(
        LedgerEntry.lane == Lane.EHR, LedgerEntry.subject_id.in_(visit_ids)
    )
    states: dict[UUID, EntryState] = {}
    for entry in await session.scalars(statement):
        known = states.get(entry.subject_id, EntryState.CONFIRMED)
        states[entry.subject_id] = min(known, entry.state, key=_LEAST_SETTLED.index)
    return states


async def next_order_no(session: AsyncSession, *, lane: Lane, order_key: str) -> int:
    """Take the next number of one order key and lock the key until the transaction ends."""
    number = await session.scalar(
        text(
            "INSERT INTO lane_order (lane, order_key, last_no) VALUES (:lane, :order_key, 1)"
            " ON CONFLICT (lane, order_key) DO UPDATE SET last_no = lane_order.last_no + 1"
            " RETURNING last_no"
        ),
        {"lane": lane.value, "order_key": order_key},
    )
    return int(number)


async def unscoped_intent(
    session: AsyncSession, *, kind: EntryKind, key: str
) -> LedgerEntry | None:
    """Find the entry of one intent, whoever owes it."""
    return await session.scalar(
        select(LedgerEntry).where(LedgerEntry.kind == kind, LedgerEntry.key == key)
    )


async def unscoped_lock_overdue(
    session: AsyncSession, *, lane: Lane, now: datetime
) -> Sequence[LedgerEntry]:
    """Lock the entries of a lane whose lease, word from the partner or usefulness ran out."""
    is_overdue = or_(
        and_(LedgerEntry.state.in_(_MAY_BE_HELD), LedgerEntry.lease_until <= now),
        and_(LedgerEntry.state == EntryState.SENT, LedgerEntry.confirm_by <= now),
        and_(LedgerEntry.state == EntryState.PENDING, LedgerEntry.expires_at <= now),
    )
    statement = (
        select(LedgerEntry)
        .where(LedgerEntry.lane == lane, is_overdue)
        .order_by(LedgerEntry.order_no)
        .limit(100)
        .with_for_update(skip_locked=True, of=LedgerEntry)
    )
    return (await session.scalars(statement)).all()


def _unscoped_due(*, lane: Lane, now: datetime, limit: int) -> CTE:
    """Name up to `limit` due heads of a lane, and lock them."""
    behind = aliased(LedgerEntry)
    is_blocked = (
        select(behind.entry_id)
        .where(
            behind.lane == LedgerEntry.lane,
            behind.order_key == LedgerEntry.order_key,
            behind.order_no < LedgerEntry.order_no,
            or_(
                behind.state.in_(_BLOCKING),
                and_(
                    behind.state == EntryState.SENT,
                    behind.order_until == OrderUntil.CONFIRMED,
                ),
            ),
        )
        .exists()
    )
    return (
        select(LedgerEntry.entry_id)
        .where(
            LedgerEntry.lane == lane,
            LedgerEntry.state.in_((EntryState.PENDING, EntryState.UNKNOWN)),
            LedgerEntry.lease_until.is_(None),
            LedgerEntry.next_at <= now,
            ~is_blocked,
        )
        .order_by(LedgerEntry.next_at, LedgerEntry.order_no)
        .limit(limit)
        .with_for_update(skip_locked=True, of=LedgerEntry)
        # A common table expression that locks rows is evaluated once; a sub-select need not be.
        .cte("due")
    )


async def unscoped_claim(
    session: AsyncSession,
    *,
    lane: Lane,
    worker: str,
    now: datetime,
    lease_until: datetime,
    limit: int,
) -> Sequence[LedgerEntry]:
    """Lease up to `limit` due heads of a lane to `worker`, each under a new epoch.

    A pending entry becomes leased; an unknown one stays unknown, but nobody else may ask about it
    meanwhile.  Only the head of each order key is taken.
    """
    due = _unscoped_due(lane=lane, now=now, limit=limit)
    claiming = (
        update(LedgerEntry)
        .where(LedgerEntry.entry_id.in_(select(due.c.entry_id)))
        .values(
            state=case(
                (LedgerEntry.state == EntryState.PENDING, EntryState.LEASED),
                else_=EntryState.UNKNOWN,
            ),
            state_since=now,
            lease_epoch=LedgerEntry.lease_epoch + 1,
            lease_owner=worker,
            lease_until=lease_until,
            attempts=LedgerEntry.attempts + 1,
        )
        .returning(LedgerEntry)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    claimed = (await session.scalars(claiming)).all()
    return sorted(claimed, key=lambda entry: (entry.next_at, entry.order_no))


async def unscoped_lock_fenced(
    session: AsyncSession, entry_id: UUID, *, lease_epoch: int, state: EntryState
) -> LedgerEntry | None:
    """Lock an entry that is still held under `lease_epoch`; None if that lease has lost its say."""
    return await session.scalar(
        select(LedgerEntry)
        .where(
            LedgerEntry.entry_id == entry_id,
            LedgerEntry.lease_epoch == lease_epoch,
            LedgerEntry.state == state,
            LedgerEntry.lease_until.is_not(None),
        )
        .with_for_update(of=LedgerEntry)
        .execution_options(populate_existing=True)
    )


def append(session: AsyncSession, attempt: DeliveryAttempt) -> None:
    """Append one line to an entry's history."""
    session.add(attempt)
