"""When a day's report is due, and what of a day an auditor must see.  Pure.

Source:
    45 CFR 164.308(a)(1)(ii)(D); 21 CFR 1311.150(a) for what must be listed, (c) for each day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from telehealth.audit.cards import EntryCard
from telehealth.audit.chain import Json
from telehealth.audit.events import AuditEvent

_DAY: Final = timedelta(days=1)
SETTLES: Final = timedelta(hours=2)
"""A day is read this long after its midnight: an emergency access opened in its last minute has
ended by then (it lasts an hour), and what was being written at midnight is in the trail."""
MADE_UP: Final = 31
"""Days before the first report of a clinic that are made up for; from then on every one is."""
LISTED: Final = 100
"""Entries of one heading that a report lists; how many there were is always told."""

_E = AuditEvent


class Heading(StrEnum):
    """Under what an auditor reads an entry.  Stored in reports."""

    EMERGENCY = "emergency"
    REFUSED = "refused"
    LOCKED = "locked"
    RIGHTS = "rights"
    KEYS = "keys"
    TAKEN_OUT = "taken_out"
    REMOVED = "removed"
    CHECKED = "checked"


EVENTS: Final[Mapping[Heading, Sequence[AuditEvent]]] = MappingProxyType(
    {
        # What was opened is listed apart, with how it ended; here are the tries in vain.
        Heading.EMERGENCY: (_E.EMERGENCY_REFUSED,),
        Heading.REFUSED: (
            _E.PERSON_SIGN_IN_REFUSED,
            _E.SESSION_PROOF_REFUSED,
            _E.LINK_REFUSED,
            _E.CODE_REFUSED,
            _E.EXPORT_REFUSED,
        ),
        Heading.LOCKED: (_E.ACCOUNT_LOCKED, _E.ACCOUNT_UNLOCKED),
        Heading.RIGHTS: (
            _E.ACCOUNT_ADDED,
            _E.PERSON_ROLE_CHANGED,
            _E.PERSON_DISABLED,
            _E.PERSON_ENABLED,
            _E.SSO_LINKED,
            _E.SSO_UNLINKED,
        ),
        Heading.KEYS: (
            _E.FACTOR_ADDED,
            _E.FACTOR_REMOVED,
            _E.RECOVERY_CODES_MADE,
            _E.ACCOUNT_FACTORS_RESET,
            _E.PASSWORD_LINK_MADE,
            _E.PASSWORD_SET_BY_LINK,
            _E.PASSWORD_CHANGED,
        ),
        Heading.TAKEN_OUT: (_E.AUDIT_EXPORTED, _E.RECORD_EXPORTED, _E.EXPORT_LINK_MADE),
        Heading.REMOVED: (
            _E.PERSON_ERASED,
            _E.RETENTION_REMOVED,
            _E.HOLD_PLACED,
            _E.HOLD_LIFTED,
        ),
        # A check that found an alteration is the worst there is to read.
        Heading.CHECKED: (_E.AUDIT_VERIFIED,),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One day whose report is to be made now."""

    on: date
    starts_at: datetime
    ends_at: datetime
    is_late: bool
    """The calendar day after it is over already."""
    is_newest: bool
    """No other day is due after it: the auditors are told with this one."""


def newest_on(now: datetime, *, zone: str) -> date:
    """Return the newest day of a clinic that has ended and settled."""
    return (now - SETTLES).astimezone(ZoneInfo(zone)).date() - _DAY


def due(*, now: datetime, zone: str, last_on: date | None, first_at: datetime | None) -> Due | None:
    """Return the next day to make a report of; None: all are made.

    Args:
        now: Aware instant.
        zone: Of the clinic: its days begin at its own midnight.
        last_on: Day of the newest report; None: there is none.
        first_at: When the clinic's trail begins; None: it has not begun.
    """
    newest = newest_on(now, zone=zone)
    if last_on is not None:
        on = last_on + _DAY
    elif first_at is not None:
        on = max(first_at.astimezone(ZoneInfo(zone)).date(), newest - MADE_UP * _DAY)
    else:
        return None
    if on > newest:
        return None
    return Due(
        on=on,
        starts_at=midnight(on, zone=zone),
        ends_at=midnight(on + _DAY, zone=zone),
        is_late=now >= midnight(on + 2 * _DAY, zone=zone),
        is_newest=on == newest,
    )


def midnight(on: date, *, zone: str) -> datetime:
    """Return the instant a day begins at, in UTC; some days last 23 hours and some 25."""
    return datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def report_of(
    *,
    counts: Mapping[str, int],
    opened: Sequence[EntryCard],
    ended: Sequence[EntryCard],
    listed: Mapping[Heading, Sequence[EntryCard]],
) -> Mapping[str, Json]:
    """Put together what is kept of a day: ids, kinds, counts and instants.

    Args:
        counts: How often each kind of event happened.
        opened: Emergency accesses opened in the day.
        ended: How they ended, whenever that was.
        listed: The first entries of each heading.
    """
    ends = {each.subject_id: each for each in ended}
    return {
        "counts": dict(counts),
        "emergencies": [_access(each, ends.get(each.subject_id)) for each in opened],
        "headings": [
            {
                "heading": heading.value,
                "count": sum(counts.get(event, 0) for event in EVENTS[heading]),
                "entries": [_listed(each) for each in listed.get(heading, ())],
            }
            for heading in Heading
        ],
    }


def _access(opened: EntryCard, ended: EntryCard | None) -> Mapping[str, Json]:
    facts = {} if ended is None else ended.known_facts()
    return {
        "access_id": _id(opened.subject_id),
        "seq": opened.seq,
        "opened_at": opened.at.isoformat(),
        "person_id": _id(opened.actor_person_id),
        "patient_id": _id(opened.patient_id),
        "ended_at": None if ended is None else ended.at.isoformat(),
        "ended_how": facts.get("how"),
        "reads": facts.get("reads"),
    }


def _listed(entry: EntryCard) -> Mapping[str, Json]:
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "event": entry.event,
        "person_id": _id(entry.actor_person_id),
        "job": entry.actor_job,
        "patient_id": _id(entry.patient_id),
        "subject_id": _id(entry.subject_id),
        "facts": dict(entry.known_facts()),
    }


def _id(value: object) -> str | None:
    return None if value is None else str(value)
