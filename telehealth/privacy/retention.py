"""How long each kind of data is kept, and where it lies.  Pure; the two tables are the rule.

A table of the database without a row here fails a test.  A row says how a stored row is led to
its patient, so that a legal hold finds it, and to its clinic, whose audit trail tells of its end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from telehealth.privacy.ways import VISIT_PATIENT, NamedBy, Via, Way, by_visit

_YEAR: Final = timedelta(days=366)
RECORD_YEARS: Final = 10
"""After the last visit, and for a minor after coming of age.  State law: commonly 6 to 10."""
ADULT_AT_YEARS: Final = 18


class DataClass(StrEnum):
    """A kind of data that is kept for one reason.  In audit entries: renaming one is a change."""

    CLINICAL_RECORD = "clinical_record"
    AUDIT = "audit"
    DISCLOSURE = "disclosure"
    DELIVERY_ATTEMPT = "delivery_attempt"
    ROOM_COMMAND = "room_command"
    DEVICE_CHECK = "device_check"
    PRESENCE = "presence"
    LINK_SECRET = "link_secret"  # noqa: S105  (a kind of data, no secret)
    CONTACT_REQUEST = "contact_request"
    OUTGOING_SECRET = "outgoing_secret"  # noqa: S105  (a kind of data, no secret)
    LOGIN_SESSION = "login_session"
    REFRESH_SECRET = "refresh_secret"  # noqa: S105  (a kind of data, no secret)
    POLL_MARK = "poll_mark"
    NAMED_ACT = "named_act"
    EMERGENCY_ACCESS = "emergency_access"
    GUEST = "guest"
    STAFF = "staff"
    INSTALLATION = "installation"


class HoldReason(StrEnum):
    """Why a record is kept although it is due.  Stored."""

    LITIGATION = "litigation"
    INVESTIGATION = "investigation"
    PATIENT_ASKED = "patient_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long one kind is kept."""

    keep_for: timedelta | None
    """None: while the installation stands, or by a rule of its own (the clinical record)."""
    counted_from: str
    law: str


POLICY: Final[Mapping[DataClass, Keep]] = MappingProxyType(
    {
        DataClass.CLINICAL_RECORD: Keep(
            keep_for=RECORD_YEARS * _YEAR,
            counted_from="the patient's last visit; a minor's coming of age if that is later",
            law="state medical-record law, 6 to 10 years; the clinic's counsel confirms",
        ),
        DataClass.AUDIT: Keep(
            # Longer than the six years asked for: a chain is checked from its first entry.
            keep_for=None,
            counted_from="never removed",
            law="45 CFR 164.316(b)(2)(i), six years at least",
        ),
        DataClass.DISCLOSURE: Keep(
            keep_for=6 * _YEAR,
            counted_from="when the copy was asked for",
            law="45 CFR 164.524(e) with 164.530(j), six years",
        ),
        DataClass.DELIVERY_ATTEMPT: Keep(
            # No longer than the room commands they tell of, or nothing led to their patient.
            keep_for=timedelta(days=90),
            counted_from="the attempt",
            law="ours: that a chart was written stays in the audit trail",
        ),
        DataClass.ROOM_COMMAND: Keep(
            keep_for=timedelta(days=90), counted_from="when it was settled", law="ours"
        ),
        DataClass.DEVICE_CHECK: Keep(
            keep_for=timedelta(days=90), counted_from="the check", law="ours: of use to support"
        ),
        DataClass.PRESENCE: Keep(
            keep_for=timedelta(hours=24), counted_from="the event", law="ours: only drops repeats"
        ),
        DataClass.LINK_SECRET: Keep(
            keep_for=timedelta(days=90), counted_from="the link's end", law="ours, as access logs"
        ),
        DataClass.CONTACT_REQUEST: Keep(
            keep_for=timedelta(hours=24),
            counted_from="when a lost link or a code was asked for",
            law="ours: of use for an hour; who was not known goes at the next request",
        ),
        DataClass.OUTGOING_SECRET: Keep(
            keep_for=timedelta(days=1),
            counted_from="the end of the link or code; the secret itself goes when it is sent",
            law="ours",
        ),
        DataClass.LOGIN_SESSION: Keep(
            keep_for=timedelta(days=90),
            counted_from="the session's end",
            law="ours, as access logs",
        ),
        DataClass.REFRESH_SECRET: Keep(
            keep_for=timedelta(days=30),
            counted_from="when it was made",
            law="ours: to notice its return (RFC 9700)",
        ),
        DataClass.POLL_MARK: Keep(
            keep_for=timedelta(days=30), counted_from="the last look", law="ours"
        ),
        DataClass.NAMED_ACT: Keep(
            keep_for=None,
            counted_from="a day after the act, by a sweep of their own",
            law="ours: so that a repeat takes no second effect",
        ),
        DataClass.EMERGENCY_ACCESS: Keep(
            keep_for=6 * _YEAR,
            counted_from="when the record was opened",
            law="45 CFR 164.316(b)(2)(i), six years",
        ),
        DataClass.GUEST: Keep(
            # No longer than their links, which is how the end of an invitation is known.
            keep_for=timedelta(days=90),
            counted_from="the end of the invitation, when nothing else names them",
            law="ours, as access logs: that an interpreter attended stays with the record",
        ),
        DataClass.STAFF: Keep(
            keep_for=None, counted_from="while they work here", law="audit entries name them by id"
        ),
        DataClass.INSTALLATION: Keep(keep_for=None, counted_from="while it stands", law="ours"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRule:
    """Where one kind of data lies, and how it goes."""

    table: str
    data_class: DataClass
    counted_from: str | None = None
    """Column with the instant the age is counted from; None: goes with the record, or stays."""
    patient: Way | None = None
    clinic: Way | None = None
    only: tuple[str, str] | None = None
    """Only rows with this value in this column."""
    named_by: NamedBy | None = None
    """Only rows that this names."""
    unless_named_by: Sequence[NamedBy] = ()
    """Not while one of these names the row."""
    clears: Sequence[str] = ()
    """Columns set to NULL; empty: the row goes."""


def _of_record(
    table: str, ways: tuple[Way, Way], *, only: tuple[str, str] | None = None
) -> TableRule:
    return TableRule(
        table=table,
        data_class=DataClass.CLINICAL_RECORD,
        patient=ways[0],
        clinic=ways[1],
        only=only,
    )


_ROW_CLINIC: Final = Way(column="clinic_id")
_SESSION: Final = Via("login_sessions", "id", "person_id")
_SESSION_CLINIC: Final = Via("login_sessions", "id", "clinic_id")
_LINK: Final = Via("visit_links", "id", "person_id")
_LINK_CLINIC: Final = Via("visit_links", "id", "clinic_id")
_SEAT: Final = Via("attendances", "id", "visit_id")
_ENTRY: Final = Via("ledger_entry", "entry_id", "subject_id")
_ORDER: Final = Via("ledger_entry", "order_key", "subject_id")

_GUEST_SEAT: Final = NamedBy(
    table="attendances", column="person_id", only=("kind", ("interpreter", "family", "observer"))
)
_MORE_THAN_A_GUEST: Final = (
    NamedBy(table="visit_links", column="person_id"),
    NamedBy(table="login_sessions", column="person_id"),
    NamedBy(table="outgoing_secrets", column="person_id"),
    NamedBy(table="accounts", column="person_id"),
    NamedBy(table="memberships", column="person_id"),
    NamedBy(table="visits", column="patient_id"),
    NamedBy(table="visits", column="provider_id"),
    NamedBy(table="appointments", column="patient_id"),
)

RULES: Final[Sequence[TableRule]] = (
    # By age.  A row that others refer to stands below them.
    TableRule(
        table="refresh_secrets",
        data_class=DataClass.REFRESH_SECRET,
        counted_from="made_at",
        patient=Way(column="session_id", through=(_SESSION,)),
        clinic=Way(column="session_id", through=(_SESSION_CLINIC,)),
    ),
    TableRule(
        table="login_sessions",
        data_class=DataClass.LOGIN_SESSION,
        counted_from="expires_at",
        patient=Way(column="person_id"),
        clinic=_ROW_CLINIC,
    ),
    TableRule(
        table="contact_requests",
        data_class=DataClass.CONTACT_REQUEST,
        counted_from="asked_at",
        patient=Way(column="link_id", through=(_LINK,)),
        clinic=Way(column="link_id", through=(_LINK_CLINIC,)),
    ),
    TableRule(
        table="outgoing_secrets",
        data_class=DataClass.OUTGOING_SECRET,
        counted_from="expires_at",
        patient=Way(column="person_id"),
        clinic=_ROW_CLINIC,
    ),
    TableRule(
        table="visit_links",
        data_class=DataClass.LINK_SECRET,
        counted_from="expires_at",
        patient=Way(column="person_id"),
        clinic=_ROW_CLINIC,
    ),
    TableRule(
        table="presence_events_seen",
        data_class=DataClass.PRESENCE,
        counted_from="at",
        patient=by_visit()[0],
        clinic=by_visit()[1],
    ),
    TableRule(
        table="queue_entries",
        data_class=DataClass.DEVICE_CHECK,
        counted_from="checked_at",
        patient=by_visit()[0],
        clinic=_ROW_CLINIC,
        clears=("outcome", "microphone", "camera", "speaker", "network", "checked_at"),
    ),
    TableRule(
        table="delivery_attempt",
        data_class=DataClass.DELIVERY_ATTEMPT,
        counted_from="at",
        patient=by_visit("entry_id", _ENTRY)[0],
        clinic=Way(column="entry_id", through=(Via("ledger_entry", "entry_id", "clinic_id"),)),
    ),
    TableRule(
        table="ledger_entry",
        data_class=DataClass.ROOM_COMMAND,
        counted_from="settled_at",
        patient=by_visit("subject_id")[0],
        clinic=_ROW_CLINIC,
        only=("lane", "room"),
    ),
    TableRule(
        table="audited_polls",
        data_class=DataClass.POLL_MARK,
        counted_from="audited_at",
        clinic=Way(column="person_id", through=(Via("people", "id", "clinic_id"),)),
    ),
    TableRule(
        table="record_exports",
        data_class=DataClass.DISCLOSURE,
        counted_from="asked_at",
        patient=Way(column="patient_id"),
        clinic=_ROW_CLINIC,
    ),
    TableRule(
        table="opened_records",
        data_class=DataClass.EMERGENCY_ACCESS,
        counted_from="opened_at",
        patient=Way(column="patient_id"),
        clinic=_ROW_CLINIC,
    ),
    # Below their links and sessions, whose end is that of the invitation.
    TableRule(
        table="people",
        data_class=DataClass.GUEST,
        counted_from="added_at",
        patient=Way(
            column="id", through=(Via("attendances", "person_id", "visit_id"), VISIT_PATIENT)
        ),
        clinic=_ROW_CLINIC,
        named_by=_GUEST_SEAT,
        unless_named_by=_MORE_THAN_A_GUEST,
    ),
    # With the patient's record, in this order: what refers to a row goes before it.
    _of_record("note_signatures", by_visit()),
    _of_record("note_versions", by_visit()),
    _of_record("attendance_stays", by_visit("participant_id", _SEAT)),
    _of_record("attendances", by_visit()),
    _of_record("consents", by_visit()),
    _of_record("open_items", by_visit()),
    _of_record("presence_events_seen", by_visit()),
    _of_record("queue_entries", by_visit()),
    _of_record("chart_link", by_visit()),
    _of_record("delivery_attempt", by_visit("entry_id", _ENTRY)),
    # Its key is made from the medical record number: a blind index, and gone with the rest.
    _of_record("lane_order", by_visit("order_key", _ORDER), only=("lane", "ehr")),
    _of_record("ledger_entry", by_visit("subject_id")),
    _of_record("correction_requests", (Way(column="patient_id"), _ROW_CLINIC)),
    _of_record("record_exports", (Way(column="patient_id"), _ROW_CLINIC)),
    _of_record("opened_records", (Way(column="patient_id"), _ROW_CLINIC)),
    _of_record(
        "refresh_secrets",
        (
            Way(column="session_id", through=(_SESSION,)),
            Way(column="session_id", through=(_SESSION_CLINIC,)),
        ),
    ),
    _of_record("login_sessions", (Way(column="person_id"), _ROW_CLINIC)),
    _of_record("notices", by_visit()),
    _of_record("outgoing_secrets", (Way(column="person_id"), _ROW_CLINIC)),
    _of_record(
        "contact_requests",
        (
            Way(column="link_id", through=(_LINK,)),
            Way(column="link_id", through=(_LINK_CLINIC,)),
        ),
    ),
    _of_record("visit_links", (Way(column="person_id"), _ROW_CLINIC)),
    _of_record("visits", (Way(column="patient_id"), _ROW_CLINIC)),
    _of_record("appointments", (Way(column="patient_id"), _ROW_CLINIC)),
    _of_record("legal_holds", (Way(column="patient_id"), _ROW_CLINIC)),
    _of_record("people", (Way(column="id"), _ROW_CLINIC)),
    # Kept, or gone by a sweep of their own.
    TableRule(table="idempotency_keys", data_class=DataClass.NAMED_ACT),
    TableRule(table="audit_entries", data_class=DataClass.AUDIT),
    TableRule(table="day_reports", data_class=DataClass.AUDIT),
    TableRule(table="audit_head_exports", data_class=DataClass.INSTALLATION),
    TableRule(table="accounts", data_class=DataClass.STAFF),
    TableRule(table="sso_identities", data_class=DataClass.STAFF),
    TableRule(table="authenticator_apps", data_class=DataClass.STAFF),
    TableRule(table="passkeys", data_class=DataClass.STAFF),
    TableRule(table="recovery_codes", data_class=DataClass.STAFF),
    TableRule(table="password_links", data_class=DataClass.STAFF),
    # The door itself forgets these two once they are over.
    TableRule(table="passkey_challenges", data_class=DataClass.STAFF),
    TableRule(table="pending_sign_ins", data_class=DataClass.STAFF),
    TableRule(table="memberships", data_class=DataClass.STAFF),
    TableRule(table="clinics", data_class=DataClass.INSTALLATION),
    TableRule(table="removal_permits", data_class=DataClass.INSTALLATION),
    TableRule(table="retention_runs", data_class=DataClass.INSTALLATION),
)

GUARDED: Final = frozenset({"delivery_attempt", "ledger_entry", "note_signatures", "note_versions"})
"""Tables whose triggers refuse a removal that holds no permit."""


def by_age() -> Sequence[TableRule]:
    """Return the rules whose rows go at an age of their own."""
    return [rule for rule in RULES if rule.counted_from is not None]


def of_record() -> Sequence[TableRule]:
    """Return the rules whose rows go with the patient's record, in the order they must."""
    return [
        rule
        for rule in RULES
        if rule.data_class is DataClass.CLINICAL_RECORD and rule.patient is not None
    ]


def cutoff(data_class: DataClass, *, now: datetime) -> datetime | None:
    """Return the instant before which a row of this kind is due; None: never by age."""
    keep_for = POLICY[data_class].keep_for
    return None if keep_for is None else now - keep_for


def is_record_due(*, last_visit_at: datetime, born_on: date | None, now: datetime) -> bool:
    """Say whether a patient's whole record is due.

    A patient without a birth date on record counts as an adult; born on 29 February, of age on
    1 March.
    """
    keep_for = RECORD_YEARS * _YEAR
    if last_visit_at + keep_for > now:
        return False
    if born_on is None:
        return True
    is_leap_day = (born_on.month, born_on.day) == (2, 29)
    year = born_on.year + ADULT_AT_YEARS
    of_age = date(year, 3, 1) if is_leap_day else born_on.replace(year=year)
    return of_age + keep_for <= now.date()
