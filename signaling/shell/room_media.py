"""The media of one room: where it is pinned, who has a peer there, and what is still owed.

The wish (who should have a peer, and what it should carry) is kept here and made true again after
every loss: a channel that was down, a room the node gave up, a node that died.  A place that was
left is told so when it can be reached again, so that no room is ever open twice.  Not here: who may
have media (`core.room`), whether a node is dead (`core.node_death`).
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from media.contract.control import (
    AttachPeer,
    ControlCommand,
    DetachPeer,
    DetachReason,
    Done,
    Offer,
    RefusalCode,
    SeatCommand,
    Source,
)
from signaling.contract.errors import MediaFull, MediaUnavailable
from signaling.contract.ids import ParticipantId, RoomId
from signaling.core.effects import CutReason
from signaling.core.media_wish import Place, Wish
from signaling.core.placement import place
from signaling.shell.media_client import MediaChannel, MediaNodes, MediaRefused, MediaSilent
from signaling.shell.registry import RedisSilent, Registry
from signaling.shell.scripts import Pin, Status

CUT_LIMIT_S: Final = 2.0
RETRY_FIRST_S: Final = 0.25
RETRY_LONGEST_S: Final = 2.0
RETRY_AFTER_MS: Final = 1_000
DRAINED: Final = "drained"
_MOVE_ON: Final = frozenset(
    {RefusalCode.DRAINING, RefusalCode.NODE_FULL, RefusalCode.STALE_ROOM_EPOCH}
)
_SHUT: Final = frozenset({RefusalCode.UNKNOWN_ROOM, RefusalCode.UNKNOWN_PARTICIPANT})

_log = structlog.get_logger()


class RoomMedia:
    """One room's media.

    Args:
        room_id: The room.
        nodes: Media nodes.
        registry: Where the pin is kept.
        on_open: Called when a participant has a peer: id, room epoch, whether it is a rebuild.
        on_moved: Called once a room has another place than before, with its new room epoch.
        spawn: Starts a task that is kept until it ends.
    """

    def __init__(
        self,
        room_id: RoomId,
        *,
        nodes: MediaNodes,
        registry: Registry,
        on_open: Callable[[ParticipantId, int, bool], None],
        on_moved: Callable[[int], None],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._room_id = room_id
        self._nodes = nodes
        self._registry = registry
        self._on_open = on_open
        self._on_moved = on_moved
        self._spawn = spawn
        self._wishes: dict[ParticipantId, Wish] = {}
        self._owed_cuts: dict[ParticipantId, tuple[int, CutReason]] = {}
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._is_open = False
        self._must_move = False
        self._must_sync = False
        self._left: set[str] = set()
        """Media nodes the room was moved away from, which may not know it yet."""
        self.pin: Pin | None = None

    @property
    def room_epoch(self) -> int:
        """Epoch of the place the media is at; 0 before the first."""
        return 0 if self.pin is None else self.pin.room_epoch

    @property
    def _here(self) -> Place:
        return Place(self._room_id, self.room_epoch)

    @property
    def leased_node(self) -> str:
        """The media node whose lease this room may extend: only while its channel is up."""
        if self.pin is None or not self._nodes.is_up(self.pin.node_id):
            return ""
        return self.pin.node_id

    def want(
        self, participant_id: ParticipantId, attach_epoch: int, may_publish: tuple[Source, ...]
    ) -> None:
        """Wish a peer for a participant; the same again changes nothing."""
        known = self._wishes.get(participant_id)
        if known is None or known.attach_epoch != attach_epoch:
            wish = Wish(attach_epoch=attach_epoch, may_publish=may_publish)
            self._wishes[participant_id] = wish
            self._owed_cuts.pop(participant_id, None)
        self._kick()

    async def cut(
        self, participant_id: ParticipantId, attach_epoch: int, reason: CutReason
    ) -> None:
        """End a participant's media, within 2 s; what cannot be done now stays owed."""
        self._wishes.pop(participant_id, None)
        self._owed_cuts[participant_id] = (attach_epoch, reason)
        try:
            async with asyncio.timeout(CUT_LIMIT_S):
                await self._cut_owed()
        except (TimeoutError, MediaSilent, MediaRefused):
            self._kick()

    async def close(self) -> None:
        """End the room at the media node, if it can be told; it ends an empty room itself."""
        self._wishes.clear()
        self._owed_cuts.clear()
        if not self._is_open:
            return
        self._is_open = False
        try:
            await self._tell(self._here.close())
        except (MediaSilent, MediaRefused) as failure:
            _log.info("room_media.not_closed", error=type(failure).__name__)

    async def offer(self, offer: Offer) -> str:
        """Have an offer answered; a new connection of the same socket replaces the old peer.

        Raises:
            MediaUnavailable: No peer can be had now.
            MediaRefused: The media node refused the offer.
        """
        try:
            return (await self.command(offer)).sdp or ""
        except MediaRefused as refused:
            if refused.code is not RefusalCode.FINGERPRINT_CHANGED:
                raise
        wish = self._wish(offer)
        detach = DetachPeer(**_seat(offer), reason=DetachReason.SUPERSEDED)
        await self.command(detach)
        await self.command(AttachPeer(**_seat(offer), may_publish=wish.may_publish))
        return (await self.command(offer)).sdp or ""

    async def command(self, command: SeatCommand) -> Done:
        """Send a participant's command to where the room is.

        Raises:
            MediaUnavailable: The participant has no peer now, or nobody answers.
            MediaRefused: The media node refused.
        """
        wish = self._wish(command)
        if not wish.is_attached:
            self._kick()
            raise MediaUnavailable(retry_after_ms=RETRY_AFTER_MS)
        try:
            done = await self._tell(command)  # type: ignore[arg-type]
            wish.note(command)
        except MediaSilent:
            raise MediaUnavailable(retry_after_ms=RETRY_AFTER_MS) from None
        except MediaRefused as refused:
            if refused.code not in _SHUT:
                raise
            self._lose_peers(refused.code is RefusalCode.UNKNOWN_ROOM, command.participant_id)
            raise MediaUnavailable(retry_after_ms=RETRY_AFTER_MS) from None
        else:
            return done

    async def pause(self, participant_id: ParticipantId, *, is_paused: bool) -> None:
        """Hold a participant's media, or let it flow; what cannot be told now, `Sync` tells."""
        wish = self._wishes.get(participant_id)
        if wish is None or not wish.is_attached or wish.is_paused is is_paused:
            return
        wish.is_paused = is_paused
        try:
            await self._tell(self._here.pause(participant_id, wish))
        except (MediaSilent, MediaRefused) as failure:
            _log.info("room_media.not_paused", error=type(failure).__name__)

    def on_peer_closed(self, participant_id: ParticipantId) -> None:
        """A peer is gone at the media node: a fresh one is made and told as a rebuild."""
        self._lose_peers(False, participant_id)

    def on_room_lost(self, cause: str) -> None:
        """The node gave the room up; one that stops takes it back no more."""
        self._must_move = self._must_move or cause == DRAINED
        self._lose_peers(True, None)

    def on_channel_up(self, node_id: str, boot_id: str) -> None:
        """A channel was opened: restate what should be, or that the room is elsewhere now."""
        if self.pin is None or self.pin.node_id != node_id:
            if node_id in self._left:
                self._spawn(self._tell_left(node_id))
        elif self.pin.boot_id == boot_id and self._is_open:
            self._must_sync = True
            self._kick()

    def on_node_lost(self, node_id: str, boot_id: str) -> bool:
        """A life of a media node is over; True if the room was there and moves now."""
        if self.pin is None or (self.pin.node_id, self.pin.boot_id) != (node_id, boot_id):
            return False
        self._must_move = True
        self._lose_peers(True, None)
        return True

    def _wish(self, command: SeatCommand) -> Wish:
        wish = self._wishes.get(ParticipantId(command.participant_id))
        if wish is None or wish.attach_epoch != command.attach_epoch:
            raise MediaUnavailable(retry_after_ms=RETRY_AFTER_MS)
        return wish

    def _lose_peers(self, is_whole_room: bool, participant_id: str | None) -> None:  # noqa: FBT001
        for each, wish in self._wishes.items():
            if is_whole_room or each == participant_id:
                wish.lose()
        if is_whole_room:
            self._is_open = False
        self._kick()

    def _kick(self) -> None:
        """Make the wish true in the background, unless that is under way."""
        self._news.set()
        if self._is_owed and (self._task is None or self._task.done()):
            self._task = self._spawn(self._strive())

    @property
    def _is_owed(self) -> bool:
        is_unmet = not all(wish.is_attached for wish in self._wishes.values())
        return bool(self._owed_cuts) or self._must_sync or is_unmet

    async def _strive(self) -> None:
        pause_s = RETRY_FIRST_S
        while self._is_owed:
            try:
                await self._reconcile()
            except (MediaSilent, MediaRefused, MediaUnavailable, MediaFull, RedisSilent) as failure:
                self._note(failure)
                self._news.clear()
                wait_s = pause_s * (0.5 + random.random())  # noqa: S311  (jitter)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._news.wait()
                pause_s = min(2 * pause_s, RETRY_LONGEST_S)

    def _note(self, failure: Exception) -> None:
        _log.info("room_media.retried", error=type(failure).__name__, room_id=self._room_id)
        if isinstance(failure, MediaRefused):
            self._must_move = self._must_move or failure.code in _MOVE_ON
            if failure.code is RefusalCode.UNKNOWN_ROOM:
                self._is_open = False

    async def _reconcile(self) -> None:
        async with self._lock:
            if not self._wishes and not await self._has_cuts_left():
                return
            if self.pin is None or self._must_move:
                await self._place()
            if not self._is_open and self._wishes:
                await self._tell(self._here.open())
                self._is_open = True
            await self._cut_owed()
            if self._must_sync:
                await self._sync()
            for participant_id, wish in list(self._wishes.items()):
                if not wish.is_attached:
                    await self._attach(participant_id, wish)

    async def _place(self) -> None:
        """Pin the room, or move it; a pin somebody else made counts."""
        here = None if self.pin is None else self.pin.node_id
        nodes = self._nodes.candidates()
        others = [node for node in nodes if node.node_id != here]
        dead = self._must_move and here is not None
        draw = (random.random(), random.random())  # noqa: S311  (placement, no secret)
        chosen = place(others if dead and others else nodes, draw=draw)
        if chosen is None:
            raise MediaFull
        pin = await self._registry.call(
            lambda: self._registry.scripts.pin_media(
                self._room_id,
                node_id=chosen.node_id,
                boot_id=chosen.boot_id,
                known_epoch=self.room_epoch,
                is_forced=self._must_move,
            )
        )
        before, self.pin, self._must_move = self.pin, pin, False
        if before is None or pin.room_epoch != before.room_epoch:
            # Found, not made: a process before us may have left things there, or it may have slept.
            self._is_open, self._must_sync = False, pin.status is Status.HELD
            self._owed_cuts.clear()
            for wish in self._wishes.values():
                wish.lose()
        if before is not None and pin.room_epoch != before.room_epoch:
            self._leave(before, pin)
        beat = self._nodes.beating.get(pin.node_id)
        # Pinned by a process before this one to a life that is over since.
        if beat is None or beat.boot_id != pin.boot_id:
            self._must_move = True
            raise MediaUnavailable

    def _leave(self, before: Pin, after: Pin) -> None:
        """Tell of the move: the room's people, and the old place, should it live."""
        if before.node_id != after.node_id:
            self._left.add(before.node_id)
            self._spawn(self._tell_left(before.node_id))
        self._left.discard(after.node_id)
        if after.status is Status.PINNED:
            self._on_moved(after.room_epoch)

    async def _tell_left(self, node_id: str) -> None:
        """Close the room at a place it has left, under the epoch that says so."""
        channel = self._nodes.known_channel(node_id)
        if channel is None or channel.down_since is not None:
            return
        try:
            await channel.command(self._here.close())
        except (MediaSilent, MediaRefused) as failure:
            _log.info("room_media.not_closed", error=type(failure).__name__)
        else:
            self._left.discard(node_id)

    async def _has_cuts_left(self) -> bool:
        """With nobody wished for, only cuts are owed: at a place a process before us may know."""
        self._must_sync = False
        if self.pin is None:
            self.pin = await self._registry.call(lambda: self._registry.media_place(self._room_id))
        if self.pin is None or self._must_move:
            self._owed_cuts.clear()
        return bool(self._owed_cuts)

    async def _sync(self) -> None:
        """Restate the whole wish; whoever is missing over there connects anew."""
        wished = {each: wish for each, wish in self._wishes.items() if wish.is_attached}
        try:
            done = await self._tell(self._here.sync(wished))
        except MediaRefused as refused:
            if refused.code in _SHUT:
                self._lose_peers(True, None)
            self._must_sync = False
            raise
        self._must_sync = False
        there = {seen.participant_id for seen in done.seats or ()}
        for participant_id, wish in wished.items():
            if participant_id not in there:
                wish.lose()

    async def _attach(self, participant_id: ParticipantId, wish: Wish) -> None:
        await self._tell(self._here.attach(participant_id, wish))
        if self._wishes.get(participant_id) is wish:
            wish.is_attached = True
            is_rebuild, wish.was_told = wish.was_told, True
            self._on_open(participant_id, self.room_epoch, is_rebuild)

    async def _cut_owed(self) -> None:
        for participant_id, (attach_epoch, reason) in list(self._owed_cuts.items()):
            try:
                await self._tell(self._here.detach(participant_id, attach_epoch, reason))
            except MediaRefused:
                # Room, peer or epoch is gone already: so is the media.
                _log.info("room_media.was_cut", room_id=self._room_id)
            self._owed_cuts.pop(participant_id, None)

    async def _tell(self, command: ControlCommand) -> Done:
        channel = self._channel()
        return await channel.command(command)

    def _channel(self) -> MediaChannel:
        channel = None if self.pin is None else self._nodes.known_channel(self.pin.node_id)
        if channel is None:
            raise MediaSilent
        return channel


def _seat(command: SeatCommand) -> dict[str, Any]:
    return {
        "request_id": "-",
        "room_id": command.room_id,
        "room_epoch": command.room_epoch,
        "participant_id": command.participant_id,
        "attach_epoch": command.attach_epoch,
    }
