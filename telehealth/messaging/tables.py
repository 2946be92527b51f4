"""What became of each notice; neither address nor text."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.messaging.policy import Channel
from telehealth.messaging.templates import Template
from telehealth.platform.db import Base, EnumText, one_of


class NoticeState(StrEnum):
    """How far a notice came.  Stored: renaming one is a migration."""

    SENT = "sent"
    """The channel has it."""
    LAPSED = "lapsed"
    """Its link or code was over before it could leave; nothing was sent."""
    NO_CHANNEL = "no_channel"
    """This installation sends no texts or e-mails; nothing was sent."""


class Notice(Base):
    """One text or e-mail to one person."""

    __tablename__ = "notices"
    __table_args__ = (
        one_of("template", Template),
        one_of("channel", Channel),
        one_of("state", NoticeState),
        Index("ix_notices_visit", "visit_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Message id of its ledger entry."""
    clinic_id: Mapped[UUID]
    visit_id: Mapped[UUID]
    """Of a notice to an auditor: the opened record or the report."""
    person_id: Mapped[UUID] = mapped_column(index=True)
    template: Mapped[Template] = mapped_column(EnumText(Template))
    channel: Mapped[Channel | None] = mapped_column(EnumText(Channel))
    language: Mapped[str] = mapped_column(String(8))
    state: Mapped[NoticeState] = mapped_column(EnumText(NoticeState))
    settled_at: Mapped[datetime]
    partner_ref: Mapped[str | None] = mapped_column(String(200))
