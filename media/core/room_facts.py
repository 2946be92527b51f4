"""What a room's machine says: what is to be done, and who sees what.  Plain data."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from media.contract.control import Source


class Section(NamedTuple):
    """One section of one participant's peer connection."""

    participant_id: str
    attach_epoch: int
    mid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChanged:
    """Packets of `source` start or stop entering `sink`."""

    source: Section
    sink: Section
    is_attached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMapMade:
    """State this whole map to the participant."""

    participant_id: str
    attach_epoch: int
    map_id: int
    slots: tuple[tuple[str, str | None], ...]
    """(mid, publication id or None), in the order of the sections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationMuted:
    """A publication was muted or unmuted."""

    source: Section
    is_muted: bool


class Publication(NamedTuple):
    """One publication, as the balance of the room sees it."""

    publication_id: str
    section: Section
    source: Source
    is_muted: bool


class View(NamedTuple):
    """One slot that shows or sounds a publication, and how dear that is to its viewer."""

    slot_mid: str
    publication: Publication
    max_width_px: int
    priority: int


RoomEffect: TypeAlias = RouteChanged | SlotMapMade | PublicationMuted
