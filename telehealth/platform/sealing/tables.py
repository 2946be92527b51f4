"""Stored form of wrapped keys; a database of its own, never one that holds data.

Its one table is made when the store is opened; the first change to it brings the first revision.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, String, Uuid, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from telehealth.platform.db import EnumText, UtcDateTime, one_of


class KeyKind(StrEnum):
    """What a key is for.  Stored."""

    CLINIC = "clinic"
    """Wraps the others of its clinic; the only kind that the provider wraps."""
    DATA = "data"
    INDEX = "index"
    PEPPER = "pepper"


class KeyState(StrEnum):
    """Where a key stands in its life.  Stored."""

    ACTIVE = "active"
    """Seals and opens."""
    RETIRING = "retiring"
    """Opens only, until nothing is sealed with it."""
    RETIRED = "retired"
    """Nothing was sealed with it any more; the wrapped key is gone."""
    ERASED = "erased"
    """Destroyed so that what it sealed is gone; its purpose never gets another key."""


class KeyBase(DeclarativeBase):
    """Root of the key store's table; never part of the data's metadata."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, UUID: Uuid}


class DataKey(KeyBase):
    """One wrapped key; `scope` says what it is for within its clinic and kind."""

    __tablename__ = "data_keys"
    __table_args__ = (
        one_of("kind", KeyKind),
        one_of("state", KeyState),
        CheckConstraint(
            "(wrapped IS NULL) = (state IN ('retired', 'erased'))",
            name="a_key_is_gone_when_it_says_so",
        ),
        CheckConstraint("uses >= 0", name="uses_counted"),
        Index(
            "uq_data_keys_active",
            "clinic_id",
            "kind",
            "scope",
            unique=True,
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
        Index("ix_data_keys_gone_at", "gone_at"),
    )

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    key_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[KeyKind] = mapped_column(EnumText(KeyKind))
    scope: Mapped[str] = mapped_column(String(80))
    """`person:<id>`, `group:<tables>`, `<table>.<column>`, or empty."""
    state: Mapped[KeyState] = mapped_column(EnumText(KeyState))
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    uses: Mapped[int] = mapped_column(BigInteger)
    """Values sealed with it, counted ahead in blocks: never less than the truth."""
    made_at: Mapped[datetime]
    retiring_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]
