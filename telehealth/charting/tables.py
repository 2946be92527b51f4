"""Notes, as stored: rows are added, never changed; triggers of both databases see to it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.platform.db import Base
from telehealth.platform.sealing.columns import TEXT, Phi, Sealed, sealed_column


class NoteVersion(Base):
    """One saved version of a visit's note."""

    __tablename__ = "note_versions"
    __sealed_for__ = "patient_id"
    __sealed_group__ = "charting"
    __table_args__ = (CheckConstraint("version > 0", name="version_counts_from_one"),)

    visit_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    clinic_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    author_id: Mapped[UUID]
    text = Sealed[str]("text_sealed", TEXT)
    text_sealed: Mapped[bytes] = sealed_column("text", Phi.CLINICAL)
    saved_at: Mapped[datetime]


class NoteSignature(Base):
    """Who signed which version; one a visit."""

    __tablename__ = "note_signatures"
    __table_args__ = (
        ForeignKeyConstraint(
            ["visit_id", "version"], ["note_versions.visit_id", "note_versions.version"]
        ),
    )

    visit_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    signed_by: Mapped[UUID]
    signed_at: Mapped[datetime]
