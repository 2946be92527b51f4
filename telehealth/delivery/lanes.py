"""Which event owes what to whom: entries per lane, what each lane keeps in order.  Pure.

An entry's key is derived from what is sent, so the same intent can be written down only once and
every resend carries the same key.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final, TypeAlias
from uuid import UUID

JsonValue: TypeAlias = (
    "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)
Facts: TypeAlias = Mapping[str, JsonValue]


class OwedEvent(StrEnum):
    """A fact that owes something to somebody outside the visit service."""

    VISIT_CALLED_IN = "visit.called_in"
    VISIT_RETURNED = "visit.returned"
    VISIT_CHANGED = "visit.changed"
    PARTICIPANT_REVOKED = "participant.revoked"
    VISIT_ENDED = "visit.ended"
    VISIT_COMPLETED = "visit.completed"
    BREAK_GLASS_OPENED = "break_glass.opened"
    DAY_REPORT_MADE = "day_report.made"
    LINK_TO_SEND = "link.to_send"
    CODE_TO_SEND = "code.to_send"


class Lane(StrEnum):
    """The ordered path an entry takes.  Stored: renaming one is a migration."""

    ROOM = "room"
    EHR = "ehr"
    NOTICE = "notice"


class EntryKind(StrEnum):
    """What is owed.  Stored: renaming one is a migration."""

    ROOM_CALLED_IN = "room.called_in"
    ROOM_RETURNED = "room.returned"
    ROOM_VISIT_CHANGED = "room.visit_changed"
    ROOM_REVOKED = "room.revoked"
    ROOM_ENDED = "room.ended"
    CHART_ENCOUNTER = "chart.encounter"
    CHART_NOTE = "chart.note"
    NOTICE_BREAK_GLASS = "notice.break_glass"
    NOTICE_DAY_REPORT = "notice.day_report"
    NOTICE_LINK = "notice.link"
    NOTICE_CODE = "notice.code"


class OrderUntil(StrEnum):
    """How far an entry must have come before the next of its order key may start."""

    SENT = "sent"
    CONFIRMED = "confirmed"


class WhenUnknown(StrEnum):
    """What may be done about an entry whose answer was lost."""

    ASK = "ask"
    """The partner answers questions by key: only its *not found* allows a resend."""
    REPEAT = "repeat"
    """The partner drops repeats of one message id, documented: the same bytes may go again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long one kind is tried, and what its partner can do.

    Source: delivery policy table; the clinical owner of a lane holds its rows.
    """

    try_for: timedelta
    """Pending or unknown longer than this: parked for a person."""
    alert_after: timedelta
    """Older than this and unsettled: shown under needs attention, parked or not."""
    order_until: OrderUntil
    when_unknown: WhenUnknown
    quiet: timedelta
    """A *not found* counts only this long after the last call: it may still sit in an intake."""
    confirm_within: timedelta | None = None
    """A final word outstanding longer than this makes the entry unknown.  None: answers at once."""


_ROOM: Final = Policy(
    try_for=timedelta(minutes=10),
    alert_after=timedelta(seconds=5),
    order_until=OrderUntil.CONFIRMED,
    when_unknown=WhenUnknown.REPEAT,
    quiet=timedelta(0),
)
_CHART: Final = Policy(
    try_for=timedelta(hours=24),
    alert_after=timedelta(minutes=30),
    order_until=OrderUntil.CONFIRMED,
    when_unknown=WhenUnknown.ASK,
    quiet=timedelta(seconds=60),
)

# A person waits to hear of it within the minute; a week later somebody reads the list anyway.
_NOTICE_BREAK_GLASS: Final = Policy(
    try_for=timedelta(days=7),
    alert_after=timedelta(minutes=1),
    order_until=OrderUntil.SENT,
    when_unknown=WhenUnknown.ASK,
    quiet=timedelta(seconds=20),
)

# The report stands on the auditor's page whether or not this arrives.
_NOTICE_DAY_REPORT: Final = Policy(
    try_for=timedelta(days=1),
    alert_after=timedelta(hours=4),
    order_until=OrderUntil.SENT,
    when_unknown=WhenUnknown.ASK,
    quiet=timedelta(seconds=20),
)

_NOTICE_LINK: Final = Policy(
    try_for=timedelta(hours=1),
    alert_after=timedelta(minutes=10),
    order_until=OrderUntil.SENT,
    when_unknown=WhenUnknown.ASK,
    quiet=timedelta(seconds=20),
)
# A code is good for ten minutes: later nobody needs it, and its deliverer lets it lapse.
_NOTICE_CODE: Final = Policy(
    try_for=timedelta(minutes=15),
    alert_after=timedelta(minutes=12),
    order_until=OrderUntil.SENT,
    when_unknown=WhenUnknown.ASK,
    quiet=timedelta(seconds=10),
)

POLICY: Final[Mapping[EntryKind, Policy]] = MappingProxyType(
    {
        EntryKind.ROOM_CALLED_IN: _ROOM,
        EntryKind.ROOM_RETURNED: _ROOM,
        EntryKind.ROOM_VISIT_CHANGED: _ROOM,
        EntryKind.ROOM_REVOKED: _ROOM,
        EntryKind.ROOM_ENDED: _ROOM,
        EntryKind.CHART_ENCOUNTER: _CHART,
        EntryKind.CHART_NOTE: _CHART,
        EntryKind.NOTICE_BREAK_GLASS: _NOTICE_BREAK_GLASS,
        EntryKind.NOTICE_DAY_REPORT: _NOTICE_DAY_REPORT,
        EntryKind.NOTICE_LINK: _NOTICE_LINK,
        EntryKind.NOTICE_CODE: _NOTICE_CODE,
    }
)

LEASE: Final = timedelta(seconds=60)
"""How long a claim holds; not renewed, so a call that outlives it loses its say."""

PARTNER: Final[Mapping[Lane, str]] = MappingProxyType(
    {Lane.ROOM: "signaling", Lane.EHR: "ehr", Lane.NOTICE: "messages"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One effect to be written into the ledger.

    Its order number is the next of (lane, order key), taken under that pair's row lock: ids made
    in parallel transactions may commit out of order, a counter's row cannot.
    """

    lane: Lane
    kind: EntryKind
    key: str
    order_key: str
    payload: Facts


def entries_owed(
    event: OwedEvent, *, clinic_id: UUID, subject_id: UUID, version: int, facts: Facts
) -> Sequence[Owed]:
    """Say what `event` owes, in the order it must arrive.

    Args:
        event: What happened.
        clinic_id: Clinic of the visit.
        subject_id: The visit.
        version: Version of the visit after the change.
        facts: What the deliverers need to know; becomes the payload.
    """
    return _OWED[event](event, clinic_id, subject_id, version, facts)


_ROOM_KIND: Final[Mapping[OwedEvent, EntryKind]] = MappingProxyType(
    {
        OwedEvent.VISIT_CALLED_IN: EntryKind.ROOM_CALLED_IN,
        OwedEvent.VISIT_RETURNED: EntryKind.ROOM_RETURNED,
        OwedEvent.VISIT_CHANGED: EntryKind.ROOM_VISIT_CHANGED,
        OwedEvent.PARTICIPANT_REVOKED: EntryKind.ROOM_REVOKED,
        OwedEvent.VISIT_ENDED: EntryKind.ROOM_ENDED,
    }
)


def _room(
    event: OwedEvent, clinic_id: UUID, visit_id: UUID, version: int, facts: Facts
) -> Sequence[Owed]:
    """One command, in the order of the visit's room."""
    del clinic_id
    participant = facts.get("participant_id") or "-"
    return [
        Owed(
            lane=Lane.ROOM,
            kind=_ROOM_KIND[event],
            key=f"{visit_id}.{version}.{participant}",
            order_key=str(visit_id),
            payload=facts,
        )
    ]


def _chart(
    event: OwedEvent, clinic_id: UUID, visit_id: UUID, version: int, facts: Facts
) -> Sequence[Owed]:
    """The Encounter, then the note that refers to it, in the order of the patient's chart.

    The Encounter has one key for ever: a visit happens once, whatever is corrected later.
    """
    del event, version
    order_key = _chart_key(clinic_id, visit_id, facts)
    encounter = Owed(
        lane=Lane.EHR,
        kind=EntryKind.CHART_ENCOUNTER,
        key=str(visit_id),
        order_key=order_key,
        payload={name: value for name, value in facts.items() if name != "note"},
    )
    match facts.get("note"):
        case {"version": int(note_version)}:
            note = Owed(
                lane=Lane.EHR,
                kind=EntryKind.CHART_NOTE,
                key=f"{visit_id}.note.{note_version}",
                order_key=order_key,
                payload=facts,
            )
            return [encounter, note]
        case _:
            return [encounter]


def _chart_key(clinic_id: UUID, visit_id: UUID, facts: Facts) -> str:
    """Name one patient's chart without showing its number in a column that is not sealed."""
    match facts.get("patient"):
        case {"medical_record_number": str(number)} if number:
            return sha256(f"{clinic_id}:{number}".encode()).hexdigest()
        case _:
            return str(visit_id)


_AUDITOR_KIND: Final[Mapping[OwedEvent, EntryKind]] = MappingProxyType(
    {
        OwedEvent.BREAK_GLASS_OPENED: EntryKind.NOTICE_BREAK_GLASS,
        OwedEvent.DAY_REPORT_MADE: EntryKind.NOTICE_DAY_REPORT,
    }
)
TO_AUDITORS: Final = frozenset(_AUDITOR_KIND.values())
"""Notices whose subject is an opened record or a report, and no visit."""


def _to_auditor(
    event: OwedEvent, clinic_id: UUID, subject_id: UUID, version: int, facts: Facts
) -> Sequence[Owed]:
    """One notice to one auditor; who looked at whose record is not in it."""
    del clinic_id, version
    person_id = str(facts["person_id"])
    return [
        Owed(
            lane=Lane.NOTICE,
            kind=_AUDITOR_KIND[event],
            key=f"{subject_id}.{person_id}",
            order_key=person_id,
            payload=facts,
        )
    ]


def _notice(
    event: OwedEvent, clinic_id: UUID, visit_id: UUID, version: int, facts: Facts
) -> Sequence[Owed]:
    """One text or e-mail, in the order of its person; once for each link or code."""
    del clinic_id, visit_id, version
    is_code = event is OwedEvent.CODE_TO_SEND
    return [
        Owed(
            lane=Lane.NOTICE,
            kind=EntryKind.NOTICE_CODE if is_code else EntryKind.NOTICE_LINK,
            key=str(facts["secret_id"]),
            order_key=str(facts["person_id"]),
            payload=facts,
        )
    ]


_Rule: TypeAlias = Callable[[OwedEvent, UUID, UUID, int, Facts], Sequence[Owed]]

_OWED: Final[Mapping[OwedEvent, _Rule]] = MappingProxyType(
    {
        **dict.fromkeys(_ROOM_KIND, _room),
        OwedEvent.VISIT_COMPLETED: _chart,
        **dict.fromkeys(_AUDITOR_KIND, _to_auditor),
        OwedEvent.LINK_TO_SEND: _notice,
        OwedEvent.CODE_TO_SEND: _notice,
    }
)
