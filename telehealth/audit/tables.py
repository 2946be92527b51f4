"""Stored form of the audit trail: insert-only, and bound to nothing by foreign keys.

An entry must outlive whatever it speaks of.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.platform.db import Base


class AuditEntry(Base):
    """One entry of one clinic's chain; triggers refuse its update and its removal."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        UniqueConstraint("clinic_id", "seq"),
        Index("ix_audit_entries_clinic_id_at", "clinic_id", "at"),
        Index("ix_audit_entries_clinic_id_patient_id", "clinic_id", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    seq: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(64))
    actor_person_id: Mapped[UUID | None]
    actor_role: Mapped[str | None] = mapped_column(String(32))
    actor_job: Mapped[str | None] = mapped_column(String(32))
    visit_id: Mapped[UUID | None]
    patient_id: Mapped[UUID | None]
    subject_id: Mapped[UUID | None]
    facts: Mapped[str] = mapped_column(Text)
    """Canonical JSON object of ids, kinds and numbers."""
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    seal: Mapped[bytes] = mapped_column(LargeBinary(32))


class HeadExport(Base):
    """The newest head that one sink has taken of one chain: for the status page, no evidence.

    Whoever holds the database can change these rows; what counts is what the sink itself holds.
    """

    __tablename__ = "audit_head_exports"

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    sink: Mapped[str] = mapped_column(String(32), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    """Entries of the newest head taken; 0: none yet."""
    exported_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    """First failure since the last success."""
    trouble: Mapped[str | None] = mapped_column(String(32))
    """`not_kept`, `contradicted` or `chain_altered`."""
