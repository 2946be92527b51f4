"""What the worker needs of a partner's adapter, and what an adapter may answer.

An adapter never retries, never raises a partner's error and is handed everything it needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias
from uuid import UUID

from telehealth.contract import ClinicId
from telehealth.delivery.lanes import EntryKind, JsonValue


class OutcomeCode(StrEnum):
    """Why an entry stands where it stands.  Stored; never text from outside."""

    DELIVERED = "delivered"
    FOUND = "found"
    NOT_FOUND = "not_found"
    PATIENT_NOT_FOUND = "patient_not_found"
    PATIENT_AMBIGUOUS = "patient_ambiguous"
    PATIENT_MISMATCH = "patient_mismatch"
    ENCOUNTER_MISSING = "encounter_missing"
    DUPLICATES_AT_PARTNER = "duplicates_at_partner"
    REJECTED_BY_PARTNER = "rejected_by_partner"
    NO_ADDRESS = "no_address"
    CONTENT_UNREADABLE = "content_unreadable"
    SIGN_IN_REFUSED = "sign_in_refused"
    SCOPE_TOO_NARROW = "scope_too_narrow"
    NOT_PERMITTED_BY_PARTNER = "not_permitted_by_partner"
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    ANSWER_LOST = "answer_lost"
    UNREADABLE_ANSWER = "unreadable_answer"
    PARTNER_ERROR = "partner_error"
    CONFLICT = "conflict"
    NOT_ACKNOWLEDGED = "not_acknowledged"
    LEASE_SHORT = "lease_short"
    LEASE_OVER = "lease_over"
    CONFIRM_OVERDUE = "confirm_overdue"
    TIME_OVER = "time_over"
    EXPIRED = "expired"
    ADAPTER_BROKEN = "adapter_broken"
    CHECK_ASKED = "check_asked"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedEntry:
    """One claimed entry, as its adapter sees it."""

    entry_id: UUID
    clinic_id: ClinicId
    subject_id: UUID
    """The visit."""
    kind: EntryKind
    key: str
    message_id: UUID
    """The same on every resend."""
    payload: Mapping[str, JsonValue]
    send_before_s: float
    """Monotonic instant of the running loop after which no first byte may leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The partner has it; `is_final` when no further word is to come."""

    is_final: bool = True
    partner_ref: str | None = None
    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The partner, or a check before sending, says no for a reason a retry will not mend."""

    code: OutcomeCode
    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TryLater:
    """Nothing is outstanding with the partner; the same entry may be sent again."""

    code: OutcomeCode
    not_before: datetime | None = None
    """Instant the partner named."""
    counts: bool = True
    """False for a rate limit: it is no try."""
    pauses_partner: bool = False
    """True when no entry of this partner can succeed now, as with a refused sign-in."""
    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It may or may not have arrived."""

    code: OutcomeCode
    not_before: datetime | None = None
    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The partner has what the key names."""

    is_final: bool = True
    partner_ref: str | None = None
    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The partner knows the key and refused it."""

    code: OutcomeCode
    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """The partner says it has nothing under this key."""

    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """The question could not be asked or was not answered."""

    code: OutcomeCode
    not_before: datetime | None = None
    http_status: int | None = None


DeliverOutcome: TypeAlias = Done | Refused | TryLater | Unknown
FindOutcome: TypeAlias = Found | Rejected | NotFound | NoAnswer


class Deliverer(Protocol):
    """One adapter per partner, wired to its lane by the worker."""

    async def deliver(self, entry: OwedEntry) -> DeliverOutcome:
        """Send the entry once."""
        ...

    async def find(self, entry: OwedEntry) -> FindOutcome:
        """Ask the partner whether it has what the entry's key names; change nothing there."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
