"""All rooms of this node: room epochs, repeated commands, limits, events to signaling, the tick.

Not here: what a command means inside a room (`hosted_room`), the WebSocket (`control_server`).
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from functools import partial
from time import monotonic, process_time
from typing import Final, Protocol, TypeAlias

import structlog
from msgspec.structs import replace

from media.contract.control import (
    AttachPeer,
    CloseRoom,
    CommandRefused,
    ControlCommand,
    ControlEvent,
    Done,
    FromMedia,
    OpenRoom,
    RefusalCode,
    RoomLost,
    SeatCommand,
)
from media.contract.errors import (
    BadSdp,
    FingerprintChanged,
    PeerViolation,
    Refused,
    TooManySlots,
)
from media.core.engine_face import Authenticated, EngineEvent, PublicationBound
from media.shell.hosted_room import HostedRoom, Seat
from media.shell.peer import Plant

RESULT_KEPT_S: Final = 120.0
RESULTS_MAX: Final = 4_096
EPOCH_KEPT_S: Final = 300.0
EVENTS_KEPT: Final = 256
SWEEP_S: Final = 1.0
RETRY_AFTER_MS: Final = 1_000

Result: TypeAlias = Done | CommandRefused

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
        self._results: OrderedDict[ControlCommand, tuple[Result, float]] = OrderedDict()
        self._swept_at = 0.0
        self._ticked_at = monotonic()
        self._late_s = 0.0
        self._load = (process_time(), monotonic(), 0.0)
        self.is_draining = False

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
        return min(1.0, max(self._load[2], len(self._rooms) / self._limits.rooms_max))

    def execute(self, command: ControlCommand, channel: Channel) -> Result:
        """Do a command once; a repeat within 120 s gets the same result and does nothing."""
        now = monotonic()
        if (known := self._results.get(command)) is not None:
            self._note_channel(command, channel)
            return known[0]
        try:
            result: Result = self._dispatch(command, channel, now)
        except PeerViolation as violation:
            result = _refusal(command.request_id, violation)
        self._results[command] = (result, now)
        if len(self._results) > RESULTS_MAX:
            self._results.popitem(last=False)
        return result

    def forget_channel(self, channel: Channel) -> None:
        """A connection is gone: its rooms go on, their events wait for the next one."""
        for hosted in self._rooms.values():
            if hosted.latest is channel:
                hosted.latest = None
            for participant_id in [
                each for each, known in hosted.channel_of.items() if known is channel
            ]:
                del hosted.channel_of[participant_id]

    def on_tick(self, now: float) -> None:
        """Drive every deadline of this node; called each 10 ms."""
        self._late_s = max(self._late_s, now - self._ticked_at)
        self._ticked_at = now
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
            "draining": int(self.is_draining),
        }

    def close(self, *, cause: str) -> None:
        """End every room and say so: the node stops."""
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
        return Done(request_id=command.request_id)

    def _in_room(self, room: HostedRoom, command: SeatCommand, now: float) -> Done:
        if isinstance(command, AttachPeer) and self.peers >= self._limits.peers_max:
            raise Refused(RefusalCode.NODE_FULL, retry_after_ms=RETRY_AFTER_MS)
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
            raise Refused(RefusalCode.DRAINING, retry_after_ms=RETRY_AFTER_MS)
        if len(self._rooms) >= self._limits.rooms_max:
            raise Refused(RefusalCode.NODE_FULL, retry_after_ms=RETRY_AFTER_MS)
        hosted = _Hosted()
        hosted.room = HostedRoom(
            room_id=command.room_id,
            epoch=command.room_epoch,
            seats_max=command.seats,
            plant=self._plant,
            tell=partial(self._tell, hosted),
            now=now,
        )
        self._rooms[command.room_id] = hosted

    def _check_closed_epoch(self, command: ControlCommand, now: float) -> None:
        epoch, until = self._closed_epochs.get(command.room_id, (0, 0.0))
        if now < until and command.room_epoch < epoch:
            raise Refused(RefusalCode.STALE_ROOM_EPOCH)

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
        while self._results:
            command, (_, made_at) = next(iter(self._results.items()))
            if now < made_at + RESULT_KEPT_S:
                break
            del self._results[command]
        self._closed_epochs = {
            room_id: kept for room_id, kept in self._closed_epochs.items() if now < kept[1]
        }
        for room_id in [each for each, held in self._rooms.items() if held.room.is_over(now=now)]:
            self._lose(room_id, "empty", now)
        busy_s, since, _ = self._load
        span_s = max(now - since, SWEEP_S)
        self._load = (process_time(), now, (process_time() - busy_s) / span_s)
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


def _refusal(request_id: str, violation: PeerViolation) -> CommandRefused:
    """Many reasons inside, few told outside: the one function between."""
    match violation:
        case Refused(refusal=code, retry_after_ms=retry_after_ms):
            return CommandRefused(request_id=request_id, code=code, retry_after_ms=retry_after_ms)
        case BadSdp(fault=fault):
            _log.info("offer.refused", fault=fault)
            code = RefusalCode.BAD_SDP
        case TooManySlots():
            code = RefusalCode.TOO_MANY_SLOTS
        case FingerprintChanged():
            code = RefusalCode.FINGERPRINT_CHANGED
        case _:
            code = RefusalCode.BAD_COMMAND
    return CommandRefused(request_id=request_id, code=code)
