"""How each participant of a room fares: once a second into words and numbers for signaling."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from media.contract.stats import Link, PeerStats, Rung, RungCause, SlotLayer
from media.core.allocator import OFF, Allocation, Reason
from media.core.engine_face import Engine, PeerKey, PeerSample
from media.core.quality import LinkWatch
from media.shell.balance import Balance, Viewer

EVERY_S: Final = 1.0
TOLD_EVERY_S: Final = 5.0
PHONE_AFTER_S: Final = 15.0
SETTLE_S: Final = 20.0
"""An estimate that still rises from its start is no fault of the connection."""


@dataclass(frozen=True, slots=True)
class Fare:
    """What is told of one participant."""

    link: Link
    rung: Rung
    cause: RungCause
    stats: PeerStats


@dataclass(slots=True)
class _Watched:
    key: PeerKey
    since: float
    link: LinkWatch = field(default_factory=LinkWatch)
    lost_at: float | None = None
    told: tuple[Link, Rung, RungCause] | None = None
    told_at: float = 0.0


class Welfare:
    """Watches the participants of one room."""

    def __init__(self, engine: Engine, balance: Balance) -> None:
        self._engine = engine
        self._balance = balance
        self._watched: dict[str, _Watched] = {}
        self.due_at = float("-inf")

    def lose(self, participant_id: str, *, now: float) -> None:
        """Nothing comes from a participant any more; told at the next tick."""
        watched = self._watched.get(participant_id)
        if watched is not None:
            watched.lost_at = now
            watched.link.lose()
            self.due_at = float("-inf")

    def find(self, participant_id: str) -> None:
        """A participant is heard again."""
        watched = self._watched.get(participant_id)
        if watched is not None and watched.lost_at is not None:
            watched.lost_at = None
            watched.link.find()

    def on_tick(self, peers: Mapping[str, PeerKey], *, now: float) -> dict[str, Fare]:
        """Return what is to be told now, by participant."""
        if now < self.due_at:
            return {}
        self.due_at = now + EVERY_S
        self._watched = {
            name: known
            if (known := self._watched.get(name)) and known.key == key
            else _Watched(key, now)
            for name, key in peers.items()
        }
        fares = {}
        for name, watched in self._watched.items():
            fare = self._fare(name, watched, now)
            if fare is not None and _is_news(watched, fare, now):
                watched.told, watched.told_at = (fare.link, fare.rung, fare.cause), now
                fares[name] = fare
        return fares

    def _fare(self, name: str, watched: _Watched, now: float) -> Fare | None:
        sample = self._engine.sample(watched.key, now=now)
        viewer = self._balance.viewers.get(name)
        if sample is None or viewer is None:
            return None
        if watched.lost_at is None and (sample.packets_in or sample.packets_out):
            watched.link.read(
                share_up=self._balance.share_up(name, now=now),
                loss_up=sample.loss_up,
                share_down=_share_down(viewer) if now - watched.since > SETTLE_S else 1.0,
                loss_down=sample.loss_down,
                now=now,
            )
        rung, cause = _rung(viewer.allocation, watched, now)
        stats = _stats(sample, viewer.allocation)
        return Fare(watched.link.link, rung, cause, stats)


def _is_news(watched: _Watched, fare: Fare, now: float) -> bool:
    is_changed = watched.told != (fare.link, fare.rung, fare.cause)
    return is_changed or now - watched.told_at >= TOLD_EVERY_S


def _share_down(viewer: Viewer) -> float:
    if not viewer.asked_bps:
        return 1.0
    return min(1.0, viewer.allocation.spent_bps / viewer.asked_bps)


def _rung(allocation: Allocation, watched: _Watched, now: float) -> tuple[Rung, RungCause]:
    """Say how far down the ladder a viewer stands, and why."""
    if watched.lost_at is not None and now - watched.lost_at >= PHONE_AFTER_S:
        return Rung.PHONE_OFFERED, RungCause.NO_MEDIA
    held = [each for each in allocation.choices.values() if each.reason is Reason.BANDWIDTH]
    shown = [each for each in allocation.choices.values() if each.step.rank != OFF]
    if held and not shown:
        return Rung.AUDIO_ONLY, RungCause.OWN_CONNECTION
    if held and now - watched.since > SETTLE_S:
        return Rung.LOW_VIDEO, RungCause.OWN_CONNECTION
    if any(each.reason is Reason.SENDER for each in allocation.choices.values()):
        return Rung.LOW_VIDEO, RungCause.SENDERS
    return Rung.VIDEO, RungCause.NONE


def _stats(sample: PeerSample, allocation: Allocation) -> PeerStats:
    return PeerStats(
        loss_up_percent=round(100 * sample.loss_up, 1),
        loss_down_percent=round(100 * sample.loss_down, 1),
        jitter_ms=round(1_000 * sample.jitter_s, 1),
        rtt_ms=round(1_000 * sample.rtt_s, 1),
        queue_ms=round(1_000 * sample.queue_s, 1),
        bits_in_per_s=sample.bps_in,
        bits_out_per_s=sample.bps_out,
        estimate_bits_per_s=sample.estimate_bps,
        asked_again=sample.nacked,
        sent_again=sample.resent,
        key_frames_asked=sample.key_frames_asked,
        waiting_for_key_frame=sum(each.is_waiting and each.rank == OFF for each in sample.slots),
        slots=tuple(
            SlotLayer(
                mid=each.mid,
                rank=each.rank,
                reason=choice.reason.value if (choice := allocation.choices.get(each.mid)) else "",
            )
            for each in sample.slots
        ),
    )
