"""One room as Redis knows it: seats with their deadlines, the numbered log, the mark of its end.

Here: what is written for which fact.  Not here: the scripts themselves (`scripts`, `lua/`), silence
(`registry`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog

from signaling.contract.codec import encode
from signaling.contract.errors import RoomFull, RoomOver, TryAgain
from signaling.contract.ids import ParticipantId, RoomId
from signaling.contract.messages import SeatState
from signaling.core.effects import Announce
from signaling.core.seats import Seat
from signaling.shell.registry import RedisSilent, Registry
from signaling.shell.scripts import Attached, Mode, Status, Swept
from telehealth.contract import Entry, TicketClaims

_log: Final = structlog.get_logger()


class RoomRecord:
    """What this node writes and reads of one room."""

    def __init__(self, room_id: RoomId, registry: Registry) -> None:
        self._room_id = room_id
        self._registry = registry
        self._devices: dict[ParticipantId, str] = {}
        self.seq = 0
        """Number of the newest event told here."""

    async def attach(
        self, claims: TicketClaims, *, device: str, mode: Mode, known_epoch: int
    ) -> Attached:
        """Take a seat, or learn that another device has it.

        Raises:
            RoomOver, RoomFull: No seat.
            TryAgain: Redis is silent.
        """
        participant_id = ParticipantId(str(claims.participant))
        state = SeatState.ACTIVE if claims.entry is Entry.DIRECT else SeatState.LOBBY
        record = {
            "role": claims.role,
            "kind": claims.kind.value,
            "may_admit": claims.may_admit,
        }
        try:
            await self._registry.remember_room(self._room_id)
            attached = await self._attach(
                participant_id, mode, record, device=device, state=state, known_epoch=known_epoch
            )
        except RedisSilent:
            raise TryAgain from None
        if attached.status is Status.ENDED:
            raise RoomOver
        if attached.status is Status.FULL:
            raise RoomFull
        if attached.status is Status.OK:
            self._devices[participant_id] = device
            self.seq = max(self.seq, attached.seq)
        return attached

    async def keep(self, seat: Seat, *, media_node: str, is_present: bool) -> Status | None:
        """Renew a seat; one that Redis has lost is written anew while its holder is present.

        Returns:
            None in silence; FENCED when another socket has the seat.
        """
        try:
            status = await self._registry.call(
                lambda: self._registry.scripts.renew(
                    self._room_id,
                    seat.participant_id,
                    attach_epoch=seat.attach_epoch,
                    state=seat.state.value,
                    media_node=media_node,
                )
            )
            if status is not Status.GONE or not is_present:
                return status
            record = {"role": seat.role, "kind": seat.kind, "may_admit": seat.may_admit}
            attached = await self._attach(
                seat.participant_id,
                Mode.RESTORE,
                record,
                device=self._devices.get(seat.participant_id, ""),
                state=seat.state,
                known_epoch=seat.attach_epoch,
            )
        except RedisSilent:
            return None
        return attached.status

    async def number(self, announced: Sequence[Announce]) -> int:
        """Log events; return the number before the first.  In silence we count by ourselves."""
        if not announced:
            return self.seq
        events = [(encode(each.event), each.audience.value) for each in announced]
        try:
            last = await self._registry.call(
                lambda: self._registry.scripts.append(self._room_id, events, floor=self.seq)
            )
        except RedisSilent:
            last = None
        self.seq = self.seq + len(events) if last is None else last
        return self.seq - len(events)

    async def give_up(self, participant_id: ParticipantId, attach_epoch: int) -> None:
        """Take a seat back; in silence its deadline does."""
        self._devices.pop(participant_id, None)
        try:
            await self._registry.call(
                lambda: self._registry.scripts.leave(
                    self._room_id, participant_id, attach_epoch=attach_epoch
                )
            )
        except RedisSilent:
            _log.info("seat.not_given_up", room_id=self._room_id)

    async def sweep(self) -> Swept | None:
        """Take the seats whose deadline has passed; None while nobody may be swept."""
        if not self._registry.may_sweep:
            return None
        try:
            return await self._registry.call(lambda: self._registry.scripts.sweep(self._room_id))
        except RedisSilent:
            return None

    async def mark_over(self) -> None:
        """Note that the room is over; in silence the caller owes it."""
        try:
            await self._registry.call(lambda: self._registry.scripts.end_room(self._room_id))
        except RedisSilent:
            _log.info("room.end_not_recorded", room_id=self._room_id)

    async def _attach(
        self,
        participant_id: ParticipantId,
        mode: Mode,
        record: Mapping[str, Any],
        *,
        device: str,
        state: SeatState,
        known_epoch: int,
    ) -> Attached:
        return await self._registry.call(
            lambda: self._registry.scripts.attach(
                self._room_id,
                participant_id,
                mode=mode,
                record=record,
                device=device,
                state=state.value,
                known_epoch=known_epoch,
            )
        )


def adopted(name: str, record: Mapping[str, Any]) -> Seat:
    """Make the seat of somebody whose socket died with the process that had it."""
    is_active = str(record["state"]).startswith(SeatState.ACTIVE.value)
    return Seat(
        participant_id=ParticipantId(name),
        role=record["role"],
        kind=record["kind"],
        may_admit=record["may_admit"],
        state=SeatState.ACTIVE_AWAY if is_active else SeatState.LOBBY_AWAY,
        attach_epoch=int(record["attach_epoch"]),
    )


def entrant(claims: TicketClaims, attached: Attached) -> Seat:
    """Make the seat of somebody who has just been given it."""
    return Seat(
        participant_id=ParticipantId(str(claims.participant)),
        role=claims.role,
        kind=claims.kind.value,
        may_admit=claims.may_admit,
        state=SeatState(attached.state),
        attach_epoch=attached.attach_epoch,
    )
