"""The balance of one room: who gets which layer, what senders may rest, who speaks, how all fare.

Ten times a second it looks whether an estimate fell, twice a second it decides anew, once a second
it takes the statistics.  The rules are in `core` (allocator, layers, speakers, quality); here
they are fed from the engine and obeyed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from media.contract.control import Source
from media.core.allocator import (
    AUDIO_BPS,
    FULL_RATE,
    NOTHING,
    OFF,
    Allocation,
    Allocator,
    Choice,
    Reason,
    Request,
    Step,
)
from media.core.engine_face import Engine, PeerKey, PublicationKey, SlotKey, StreamSample
from media.core.layers import Layers, rank_for_width, steps_of, under_load
from media.core.room_facts import Publication, Section, View
from media.core.speakers import WINDOW_S, Speakers

LOOK_EVERY_S: Final = 0.1
DECIDE_EVERY_S: Final = 0.5
CHANGE: Final = 0.15
"""An estimate that moved by this share is acted on at once."""
SCREEN_PRIORITY, SPEAKER_PRIORITY = 1_000, 10
PINNED: Final = 70
"""From this priority on a viewer has pinned a picture: a speaker does not go before it."""


@dataclass(frozen=True, slots=True)
class LayersChanged:
    """A publisher is to send these encodings and let the others rest."""

    publication: Publication
    wanted: tuple[tuple[str, bool], ...]
    """(rid, whether somebody wants it), the smallest first."""


@dataclass(frozen=True, slots=True)
class SpeakersChanged:
    """Who speaks, by publication, the loudest first."""

    publication_ids: tuple[str, ...]


BalanceEffect: TypeAlias = LayersChanged | SpeakersChanged


class Sees(Protocol):
    """The room's machine, as the balance reads it."""

    def publications(self) -> list[Publication]:
        """Return all publications."""
        ...

    def views(self, participant_id: str) -> list[View]:
        """Return the slots of a participant that media may enter."""
        ...


@dataclass(slots=True)
class _Track:
    """One publication: its encodings, and what is measured of them."""

    section: Section
    key: PublicationKey
    rids: tuple[str, ...]
    layers: Layers
    samples: tuple[StreamSample, ...] = ()
    loud: int = 0
    octets: int = 0
    measured_at: float = 0.0
    bps: float = 0.0
    wished: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Viewer:
    """One participant as a viewer."""

    key: PeerKey
    allocator: Allocator = field(default_factory=Allocator)
    acted_on_bps: float = 0.0
    steered: dict[str, Step] = field(default_factory=dict)
    """What the engine was told, by slot, while the route is the same."""
    shown: dict[str, str] = field(default_factory=dict)
    """Slot → publication."""
    asked_bps: int = 0
    """What all wished pictures and sounds would need."""

    @property
    def allocation(self) -> Allocation:
        """What it gets now."""
        return self.allocator.latest


class Balance:
    """Decides for one room.

    Args:
        engine: Measures and obeys.
        room: Who sees what.
        rids_of: The agreed simulcast encodings of a publication, the smallest first.
        key_of: The engine's name of a section's peer.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        room: Sees,
        rids_of: Callable[[Publication], tuple[str, ...]],
        key_of: Callable[[str, int], PeerKey],
    ) -> None:
        self._engine = engine
        self._room = room
        self._rids_of = rids_of
        self._key_of = key_of
        self._tracks: dict[str, _Track] = {}
        self.viewers: dict[str, Viewer] = {}
        self._speakers = Speakers()
        self.look_at = self._decide_at = self._window_at = float("-inf")
        self._effects: list[BalanceEffect] = []
        self._overload_level = 0

    def cap(self, overload_level: int) -> None:
        """Forward no picture wider than the node's load allows, from the next tick on."""
        self._overload_level = overload_level
        self.hurry()

    @property
    def recent_speakers(self) -> tuple[str, ...]:
        """Publications by who spoke last."""
        return self._speakers.recent

    def take_effects(self) -> list[BalanceEffect]:
        """Hand over what is to be told."""
        effects, self._effects = self._effects, []
        return effects

    def hurry(self) -> None:
        """Decide at the next tick: who sees what has changed."""
        self.look_at = self._decide_at = float("-inf")

    def on_tick(self, peers: Mapping[str, PeerKey], *, now: float) -> None:
        """Do what is due.

        Args:
            peers: The engine's name of each participant's peer.
            now: Monotonic instant in seconds.
        """
        if now < self.look_at:
            return
        self.look_at = now + LOOK_EVERY_S
        if now >= self._decide_at or any(map(self._has_moved, self.viewers.values())):
            self._decide_at = now + DECIDE_EVERY_S
            self._decide(peers, now)
        if now >= self._window_at + WINDOW_S:
            self._window_at = now
            self._hear(now)

    def share_up(self, participant_id: str, *, now: float) -> float:
        """Return how much of what a participant should send arrives: 0 to 1, by rate."""
        wanted = arriving = 0.0
        for track in self._tracks.values():
            if track.key.peer != self._viewer_key(participant_id):
                continue
            usable = track.layers.usable(now=now)
            for rank, is_wanted in enumerate(track.layers.wanted):
                wanted += is_wanted
                arriving += is_wanted and rank in usable
        return arriving / wanted if wanted else 1.0

    def _viewer_key(self, participant_id: str) -> PeerKey | None:
        viewer = self.viewers.get(participant_id)
        return None if viewer is None else viewer.key

    def _has_moved(self, viewer: Viewer) -> bool:
        bps = self._engine.estimate_bps(viewer.key)
        is_short = bps < viewer.allocation.spent_bps
        return is_short or abs(bps - viewer.acted_on_bps) >= CHANGE * viewer.acted_on_bps

    def _decide(self, peers: Mapping[str, PeerKey], now: float) -> None:
        publications = {each.publication_id: each for each in self._room.publications()}
        self._follow(publications, now)
        speaking = set(self._speakers.active)
        speakers = {
            publications[each].section.participant_id for each in speaking if each in publications
        }
        self.viewers = {
            name: known if (known := self.viewers.get(name)) and known.key == key else Viewer(key)
            for name, key in peers.items()
        }
        for track in self._tracks.values():
            track.wished = set()
        for name, viewer in self.viewers.items():
            self._serve(viewer, self._room.views(name), speakers, now)
        for publication_id, track in self._tracks.items():
            if track.rids and track.layers.want(track.wished, now=now):
                self._tell_layers(publications[publication_id], track)

    def _follow(self, publications: Mapping[str, Publication], now: float) -> None:
        """Know all publications, and what of them arrives."""
        for gone in [each for each in self._tracks if each not in publications]:
            del self._tracks[gone]
        for publication_id, publication in publications.items():
            track = self._tracks.get(publication_id)
            if track is None or track.section != publication.section:
                track = self._tracks[publication_id] = self._track(publication, now)
            self._measure(track, now)
            if publication.is_muted:
                track.layers.excuse(now=now)

    def _track(self, publication: Publication, now: float) -> _Track:
        section, rids = publication.section, self._rids_of(publication)
        key = PublicationKey(
            peer=self._key_of(section.participant_id, section.attach_epoch), mid=section.mid
        )
        return _Track(section, key, rids, Layers(count=max(1, len(rids)), now=now))

    def _measure(self, track: _Track, now: float) -> None:
        track.samples = self._engine.streams(track.key)
        received = [-1] * track.layers.count
        for sample in track.samples:
            if sample.rank < len(received):
                received[sample.rank] = sample.received
        track.layers.hear(received, now=now)
        octets = sum(sample.octets for sample in track.samples)
        span_s = now - track.measured_at
        if span_s >= DECIDE_EVERY_S:
            track.bps = (octets - track.octets) * 8 / span_s
            track.octets, track.measured_at = octets, now

    def _serve(self, viewer: Viewer, views: list[View], speakers: set[str], now: float) -> None:
        pictures = [view for view in views if view.publication.source is not Source.MIC]
        sounds = len(views) - len(pictures)
        requests = [self._request(view, speakers, now) for view in pictures]
        bps = self._engine.estimate_bps(viewer.key)
        viewer.acted_on_bps = bps
        viewer.asked_bps = AUDIO_BPS * sounds + sum(
            each.steps[-1].bps for each in requests if each.steps
        )
        allocation = viewer.allocator.decide(requests, audio_slots=sounds, bps=bps, now=now)
        self._engine.set_wanted(viewer.key, allocation.wanted_bps)
        for view in pictures:
            choice = allocation.choices[view.slot_mid]
            self._steer(viewer, view, choice.step)
            self._wish(view, choice, now)
        self._forget_slots(viewer, {view.slot_mid for view in pictures})

    def _request(self, view: View, speakers: set[str], now: float) -> Request:
        publication = view.publication
        track = self._tracks[publication.publication_id]
        if publication.is_muted:
            return Request(slot=view.slot_mid, priority=0, steps=(), limit=Reason.MUTED)
        steps, limit = steps_of(
            track.layers,
            max_width_px=view.max_width_px,
            top_temporal=track.samples[0].top_temporal if track.samples else -1,
            measured_bps=track.bps,
            now=now,
        )
        steps, limit = under_load(
            steps, limit, count=track.layers.count, level=self._overload_level
        )
        priority = view.priority
        if publication.source is Source.SCREEN:
            priority += SCREEN_PRIORITY
        elif priority < PINNED and publication.section.participant_id in speakers:
            priority += SPEAKER_PRIORITY
        return Request(slot=view.slot_mid, priority=priority, steps=steps, limit=limit)

    def _steer(self, viewer: Viewer, view: View, step: Step) -> None:
        """Tell the engine what is new; a muted publication's slot stays as it was."""
        mid, publication_id = view.slot_mid, view.publication.publication_id
        if view.publication.is_muted:
            return
        is_same_route = viewer.shown.get(mid) == publication_id
        if is_same_route and viewer.steered.get(mid) == step:
            return
        viewer.shown[mid], viewer.steered[mid] = publication_id, step
        temporal = FULL_RATE if step.rank == OFF else step.temporal
        self._engine.steer(SlotKey(peer=viewer.key, mid=mid), rank=step.rank, temporal=temporal)

    def _wish(self, view: View, choice: Choice, now: float) -> None:
        """Note what the sender should send for this view; layers that died stay wished for."""
        track = self._tracks[view.publication.publication_id]
        if choice.step == NOTHING:
            return
        track.wished.add(choice.step.rank)
        if choice.reason is Reason.SENDER:
            best = rank_for_width(view.max_width_px, track.layers.count)
            usable = track.layers.usable(now=now)
            track.wished.update(each for each in range(best + 1) if each not in usable)

    def _forget_slots(self, viewer: Viewer, present: Iterable[str]) -> None:
        for mid in [each for each in viewer.shown if each not in present]:
            del viewer.shown[mid], viewer.steered[mid]

    def _tell_layers(self, publication: Publication, track: _Track) -> None:
        wanted = tuple(zip(track.rids, track.layers.wanted, strict=True))
        self._effects.append(LayersChanged(publication, wanted))

    def _hear(self, now: float) -> None:
        loud: dict[str, int] = {}
        for publication in self._room.publications():
            track = self._tracks.get(publication.publication_id)
            if publication.source is not Source.MIC or track is None:
                continue
            total = sum(sample.loud for sample in self._engine.streams(track.key))
            loud[publication.publication_id] = 0 if publication.is_muted else total - track.loud
            track.loud = total
        self._speakers.on_window(loud, now=now)
        if (active := self._speakers.news(now=now)) is not None:
            self._effects.append(SpeakersChanged(active))
