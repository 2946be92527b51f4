"""Where in the chart the things of a visit are."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.platform.db import Base, EnumText, one_of


class ChartThing(StrEnum):
    """What is looked for or made in the chart.  Stored."""

    PATIENT = "patient"
    PRACTITIONER = "practitioner"
    ENCOUNTER = "encounter"


class ChartLink(Base):
    """Reference of one thing of one visit.

    Written before anything that refers to it is sent, so that a resend has the same bytes.
    """

    __tablename__ = "chart_link"

    visit_id: Mapped[UUID] = mapped_column(primary_key=True)
    thing: Mapped[ChartThing] = mapped_column(EnumText(ChartThing), primary_key=True)
    clinic_id: Mapped[UUID]
    remote_ref: Mapped[str | None] = mapped_column(String(200))
    """`Type/id` at the EHR; None: looked for and not there (a practitioner only)."""
    linked_at: Mapped[datetime]

    __table_args__ = (
        one_of("thing", ChartThing),
        CheckConstraint(
            "remote_ref IS NOT NULL OR thing = 'practitioner'",
            name="only_a_practitioner_may_be_absent",
        ),
    )
