"""Places a room's media has left: one that is being moved away from, others that may not know it.

What must hold for a participant at once (an end, a mute, a pause) holds at both places of a move.
Not here: when a move begins and is over (`core.moving`), where the room is now (`room_media`).
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, TypeAlias

import structlog
from msgspec.structs import replace

from media.contract.control import DetachPeer, Mute, Pause
from signaling.contract.ids import ParticipantId
from signaling.core.effects import CutReason
from signaling.core.media_wish import Place
from signaling.core.moving import Departure
from signaling.shell.media_client import MediaNodes, MediaRefused, MediaSilent

Mirrored: TypeAlias = Mute | Pause

_log: Final = structlog.get_logger()


class PlaceBehind:
    """The place a room is moving away from, kept until everybody has come over.

    Args:
        place: The room under the epoch it has there.
        node_id: The media node that was told to go.
        departure: Who is still there.
        nodes: Media nodes.
        now: Monotonic clock in seconds.
    """

    def __init__(
        self,
        place: Place,
        node_id: str,
        departure: Departure,
        *,
        nodes: MediaNodes,
        now: Callable[[], float],
    ) -> None:
        self.node_id = node_id
        self._place = place
        self._departure = departure
        self._nodes = nodes
        self._now = now
        self._news = asyncio.Event()
        self._is_given_up = False

    def holds(self, participant_id: ParticipantId, attach_epoch: int) -> bool:
        """Say whether this socket of a participant has a peer there."""
        return self._departure.holds(participant_id, attach_epoch)

    def has_another(self, participant_id: ParticipantId, attach_epoch: int) -> bool:
        """Say whether a participant has a peer there under another attach epoch."""
        known = self._departure.attach_epoch_of(participant_id)
        return known is not None and known != attach_epoch

    def note_told(self) -> float:
        """Note that somebody is asked to come over; seconds they have for it at most."""
        now = self._now()
        self._departure.on_told(now=now)
        self._news.set()
        return self._departure.wait_s(now=now)

    def note_ready(self, participant_id: ParticipantId) -> None:
        """Note that somebody needs it no more."""
        self._departure.on_ready(participant_id)
        self._news.set()

    def begin_again(self) -> None:
        """Note that the new place is lost: this one is needed by everybody again."""
        self._departure.on_new_place()
        self._news.set()

    def give_up(self) -> None:
        """Wait for nobody any more."""
        self._is_given_up = True
        self._news.set()

    async def until_over(self) -> None:
        """Wait until everybody has come over, or the time is up."""
        while not self._is_given_up and (wait_s := self._departure.wait_s(now=self._now())):
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()

    async def cut(
        self, participant_id: ParticipantId, attach_epoch: int, reason: CutReason
    ) -> None:
        """End a participant's peer there; one that cannot be told is ended with the place."""
        if self._departure.attach_epoch_of(participant_id) is None:
            return
        self._departure.on_gone(participant_id)
        self._news.set()
        await self._tell(self._place.detach(participant_id, attach_epoch, reason))

    async def repeat(self, command: Mirrored) -> None:
        """Do there what was asked for the new place."""
        if self.holds(ParticipantId(command.participant_id), command.attach_epoch):
            await self._tell(replace(command, room_epoch=self._place.room_epoch))

    async def _tell(self, command: Mirrored | DetachPeer) -> None:
        channel = self._nodes.known_channel(self.node_id)
        if channel is None:
            return
        try:
            await channel.command(command)
        except (MediaSilent, MediaRefused) as failure:
            _log.info("place_behind.not_told", error=type(failure).__name__)


class PlacesLeft:
    """Media nodes a room was moved away from, which may not know it yet."""

    def __init__(self, nodes: MediaNodes) -> None:
        self._nodes = nodes
        self._left: set[str] = set()

    def __contains__(self, node_id: str) -> bool:
        """Say whether a node must still be told."""
        return node_id in self._left

    def add(self, node_id: str) -> None:
        """Note a node that was left."""
        self._left.add(node_id)

    def discard(self, node_id: str) -> None:
        """Note that the room is there, again or as nobody knew."""
        self._left.discard(node_id)

    async def close(self, node_id: str, here: Place) -> None:
        """Close the room at a place it has left, under the epoch that says so."""
        channel = self._nodes.known_channel(node_id)
        if channel is None or channel.down_since is not None:
            return
        try:
            await channel.command(here.close())
        except (MediaSilent, MediaRefused) as failure:
            _log.info("room_media.not_closed", error=type(failure).__name__)
        else:
            self._left.discard(node_id)
