"""The media of one room: where it is pinned, who has a peer there, and what is still owed.

The wish (who should have a peer) is kept here and made true again after every loss: a channel that
was down, a room the node gave up, a node that died.  Not here: who may have media (`core.room`).
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

import structlog

from media.contract.control import (
    AttachPeer,
    CloseRoom,
    ControlCommand,
    DetachPeer,
    DetachReason,
    Done,
    Offer,
    OpenRoom,
    RefusalCode,
    SeatCommand,
    Source,
)
from signaling.contract.errors import MediaFull, MediaUnavailable
from signaling.contract.ids import ParticipantId, RoomId
from signaling.core.effects import CutReason
from signaling.core.placement import place
from signaling.shell.media_client import MediaChannel, MediaNodes, MediaRefused, MediaSilent
from signaling.shell.registry import RedisSilent, Registry
from signaling.shell.scripts import Pin

CUT_LIMIT_S: Final = 2.0
RETRY_FIRST_S: Final = 0.25
RETRY_LONGEST_S: Final = 2.0
RETRY_AFTER_MS: Final = 1_000
_MOVE_ON: Final = frozenset(
    {RefusalCode.DRAINING, RefusalCode.NODE_FULL, RefusalCode.STALE_ROOM_EPOCH}
)
_SHUT: Final = frozenset({RefusalCode.UNKNOWN_ROOM, RefusalCode.UNKNOWN_PARTICIPANT})

_log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Wish:
    """One participant who should have a peer."""

    attach_epoch: int
    may_publish: tuple[Source, ...]
    is_attached: bool = False
    was_told: bool = False
    """Whether `admitted` was sent; from then on a new place is told as a rebuild."""


class RoomMedia:
    """One room's media.

    Args:
        room_id: The room.
        nodes: Media nodes.
        registry: Where the pin is kept.
        on_open: Called when a participant has a peer: id, room epoch, whether it is a rebuild.
        spawn: Starts a task that is kept until it ends.
    """

    def __init__(
        self,
        room_id: RoomId,
        *,
        nodes: MediaNodes,
        registry: Registry,
        on_open: Callable[[ParticipantId, int, bool], None],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._room_id = room_id
        self._nodes = nodes
        self._registry = registry
        self._on_open = on_open
        self._spawn = spawn
        self._wishes: dict[ParticipantId, Wish] = {}
        self._owed_cuts: dict[ParticipantId, tuple[int, CutReason]] = {}
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._is_open = False
        self._must_move = False
        self.pin: Pin | None = None

    @property
    def room_epoch(self) -> int:
        """Epoch of the place the media is at; 0 before the first."""
        return 0 if self.pin is None else self.pin.room_epoch

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
        if self.pin is None:
            return
        self._owed_cuts[participant_id] = (attach_epoch, reason)
        try:
            async with asyncio.timeout(CUT_LIMIT_S):
                await self._cut_owed()
        except (TimeoutError, MediaSilent, MediaRefused):
            self._kick()

    async def close(self) -> None:
        """End the room at the media node, if it can be told; it ends an empty room itself."""
        self._wishes.clear()
        if not self._is_open:
            return
        self._is_open = False
        try:
            await self._tell(
                CloseRoom(request_id="-", room_id=self._room_id, room_epoch=self.room_epoch)
            )
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
        if not self._wish(command).is_attached:
            self._kick()
            raise MediaUnavailable(retry_after_ms=RETRY_AFTER_MS)
        try:
            return await self._tell(command)  # type: ignore[arg-type]
        except MediaSilent:
            raise MediaUnavailable(retry_after_ms=RETRY_AFTER_MS) from None
        except MediaRefused as refused:
            if refused.code not in _SHUT:
                raise
            self._lose_peers(refused.code is RefusalCode.UNKNOWN_ROOM, command.participant_id)
            raise MediaUnavailable(retry_after_ms=RETRY_AFTER_MS) from None

    def on_peer_closed(self, participant_id: ParticipantId) -> None:
        """A peer is gone at the media node: a fresh one is made and told as a rebuild."""
        self._lose_peers(False, participant_id)

    def on_room_lost(self) -> None:
        """The node gave the room up."""
        self._lose_peers(True, None)

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
                wish.is_attached = False
        if is_whole_room:
            self._is_open = False
        self._kick()

    def _kick(self) -> None:
        """Make the wish true in the background, unless that is under way."""
        is_owed = bool(self._owed_cuts) or not all(w.is_attached for w in self._wishes.values())
        if is_owed and (self._task is None or self._task.done()):
            self._task = self._spawn(self._strive())

    async def _strive(self) -> None:
        pause_s = RETRY_FIRST_S
        while self._owed_cuts or not all(wish.is_attached for wish in self._wishes.values()):
            try:
                await self._reconcile()
            except (MediaSilent, MediaRefused, MediaUnavailable, MediaFull, RedisSilent) as failure:
                self._note(failure)
                await asyncio.sleep(pause_s * (0.5 + random.random()))  # noqa: S311  (jitter)
                pause_s = min(2 * pause_s, RETRY_LONGEST_S)

    def _note(self, failure: Exception) -> None:
        _log.info("room_media.retried", error=type(failure).__name__, room_id=self._room_id)
        if isinstance(failure, MediaRefused):
            self._must_move = self._must_move or failure.code in _MOVE_ON
            if failure.code is RefusalCode.UNKNOWN_ROOM:
                self._is_open = False

    async def _reconcile(self) -> None:
        async with self._lock:
            if self.pin is None or self._must_move:
                await self._place()
            if not self._is_open and self._wishes:
                await self._tell(
                    OpenRoom(request_id="-", room_id=self._room_id, room_epoch=self.room_epoch)
                )
                self._is_open = True
            await self._cut_owed()
            for participant_id, wish in list(self._wishes.items()):
                if not wish.is_attached:
                    await self._attach(participant_id, wish)

    async def _place(self) -> None:
        """Pin the room, or move it; a pin somebody else made counts."""
        here = None if self.pin is None else self.pin.node_id
        nodes = list(self._nodes.beating.values())
        others = [node for node in nodes if node.node_id != here]
        dead = self._must_move and here in self._nodes.beating
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
        if self.pin is None or pin.room_epoch != self.pin.room_epoch:
            self._is_open = False
            self._owed_cuts.clear()
            for wish in self._wishes.values():
                wish.is_attached = False
        self.pin, self._must_move = pin, False
        beat = self._nodes.beating.get(pin.node_id)
        # Pinned by a process before this one to a life that is over since.
        if beat is None or beat.boot_id != pin.boot_id:
            self._must_move = True
            raise MediaUnavailable

    async def _attach(self, participant_id: ParticipantId, wish: Wish) -> None:
        await self._tell(
            AttachPeer(
                request_id="-",
                room_id=self._room_id,
                room_epoch=self.room_epoch,
                participant_id=participant_id,
                attach_epoch=wish.attach_epoch,
                may_publish=wish.may_publish,
            )
        )
        if self._wishes.get(participant_id) is wish:
            wish.is_attached = True
            is_rebuild, wish.was_told = wish.was_told, True
            self._on_open(participant_id, self.room_epoch, is_rebuild)

    async def _cut_owed(self) -> None:
        for participant_id, (attach_epoch, reason) in list(self._owed_cuts.items()):
            try:
                await self._tell(
                    DetachPeer(
                        request_id="-",
                        room_id=self._room_id,
                        room_epoch=self.room_epoch,
                        participant_id=participant_id,
                        attach_epoch=attach_epoch,
                        reason=DetachReason(reason.value),
                    )
                )
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
