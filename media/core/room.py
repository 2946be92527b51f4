"""Publications, wishes and slots of one room: who fills which receive section of whom.  Pure.

A slot is never re-assigned under a client's feet: the old source stops, the whole map is stated,
and packets of the new source enter only after the client has acknowledged a map that names it
there.  So the name under a picture is right.  Not here: packets, peers, epoch fences.

Source:
    Our decision 0001; the order of a re-assignment is promise 3 of this package.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from media.contract.control import RefusalCode, Source, Want
from media.contract.errors import LocalMisuse, Refused
from media.core.room_facts import (
    Publication,
    PublicationMuted,
    RoomEffect,
    RouteChanged,
    Section,
    SlotMapMade,
    View,
)

RESEND_MAP_S: Final = 2.0
"""An unacknowledged map is stated again after this long; media still waits."""


@dataclass(slots=True)
class _Publication:
    section: Section
    source: Source
    is_muted: bool

    @property
    def is_audio(self) -> bool:
        return self.source is Source.MIC


@dataclass(slots=True)
class _Slot:
    mid: str
    is_audio: bool
    publication_id: str | None = None
    since_map: int = 0
    """The first map that states this assignment."""
    routed_from: Section | None = None
    was_used: bool = False


@dataclass(slots=True)
class _Seat:
    attach_epoch: int
    may_publish: frozenset[Source]
    slots: list[_Slot] = field(default_factory=list)
    wants: tuple[Want, ...] = ()
    map_id: int = 0
    acked_map_id: int = 0
    resend_at: float | None = None
    """None: no map is waiting, or it was made since the last instant we were told."""

    @property
    def awaits_ack(self) -> bool:
        return self.acked_map_id < self.map_id


class Room:
    """The machine of one room; after each verb the caller owes `take_effects`."""

    def __init__(self, *, seats: int) -> None:
        self._seats_max = seats
        self._seats: dict[str, _Seat] = {}
        self._publications: dict[str, _Publication] = {}
        self._effects: list[RoomEffect] = []
        self._voices: dict[str, int] = {}  # publication → its place among those who spoke last

    def attach(
        self, participant_id: str, attach_epoch: int, may_publish: Collection[Source]
    ) -> None:
        """Seat a participant with a fresh peer.

        Raises:
            LocalMisuse: The seat before it was not detached.
            Refused: `room_full`.
        """
        if participant_id in self._seats:
            raise LocalMisuse
        if len(self._seats) >= self._seats_max:
            raise Refused(RefusalCode.ROOM_FULL)
        self._seats[participant_id] = _Seat(attach_epoch, frozenset(may_publish))

    def detach(self, participant_id: str) -> None:
        """Take a seat and all its publications away; unknown ones are gone already."""
        if self._seats.pop(participant_id, None) is None:
            return
        gone = [
            publication_id
            for publication_id, publication in self._publications.items()
            if publication.section.participant_id == participant_id
        ]
        for publication_id in gone:
            del self._publications[publication_id]
        self._reassign_all()

    def set_slots(
        self, participant_id: str, audio_mids: Iterable[str], video_mids: Iterable[str]
    ) -> None:
        """Learn the receive sections an answered offer holds; known ones stay as they are."""
        seat = self._seat(participant_id)
        known = {slot.mid for slot in seat.slots}
        for is_audio, mids in ((True, audio_mids), (False, video_mids)):
            seat.slots.extend(_Slot(mid, is_audio) for mid in mids if mid not in known)
        self._reassign(participant_id, seat)

    def publish(
        self,
        participant_id: str,
        publication_id: str,
        mid: str,
        source: Source,
        *,
        is_muted: bool,
    ) -> None:
        """Name a send section; whoever wished for it gets a slot.

        Raises:
            Refused: `unknown_participant`, or `bad_command` when this seat may not publish it.
        """
        seat = self._seat(participant_id)
        if source not in seat.may_publish or publication_id in self._publications:
            raise Refused(RefusalCode.BAD_COMMAND)
        section = Section(participant_id=participant_id, attach_epoch=seat.attach_epoch, mid=mid)
        self._publications[publication_id] = _Publication(section, source, is_muted)
        self._reassign_all(except_for=participant_id)

    def unpublish(self, participant_id: str, publication_id: str) -> None:
        """Take a publication back; its slots fall empty."""
        self._own_publication(participant_id, publication_id)
        del self._publications[publication_id]
        self._reassign_all()

    def mute(self, participant_id: str, publication_id: str, *, is_muted: bool) -> None:
        """Mute or unmute a publication of the participant's own."""
        publication = self._own_publication(participant_id, publication_id)
        if publication.is_muted is not is_muted:
            publication.is_muted = is_muted
            self._effects.append(PublicationMuted(source=publication.section, is_muted=is_muted))

    def set_wants(self, participant_id: str, wants: Sequence[Want]) -> None:
        """Take the whole wish of a participant; a map always follows.

        A wish for a publication that does not exist yet takes effect when it appears.
        """
        seat = self._seat(participant_id)
        seat.wants = tuple(wants)
        if not self._reassign(participant_id, seat):
            seat.map_id = max(seat.map_id, 1)
            self._state_map(participant_id, seat)

    def ack_slots(self, participant_id: str, map_id: int, *, now: float) -> None:
        """Let media into the slots that this map, or one before it, has named.

        Raises:
            Refused: `unknown_participant`, or `bad_command` for a map never stated.
        """
        del now
        seat = self._seat(participant_id)
        if map_id > seat.map_id:
            raise Refused(RefusalCode.BAD_COMMAND)
        seat.acked_map_id = max(seat.acked_map_id, map_id)
        if not seat.awaits_ack:
            seat.resend_at = None
        for slot in seat.slots:
            self._route_if_acknowledged(participant_id, seat, slot)

    def publications(self) -> list[Publication]:
        """Return all publications."""
        return [self._publication(each) for each in self._publications]

    def views(self, participant_id: str) -> list[View]:
        """Return the slots of a participant that media may enter now."""
        seat = self._seats.get(participant_id)
        if seat is None:
            return []
        wants = {want.publication_id: want for want in seat.wants}
        return [
            View(
                slot_mid=slot.mid,
                publication=self._publication(slot.publication_id),
                max_width_px=wants[slot.publication_id].max_width_px,
                priority=wants[slot.publication_id].priority,
            )
            for slot in seat.slots
            if slot.routed_from is not None and slot.publication_id is not None
        ]

    def note_speakers(self, publication_ids: Sequence[str]) -> None:
        """Learn who spoke, the latest first: where sound slots are short, these get them."""
        self._voices = {each: place for place, each in enumerate(publication_ids)}
        for participant_id, seat in self._seats.items():
            wished = self._wished(participant_id, seat, is_audio=True)
            if len(wished) > sum(slot.is_audio for slot in seat.slots):
                self._reassign(participant_id, seat)

    @property
    def deadline(self) -> float | None:
        """When `on_deadline` is owed; minus infinity right after a new map."""
        waiting = [seat for seat in self._seats.values() if seat.awaits_ack]
        if not waiting:
            return None
        return min(float("-inf") if seat.resend_at is None else seat.resend_at for seat in waiting)

    def on_deadline(self, *, now: float) -> None:
        """State again every map that has waited too long for its acknowledgement."""
        for participant_id, seat in self._seats.items():
            if not seat.awaits_ack:
                continue
            if seat.resend_at is None:
                seat.resend_at = now + RESEND_MAP_S
            elif now >= seat.resend_at:
                self._state_map(participant_id, seat)
                seat.resend_at = now + RESEND_MAP_S

    def slots_of(self, participant_id: str) -> list[tuple[str, str | None, bool]]:
        """Return a seat's slots: mid, publication id or None, and whether its packets enter."""
        return [
            (slot.mid, slot.publication_id, slot.routed_from is not None)
            for slot in self._seat(participant_id).slots
        ]

    def take_effects(self) -> list[RoomEffect]:
        """Hand over what is to be done, in order."""
        effects, self._effects = self._effects, []
        return effects

    def _publication(self, publication_id: str) -> Publication:
        known = self._publications[publication_id]
        return Publication(
            publication_id=publication_id,
            section=known.section,
            source=known.source,
            is_muted=known.is_muted,
        )

    def _seat(self, participant_id: str) -> _Seat:
        seat = self._seats.get(participant_id)
        if seat is None:
            raise Refused(RefusalCode.UNKNOWN_PARTICIPANT)
        return seat

    def _own_publication(self, participant_id: str, publication_id: str) -> _Publication:
        self._seat(participant_id)
        publication = self._publications.get(publication_id)
        if publication is None or publication.section.participant_id != participant_id:
            raise Refused(RefusalCode.UNKNOWN_PUBLICATION)
        return publication

    def _reassign_all(self, *, except_for: str | None = None) -> None:
        for participant_id, seat in self._seats.items():
            if participant_id != except_for:
                self._reassign(participant_id, seat)

    def _reassign(self, participant_id: str, seat: _Seat) -> bool:
        """Fill the slots anew; state a map if anything changed, and say whether it did."""
        changed = [
            change
            for is_audio in (True, False)
            for change in self._plan(participant_id, seat, is_audio=is_audio)
        ]
        if not changed:
            return False
        seat.map_id += 1
        for slot, publication_id in changed:
            self._stop(participant_id, seat, slot)
            slot.publication_id = publication_id
            slot.since_map = seat.map_id
            slot.was_used = slot.was_used or publication_id is not None
        seat.resend_at = None
        self._state_map(participant_id, seat)
        return True

    def _plan(
        self, participant_id: str, seat: _Seat, *, is_audio: bool
    ) -> list[tuple[_Slot, str | None]]:
        """Say which slots of one kind change, and to what."""
        slots = [slot for slot in seat.slots if slot.is_audio is is_audio]
        wished = self._wished(participant_id, seat, is_audio=is_audio)[: len(slots)]
        kept = {slot.publication_id for slot in slots if self._stays(slot, wished)}
        free = [slot for slot in slots if not self._stays(slot, wished)]
        free.sort(key=lambda slot: slot.was_used)  # a never-used slot first
        fresh = [publication_id for publication_id in wished if publication_id not in kept]
        filled = dict.fromkeys((slot.mid for slot in free), None) | {
            slot.mid: publication_id for slot, publication_id in zip(free, fresh, strict=False)
        }
        return [
            (slot, filled[slot.mid])
            for slot in free
            if filled[slot.mid] is not None or slot.publication_id is not None
        ]

    def _stays(self, slot: _Slot, wished: Sequence[str]) -> bool:
        """A slot keeps its publication while that is wished for and is the same section."""
        if slot.publication_id is None or slot.publication_id not in wished:
            return False
        section = self._publications[slot.publication_id].section
        return slot.routed_from is None or slot.routed_from == section

    def _wished(self, participant_id: str, seat: _Seat, *, is_audio: bool) -> list[str]:
        """Return existing publications of others that are wished for, the dearest first."""
        ranked = sorted(
            seat.wants,
            key=lambda want: (
                -want.priority,
                self._voices.get(want.publication_id, len(self._voices)) if is_audio else 0,
            ),
        )
        found = []
        for want in ranked:
            publication = self._publications.get(want.publication_id)
            if (
                publication is not None
                and publication.section.participant_id != participant_id
                and publication.is_audio is is_audio
            ):
                found.append(want.publication_id)
        return list(dict.fromkeys(found))

    def _stop(self, participant_id: str, seat: _Seat, slot: _Slot) -> None:
        if slot.routed_from is not None:
            self._route(participant_id, seat, slot, slot.routed_from, is_attached=False)
            slot.routed_from = None

    def _route_if_acknowledged(self, participant_id: str, seat: _Seat, slot: _Slot) -> None:
        is_named = slot.since_map <= seat.acked_map_id
        if slot.publication_id is None or slot.routed_from is not None or not is_named:
            return
        slot.routed_from = self._publications[slot.publication_id].section
        self._route(participant_id, seat, slot, slot.routed_from, is_attached=True)

    def _route(
        self, participant_id: str, seat: _Seat, slot: _Slot, source: Section, *, is_attached: bool
    ) -> None:
        sink = Section(participant_id=participant_id, attach_epoch=seat.attach_epoch, mid=slot.mid)
        self._effects.append(RouteChanged(source=source, sink=sink, is_attached=is_attached))

    def _state_map(self, participant_id: str, seat: _Seat) -> None:
        self._effects.append(
            SlotMapMade(
                participant_id=participant_id,
                attach_epoch=seat.attach_epoch,
                map_id=seat.map_id,
                slots=tuple((slot.mid, slot.publication_id) for slot in seat.slots),
            )
        )
