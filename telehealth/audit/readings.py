"""An auditor's reads of the trail, each of which leaves an entry itself."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit import actions, repository
from telehealth.audit.accounting import Accounting, account
from telehealth.audit.cards import EntryCard
from telehealth.audit.events import AuditEvent
from telehealth.audit.tables import AuditEntry
from telehealth.contract import ClinicId
from telehealth.platform.db import Database, UnitOfWork

PAGE: Final = 50
_EXPORT_PAGE: Final = 500
_ALL: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What an auditor looks for; all that is given must match."""

    patient_id: UUID | None = None
    person_id: UUID | None = None
    """Who acted, or whom it was done to."""
    visit_id: UUID | None = None
    events: Collection[AuditEvent] | None = None
    """None: of every kind.  Empty: of no kind, so nothing is found."""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkState:
    """How one place that keeps heads stands."""

    name: str
    size: int
    exported_at: datetime | None
    failing_since: datetime | None
    trouble: str | None


async def search(
    uow: UnitOfWork, *, by: Actor, now: datetime, wanted: Search, before_seq: int | None
) -> Sequence[EntryCard]:
    """Return the newest `PAGE` entries that match, or those before an entry.

    Raises:
        NotPermitted: The actor may not read the audit trail.
    """
    by.require(Permission.READ_AUDIT)
    found = await _found(uow.session, by, wanted, before_seq=before_seq, limit=PAGE)
    await _record(uow, by, now, AuditEvent.AUDIT_VIEWED, wanted, {"entries": len(found)})
    return found


async def accounting(
    uow: UnitOfWork, *, by: Actor, now: datetime, patient_id: UUID, since: datetime
) -> Accounting:
    """Return what left about a patient since an instant, and who looked.

    Raises:
        NotPermitted: The actor may not read the audit trail.
    """
    by.require(Permission.READ_AUDIT)
    wanted = Search(patient_id=patient_id, since=since)
    made = account(await _found(uow.session, by, wanted, before_seq=None, limit=_ALL))
    facts = {"disclosures": len(made.disclosures), "accesses": len(made.accesses)}
    await _record(uow, by, now, AuditEvent.ACCOUNTING_VIEWED, wanted, facts)
    return made


async def begin_export(uow: UnitOfWork, *, by: Actor, now: datetime, wanted: Search) -> None:
    """Record an export; commit before the first byte leaves.

    Raises:
        NotPermitted: The actor may not read the audit trail.
    """
    by.require(Permission.READ_AUDIT)
    await _record(uow, by, now, AuditEvent.AUDIT_EXPORTED, wanted, {})


async def exported(
    database: Database, *, by: Actor, wanted: Search
) -> AsyncIterator[Sequence[EntryCard]]:
    """Yield what an export holds, newest first, page by page; each page in a session of its own.

    Raises:
        NotPermitted: The actor may not read the audit trail.
    """
    by.require(Permission.READ_AUDIT)
    before: int | None = None
    while True:
        async with database.reading() as session:
            page = await _found(session, by, wanted, before_seq=before, limit=_EXPORT_PAGE)
        if not page:
            return
        yield page
        before = page[-1].seq


async def unscoped_exported(
    database: Database, *, clinic_id: ClinicId, since: datetime | None, until: datetime | None
) -> AsyncIterator[Sequence[EntryCard]]:
    """Yield one clinic's entries, oldest first; for the operator at the machine itself."""
    after = 0
    while True:
        async with database.reading() as session:
            rows = await repository.unscoped_entries_after(
                session, clinic_id, after_seq=after, since=since, until=until, limit=_EXPORT_PAGE
            )
            page = [card_of(row) for row in rows]
        if not page:
            return
        yield page
        after = page[-1].seq


async def sinks(uow: UnitOfWork, *, by: Actor) -> Sequence[SinkState]:
    """Return how each sink stands with the chain of the actor's clinic; no patient's data.

    Raises:
        NotPermitted: The actor's role may not check.
    """
    by.require(Permission.VERIFY_AUDIT)
    return [
        SinkState(
            name=row.sink,
            size=row.size,
            exported_at=row.exported_at,
            failing_since=row.failing_since,
            trouble=row.trouble,
        )
        for row in await repository.unscoped_exports(uow.session, by.clinic_id)
    ]


async def _found(
    session: repository.Reads,
    by: Actor,
    wanted: Search,
    *,
    before_seq: int | None,
    limit: int,
) -> list[EntryCard]:
    if wanted.events is not None and not wanted.events:
        return []
    rows = await repository.entries(
        session,
        actor=by,
        patient_id=wanted.patient_id,
        person_id=wanted.person_id,
        visit_id=wanted.visit_id,
        events=[event.value for event in wanted.events or ()],
        since=wanted.since,
        until=wanted.until,
        before_seq=before_seq,
        limit=limit,
    )
    return [card_of(row) for row in rows]


async def _record(
    uow: UnitOfWork,
    by: Actor,
    now: datetime,
    event: AuditEvent,
    wanted: Search,
    facts: Mapping[str, int],
) -> None:
    await actions.record(
        uow,
        by=by,
        now=now,
        event=event,
        visit_id=wanted.visit_id,
        patient_id=wanted.patient_id,
        subject_id=wanted.person_id,
        facts=dict(facts),
    )


def card_of(row: AuditEntry) -> EntryCard:
    """Return a stored entry as others may know it."""
    return EntryCard(
        id=row.id,
        clinic_id=row.clinic_id,
        seq=row.seq,
        at=row.at,
        event=row.event,
        actor_person_id=row.actor_person_id,
        actor_role=row.actor_role,
        actor_job=row.actor_job,
        visit_id=row.visit_id,
        patient_id=row.patient_id,
        subject_id=row.subject_id,
        facts=row.facts,
        previous=row.previous,
        seal=row.seal,
    )
