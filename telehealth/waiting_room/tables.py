"""Who waits, as stored; and which list was last audited for whom."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.platform.db import Base, EnumText, one_of
from telehealth.platform.sealing.columns import TEXT, Phi, Sealed, sealed_column
from telehealth.waiting_room.check_in import DeviceOutcome, DeviceResult


class QueueEntry(Base):
    """What one patient stated at check-in, and how the devices fared."""

    __tablename__ = "queue_entries"
    __sealed_for__ = "patient_id"
    __sealed_group__ = "waiting_room"
    __table_args__ = (
        one_of("outcome", DeviceOutcome),
        one_of("microphone", DeviceResult),
        one_of("camera", DeviceResult),
        one_of("speaker", DeviceResult),
        one_of("network", DeviceResult),
    )

    visit_id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    provider_id: Mapped[UUID] = mapped_column(index=True)
    place_state = Sealed[str]("place_state_sealed", TEXT)
    place_state_sealed: Mapped[bytes] = sealed_column("place_state", Phi.CONTACT)
    place_address = Sealed[str]("place_address_sealed", TEXT)
    place_address_sealed: Mapped[bytes] = sealed_column("place_address", Phi.CONTACT)
    call_back_number = Sealed[str]("call_back_number_sealed", TEXT)
    call_back_number_sealed: Mapped[bytes] = sealed_column("call_back_number", Phi.CONTACT)
    arrived_at: Mapped[datetime]
    outcome: Mapped[DeviceOutcome | None] = mapped_column(EnumText(DeviceOutcome))
    microphone: Mapped[DeviceResult | None] = mapped_column(EnumText(DeviceResult))
    camera: Mapped[DeviceResult | None] = mapped_column(EnumText(DeviceResult))
    speaker: Mapped[DeviceResult | None] = mapped_column(EnumText(DeviceResult))
    network: Mapped[DeviceResult | None] = mapped_column(EnumText(DeviceResult))
    checked_at: Mapped[datetime | None]
    called_by: Mapped[UUID | None]
    called_at: Mapped[datetime | None]


class AuditedPoll(Base):
    """What a person was last shown of a list that refreshes by itself."""

    __tablename__ = "audited_polls"

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    view: Mapped[str] = mapped_column(String(80), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    audited_at: Mapped[datetime]
