"""All rooms of this node: who is seated where, and the ticks that keep them honest."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Final

import structlog

from media.contract.control import ControlEvent, NodeDraining, NodeNews, SyncNeeded
from signaling.contract.close_codes import CloseCode
from signaling.contract.errors import (
    LocalMisuse,
    TicketInvalid,
    TicketUsed,
    TryAgain,
    UnknownParticipant,
    WrongState,
)
from signaling.contract.ids import ParticipantId, RoomId
from signaling.contract.messages import Action, Goodbye, Hello, IceServersRenewed, Request
from signaling.core.effects import Close
from signaling.core.moving import starts_s
from signaling.shell import ice_servers, media_events, requests
from signaling.shell.hosted_room import HostedRoom
from signaling.shell.means import Means
from signaling.shell.metrics import Count
from signaling.shell.peer import Peer
from signaling.shell.registry import RedisSilent
from signaling.shell.scripts import Mode
from signaling.shell.tickets import RevokedSeats, TicketCheck
from telehealth.contract import RoomCommand, RoomCommandKind, TicketClaims

TICK_S: Final = 1.0
WATCH_S: Final = 0.25
RENEW_EVERY_S: Final = 10.0
DRAIN_SPREAD_MS: Final = 5_000

_log = structlog.get_logger()


class Rooms:
    """The rooms, and the reception before them.

    Args:
        means: What every room leans on.
        tickets: Checks tickets.
    """

    def __init__(self, means: Means, *, tickets: TicketCheck) -> None:
        self._means = means
        self._tickets = tickets
        self._rooms: dict[RoomId, HostedRoom] = {}
        self._asked: dict[Peer, tuple[TicketClaims, str]] = {}
        self._revoked = RevokedSeats(now=means.now)
        self.peers: set[Peer] = set()
        self.is_draining = False
        self.is_deserted = asyncio.Event()
        """Set when the last socket is gone."""

    @property
    def count(self) -> int:
        """Rooms with somebody in them."""
        return len(self._rooms)

    def open(self, room_id: RoomId) -> HostedRoom:
        """Return a room, making it if nobody is there yet."""
        if room_id not in self._rooms:
            self._rooms[room_id] = HostedRoom(room_id, self._means)
        return self._rooms[room_id]

    # --- reception -------------------------------------------------------------------------------

    async def seat(self, peer: Peer, hello: Hello) -> None:
        """Check a ticket, burn it, and seat its holder.

        Raises:
            TicketInvalid, TicketUsed: Not a ticket, or not any more.
            RoomFull, RoomOver: No seat.
            TryAgain: Redis or the key set is silent.
        """
        claims = await self._tickets.claims(hello.ticket)
        try:
            is_first = await self._means.registry.burn(claims.jti)
        except RedisSilent:
            raise TryAgain from None
        if not is_first:
            raise TicketUsed
        if self._revoked.holds(claims):
            raise TicketInvalid
        room = self.open(RoomId(str(claims.room)))
        since_s = await room.seat(peer, claims, device=hello.device_id, mode=Mode.JOIN, re=hello.id)
        if self._revoked.holds(claims):
            # Revoked while the seat was taken: the command found nobody there yet.
            with contextlib.suppress(UnknownParticipant):
                await room.act(
                    lambda it: it.remove(ParticipantId(str(claims.participant)), by=None)
                )
            return
        if since_s is not None:
            self._asked[peer] = (claims, hello.device_id)
            peer.session.on_seat_taken(re=hello.id, since_s=since_s, now=self._means.now())

    async def take_over(self, peer: Peer, re: int) -> None:
        """Seat a peer in place of its other device.

        Raises:
            RoomFull, RoomOver, TryAgain: As `seat`.
        """
        claims, device = self._asked.pop(peer)
        if self._revoked.holds(claims):
            raise TicketInvalid
        room = self.open(RoomId(str(claims.room)))
        await room.seat(peer, claims, device=device, mode=Mode.TAKE_OVER, re=re)

    async def carry(self, peer: Peer, request: Request) -> None:
        """Carry out a request of a seated peer.

        Raises:
            Refusal: It was not done.
        """
        room = None if peer.host is None else self._rooms.get(peer.host.room_id)
        if room is None:
            raise WrongState
        await requests.carry(room, peer, request)

    def forget(self, peer: Peer) -> None:
        """Drop what is known of a closed socket."""
        self.peers.discard(peer)
        if not self.peers:
            self.is_deserted.set()
        self._asked.pop(peer, None)

    # --- from elsewhere --------------------------------------------------------------------------

    async def obey(self, command: RoomCommand) -> None:
        """Do what the visit service has decided; a seat that is not here is no fault."""
        self._means.metrics.count(Count.ROOM_COMMANDS, command.kind.value)
        room_id = RoomId(str(command.visit_id))
        if command.kind is RoomCommandKind.ENDED:
            await self.open(room_id).end()
            return
        if command.kind is RoomCommandKind.REVOKED:
            # Before the seat goes: whoever holds a ticket must not come in behind it.
            self._revoked.note(room_id, _named(command))
        room = self._rooms.get(room_id)
        if room is None:
            return
        try:
            await _OBEYED[command.kind](room, command)
        except UnknownParticipant:
            _log.info("room_command.nobody_there", cause=command.kind.value)

    def on_media_event(self, node_id: str, event: ControlEvent) -> None:
        """Hand an event to its room."""
        del node_id
        if (room := self._rooms.get(RoomId(event.room_id))) is not None:
            room.spawn(media_events.take(room, event))

    def on_media_channel_up(self, node_id: str, boot_id: str) -> None:
        """Have every room restate what it wished there, or that it went elsewhere."""
        for room in self._rooms.values():
            room.media.on_channel_up(node_id, boot_id)

    def on_media_news(self, node_id: str, news: NodeNews) -> None:
        """Take what a node says of itself; one that slept holds every room until it hears."""
        self._means.metrics.count(Count.MEDIA_NEWS, str(news.__struct_config__.tag))
        if isinstance(news, NodeDraining):
            self._means.nodes.note_draining(node_id)
            self._move_away(node_id, ends_in_s=news.ends_in_ms / 1_000)
        if isinstance(news, SyncNeeded) and (boot_id := self._means.nodes.boot_of(node_id)):
            self.on_media_channel_up(node_id, boot_id)

    def _move_away(self, node_id: str, *, ends_in_s: float) -> None:
        """Move every room away from a node that serves on for a while, a few at a time."""
        leaving = [room for room in self._rooms.values() if room.media.is_at(node_id)]
        ends_at = self._means.now() + ends_in_s
        starts = starts_s(len(leaving), ends_in_s=ends_in_s)
        for room, after_s in zip(leaving, starts, strict=True):
            room.spawn(room.media.move_away(node_id, after_s=after_s, ends_at=ends_at))

    def on_media_node_lost(self, node_id: str, boot_id: str) -> None:
        """Move every room away from a media node that is gone."""
        for room in self._rooms.values():
            if room.media.on_node_lost(node_id, boot_id):
                self._means.metrics.count(Count.MEDIA_MOVES, "node_lost")

    # --- time ------------------------------------------------------------------------------------

    async def adopt(self) -> None:
        """Take over the rooms a process of this name left behind."""
        try:
            for room_id in await self._means.registry.rooms():
                self.open(RoomId(room_id))
        except RedisSilent:
            _log.warning("rooms.not_adopted")

    async def run(self) -> None:
        """Tick until cancelled."""
        renew_at = self._means.now() + RENEW_EVERY_S
        relays_at = self._means.now() + ice_servers.RENEW_EVERY_S
        while True:
            await asyncio.sleep(TICK_S)
            for peer in list(self.peers):
                peer.on_tick()
            was_silent = self._means.registry.is_silent
            await self._means.registry.probe()
            has_returned = was_silent and not self._means.registry.is_silent
            await self.learn_media()
            await self._tickets.refresh()
            if has_returned or self._means.now() >= renew_at:
                renew_at = self._means.now() + RENEW_EVERY_S
                await self._each(HostedRoom.renew)
            if self._means.now() >= relays_at:
                relays_at = self._means.now() + ice_servers.RENEW_EVERY_S
                self.renew_relays()
            await self._each(HostedRoom.sweep)
            await self._each(self._forget_if_empty)

    async def watch_media(self) -> None:
        """Look at the heartbeats more often while a channel is down; until cancelled."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._means.nodes.must_watch:
                await self.learn_media()

    def renew_relays(self) -> None:
        """Give everybody in a call fresh relay credentials, before those they hold run out."""
        if not self._means.relays.is_any:
            return
        for peer in list(self.peers):
            if not peer.is_seated:
                continue
            servers = self._means.relays.for_participant(peer.participant_id)
            message = IceServersRenewed(ice_servers=servers, expires_in_s=ice_servers.LIFE_S)
            peer.session.on_relays(message)
            peer.flush()

    def welcome(self, peer: Peer) -> None:
        """Note a new socket."""
        self.peers.add(peer)
        self.is_deserted.clear()

    def drain(self) -> None:
        """Ask every peer to come back elsewhere, spread over five seconds; seats stay."""
        self.is_draining = True
        if not self.peers:
            self.is_deserted.set()
        for peer in list(self.peers):
            peer.close(self._draining())

    def _draining(self) -> Close:
        retry_after_ms = int(DRAIN_SPREAD_MS * self._means.jitter())
        goodbye = Goodbye(cause="draining", action=Action.REJOIN, retry_after_ms=retry_after_ms)
        return Close(CloseCode.DRAINING, goodbye)

    async def learn_media(self) -> None:
        """Learn which media nodes live."""
        try:
            self._means.nodes.learn(await self._means.registry.media_nodes())
        except RedisSilent:
            # With Redis silent nobody is moved: what was last heard stands.
            return

    async def _each(self, verb: Callable[[HostedRoom], Coroutine[Any, Any, None]]) -> None:
        for room in list(self._rooms.values()):
            try:
                await verb(room)
            except Exception as fault:  # noqa: BLE001  (a fault in one room must not stop the others' clock)
                _log.error("room.tick_failed", error=type(fault).__name__, room_id=room.room_id)

    async def _forget_if_empty(self, room: HostedRoom) -> None:
        if self.is_draining or not room.is_empty:
            return
        await room.media.close()
        if not room.is_empty:
            return
        del self._rooms[room.room_id]
        try:
            await self._means.registry.forget_room(room.room_id)
        except RedisSilent:
            _log.info("room.not_forgotten", room_id=room.room_id)


def _named(command: RoomCommand) -> ParticipantId:
    if command.participant_id is None:
        raise LocalMisuse
    return ParticipantId(str(command.participant_id))


async def _called_in(room: HostedRoom, command: RoomCommand) -> None:
    await room.act(lambda it: it.admit(_named(command), by=None))
    await room.act(lambda it: it.change_visit(command.version))


async def _returned(room: HostedRoom, command: RoomCommand) -> None:
    await room.act(lambda it: it.return_to_lobby(_named(command), by=None))
    await room.act(lambda it: it.change_visit(command.version))


async def _revoked(room: HostedRoom, command: RoomCommand) -> None:
    await room.act(lambda it: it.remove(_named(command), by=None))


async def _changed(room: HostedRoom, command: RoomCommand) -> None:
    await room.act(lambda it: it.change_visit(command.version))


_OBEYED: Final[
    Mapping[RoomCommandKind, Callable[[HostedRoom, RoomCommand], Coroutine[Any, Any, None]]]
] = MappingProxyType(
    {
        RoomCommandKind.CALLED_IN: _called_in,
        RoomCommandKind.RETURNED: _returned,
        RoomCommandKind.REVOKED: _revoked,
        RoomCommandKind.VISIT_CHANGED: _changed,
    }
)
