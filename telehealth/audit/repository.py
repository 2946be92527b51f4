"""Every query of the audit trail."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Select, false, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission, is_permitted
from telehealth.audit.tables import AuditEntry
from telehealth.contract import ClinicId

_PAGE = 1_000

Reads: TypeAlias = AsyncSession
"""A session of `Database.reading`, or that of a unit of work."""


def visible_to(actor: Actor) -> Select[AuditEntry]:
    """Select the entries `actor` may know exist.  An unlisted role sees none."""
    in_clinic = select(AuditEntry).where(AuditEntry.clinic_id == actor.clinic_id)
    if actor.role is not None and is_permitted(actor.role, Permission.VERIFY_AUDIT):
        return in_clinic
    return in_clinic.where(false())


async def lock_chain(session: AsyncSession, clinic_id: ClinicId) -> None:
    """Let one transaction at a time append to a clinic's chain.

    PostgreSQL: an advisory lock until the transaction ends.  SQLite: the immediate transaction
    is the lock.
    """
    if session.get_bind().dialect.name == "postgresql":
        key = int.from_bytes(clinic_id.bytes[8:], "big", signed=True)
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


async def unscoped_last(session: AsyncSession, clinic_id: ClinicId) -> AuditEntry | None:
    """Return the newest entry of a chain; for the appender, whoever acts."""
    statement = select(AuditEntry).where(AuditEntry.clinic_id == clinic_id)
    return await session.scalar(statement.order_by(AuditEntry.seq.desc()).limit(1))


async def unscoped_entry_at(
    session: AsyncSession, clinic_id: ClinicId, seq: int
) -> AuditEntry | None:
    """Return one entry of a chain by its number; for the check of a part of it."""
    return await session.scalar(
        select(AuditEntry).where(AuditEntry.clinic_id == clinic_id, AuditEntry.seq == seq)
    )


async def unscoped_first_seq_since(
    session: AsyncSession, clinic_id: ClinicId, since: datetime
) -> int | None:
    """Return the number of the first entry made at or after `since`."""
    statement = select(AuditEntry.seq).where(
        AuditEntry.clinic_id == clinic_id, AuditEntry.at >= since
    )
    return await session.scalar(statement.order_by(AuditEntry.seq).limit(1))


async def unscoped_last_seq_before(
    session: AsyncSession, clinic_id: ClinicId, until: datetime
) -> int | None:
    """Return the number of the last entry made before `until`."""
    statement = select(AuditEntry.seq).where(
        AuditEntry.clinic_id == clinic_id, AuditEntry.at < until
    )
    return await session.scalar(statement.order_by(AuditEntry.seq.desc()).limit(1))


async def unscoped_looks(
    session: AsyncSession, *, clinic_id: ClinicId, patient_id: UUID, events: Sequence[str]
) -> list[tuple[datetime, str]]:
    """Return when a person in which role looked at a patient's data, for that patient."""
    statement = (
        select(AuditEntry.at, AuditEntry.actor_role)
        .where(
            AuditEntry.clinic_id == clinic_id,
            AuditEntry.patient_id == patient_id,
            AuditEntry.event.in_(events),
            AuditEntry.actor_role.is_not(None),
        )
        .order_by(AuditEntry.seq)
    )
    return [(at, role) for at, role in await session.execute(statement) if role is not None]


async def unscoped_clinics(session: AsyncSession) -> list[ClinicId]:
    """Return every clinic that has a chain; for the operator's check of all of them."""
    statement = select(AuditEntry.clinic_id).distinct().order_by(AuditEntry.clinic_id)
    return [ClinicId(clinic_id) for clinic_id in await session.scalars(statement)]


async def unscoped_pages(
    session: AsyncSession, clinic_id: ClinicId, *, from_seq: int, to_seq: int | None
) -> AsyncIterator[list[AuditEntry]]:
    """Yield a chain page by page in order, so that a long one never lies in memory whole."""
    chain = select(AuditEntry).where(AuditEntry.clinic_id == clinic_id).order_by(AuditEntry.seq)
    if to_seq is not None:
        chain = chain.where(AuditEntry.seq <= to_seq)
    last = from_seq - 1
    while True:
        page = list(await session.scalars(chain.where(AuditEntry.seq > last).limit(_PAGE)))
        if not page:
            return
        last = page[-1].seq
        yield page
        for entry in page:
            session.expunge(entry)


async def unscoped_recent_of(
    session: AsyncSession,
    clinic_id: ClinicId,
    subject_id: UUID,
    *,
    events: Collection[str],
    since: datetime,
    most: int,
) -> list[AuditEntry]:
    """Return the newest entries of some kinds about one subject, who is told of them."""
    statement = (
        select(AuditEntry)
        .where(
            AuditEntry.clinic_id == clinic_id,
            AuditEntry.at >= since,
            AuditEntry.subject_id == subject_id,
            AuditEntry.event.in_(events),
        )
        .order_by(AuditEntry.seq.desc())
        .limit(most)
    )
    return list(await session.scalars(statement))
