"""The media of one room: where it is pinned, who has a peer there, and what is still owed.

The wish (who should have a peer, and what it should carry) is kept here and made true again after
every loss: a channel that was down, a room the node gave up, a node that died.  A place that was
left is told so when it can be reached again, so that no room is ever open twice; one that will go
serves on until everybody has come over (`place_behind`).  Not here: who may have media
(`core.room`), whether a node is dead (`core.node_death`).
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from media.contract.control import (
    ControlCommand,
    Done,
    Mute,
    Offer,
    RefusalCode,
    SeatCommand,
    Source,
)
from signaling.contract.errors import MediaFull, MediaUnavailable
from signaling.contract.ids import ParticipantId, RoomId
from signaling.core.effects import CutReason
from signaling.core.media_wish import Opening, Place, Wish
from signaling.shell.media_client import MediaNodes, MediaRefused, MediaSilent
from signaling.shell.place_behind import PlaceBehind
from signaling.shell.registry import RedisSilent, Registry
from signaling.shell.room_place import RoomPlace, Tells
from signaling.shell.scripts import Status

CUT_LIMIT_S: Final = 2.0
RETRY_FIRST_S: Final = 0.25
RETRY_LONGEST_S: Final = 2.0
RETRY_AFTER_MS: Final = 1_000
LOOK_AGAIN_S: Final = 1.0
"""Between two looks for another node, while the present one serves on."""
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
        tells: Who is told.
        spawn: Starts a task that is kept until it ends.
        now: Monotonic clock in seconds.
    """

    def __init__(
        self,
        room_id: RoomId,
        *,
        nodes: MediaNodes,
        registry: Registry,
        tells: Tells,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        now: Callable[[], float],
    ) -> None:
        self._room_id = room_id
        self._nodes = nodes
        self._tells = tells
        self._spawn = spawn
        self._now = now
        self._wishes: dict[ParticipantId, Wish] = {}
        self._owed_cuts: dict[ParticipantId, tuple[int, CutReason]] = {}
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._is_open = False
        self._must_sync = False
        self._place = RoomPlace(
            room_id,
            nodes=nodes,
            registry=registry,
            tells=tells,
            spawn=spawn,
            now=now,
        )

    @property
    def room_epoch(self) -> int:
        """Epoch of the place the media is at; 0 before the first."""
        return self._place.room_epoch

    @property
    def leased_node(self) -> str:
        """The media node whose lease this room may extend: only while its channel is up."""
        pin = self._place.pin
        return "" if pin is None or not self._nodes.is_up(pin.node_id) else pin.node_id

    @property
    def _here(self) -> Place:
        return self._place.here

    @property
    def _behind(self) -> PlaceBehind | None:
        return self._place.behind

    def want(
        self, participant_id: ParticipantId, attach_epoch: int, may_publish: tuple[Source, ...]
    ) -> None:
        """Wish a peer for a participant; the same again changes nothing."""
        known = self._wishes.get(participant_id)
        if known is None or known.attach_epoch != attach_epoch:
            wish = Wish(attach_epoch=attach_epoch, may_publish=may_publish)
            self._wishes[participant_id] = wish
            self._owed_cuts.pop(participant_id, None)
            if self._behind is not None and self._behind.has_another(participant_id, attach_epoch):
                self._spawn(self._behind.cut(participant_id, attach_epoch, CutReason.SUPERSEDED))
        self._kick()

    async def cut(
        self, participant_id: ParticipantId, attach_epoch: int, reason: CutReason
    ) -> None:
        """End a participant's media, within 2 s; what cannot be done now stays owed."""
        self._wishes.pop(participant_id, None)
        self._owed_cuts[participant_id] = (attach_epoch, reason)
        try:
            async with asyncio.timeout(CUT_LIMIT_S):
                if self._behind is not None:
                    there = self._behind.cut(participant_id, attach_epoch, reason)
                    await asyncio.gather(there, self._cut_owed())
                else:
                    await self._cut_owed()
        except (TimeoutError, MediaSilent, MediaRefused):
            self._kick()

    async def close(self) -> None:
        """End the room at the media node, if it can be told; it ends an empty room itself."""
        self._wishes.clear()
        self._owed_cuts.clear()
        if self._behind is not None:
            self._behind.give_up()
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
        wish, who = self._wish(offer), ParticipantId(offer.participant_id)
        await self.command(self._here.detach(who, wish.attach_epoch, CutReason.SUPERSEDED))
        await self.command(self._here.attach(who, wish))
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
        if self._behind is not None and isinstance(command, Mute):
            self._spawn(self._behind.repeat(command))
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
        pause = self._here.pause(participant_id, wish)
        if self._behind is not None:
            self._spawn(self._behind.repeat(pause))
        try:
            await self._tell(pause)
        except (MediaSilent, MediaRefused) as failure:
            _log.info("room_media.not_paused", error=type(failure).__name__)

    def on_peer_closed(self, participant_id: ParticipantId) -> None:
        """A peer is gone at the media node: a fresh one is made and told as a rebuild."""
        self._lose_peers(False, participant_id)

    def on_room_lost(self, cause: str) -> None:
        """The node gave the room up; one that stops takes it back no more."""
        self._place.must_move = self._place.must_move or cause == DRAINED
        self._lose_peers(True, None)

    def on_channel_up(self, node_id: str, boot_id: str) -> None:
        """A channel was opened: restate what should be, or that the room is elsewhere now."""
        if not self._place.is_at(node_id):
            self._place.on_channel_up(node_id)
        elif self._is_open and self._is_pinned_to(node_id, boot_id):
            self._must_sync = True
            self._kick()

    def on_node_lost(self, node_id: str, boot_id: str) -> bool:
        """A life of a media node is over; True if the room was there and moves now."""
        if not self._is_pinned_to(node_id, boot_id):
            return False
        self._place.must_move = True
        self._lose_peers(True, None)
        return True

    def is_at(self, node_id: str) -> bool:
        """Say whether the room is at a media node."""
        return self._place.is_at(node_id)

    async def move_away(self, node_id: str, *, after_s: float, ends_at: float) -> None:
        """Move to another node while the present one serves on; without another, stay and look.

        Args:
            node_id: The node that was told to go.
            after_s: When to begin, in seconds from now.
            ends_at: Monotonic instant at which that node ends what is left on it.
        """
        await asyncio.sleep(after_s)
        while self.is_at(node_id) and self._now() < ends_at:
            if not self._wishes:
                await self.close()
                return
            self._place.leave(node_id, ends_at=ends_at)
            self._kick()
            await asyncio.sleep(LOOK_AGAIN_S)

    def note_ready(self, participant_id: ParticipantId, room_epoch: int) -> None:
        """Note that somebody gets everything from here; a word about another place is ignored."""
        if self._behind is not None and room_epoch == self.room_epoch:
            self._behind.note_ready(participant_id)

    def _is_pinned_to(self, node_id: str, boot_id: str) -> bool:
        pin = self._place.pin
        return pin is not None and (pin.node_id, pin.boot_id) == (node_id, boot_id)

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
        return bool(self._owed_cuts) or self._must_sync or is_unmet or self._place.is_leaving

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
            self._place.must_move = self._place.must_move or failure.code in _MOVE_ON
            if failure.code is RefusalCode.UNKNOWN_ROOM:
                self._is_open = False

    async def _reconcile(self) -> None:
        async with self._lock:
            if not self._wishes and not await self._has_cuts_left():
                return
            if self._place.is_leaving and self._is_open:
                await self._cut_owed()
            if self._place.is_unsettled:
                await self._settle()
            if not self._is_open and self._wishes:
                await self._tell(self._here.open())
                self._is_open = True
            await self._cut_owed()
            if self._must_sync:
                await self._sync()
            for participant_id, wish in list(self._wishes.items()):
                if not wish.is_attached:
                    await self._attach(participant_id, wish)

    async def _settle(self) -> None:
        """Find the room's place, or move it; whoever had a peer elsewhere needs one here."""
        there = {each: wish.attach_epoch for each, wish in self._wishes.items() if wish.is_attached}
        if (status := await self._place.settle(there)) is not None:
            # Found, not made: a process before us may have left things there, or it may have slept.
            self._is_open, self._must_sync = False, status is Status.HELD
            self._owed_cuts.clear()
            for wish in self._wishes.values():
                wish.lose()
        self._place.check()

    async def _has_cuts_left(self) -> bool:
        """With nobody wished for, only cuts are owed: at a place a process before us may know."""
        self._must_sync = False
        await self._place.find()
        if self._place.pin is None or self._place.must_move:
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
            self._tell_open(participant_id, wish)

    def _tell_open(self, participant_id: ParticipantId, wish: Wish) -> None:
        how, within_s = Opening.REBUILD if wish.was_told else Opening.FIRST, 0.0
        if self._behind is not None and self._behind.holds(participant_id, wish.attach_epoch):
            how, within_s = Opening.MOVE, self._behind.note_told()
        wish.was_told = True
        self._tells.opened(participant_id, self.room_epoch, how, within_s)

    async def _cut_owed(self) -> None:
        for participant_id, (attach_epoch, reason) in list(self._owed_cuts.items()):
            try:
                await self._tell(self._here.detach(participant_id, attach_epoch, reason))
            except MediaRefused:
                # Room, peer or epoch is gone already: so is the media.
                _log.info("room_media.was_cut", room_id=self._room_id)
            self._owed_cuts.pop(participant_id, None)

    async def _tell(self, command: ControlCommand) -> Done:
        return await self._place.channel().command(command)
