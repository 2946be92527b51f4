"""Where one room's media is: the pin in Redis, moves away from a node that died or will go.

Redis decides races: whoever else has pinned or moved the room is believed.  Not here: who should
have a peer at the place (`room_media`).
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from signaling.contract.errors import MediaFull, MediaUnavailable
from signaling.contract.ids import ParticipantId, RoomId
from signaling.core.media_wish import Opening, Place
from signaling.core.moving import MOVE_LOAD_MAX, Departure
from signaling.core.placement import MediaNode, place
from signaling.shell.media_client import MediaChannel, MediaNodes, MediaSilent
from signaling.shell.place_behind import PlaceBehind, PlacesLeft
from signaling.shell.registry import Registry
from signaling.shell.scripts import Pin, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Tells:
    """Who is told what became of a room's media; room epochs are those of the new place."""

    opened: Callable[[ParticipantId, int, Opening, float], None]
    """A participant has a peer: room epoch, how, and for a move how many seconds it may take."""
    moved: Callable[[int], None]
    """The room has another place than before; told once."""
    came_over: Callable[[int], None]
    """The place before a planned move is over."""


class RoomPlace:
    """One room's place.

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
        self.room_id = room_id
        self.pin: Pin | None = None
        self.must_move = False
        """The place is lost, or takes us no more."""
        self._must_leave: tuple[str, float] | None = None
        """A node the room should leave though it serves on, and until when it does."""
        self.behind: PlaceBehind | None = None
        """The place a planned move leaves, while it is needed."""
        self._nodes = nodes
        self._registry = registry
        self._tells = tells
        self._spawn = spawn
        self._now = now
        self._left = PlacesLeft(nodes)

    @property
    def room_epoch(self) -> int:
        """Epoch of the place; 0 before the first."""
        return 0 if self.pin is None else self.pin.room_epoch

    @property
    def here(self) -> Place:
        """The room as it is known there."""
        return Place(self.room_id, self.room_epoch)

    @property
    def is_unsettled(self) -> bool:
        """Whether `settle` has something to do."""
        return self.pin is None or self.must_move or self.is_leaving

    @property
    def is_leaving(self) -> bool:
        """Whether the room should leave a node that serves on."""
        return self._must_leave is not None

    def leave(self, node_id: str, *, ends_at: float) -> None:
        """Have the next `settle` look for another node; without one the room stays.

        Args:
            node_id: The node that will go.
            ends_at: Monotonic instant at which it ends what is left on it.
        """
        self._must_leave = (node_id, ends_at)

    def is_at(self, node_id: str) -> bool:
        """Say whether the room is at a media node."""
        return self.pin is not None and self.pin.node_id == node_id

    def channel(self) -> MediaChannel:
        """Return the channel to the place.

        Raises:
            MediaSilent: There is no way to it.
        """
        channel = None if self.pin is None else self._nodes.known_channel(self.pin.node_id)
        if channel is None:
            raise MediaSilent
        return channel

    def on_channel_up(self, node_id: str) -> None:
        """Tell a node that can be reached again that the room is elsewhere now."""
        if node_id in self._left:
            self._spawn(self._left.close(node_id, self.here))

    async def find(self) -> None:
        """Learn where a process before this one has put the room, if anywhere."""
        self._must_leave = None
        if self.pin is None:
            self.pin = await self._registry.call(lambda: self._registry.media_place(self.room_id))

    async def settle(self, there: Mapping[ParticipantId, int]) -> Status | None:
        """Pin the room, or move it; a pin somebody else made counts.

        Args:
            there: Who has a peer at the present place, under which attach epoch.

        Returns:
            How the pin came about, if the room is under another epoch now; else None.

        Raises:
            MediaFull: No node takes a room that cannot stay where it is.
        """
        leaving, self._must_leave = self._must_leave, None
        ends_at = leaving[1] if leaving is not None and self.is_at(leaving[0]) else None
        if ends_at is None and not self.is_unsettled:
            return None
        chosen = self._choose(is_planned=ends_at is not None)
        if chosen is None:
            return None
        pin = await self._registry.call(
            lambda: self._registry.scripts.pin_media(
                self.room_id,
                node_id=chosen.node_id,
                boot_id=chosen.boot_id,
                known_epoch=self.room_epoch,
                is_forced=self.must_move or ends_at is not None,
            )
        )
        before, self.pin, self.must_move = self.pin, pin, False
        if before is not None and pin.room_epoch == before.room_epoch:
            return None
        if before is not None:
            self._leave(before, pin, there, ends_at)
        return pin.status

    def check(self) -> None:
        """See that the room is pinned to a living node.

        Raises:
            MediaUnavailable: A process before this one pinned it to a life that is over since.
        """
        if self.pin is None:
            return
        beat = self._nodes.beating.get(self.pin.node_id)
        if beat is None or beat.boot_id != self.pin.boot_id:
            self.must_move = True
            raise MediaUnavailable

    def _choose(self, *, is_planned: bool) -> MediaNode | None:
        """Choose a node; None if the room had better stay, since there is no other."""
        here = None if self.pin is None else self.pin.node_id
        nodes = self._nodes.candidates()
        others = [node for node in nodes if node.node_id != here]
        must_leave = self.must_move and here is not None
        may_stay = is_planned and not must_leave
        draw = (random.random(), random.random())  # noqa: S311  (placement, no secret)
        if may_stay:
            return place([node for node in others if node.load < MOVE_LOAD_MAX], draw=draw)
        chosen = place(others if must_leave and others else nodes, draw=draw)
        if chosen is None:
            raise MediaFull
        return chosen

    def _leave(
        self,
        before: Pin,
        after: Pin,
        there: Mapping[ParticipantId, int],
        ends_at: float | None,
    ) -> None:
        """Tell of the move: the room's people, and the old place unless it serves on."""
        if self.behind is not None:
            self.behind.begin_again()
        elif ends_at is not None and before.node_id != after.node_id:
            self.behind = PlaceBehind(
                Place(self.room_id, before.room_epoch),
                before.node_id,
                Departure(there, ends_at=ends_at),
                nodes=self._nodes,
                now=self._now,
            )
            self._spawn(self._see_off(self.behind))
        serves_on = self.behind is not None and self.behind.node_id == before.node_id
        if before.node_id != after.node_id and not serves_on:
            self._spawn(self._close_at(before.node_id))
        self._left.discard(after.node_id)
        if after.status is Status.PINNED:
            self._tells.moved(after.room_epoch)

    async def _see_off(self, behind: PlaceBehind) -> None:
        """Close the place behind once it is needed no more."""
        await behind.until_over()
        self.behind = None
        self._tells.came_over(self.room_epoch)
        if not self.is_at(behind.node_id):
            await self._close_at(behind.node_id)

    async def _close_at(self, node_id: str) -> None:
        self._left.add(node_id)
        await self._left.close(node_id, self.here)
