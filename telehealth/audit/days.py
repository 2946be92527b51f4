"""What a part of a chain holds, for the daily review; the worker reads it for every clinic."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from telehealth.audit import repository
from telehealth.audit.cards import EntryCard
from telehealth.audit.chain import FIRST_SEQ
from telehealth.audit.events import AuditEvent
from telehealth.audit.readings import card_of
from telehealth.contract import ClinicId


class Span(NamedTuple):
    """A part of a chain, by its numbers; the last one is below the first if it is empty."""

    first_seq: int
    last_seq: int


async def unscoped_begins_at(session: repository.Reads, clinic_id: ClinicId) -> datetime | None:
    """Return when a clinic's trail begins; None: it has no entry."""
    first = await repository.unscoped_entry_at(session, clinic_id, FIRST_SEQ)
    return None if first is None else first.at


async def unscoped_span(
    session: repository.Reads,
    clinic_id: ClinicId,
    *,
    after_seq: int | None,
    since: datetime,
    until: datetime,
) -> Span:
    """Return the part that ends with the last entry made before `until`.

    It begins behind `after_seq`, whatever stands there: an entry that was written late, with an
    instant before it, is in this part.  None: with the first entry made since `since`.
    """
    last = await repository.unscoped_last_seq_before(session, clinic_id, until) or 0
    if after_seq is None:
        first = await repository.unscoped_first_seq_since(session, clinic_id, since)
        after_seq = last if first is None else first - 1
    return Span(first_seq=after_seq + 1, last_seq=max(last, after_seq))


async def unscoped_counts(
    session: repository.Reads, clinic_id: ClinicId, span: Span
) -> Mapping[str, int]:
    """Return how many entries of each kind a part has."""
    return await repository.unscoped_counts(
        session, clinic_id, first_seq=span.first_seq, last_seq=span.last_seq
    )


async def unscoped_listed(
    session: repository.Reads,
    clinic_id: ClinicId,
    *,
    first_seq: int,
    last_seq: int | None,
    events: Collection[AuditEvent],
    most: int,
) -> list[EntryCard]:
    """Return the first entries of some kinds in a part; None: to the end of the chain."""
    rows = await repository.unscoped_entries_after(
        session,
        clinic_id,
        after_seq=first_seq - 1,
        since=None,
        until=None,
        limit=most,
        to_seq=last_seq,
        events=[event.value for event in events],
    )
    return [card_of(row) for row in rows]
