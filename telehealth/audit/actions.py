"""Writes entries, and checks that nobody altered them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol, TypeAlias
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission, Role
from telehealth.audit import repository
from telehealth.audit.chain import (
    FIRST_SEQ,
    NO_PREVIOUS,
    ChainReport,
    Json,
    body_text,
    canonical,
    check_chain,
    seal_of,
)
from telehealth.audit.errors import EntryRefused
from telehealth.audit.events import ACTION, AuditAction, AuditEvent
from telehealth.audit.tables import AuditEntry
from telehealth.audit.verdict import Watch
from telehealth.contract import ClinicId
from telehealth.platform.db import UnitOfWork
from telehealth.platform.errors import Loggable
from telehealth.platform.ids import new_uuid

Facts: TypeAlias = Mapping[str, Loggable]


async def record(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    event: AuditEvent,
    visit_id: UUID | None = None,
    patient_id: UUID | None = None,
    subject_id: UUID | None = None,
    facts: Facts | None = None,
) -> None:
    """Append one entry to the chain of the actor's clinic, in the caller's transaction.

    From here to the end of the transaction nobody else appends to this chain, so an action
    records after it has locked and changed what it needs.

    Args:
        uow: The transaction of the act; if this fails, the act fails.
        by: A person in a role, or a named job.
        now: Aware instant of the act.
        event: What happened.
        visit_id: The visit it happened in.
        patient_id: The patient whose data was seen or changed.
        subject_id: Whatever else it happened to: a link, a session, a ledger entry.
        facts: Ids, kinds and numbers; no text can ride along.

    Raises:
        EntryRefused: A fact is no id, kind or JSON number.
    """
    clinic_id = by.clinic_id
    await repository.lock_chain(uow.session, clinic_id)
    tip = await repository.unscoped_tip(uow.session, clinic_id)
    entry = AuditEntry(
        id=new_uuid(),
        clinic_id=clinic_id,
        seq=tip.seq + 1,
        at=now.astimezone(UTC),
        event=event.value,
        actor_person_id=by.person_id,
        actor_role=None if by.role is None else by.role.value,
        actor_job=None if by.job is None else by.job.value,
        visit_id=visit_id,
        patient_id=patient_id,
        subject_id=subject_id,
        facts=_facts_text(facts or {}),
        previous=tip.seal,
    )
    entry.seal = seal_of(seq=entry.seq, previous=entry.previous, body=body_of(entry))
    uow.session.add(entry)
    await uow.session.flush()


async def verify_chain(
    uow: UnitOfWork, *, by: Actor, now: datetime, since: datetime | None = None
) -> ChainReport:
    """Check the chain of the actor's clinic and record that it was checked.

    Args:
        uow: The transaction.
        by: Somebody allowed to check.
        now: Aware instant.
        since: Check from the first entry made at or after this instant; None: from the start.

    Raises:
        NotPermitted: The actor's role may not check.
    """
    by.require(Permission.VERIFY_AUDIT)
    report = await unscoped_report(uow.session, clinic_id=by.clinic_id, since=since)
    await record_check(uow, by=by, now=now, report=report)
    return report


async def record_check(uow: UnitOfWork, *, by: Actor, now: datetime, report: ChainReport) -> None:
    """Record that a chain was checked, and what came of it."""
    await record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.AUDIT_VERIFIED,
        facts={"entries": report.entries, "first_broken": report.first_broken},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Somebody in a role looked at a patient's data."""

    at: datetime
    role: Role


async def looks_at_own(uow: UnitOfWork, *, by: Actor) -> list[Look]:
    """Return when staff looked at the data of the patient who asks; by role, not by name.

    Raises:
        NotPermitted: Not a patient.
    """
    by.require(Permission.ATTEND_OWN_VISIT)
    if by.person_id is None:
        return []
    reads = [event for event, action in ACTION.items() if action is AuditAction.READ]
    found = await repository.unscoped_looks(
        uow.session, clinic_id=by.clinic_id, patient_id=by.person_id, events=reads
    )
    return [Look(at=at, role=Role(role)) for at, role in found if role != Role.PATIENT]


class Follow(Protocol):
    """Follows a chain: `unscoped_follow`, or another with the same report."""

    async def __call__(  # noqa: D102  (above)
        self,
        session: repository.Reads,
        /,
        *,
        clinic_id: ClinicId,
        after_seq: int,
        previous: bytes,
        to_seq: int,
        watch: Watch | None = None,
    ) -> ChainReport: ...


async def unscoped_report(
    session: repository.Reads,
    *,
    clinic_id: ClinicId,
    since: datetime | None = None,
    until: datetime | None = None,
    follow: Follow | None = None,
) -> ChainReport:
    """Check one clinic's chain, or the part of it made in [since, until).

    For the operator at the machine itself, and for `verify_chain`.
    """
    from_seq: int | None = FIRST_SEQ
    if since is not None:
        from_seq = await repository.unscoped_first_seq_since(session, clinic_id, since)
    to_seq = await repository.unscoped_newest_seq(session, clinic_id)
    if until is not None:
        to_seq = await repository.unscoped_last_seq_before(session, clinic_id, until) or 0
    if from_seq is None:
        return ChainReport(entries=0, first_broken=None)
    before = await repository.unscoped_entry_at(session, clinic_id, from_seq - 1)
    if before is None and from_seq != FIRST_SEQ:
        return ChainReport(entries=0, first_broken=from_seq - 1)
    head = NO_PREVIOUS if before is None or from_seq == FIRST_SEQ else before.seal
    return await (follow or unscoped_follow)(
        session, clinic_id=clinic_id, after_seq=from_seq - 1, previous=head, to_seq=to_seq
    )


async def unscoped_follow(
    session: repository.Reads,
    *,
    clinic_id: ClinicId,
    after_seq: int,
    previous: bytes,
    to_seq: int,
    watch: Watch | None = None,
) -> ChainReport:
    """Follow a chain from the entry after `after_seq`, whose seal is `previous`, to `to_seq`."""
    report = ChainReport(entries=0, first_broken=None, head=previous)
    pages = repository.unscoped_pages(session, clinic_id, from_seq=after_seq + 1, to_seq=to_seq)
    async for page in pages:
        part = check_chain(page, after_seq=after_seq + report.entries, previous=report.head)
        if watch is not None:
            first_seq = after_seq + report.entries + 1
            watch.feed(first_seq, [entry.seal for entry in page[: part.entries]])
        report = ChainReport(
            entries=report.entries + part.entries, first_broken=part.first_broken, head=part.head
        )
        if report.first_broken is not None:
            return report
    if after_seq + report.entries < to_seq:
        # A whole page of numbers is empty, and later ones are not.
        missing = after_seq + report.entries + 1
        return ChainReport(entries=report.entries, first_broken=missing, head=report.head)
    return report


async def unscoped_recent_of(
    session: repository.Reads,
    *,
    clinic_id: ClinicId,
    subject_id: UUID,
    events: Collection[AuditEvent],
    since: datetime,
    most: int,
) -> list[tuple[AuditEvent, datetime]]:
    """Return what happened lately to one subject, newest first; the caller tells it to them."""
    entries = await repository.unscoped_recent_of(
        session,
        clinic_id,
        subject_id,
        events=[event.value for event in events],
        since=since,
        most=most,
    )
    return [(AuditEvent(entry.event), entry.at) for entry in entries]


async def unscoped_clinics(session: repository.Reads) -> list[ClinicId]:
    """Return every clinic that has a chain; for the operator at the machine itself."""
    return await repository.unscoped_clinics(session)


def body_of(entry: AuditEntry) -> bytes:
    """Return what an entry's seal covers: every column but the seals themselves."""
    return body_text(
        id_=str(entry.id),
        clinic_id=str(entry.clinic_id),
        at=entry.at.isoformat(timespec="microseconds"),
        event=entry.event,
        actor_person_id=_id(entry.actor_person_id),
        actor_role=entry.actor_role,
        actor_job=entry.actor_job,
        visit_id=_id(entry.visit_id),
        patient_id=_id(entry.patient_id),
        subject_id=_id(entry.subject_id),
        facts=entry.facts,
    )


def _facts_text(facts: Facts) -> str:
    try:
        return canonical({name: _fact(value) for name, value in facts.items()}).decode()
    except ValueError:
        raise EntryRefused from None


def _fact(value: Loggable) -> Json:
    match value:
        case UUID():
            return str(value)
        case StrEnum():
            return value.value
        case None | int() | float():
            return value
        case _:
            # A type checker would have said so; free text must not get in by any other way.
            raise EntryRefused


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)
