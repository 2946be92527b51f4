"""One room of this node: its machine, its sockets, its media, its record in Redis.

Every input takes the room's lock and has all its effects done before the next one; so what is told,
what is recorded and what flows never disagree.  Not here: what a request means (`requests`).
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

import structlog
from msgspec.structs import replace

from media.contract import control
from signaling.contract.close_codes import CloseCode
from signaling.contract.errors import SignalingError, WrongState
from signaling.contract.ids import ParticipantId, RoomId
from signaling.contract.messages import (
    MEDIA_MOVE,
    Action,
    Goodbye,
    MediaMoveOver,
    Quality,
    Welcome,
)
from signaling.core.effects import (
    Announce,
    Close,
    CloseSeat,
    CutMedia,
    Fact,
    OpenMedia,
    RoomEffect,
    Seated,
    TellVisit,
)
from signaling.core.media_wish import Opening
from signaling.core.room import Room
from signaling.core.seats import Seat
from signaling.core.watchdog import PING_EVERY_S
from signaling.shell.means import LIMITS, Means
from signaling.shell.media_openings import opening_told
from signaling.shell.metrics import Count
from signaling.shell.peer import Peer
from signaling.shell.room_media import RoomMedia
from signaling.shell.room_place import Tells
from signaling.shell.room_record import RoomRecord, adopted, entrant
from signaling.shell.scripts import Mode, Status
from signaling.shell.visit_client import VisitClient, presence_event
from telehealth.contract import TicketClaims

NEXT_SWEEP_MAX_S: Final = 5.0
AWAY_LIMIT_S: Final = 3.0
MAY_PUBLISH: Final = tuple(control.Source)
_SUPERSEDED: Final = Close(CloseCode.SUPERSEDED, Goodbye(cause="superseded", action=Action.STOP))

_log = structlog.get_logger()


class HostedRoom:
    """One room, as long as this node has a socket or a seat of it."""

    def __init__(self, room_id: RoomId, means: Means) -> None:
        self.room_id = room_id
        self.media = RoomMedia(
            room_id,
            nodes=means.nodes,
            registry=means.registry,
            tells=Tells(
                opened=self._on_media_open,
                moved=self._on_media_moved,
                came_over=self._on_came_over,
            ),
            spawn=means.spawn,
            now=means.now,
        )
        self.is_over = False
        self.connected: dict[ParticipantId, int] = {}
        """Attach epochs under which the visit service was told that media flows."""
        self.fares: dict[ParticipantId, Quality] = {}
        """How each connection fared when it was last told."""
        self._means = means
        self._machine = Room(room_id)
        self._record = RoomRecord(room_id, means.registry)
        self._sweep_at = 0.0
        self._peers: dict[ParticipantId, Peer] = {}
        self._lock = asyncio.Lock()

    @property
    def is_empty(self) -> bool:
        """Whether nobody has a seat or a socket here."""
        return not (self._machine.seats or self._peers or self._lock.locked())

    @property
    def visits(self) -> VisitClient:
        """The visit service, which records who may hear whom before it takes effect."""
        return self._means.visits

    @property
    def machine(self) -> Room:
        """The room's machine, for reading; inputs go through `act`."""
        return self._machine

    def peer_of(self, participant_id: ParticipantId) -> Peer | None:
        """Return the socket of a participant, if one is here."""
        return self._peers.get(participant_id)

    def seat_of(self, peer: Peer) -> Seat:
        """Return the seat a peer holds.

        Raises:
            WrongState: It holds none any more.
        """
        seat = self._machine.seats.get(peer.participant_id)
        if seat is None or seat.attach_epoch != peer.attach_epoch:
            raise WrongState
        return seat

    # --- inputs ----------------------------------------------------------------------------------

    async def act(self, verb: Callable[[Room], object]) -> None:
        """Put one input to the room and do everything that follows from it.

        Raises:
            Refusal: The room says no; nothing has changed.
        """
        async with self._lock:
            verb(self._machine)
            await self._do_all()

    async def seat(
        self, peer: Peer, claims: TicketClaims, *, device: str, mode: Mode, re: int
    ) -> int | None:
        """Seat a peer; None, or for how many seconds another device has had the seat.

        Raises:
            RoomFull, RoomOver: No seat.
            TryAgain: Presence cannot be written now.
        """
        participant_id = ParticipantId(str(claims.participant))
        async with self._lock:
            known = self._machine.seats.get(participant_id)
            attached = await self._record.attach(
                claims,
                device=device,
                mode=mode,
                known_epoch=0 if known is None else known.attach_epoch,
            )
            if attached.status is Status.SEAT_TAKEN:
                return attached.since_ms // 1000
            self._adopt(attached.members, except_for=participant_id)
            seat = self._machine.enter(entrant(claims, attached))
            self._supersede(participant_id)
            self._peers[participant_id] = peer
            peer.take_seat(self, participant_id, seat.attach_epoch)
            self._welcome(peer, seat, re)
            # The welcome holds the room as it is now: what led to it is news for others only.
            await self._do_all(except_for=participant_id)
        return None

    async def leave(self, peer: Peer) -> None:
        """Give up the seat a peer holds, on its word."""
        async with self._lock:
            if self._peers.get(peer.participant_id) is not peer:
                return
            del self._peers[peer.participant_id]
            self._machine.leave(peer.participant_id)
            await self._do_all()

    async def end(self) -> None:
        """End the room for everybody."""
        self.is_over = True
        async with self._lock:
            self._machine.end()
            await self._do_all()
            await self._record.mark_over()
            await self.media.close()

    async def on_gone(self, peer: Peer) -> None:
        """Keep the seat of somebody whose socket closed, unless a newer socket has it."""
        async with self._lock:
            if self._peers.get(peer.participant_id) is not peer:
                return
            del self._peers[peer.participant_id]
            self._machine.fall_silent(peer.participant_id)
            await self._do_all()
        self.spawn(self._interrupt_if_away(peer.participant_id))

    def on_silent(self, peer: Peer) -> None:
        """Mark somebody as away who has not been heard for a while."""
        self.spawn(self.act(lambda room: room.fall_silent(peer.participant_id)))
        self.spawn(self._interrupt_if_away(peer.participant_id))

    def on_heard(self, peer: Peer) -> None:
        """Mark somebody as back."""
        self.spawn(self.act(lambda room: room.be_heard(peer.participant_id)))
        self.spawn(self.resume(peer.participant_id))

    async def interrupt(self, participant_id: ParticipantId) -> None:
        """Mark a participant as reconnecting; their media is held first, so the mark is true."""
        await self.media.pause(participant_id, is_paused=True)
        await self.act(lambda it: it.note_reconnecting(participant_id, is_reconnecting=True))

    async def resume(self, participant_id: ParticipantId) -> None:
        """Take the mark away, then let the media flow again."""
        await self.act(lambda it: it.note_reconnecting(participant_id, is_reconnecting=False))
        await self.media.pause(participant_id, is_paused=False)

    async def _interrupt_if_away(self, participant_id: ParticipantId) -> None:
        """Mark as reconnecting whoever stays away: others must not wait for an answer."""
        seat = self._machine.seats.get(participant_id)
        await asyncio.sleep(AWAY_LIMIT_S)
        if seat is not None and seat.is_away and self._machine.seats.get(participant_id) is seat:
            await self.interrupt(participant_id)

    # --- upkeep ----------------------------------------------------------------------------------

    async def renew(self) -> None:
        """Keep the record of every seat that has a socket here; the mark of an ended room too."""
        async with self._lock:
            if self.is_over:
                await self._record.mark_over()
            for participant_id in list(self._peers):
                await self._keep(participant_id)

    async def sweep(self) -> None:
        """Give up the seats whose deadline passed; look again when the next one falls."""
        if self._means.now() < self._sweep_at:
            return
        async with self._lock:
            if (swept := await self._record.sweep()) is None:
                return
            wait_s = NEXT_SWEEP_MAX_S
            if swept.next_in_ms is not None:
                wait_s = min(wait_s, max(swept.next_in_ms, 0) / 1000)
            self._sweep_at = self._means.now() + wait_s
            self._adopt(swept.members, except_for=None)
            for participant_id in map(ParticipantId, swept.members):
                await self._time_out(participant_id)

    async def _keep(self, participant_id: ParticipantId) -> None:
        seat = self._machine.seats.get(participant_id)
        if seat is None:
            return
        status = await self._record.keep(
            seat,
            media_node=self.media.leased_node,
            is_present=participant_id in self._peers and not self.is_over,
        )
        if status is Status.FENCED:
            self._means.metrics.count(Count.FENCED, "renew")
            self._supersede(participant_id)

    async def _time_out(self, participant_id: ParticipantId) -> None:
        try:
            self._machine.time_out(participant_id)
        except WrongState:
            # Present here: its renewal came too late, or was lost.
            await self._keep(participant_id)
            return
        self._means.metrics.count(Count.SWEEPS, "timeout")
        await self._do_all()

    def _adopt(
        self, members: Mapping[str, Mapping[str, Any]], *, except_for: ParticipantId | None
    ) -> None:
        """Learn of seats a process before this one gave; their sockets died with it."""
        for name, record in members.items():
            if name != except_for and name not in self._machine.seats:
                self._machine.adopt(adopted(name, record))

    def _supersede(self, participant_id: ParticipantId) -> None:
        if (old := self._peers.pop(participant_id, None)) is not None:
            old.close(_SUPERSEDED)

    def _welcome(self, peer: Peer, seat: Seat, re: int) -> None:
        self._means.metrics.count(Count.JOINS, seat.state.value)
        peer.session.on_attached(
            Welcome(
                re=re,
                participant_id=seat.participant_id,
                attach_epoch=seat.attach_epoch,
                state=seat.state,
                may_admit=seat.may_admit,
                seq=self._record.seq,
                room=self._machine.snapshot(seat.participant_id),
                limits=LIMITS,
                ping_every_s=int(PING_EVERY_S),
                features=(MEDIA_MOVE,),
            )
        )
        peer.flush()

    # --- effects ---------------------------------------------------------------------------------

    async def _do_all(self, *, except_for: ParticipantId | None = None) -> None:
        effects = self._machine.take_effects()
        before = await self._record.number([each for each in effects if isinstance(each, Announce)])
        numbers = count(before + 1)
        for effect in effects:
            if isinstance(effect, Announce):
                self._announce(effect, numbers, except_for)
            else:
                await self._do(effect)

    def _announce(
        self, announced: Announce, numbers: Iterator[int], except_for: ParticipantId | None
    ) -> None:
        event = replace(announced.event, seq=next(numbers))
        for participant_id in announced.hearers:
            if participant_id != except_for and participant_id in self._peers:
                self._peers[participant_id].tell(event)

    async def _do(self, effect: RoomEffect) -> None:
        match effect:
            case TellVisit():
                await self._tell(effect)
            case Seated():
                await self._follow(effect)
            case OpenMedia(participant_id=participant_id):
                if (seat := self._machine.seats.get(participant_id)) is not None:
                    self.media.want(participant_id, seat.attach_epoch, MAY_PUBLISH)
            case CutMedia(participant_id=participant_id, attach_epoch=epoch, reason=reason):
                self.connected.pop(participant_id, None)
                await self.media.cut(participant_id, epoch, reason)
            case CloseSeat(participant_id=participant_id, close=close):
                if (peer := self._peers.pop(participant_id, None)) is not None:
                    peer.close(close)

    async def _tell(self, told: TellVisit) -> None:
        if told.fact is Fact.LEFT:
            await self._record.give_up(told.participant_id, told.attach_epoch)
        await self.tell_visit(told.fact, told.participant_id, told.attach_epoch, cause=told.cause)

    async def _follow(self, seated: Seated) -> None:
        if (peer := self._peers.get(seated.participant_id)) is not None:
            peer.session.on_seated(seated.state)
            peer.flush()
        await self._keep(seated.participant_id)

    async def tell_visit(
        self,
        fact: Fact,
        participant_id: ParticipantId,
        attach_epoch: int,
        *,
        cause: str | None = None,
    ) -> None:
        """Tell the visit service a fact; kept on disk until it is known there."""
        at = datetime.fromtimestamp(self._means.wall(), tz=UTC)
        event = presence_event(
            fact,
            room_id=self.room_id,
            participant_id=participant_id,
            attach_epoch=attach_epoch,
            at=at,
            cause=cause,
        )
        await self._means.visits.tell(event)

    # --- media -----------------------------------------------------------------------------------

    def _on_media_open(
        self, participant_id: ParticipantId, room_epoch: int, how: Opening, within_s: float
    ) -> None:
        if (peer := self._peers.get(participant_id)) is not None:
            told = opening_told(peer, room_epoch, how, within_s=within_s, means=self._means)
            peer.session.on_media_open(told)
            peer.flush()

    def _on_came_over(self, room_epoch: int) -> None:
        for participant_id, peer in self._peers.items():
            seat = self._machine.seats.get(participant_id)
            if peer.session.can_move and seat is not None and seat.is_active:
                peer.tell(MediaMoveOver(room_epoch=room_epoch))

    def _on_media_moved(self, room_epoch: int) -> None:
        self.spawn(self.act(lambda room: room.note_media_moved(room_epoch)))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start an input nobody waits for; inputs take effect in the order they were started."""

        async def guarded() -> None:
            try:
                await work
            except SignalingError as refusal:
                _log.info("room.input_refused", code=refusal.code, room_id=self.room_id)

        # Cancelled before it ran, at a stop, it would leave the input a coroutine never awaited.
        self._means.spawn(guarded()).add_done_callback(lambda _: work.close())
