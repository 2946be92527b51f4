"""One room adapts: its balance and its welfare, and the events that come of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from media.contract.control import (
    ControlEvent,
    EncodingWanted,
    LayersWanted,
    QualityTold,
    SpeakersTold,
)
from media.core.engine_face import Engine, PeerKey
from media.core.negotiate import Agreement
from media.core.room import Room
from media.core.room_facts import Publication
from media.shell.balance import Balance, BalanceEffect, LayersChanged
from media.shell.welfare import Welfare


class Negotiated(Protocol):
    """A peer, as far as it is looked at here."""

    agreement: Agreement | None


class Seated(Protocol):
    """A seat, as far as it is looked at here."""

    @property
    def peer(self) -> Negotiated:
        """Its connection."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """An event to tell; `participant_id` None: of the whole room."""

    participant_id: str | None
    kind: Callable[..., ControlEvent]
    facts: Mapping[str, Any]


class Adaptation:
    """Conducts balance and welfare of one room.

    Args:
        engine: Measures and obeys.
        room: Who sees what.
        seat_of: The seat of a participant, if there is one.
        key_of: The engine's name of a section's peer.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        room: Room,
        seat_of: Callable[[str], Seated | None],
        key_of: Callable[[str, int], PeerKey],
    ) -> None:
        self._room = room
        self._seat_of = seat_of
        self._balance = Balance(engine=engine, room=room, rids_of=self._rids_of, key_of=key_of)
        self._welfare = Welfare(engine, self._balance)
        self.hurry = self._balance.hurry
        self.cap = self._balance.cap
        self.lose = self._welfare.lose
        self.find = self._welfare.find

    @property
    def deadline(self) -> float:
        """When `on_tick` has something to do."""
        return min(self._balance.look_at, self._welfare.due_at)

    def on_tick(self, peers: Mapping[str, PeerKey], *, now: float) -> Iterator[Told]:
        """Do what is due; yield what is to be told."""
        self._balance.on_tick(peers, now=now)
        for effect in self._balance.take_effects():
            yield self._told(effect)
        for name, fare in self._welfare.on_tick(peers, now=now).items():
            facts = {
                "link": fare.link,
                "rung": fare.rung,
                "cause": fare.cause,
                "stats": fare.stats,
            }
            yield Told(name, QualityTold, facts)

    def _told(self, effect: BalanceEffect) -> Told:
        if isinstance(effect, LayersChanged):
            encodings = tuple(
                EncodingWanted(rid=rid, is_wanted=is_wanted) for rid, is_wanted in effect.wanted
            )
            publication = effect.publication
            facts = {"publication_id": publication.publication_id, "encodings": encodings}
            return Told(publication.section.participant_id, LayersWanted, facts)
        self._room.note_speakers(self._balance.recent_speakers)
        owners = {each.publication_id: each.section for each in self._room.publications()}
        speaking = (owners[each] for each in effect.publication_ids if each in owners)
        ids = tuple(each.participant_id for each in speaking)
        return Told(None, SpeakersTold, {"participant_ids": ids})

    def _rids_of(self, publication: Publication) -> tuple[str, ...]:
        """Return the agreed encodings of a publication."""
        seat = self._seat_of(publication.section.participant_id)
        agreement = None if seat is None else seat.peer.agreement
        for section in () if agreement is None else agreement.facts.sections:
            if section.mid == publication.section.mid:
                return section.rids
        return ()
