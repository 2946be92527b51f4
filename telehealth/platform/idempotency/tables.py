"""Acts that were asked for under a key, and what was answered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.platform.db import Base


class NamedAct(Base):
    """One act of one person; without `status` it is running, or its process died."""

    __tablename__ = "idempotency_keys"

    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """Of key, person and clinic together: a key of somebody else is another key."""
    act_mac: Mapped[str] = mapped_column(String(64))
    """Of method, path and body, under a secret: a key stands for one act."""
    run: Mapped[UUID]
    """Which of several tries holds the act; only that one may finish it."""
    started_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    """Set in the transaction of the act itself."""
    status: Mapped[int | None]
    sealed_answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(index=True)
