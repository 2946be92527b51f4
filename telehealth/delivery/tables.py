"""Tables of the ledger: what is owed, every try, and the counters that keep order.

Triggers of the migration hold, on both databases, that a try is never changed or deleted, that an
entry is never deleted, and that its payload, key, message id, lane and order never change.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.delivery.lanes import EntryKind, Lane, OrderUntil
from telehealth.delivery.lifecycle import EntryState
from telehealth.delivery.ports import OutcomeCode
from telehealth.platform.db import Base, EnumText, one_of
from telehealth.platform.sealing.columns import TEXT, Phi, Sealed, sealed_column


class AttemptStep(StrEnum):
    """One line of an entry's history.  Stored."""

    CLAIMED = "claimed"
    CALL_STARTED = "call_started"
    ANSWERED = "answered"
    QUERY_STARTED = "query_started"
    QUERY_ANSWERED = "query_answered"
    LEASE_EXPIRED = "lease_expired"
    CONFIRMED_BY_PARTNER = "confirmed_by_partner"
    RELEASED = "released"
    PARKED = "parked"
    UNPARKED = "unparked"
    CANCELLED = "cancelled"


class LedgerEntry(Base):
    """One owed outbound effect."""

    __tablename__ = "ledger_entry"
    __sealed_for__ = "patient_id"
    __sealed_group__ = "delivery"

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    subject_id: Mapped[UUID]
    patient_id: Mapped[UUID | None]
    """Whose key seals the payload; None: it holds nothing of a patient."""
    kind: Mapped[EntryKind] = mapped_column(EnumText(EntryKind))
    schema_version: Mapped[int]
    partner: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(160))
    message_id: Mapped[UUID]
    payload = Sealed[str]("payload_sealed", TEXT)
    payload_sealed: Mapped[bytes] = sealed_column("payload", Phi.CLINICAL)
    lane: Mapped[Lane] = mapped_column(EnumText(Lane))
    order_key: Mapped[str] = mapped_column(String(64))
    order_no: Mapped[int]
    order_until: Mapped[OrderUntil] = mapped_column(EnumText(OrderUntil))
    created_at: Mapped[datetime]
    next_at: Mapped[datetime]
    give_up_at: Mapped[datetime]
    """When trying ends and a person must look; set anew when a person asks for a check."""
    confirm_by: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    state: Mapped[EntryState] = mapped_column(EnumText(EntryState))
    state_since: Mapped[datetime]
    attempts: Mapped[int]
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    lease_epoch: Mapped[int]
    called_epoch: Mapped[int | None]
    """Lease epoch under which the last call was started."""
    quiet_until: Mapped[datetime | None]
    """A *not found* asked before this instant says nothing."""
    partner_ref: Mapped[str | None] = mapped_column(String(200))
    last_code: Mapped[OutcomeCode | None] = mapped_column(EnumText(OutcomeCode))

    __table_args__ = (
        UniqueConstraint("kind", "key", name="uq_ledger_entry_intent"),
        UniqueConstraint("lane", "order_key", "order_no", name="uq_ledger_entry_order"),
        UniqueConstraint("message_id", name="uq_ledger_entry_message_id"),
        one_of("kind", EntryKind),
        one_of("lane", Lane),
        one_of("order_until", OrderUntil),
        one_of("state", EntryState),
        CheckConstraint(
            "(lease_owner IS NULL) = (lease_until IS NULL)"
            " AND (state <> 'leased' OR lease_owner IS NOT NULL)"
            " AND (lease_owner IS NULL OR state IN ('leased', 'unknown'))",
            name="lease_paired",
        ),
        CheckConstraint(
            "(settled_at IS NOT NULL) = (state IN ('confirmed', 'cancelled'))",
            name="settled_at_paired",
        ),
        Index("ix_ledger_entry_due", "lane", "state", "next_at"),
        Index("ix_ledger_entry_attention", "clinic_id", "state"),
        Index("ix_ledger_entry_subject", "subject_id"),
    )


class DeliveryAttempt(Base):
    """One line of an entry's history; append-only."""

    __tablename__ = "delivery_attempt"

    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID]
    lease_epoch: Mapped[int]
    step: Mapped[AttemptStep] = mapped_column(EnumText(AttemptStep))
    at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(64))
    """Name of a worker, or id of a person."""
    result: Mapped[OutcomeCode | None] = mapped_column(EnumText(OutcomeCode))
    http_status: Mapped[int | None]
    partner_ref: Mapped[str | None] = mapped_column(String(200))
    duration_ms: Mapped[int | None]

    __table_args__ = (
        one_of("step", AttemptStep),
        Index("ix_delivery_attempt_entry", "entry_id", "at"),
    )


class LaneOrder(Base):
    """The last order number given out for one order key of one lane."""

    __tablename__ = "lane_order"

    lane: Mapped[Lane] = mapped_column(EnumText(Lane), primary_key=True)
    order_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    last_no: Mapped[int]

    __table_args__ = (one_of("lane", Lane),)
