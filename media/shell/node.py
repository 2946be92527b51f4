"""All rooms of this node: room epochs, limits, events to signaling, the tick.

A node that was stopped for a while may have been given up meanwhile: it forwards nothing until
signaling has confirmed, room by room, that it still counts.  Not here: what a command means inside
a room (`hosted_room`), repeated commands (`results`), the WebSocket (`control_server`).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from time import monotonic, process_time
from typing import Final, Protocol

import structlog
from msgspec.structs import replace

from media.contract.control import (
    AttachPeer,
    CloseRoom,
    ControlCommand,
    ControlEvent,
    Done,
    FromMedia,
    NodeDraining,
    NodeNews,
    NodeOverloaded,
    OpenRoom,
    RefusalCode,
    RoomLost,
    SeatCommand,
    Sync,
    SyncNeeded,
)
from media.contract.errors import PeerViolation, Refused
from media.core.admission import ROOM_LOAD_MAX, Admission
from media.core.engine_face import Authenticated, EngineEvent, PublicationBound
from media.shell.hosted_room import HostedRoom
from media.shell.peer import Plant
from media.shell.results import Result, Results, refusal
from media.shell.room_sync import restate
from media.shell.seat import Seat
from media.shell.timers import TICK_S

EPOCH_KEPT_S: Final = 300.0
EVENTS_KEPT: Final = 256
SWEEP_S: Final = 1.0
RETRY_AFTER_MS: Final = 1_000
DRAIN_RETRY_MS: Final = 250
SLEPT_AFTER_S: Final = 3.0
"""A hole this long between two ticks: others may have given this node up meanwhile."""

_log = structlog.get_logger()


class Channel(Protocol):
    """One signaling node's connection, as the node sees it."""

    @property
    def is_open(self) -> bool:
        """Say whether frames still go out."""
        ...

    def post(self, frame: FromMedia) -> None:
        """Send a frame soon; a connection that does not read is cut."""
        ...

    def next_number(self) -> int:
        """Return the next event number of this connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What this node takes on."""

    rooms_max: int
    peers_max: int
    room_load_max: float = ROOM_LOAD_MAX
    """Share of a core above which no new room is taken; 0 leaves load out of it."""


class _Hosted:
    """A room, who hears of it, and what nobody could be told yet."""

    def __init__(self) -> None:
        self.room: HostedRoom
        self.channel_of: dict[str, Channel] = {}
        self.latest: Channel | None = None
        self.waiting: deque[tuple[str, ControlEvent]] = deque(maxlen=EVENTS_KEPT)


class Node:
    """The conductor of one media node; called from the loop's thread only."""

    def __init__(self, *, plant: Plant, limits: Limits) -> None:
        self._plant = plant
        self._limits = limits
        self._rooms: dict[str, _Hosted] = {}
        self._closed_epochs: dict[str, tuple[int, float]] = {}
        self._results = Results()
        self._channels: list[Channel] = []
        self._swept_at = 0.0
        self._ticked_at = monotonic()
        self._late_s = 0.0
        self._admission = Admission(now=self._ticked_at, room_load_max=limits.room_load_max)
        self._overload_told = 0
        self._drain_by: float | None = None
        plant.mux.on_stale = self._on_late

    @property
    def rooms(self) -> int:
        """How many rooms are open."""
        return len(self._rooms)

    @property
    def peers(self) -> int:
        """How many participants have a peer."""
        return sum(len(hosted.room.seats) for hosted in self._rooms.values())

    @property
    def load(self) -> float:
        """0 to 1: the busier of this process's core and its room for rooms."""
        used = self._admission.load if self._limits.room_load_max else 0.0
        return min(1.0, max(used, len(self._rooms) / self._limits.rooms_max))

    @property
    def overload_level(self) -> int:
        """0 no overload, 1 cap layers to h, 2 cap layers to q."""
        return self._admission.level

    @property
    def is_draining(self) -> bool:
        """Whether no new room is taken any more."""
        return self._drain_by is not None

    def hosted_rooms(self) -> Iterator[HostedRoom]:
        """Yield the open rooms, for reading."""
        for hosted in self._rooms.values():
            yield hosted.room

    def drain(self, *, within_s: float) -> None:
        """Take no new room, and say so to everybody; a second call changes nothing."""
        if self._drain_by is None:
            self._drain_by = monotonic() + within_s
            self._tell_all(NodeDraining(number=0, ends_in_ms=int(within_s * 1_000)))
            _log.info("node.began_draining", rooms=self.rooms)

    def greet(self, channel: Channel) -> None:
        """A connection was opened: tell what it must know of the node."""
        self._channels.append(channel)
        if self._drain_by is not None:
            left_ms = int(max(0.0, self._drain_by - monotonic()) * 1_000)
            self._tell_one(channel, NodeDraining(number=0, ends_in_ms=left_ms))

    def execute(self, command: ControlCommand, channel: Channel) -> Result:
        """Do a command once; a repeat within 120 s gets the same result and does nothing."""
        now = monotonic()
        if (known := self._results.known(command)) is not None:
            self._note_channel(command, channel)
            return known
        try:
            result: Result = self._dispatch(command, channel, now)
        except PeerViolation as violation:
            result = refusal(command.request_id, violation)
        self._results.keep(command, result, now=now)
        return result

    def forget_channel(self, channel: Channel) -> None:
        """A connection is gone: its rooms go on, their events wait for the next one."""
        if channel in self._channels:
            self._channels.remove(channel)
        for hosted in self._rooms.values():
            if hosted.latest is channel:
                hosted.latest = None
            for participant_id in [
                each for each, known in hosted.channel_of.items() if known is channel
            ]:
                del hosted.channel_of[participant_id]

    def on_tick(self, now: float) -> None:
        """Drive every deadline of this node; called each 10 ms."""
        self._on_late(now)
        self._plant.engine.on_tick(now=now)
        self._take_engine_events()
        for hosted in list(self._rooms.values()):
            hosted.room.on_tick(now=now)
        if now >= self._swept_at + SWEEP_S:
            self._sweep(now)

    def is_ticking(self, now: float) -> bool:
        """Say whether the last tick is younger than 2 s: the node's liveness."""
        return now < self._ticked_at + 2.0

    def gauges(self) -> dict[str, float]:
        """Current values for the metrics page."""
        late_s, self._late_s = self._late_s, 0.0
        return {
            "rooms": self.rooms,
            "peers": self.peers,
            "load_ratio": self.load,
            "tick_gap_max_seconds": late_s,
            "loop_lag_p99_seconds": self._admission.lag_p99_s,
            "cpu_load_ratio": self._admission.load,
            "cost_scale_ratio": self._admission.scale,
            "overload_level": self._admission.level,
            "rooms_unconfirmed": sum(room.is_fenced for room in self.hosted_rooms()),
            "draining": int(self.is_draining),
        }

    def close(self, *, cause: str) -> None:
        """End every room and say so: the node stops, and takes nothing in its last moments."""
        self.drain(within_s=0.0)
        now = monotonic()
        for room_id in list(self._rooms):
            self._lose(room_id, cause, now)

    def _dispatch(self, command: ControlCommand, channel: Channel, now: float) -> Done:
        _check_ids(command)
        if isinstance(command, OpenRoom):
            self._open(command, now)
        hosted = self._rooms.get(command.room_id)
        if hosted is not None and command.room_epoch > hosted.room.epoch:
            self._end_room(command.room_id, now)
            self._closed_epochs[command.room_id] = (command.room_epoch, now + EPOCH_KEPT_S)
            hosted = None
        if hosted is None:
            return self._without_room(command, now)
        if command.room_epoch < hosted.room.epoch:
            raise Refused(RefusalCode.STALE_ROOM_EPOCH)
        self._note_channel(command, channel)
        if isinstance(command, SeatCommand):
            return self._in_room(hosted.room, command, now)
        if isinstance(command, CloseRoom):
            self._end_room(command.room_id, now)
        if isinstance(command, Sync):
            seats = restate(hosted.room, command, now=now)
            return Done(request_id=command.request_id, seats=seats)
        return Done(request_id=command.request_id)

    def _in_room(self, room: HostedRoom, command: SeatCommand, now: float) -> Done:
        if isinstance(command, AttachPeer) and command.participant_id not in room.seats:
            if self.peers >= self._limits.peers_max:
                raise Refused(RefusalCode.NODE_FULL, retry_after_ms=RETRY_AFTER_MS)
            if (retry_after_ms := self._admission.refuse_join(now=now)) is not None:
                raise Refused(RefusalCode.NODE_FULL, retry_after_ms=retry_after_ms)
        return room.apply(command, now=now)

    def _without_room(self, command: ControlCommand, now: float) -> Done:
        self._check_closed_epoch(command, now)
        if not isinstance(command, CloseRoom):
            raise Refused(RefusalCode.UNKNOWN_ROOM)
        return Done(request_id=command.request_id)

    def _open(self, command: OpenRoom, now: float) -> None:
        """Make a room unless it is there; a higher epoch closes the old one first."""
        hosted = self._rooms.get(command.room_id)
        if hosted is not None and command.room_epoch <= hosted.room.epoch:
            return
        if hosted is not None:
            self._end_room(command.room_id, now)
        self._check_closed_epoch(command, now)
        if self.is_draining:
            raise Refused(RefusalCode.DRAINING, retry_after_ms=DRAIN_RETRY_MS)
        if len(self._rooms) >= self._limits.rooms_max:
            raise Refused(RefusalCode.NODE_FULL, retry_after_ms=RETRY_AFTER_MS)
        if (retry_after_ms := self._admission.refuse_room(now=now)) is not None:
            raise Refused(RefusalCode.NODE_FULL, retry_after_ms=retry_after_ms)
        hosted = _Hosted()
        hosted.room = HostedRoom(
            room_id=command.room_id,
            epoch=command.room_epoch,
            seats_max=command.seats,
            plant=self._plant,
            tell=partial(self._tell, hosted),
            now=now,
        )
        hosted.room.cap(self._overload_told)
        self._rooms[command.room_id] = hosted

    def _check_closed_epoch(self, command: ControlCommand, now: float) -> None:
        epoch, until = self._closed_epochs.get(command.room_id, (0, 0.0))
        if now < until and command.room_epoch < epoch:
            raise Refused(RefusalCode.STALE_ROOM_EPOCH)

    def _on_late(self, now: float) -> None:
        """Note how late it is; also called by a datagram that comes before the tick after sleep."""
        gap_s = now - self._ticked_at
        self._late_s = max(self._late_s, gap_s)
        self._ticked_at = now
        self._plant.mux.stale_at = now + SLEPT_AFTER_S
        self._admission.on_tick(gap_s - TICK_S)
        if gap_s > SLEPT_AFTER_S:
            self._wake(gap_s)

    def _wake(self, slept_s: float) -> None:
        """Hold every room until signaling confirms its epoch: it may have moved meanwhile."""
        for hosted in self._rooms.values():
            hosted.room.fence()
        _log.warning("node.slept", span_s=round(slept_s, 1), rooms=self.rooms)
        self._tell_all(SyncNeeded(number=0, slept_ms=int(slept_s * 1_000)))

    def _tell_all(self, news: NodeNews) -> None:
        for channel in self._channels:
            self._tell_one(channel, news)

    def _tell_one(self, channel: Channel, news: NodeNews) -> None:
        if channel.is_open:
            channel.post(replace(news, number=channel.next_number()))

    def _end_room(self, room_id: str, now: float) -> None:
        hosted = self._rooms.pop(room_id)
        hosted.room.close(now=now)
        self._closed_epochs[room_id] = (hosted.room.epoch, now + EPOCH_KEPT_S)

    def _lose(self, room_id: str, cause: str, now: float) -> None:
        hosted = self._rooms[room_id]
        epoch = hosted.room.epoch
        self._tell(hosted, "", RoomLost(number=0, room_id=room_id, room_epoch=epoch, cause=cause))
        self._end_room(room_id, now)

    def _note_channel(self, command: ControlCommand, channel: Channel) -> None:
        """Events follow commands: to the connection that last spoke for the participant."""
        hosted = self._rooms.get(command.room_id)
        if hosted is None:
            return
        hosted.latest = channel
        if isinstance(command, SeatCommand):
            hosted.channel_of[command.participant_id] = channel
        waiting = list(hosted.waiting)
        hosted.waiting.clear()
        for participant_id, event in waiting:
            self._tell(hosted, participant_id, event)

    def _tell(self, hosted: _Hosted, participant_id: str, event: ControlEvent) -> None:
        for channel in (hosted.channel_of.get(participant_id), hosted.latest):
            if channel is not None and channel.is_open:
                channel.post(replace(event, number=channel.next_number()))
                return
        hosted.waiting.append((participant_id, event))

    def _take_engine_events(self) -> None:
        events = self._plant.engine.take_events()
        if not events:
            return
        by_key = {
            key: (hosted.room, seat)
            for hosted in self._rooms.values()
            for key, seat in hosted.room.peer_keys()
        }
        for event in events:
            key = event.peer if isinstance(event, Authenticated) else event.publication.peer
            if key in by_key:
                _hand_over(event, *by_key[key])

    def _sweep(self, now: float) -> None:
        """Forget what is old, close what is empty, reckon the load."""
        self._results.sweep(now=now)
        self._closed_epochs = {
            room_id: kept for room_id, kept in self._closed_epochs.items() if now < kept[1]
        }
        for room_id in [each for each, held in self._rooms.items() if held.room.is_over(now=now)]:
            self._lose(room_id, "empty", now)
        counters = self._plant.engine.counters()
        self._admission.on_second(
            now=now,
            cpu_s=process_time(),
            packets_in=counters.get("packets_in", 0),
            packets_out=counters.get("packets_out", 0),
        )
        if self._admission.level != self._overload_told:
            self._overload_told = self._admission.level
            for room in self.hosted_rooms():
                room.cap(self._overload_told)
            self._tell_all(NodeOverloaded(number=0, level=self._overload_told))
        self._swept_at = now


def _check_ids(command: ControlCommand) -> None:
    """A slash parts the halves of a peer's key: inside an id it could make two peers one."""
    participant_id = command.participant_id if isinstance(command, SeatCommand) else ""
    if "/" in command.room_id or "/" in participant_id:
        raise Refused(RefusalCode.BAD_COMMAND)


def _hand_over(event: EngineEvent, room: HostedRoom, seat: Seat) -> None:
    if isinstance(event, Authenticated):
        seat.peer.on_media(now=event.at)
    elif isinstance(event, PublicationBound):
        room.on_bound(seat, event.publication.mid)
    else:
        room.on_stall(seat, event.publication.mid)
