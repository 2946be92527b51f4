"""Reports of days of the audit trail."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.platform.db import Base


class DayReport(Base):
    """What one clinic's trail holds of one calendar day; kept as long as the trail."""

    __tablename__ = "day_reports"
    __table_args__ = (
        UniqueConstraint("clinic_id", "day_on"),
        CheckConstraint("(reviewed_at IS NULL) = (reviewed_by IS NULL)", name="reviewed_paired"),
        CheckConstraint("last_seq >= first_seq - 1", name="seqs_in_order"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    day_on: Mapped[date]
    first_seq: Mapped[int] = mapped_column(BigInteger)
    """The entry behind the last one of the report before."""
    last_seq: Mapped[int] = mapped_column(BigInteger)
    """Below the first: the day holds no entry."""
    content: Mapped[str] = mapped_column(Text)
    """Canonical JSON of ids, kinds, counts and instants (`rules.report_of`)."""
    made_at: Mapped[datetime]
    is_late: Mapped[bool]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[UUID | None]
