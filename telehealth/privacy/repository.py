"""Queries of copies, corrections and holds; and the removal of what is no longer kept.

Removal reads the table of rules by the names of tables and columns that stand in it: it is the
one place that reaches into another capability's tables, and it can do nothing there but take
away what a rule says is due (decision record on removal).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    CursorResult,
    Select,
    String,
    Uuid,
    column,
    delete,
    false,
    func,
    literal_column,
    select,
    table,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission, Role, is_permitted
from telehealth.contract import ClinicId
from telehealth.platform.db import UtcDateTime
from telehealth.privacy.corrections import CorrectionState
from telehealth.privacy.retention import GUARDED, TableRule
from telehealth.privacy.tables import (
    CorrectionRequest,
    LegalHold,
    RecordExport,
    RemovalPermit,
    RetentionRun,
)
from telehealth.privacy.ways import NamedBy, Via, Way

Reads: TypeAlias = AsyncSession
"""A session of `Database.reading`, or that of a unit of work."""


def visible_to(actor: Actor) -> Select[CorrectionRequest]:
    """Select the corrections `actor` may know were asked for.  An unlisted role sees none."""
    in_clinic = select(CorrectionRequest).where(CorrectionRequest.clinic_id == actor.clinic_id)
    if actor.role is Role.PATIENT:
        return in_clinic.where(CorrectionRequest.patient_id == actor.person_id)
    if actor.role is not None and is_permitted(actor.role, Permission.ANSWER_CORRECTION):
        return in_clinic
    return in_clinic.where(false())


async def corrections(session: Reads, *, actor: Actor) -> list[CorrectionRequest]:
    """Return what `actor` may see, newest first."""
    statement = visible_to(actor).order_by(CorrectionRequest.asked_at.desc(), CorrectionRequest.id)
    return list(await session.scalars(statement.limit(200)))


async def open_corrections(session: Reads, *, actor: Actor) -> list[CorrectionRequest]:
    """Return what waits for an answer, the most urgent first."""
    statement = visible_to(actor).where(CorrectionRequest.state == CorrectionState.OPEN)
    ordered = statement.order_by(CorrectionRequest.due_on, CorrectionRequest.id)
    return list(await session.scalars(ordered.limit(200)))


async def lock_correction(
    session: AsyncSession, request_id: UUID, *, actor: Actor
) -> CorrectionRequest | None:
    """Lock one request until the transaction ends; None if absent or not visible."""
    statement = visible_to(actor).where(CorrectionRequest.id == request_id)
    return await session.scalar(statement.with_for_update(of=CorrectionRequest))


async def unscoped_lock_export(session: AsyncSession, export_id: UUID) -> RecordExport | None:
    """Lock the link a signed token names; whoever holds the token has yet to prove themselves."""
    return await session.scalar(
        select(RecordExport).where(RecordExport.id == export_id).with_for_update()
    )


async def unscoped_hold(
    session: AsyncSession, *, clinic_id: UUID, patient_id: UUID
) -> LegalHold | None:
    """Return the hold that stands on a patient's record; the caller may hold records."""
    return await session.scalar(
        select(LegalHold).where(
            LegalHold.clinic_id == clinic_id,
            LegalHold.patient_id == patient_id,
            LegalHold.lifted_at.is_(None),
        )
    )


async def unscoped_run(session: AsyncSession, clinic_id: UUID) -> RetentionRun | None:
    """Return when the removal last ran for a clinic, locked until the transaction ends."""
    return await session.scalar(
        select(RetentionRun).where(RetentionRun.clinic_id == clinic_id).with_for_update()
    )


# --- removal -----------------------------------------------------------------------------------


async def unscoped_count_due(
    session: Reads, rule: TableRule, *, clinic_id: ClinicId, before: datetime
) -> int:
    """Count the rows of a clinic that a rule by age says are due."""
    due = _due_by_age(rule, clinic_id, before)
    statement = select(func.count()).select_from(table(rule.table)).where(*due)
    return await session.scalar(statement) or 0


async def unscoped_remove_due(
    session: AsyncSession, rule: TableRule, *, clinic_id: ClinicId, before: datetime, limit: int
) -> int:
    """Remove (or clear) at most `limit` due rows of a clinic; return how many."""
    return await _take(session, rule, _due_by_age(rule, clinic_id, before), limit)


async def unscoped_remove_of_patients(
    session: AsyncSession, rule: TableRule, *, clinic_id: ClinicId, patient_ids: Collection[UUID]
) -> int:
    """Remove every row of these patients' records that a rule covers; return how many."""
    conditions = [
        _unscoped_leads_to(_required(rule.patient), list(patient_ids)),
        _unscoped_is_of_clinic(rule, clinic_id),
        *_only(rule),
    ]
    return await _take(session, rule, conditions, None)


async def unscoped_last_visits(
    session: Reads, *, clinic_id: ClinicId, before: datetime, patient_id: UUID | None = None
) -> dict[UUID, datetime]:
    """Return when each patient of a clinic, or one, was last seen or due, for those long gone.

    Left out are those on hold, those who work here, and those with anything since `before`.
    """
    found: dict[UUID, datetime] = {}
    for name, at in (("visits", "state_since"), ("appointments", "ends_at")):
        rows = table(
            name, column("patient_id", Uuid), column("clinic_id", Uuid), column(at, UtcDateTime)
        )
        members = table("memberships", column("person_id", Uuid))
        statement = (
            select(rows.c.patient_id, func.max(rows.c[at], type_=UtcDateTime))
            .where(
                rows.c.clinic_id == clinic_id,
                rows.c.patient_id.not_in(_unscoped_held(clinic_id)),
                rows.c.patient_id.not_in(select(members.c.person_id)),
            )
            .group_by(rows.c.patient_id)
        )
        if patient_id is not None:
            statement = statement.where(rows.c.patient_id == patient_id)
        for seen_id, last_at in await session.execute(statement):
            found[seen_id] = max(last_at, found.get(seen_id, last_at))
    return {seen_id: at for seen_id, at in found.items() if at < before}


def _due_by_age(
    rule: TableRule, clinic_id: ClinicId, before: datetime
) -> Sequence[ColumnElement[bool]]:
    conditions = [
        column(rule.counted_from or "", UtcDateTime) < before,
        _unscoped_is_of_clinic(rule, clinic_id),
        *_only(rule),
    ]
    if rule.patient is not None:
        conditions.append(~_unscoped_leads_to(rule.patient, _unscoped_held(clinic_id)))
    return conditions


def _only(rule: TableRule) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if rule.only is not None:
        found.append(column(rule.only[0], String) == rule.only[1])
    if rule.named_by is not None:
        found.append(column("id", Uuid).in_(_unscoped_named(rule.named_by)))
    found += [column("id", Uuid).not_in(_unscoped_named(each)) for each in rule.unless_named_by]
    return found


def _unscoped_named(by: NamedBy) -> Select[Any]:
    there = table(by.table, column(by.column, Uuid))
    named = select(there.c[by.column]).where(there.c[by.column].is_not(None))
    if by.only is not None:
        named = named.where(column(by.only[0], String).in_(by.only[1]))
    return named


def _unscoped_held(clinic_id: ClinicId) -> Select[Any]:
    return select(LegalHold.patient_id).where(
        LegalHold.clinic_id == clinic_id, LegalHold.lifted_at.is_(None)
    )


def _unscoped_leads_to(way: Way, wanted: Select[Any] | list[Any]) -> ColumnElement[bool]:
    """Say in SQL that a row leads to one of the ids wanted."""
    for via in reversed(way.through):
        there = _there(via)
        wanted = select(there.c[via.key]).where(there.c[via.then].in_(wanted))
    return column(way.column, Uuid).in_(wanted)


def _unscoped_is_of_clinic(rule: TableRule, clinic_id: ClinicId) -> ColumnElement[bool]:
    """Say in SQL that a row leads to one clinic, step by step from the row itself.

    The other way round each statement would first list every visit of the clinic.
    """
    way = _required(rule.clinic)
    if not way.through:
        return column(way.column, Uuid) == clinic_id
    here: Any = literal_column(f"{rule.table}.{way.column}")
    conditions: list[ColumnElement[bool]] = []
    for number, via in enumerate(way.through):
        step = _there(via).alias(f"step_{number}")
        conditions.append(step.c[via.key] == here)
        here = step.c[via.then]
    return select(literal_column("1")).where(*conditions, here == clinic_id).exists()


def _there(via: Via) -> Any:  # noqa: ANN401  (SQLAlchemy's lightweight table)
    return table(via.table, column(via.key), column(via.then, Uuid))


async def _take(
    session: AsyncSession,
    rule: TableRule,
    conditions: Sequence[ColumnElement[bool]],
    limit: int | None,
) -> int:
    """Take rows away by where they lie, so that a batch needs no key of the table."""
    place: ColumnClause[Any] = column(
        "rowid" if session.get_bind().dialect.name == "sqlite" else "ctid"
    )
    target = table(rule.table, place, *(column(name) for name in rule.clears))
    lying = _unscoped_lying(rule, place, conditions, limit)
    if rule.clears:
        cleared = update(target).where(place.in_(lying))
        return await _rows(session, cleared.values(dict.fromkeys(rule.clears)))
    if rule.table not in GUARDED:
        return await _rows(session, delete(target).where(place.in_(lying)))
    session.add(permit := RemovalPermit(table_name=rule.table))
    await session.flush()
    taken = await _rows(session, delete(target).where(place.in_(lying)))
    await session.delete(permit)
    await session.flush()
    return taken


def _unscoped_lying(
    rule: TableRule,
    place: ColumnClause[Any],
    conditions: Sequence[ColumnElement[bool]],
    limit: int | None,
) -> Select[Any]:
    return select(place).select_from(table(rule.table)).where(*conditions).limit(limit)


async def _rows(session: AsyncSession, statement: Any) -> int:  # noqa: ANN401  (update or delete)
    result = await session.execute(statement)
    return result.rowcount if isinstance(result, CursorResult) else 0


def _required(way: Way | None) -> Way:
    if way is None:
        raise ValueError("a rule that removes says whose rows they are")
    return way
