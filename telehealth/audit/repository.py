"""Every query of the audit trail."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import Select, false, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission, is_permitted
from telehealth.audit.chain import FIRST_SEQ, NO_PREVIOUS, Sealed, body_of_words, quoted, word
from telehealth.audit.tables import AuditEntry, HeadExport
from telehealth.contract import ClinicId

_PAGE: Final = 2_000
_BELOW_ALL: Final = -(2**63)

Reads: TypeAlias = AsyncSession
"""A session of `Database.reading`, or that of a unit of work."""


def visible_to(actor: Actor) -> Select[AuditEntry]:
    """Select the entries `actor` may know exist.  An unlisted role sees none."""
    in_clinic = select(AuditEntry).where(AuditEntry.clinic_id == actor.clinic_id)
    if actor.role is not None and is_permitted(actor.role, Permission.READ_AUDIT):
        return in_clinic
    return in_clinic.where(false())


async def entries(  # noqa: PLR0913  (what an auditor may search by)
    session: AsyncSession,
    *,
    actor: Actor,
    patient_id: UUID | None,
    person_id: UUID | None,
    visit_id: UUID | None,
    events: Collection[str],
    since: datetime | None,
    until: datetime | None,
    before_seq: int | None,
    limit: int,
) -> list[AuditEntry]:
    """Return the newest entries first of those that `actor` may see and that match all given.

    A patient's entries are those that name the patient, and those of the patient's visits.
    """
    statement = visible_to(actor)
    if patient_id is not None:
        visits = visible_to(actor).where(AuditEntry.patient_id == patient_id)
        visit_ids = visits.with_only_columns(AuditEntry.visit_id).where(
            AuditEntry.visit_id.is_not(None)
        )
        statement = statement.where(
            or_(AuditEntry.patient_id == patient_id, AuditEntry.visit_id.in_(visit_ids))
        )
    if person_id is not None:
        statement = statement.where(
            or_(AuditEntry.actor_person_id == person_id, AuditEntry.subject_id == person_id)
        )
    if visit_id is not None:
        statement = statement.where(AuditEntry.visit_id == visit_id)
    if events:
        statement = statement.where(AuditEntry.event.in_(events))
    if since is not None:
        statement = statement.where(AuditEntry.at >= since)
    if until is not None:
        statement = statement.where(AuditEntry.at < until)
    if before_seq is not None:
        statement = statement.where(AuditEntry.seq < before_seq)
    found = await session.scalars(statement.order_by(AuditEntry.seq.desc()).limit(limit))
    return list(found)


async def lock_chain(session: AsyncSession, clinic_id: ClinicId) -> None:
    """Let one transaction at a time append to a clinic's chain.

    PostgreSQL: an advisory lock until the transaction ends.  SQLite: the immediate transaction
    is the lock.
    """
    if session.get_bind().dialect.name == "postgresql":
        key = int.from_bytes(clinic_id.bytes[8:], "big", signed=True)
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


class Tip(NamedTuple):
    """What the next entry of a chain follows."""

    seq: int
    seal: bytes


async def unscoped_tip(session: AsyncSession, clinic_id: ClinicId) -> Tip:
    """Return the end of a chain; for the appender, whoever acts.

    Two columns and no object: all other writers of the clinic wait for this.
    """
    newest = (
        select(AuditEntry.seq, AuditEntry.seal)
        .where(AuditEntry.clinic_id == clinic_id)
        .order_by(AuditEntry.seq.desc())
        .limit(1)
    )
    found = (await session.execute(newest)).one_or_none()
    return Tip(FIRST_SEQ - 1, NO_PREVIOUS) if found is None else Tip(found.seq, found.seal)


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


async def unscoped_newest_seq(session: AsyncSession, clinic_id: ClinicId) -> int:
    """Return the number of the newest entry of a chain; 0 if there is none."""
    statement = select(func.max(AuditEntry.seq)).where(AuditEntry.clinic_id == clinic_id)
    return await session.scalar(statement) or 0


async def unscoped_seal_at(session: AsyncSession, clinic_id: ClinicId, seq: int) -> bytes | None:
    """Return one entry's seal; for comparing it with a head."""
    statement = select(AuditEntry.seal).where(
        AuditEntry.clinic_id == clinic_id, AuditEntry.seq == seq
    )
    return await session.scalar(statement)


async def unscoped_exports(session: AsyncSession, clinic_id: ClinicId) -> list[HeadExport]:
    """Return how each sink stands with one chain."""
    statement = select(HeadExport).where(HeadExport.clinic_id == clinic_id)
    return list(await session.scalars(statement.order_by(HeadExport.sink)))


async def unscoped_entries_after(
    session: AsyncSession,
    clinic_id: ClinicId,
    *,
    after_seq: int,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    to_seq: int | None = None,
    events: Collection[str] = (),
) -> list[AuditEntry]:
    """Return the next entries of a chain in order; for the operator's export and day reports."""
    statement = select(AuditEntry).where(
        AuditEntry.clinic_id == clinic_id, AuditEntry.seq > after_seq
    )
    if since is not None:
        statement = statement.where(AuditEntry.at >= since)
    if until is not None:
        statement = statement.where(AuditEntry.at < until)
    if to_seq is not None:
        statement = statement.where(AuditEntry.seq <= to_seq)
    if events:
        statement = statement.where(AuditEntry.event.in_(events))
    return list(await session.scalars(statement.order_by(AuditEntry.seq).limit(limit)))


async def unscoped_counts(
    session: AsyncSession, clinic_id: ClinicId, *, first_seq: int, last_seq: int
) -> dict[str, int]:
    """Return how many entries of each kind a part of a chain has; for day reports."""
    statement = (
        select(AuditEntry.event, func.count())
        .where(AuditEntry.clinic_id == clinic_id, AuditEntry.seq.between(first_seq, last_seq))
        .group_by(AuditEntry.event)
    )
    found = await session.execute(statement)
    return {row.event: row[1] for row in found}


class Guards(NamedTuple):
    """How the database guards the entries from whom we connect as."""

    has_triggers: bool
    may_change: bool
    may_disarm: bool


async def unscoped_guards(session: AsyncSession) -> Guards:
    """Ask the database how it guards the entries; for the check at a start."""
    if session.get_bind().dialect.name == "sqlite":
        named = set(await session.scalars(_SQLITE_GUARDS))
        return Guards(has_triggers=named >= _SQLITE_TRIGGERS, may_change=False, may_disarm=False)
    row = (await session.execute(_POSTGRESQL_GUARDS)).one()
    return Guards(row.triggers == _POSTGRESQL_TRIGGERS, row.may_change, row.may_disarm)


_SQLITE_TRIGGERS: Final = frozenset(
    {"audit_entries_stay_unchanged", "audit_entries_stay", "audit_entries_keep_their_place"}
)
_SQLITE_GUARDS: Final = text(
    "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entries'"
)
_POSTGRESQL_TRIGGERS: Final = 2
_POSTGRESQL_GUARDS: Final = text("""
    SELECT
        (SELECT count(*) FROM pg_trigger WHERE tgrelid = entries.oid AND tgenabled IN ('O', 'A')
            AND tgname IN ('audit_entries_stay', 'audit_entries_stay_all')) AS triggers,
        has_table_privilege(entries.oid, 'UPDATE') OR has_table_privilege(entries.oid, 'DELETE')
            OR has_table_privilege(entries.oid, 'TRUNCATE')
            OR has_any_column_privilege(entries.oid, 'UPDATE') AS may_change,
        pg_has_role(entries.relowner, 'MEMBER')
            OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS may_disarm
    FROM pg_class AS entries WHERE entries.oid = CAST('audit_entries' AS regclass)
""")


async def unscoped_pages(
    session: AsyncSession,
    clinic_id: ClinicId,
    *,
    from_seq: int,
    to_seq: int,
    size: int = _PAGE,
) -> AsyncIterator[list[Sealed]]:
    """Yield a chain page by page in order, so that a long one never lies in memory whole.

    The columns come as the texts their seals were made of, without an object for each: a check
    of a million entries is mostly this.  A page spans a range of numbers, so an entry too many
    is in its page; what stands below the first number comes with the first page.
    """
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement, sealed = (_SQLITE, _from_sqlite) if is_sqlite else (_POSTGRESQL, _from_postgresql)
    clinic = clinic_id.hex if is_sqlite else clinic_id
    after = _BELOW_ALL if from_seq == FIRST_SEQ else from_seq - 1
    upto = min(from_seq - 1 + size, to_seq)
    while upto > after and upto <= to_seq:
        found = await session.execute(statement, {"clinic": clinic, "after": after, "upto": upto})
        rows = found.all()
        yield [sealed(row) for row in rows]
        if not rows:
            return
        after, upto = upto, min(upto + size, to_seq)


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


# As bytes, quoted by us: a tampered file may hold what is no text, and SQLite's own text functions
# stop at a NUL, behind which a change would hide.
_SQLITE: Final = text("""
    SELECT seq, previous, seal, CAST(id AS BLOB), CAST(clinic_id AS BLOB), CAST(at AS BLOB),
        CAST(event AS BLOB), CAST(actor_person_id AS BLOB), CAST(actor_role AS BLOB),
        CAST(actor_job AS BLOB), CAST(visit_id AS BLOB), CAST(patient_id AS BLOB),
        CAST(subject_id AS BLOB), CAST(facts AS BLOB)
    FROM audit_entries WHERE clinic_id = :clinic AND seq > :after AND seq <= :upto ORDER BY seq
""")
_POSTGRESQL: Final = text(r"""
    SELECT seq, previous, seal, CAST(id AS text), CAST(clinic_id AS text),
        to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24\:MI\:SS.US"+00\:00"'),
        event, CAST(actor_person_id AS text), actor_role, actor_job, CAST(visit_id AS text),
        CAST(patient_id AS text), CAST(subject_id AS text), facts
    FROM audit_entries WHERE clinic_id = :clinic AND seq > :after AND seq <= :upto ORDER BY seq
""")


def _from_sqlite(row: Sequence[Any]) -> Sealed:
    seq, previous, seal, id_, clinic_id, at, event, person, role, job, visit, patient, of, facts = (
        row
    )
    digits, instant = id_.decode("utf-8", "replace"), at.decode("utf-8", "replace")
    body = body_of_words(
        quoted(_hyphened(digits)),
        _id_word(clinic_id),
        quoted(f"{instant[:10]}T{instant[11:]}+00:00"),
        _word(event),
        _id_word(person),
        _word(role),
        _word(job),
        _id_word(visit),
        _id_word(patient),
        _id_word(of),
        quoted(facts.decode("utf-8", "replace")),
    )
    return Sealed(seq, previous, seal, body)


def _from_postgresql(row: Sequence[Any]) -> Sealed:
    seq, previous, seal, id_, clinic_id, at, event, person, role, job, visit, patient, of, facts = (
        row
    )
    body = body_of_words(
        quoted(id_),
        word(clinic_id),
        quoted(at or ""),
        word(event),
        word(person),
        word(role),
        word(job),
        word(visit),
        word(patient),
        word(of),
        quoted(facts),
    )
    return Sealed(seq, previous, seal, body)


def _hyphened(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@lru_cache(maxsize=8_192)
def _id_word(raw: bytes | None) -> str:
    return word(None if raw is None else _hyphened(raw.decode("utf-8", "replace")))


@lru_cache(maxsize=1_024)
def _word(raw: bytes | None) -> str:
    return word(None if raw is None else raw.decode("utf-8", "replace"))
