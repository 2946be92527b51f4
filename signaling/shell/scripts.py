"""One typed wrapper for each Lua file; no other module sends a script.

Every key of a room carries the hash tag ``{room}`` and an expiry.  Every wrapper raises
`redis.RedisError` when Redis does not answer; what the caller does then is said at each.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final

from redis.asyncio import Redis

KEYS_LIFE_MS: Final = 20 * 60 * 1000
GRACE_MS: Final = 30_000
SEATS_MAX: Final = 12
LOG_CAP: Final = 500
MEDIA_LEASE_MS: Final = 30_000
SWEPT_AT_ONCE: Final = 12


class Status(StrEnum):
    """First word of a script's reply."""

    OK = "OK"
    SEAT_TAKEN = "SEAT_TAKEN"
    FULL = "FULL"
    ENDED = "ENDED"
    FENCED = "FENCED"
    GONE = "GONE"
    PINNED = "PINNED"
    HELD = "HELD"
    STALE = "STALE"


class Mode(StrEnum):
    """How somebody attaches."""

    JOIN = "join"
    TAKE_OVER = "takeover"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """Reply of `attach`; the last four only with OK."""

    status: Status
    since_ms: int = 0
    """How long the other device has the seat, with SEAT_TAKEN."""
    attach_epoch: int = 0
    seq: int = 0
    state: str = ""
    members: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """Reply of `sweep`: whose seats went, and when to look again (server ms; None: no seats)."""

    members: Mapping[str, Mapping[str, Any]]
    next_in_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Where a room's media is."""

    status: Status
    node_id: str
    boot_id: str
    room_epoch: int


class Scripts:
    """All scripts over one connection pool."""

    def __init__(self, redis: Redis) -> None:
        def load(name: str) -> Any:  # noqa: ANN401  (AsyncScript has no public name)
            source = files("signaling.shell").joinpath(f"lua/{name}.lua").read_text()
            return redis.register_script(source)

        self._attach = load("attach")
        self._renew = load("renew")
        self._append = load("append")
        self._leave = load("leave")
        self._sweep = load("sweep")
        self._end_room = load("end_room")
        self._pin_media = load("pin_media")

    async def attach(
        self,
        room: str,
        participant: str,
        *,
        mode: Mode,
        record: Mapping[str, Any],
        device: str,
        state: str,
        known_epoch: int = 0,
    ) -> Attached:
        """Take a seat under a new epoch.  Redis silent: the caller refuses the join."""
        reply = await self._attach(
            keys=_keys(room, "members", "due", "fence", "meta"),
            args=[
                *(participant, mode.value, json.dumps(record), device, state, known_epoch),
                *(SEATS_MAX, GRACE_MS, KEYS_LIFE_MS),
            ],
        )
        status = Status(_text(reply[0]))
        if status is Status.SEAT_TAKEN:
            return Attached(status=status, since_ms=int(reply[1]), members={})
        if status is not Status.OK:
            return Attached(status=status, members={})
        return Attached(
            status=status,
            attach_epoch=int(reply[1]),
            seq=int(reply[2]),
            state=_text(reply[3]),
            members=_records(reply[4:]),
        )

    async def renew(
        self, room: str, participant: str, *, attach_epoch: int, state: str, media_node: str
    ) -> Status:
        """Keep a seat.  Redis silent: the seat lives on from memory, the next one counts."""
        reply = await self._renew(
            keys=_keys(room, "members", "due", "fence", "meta", "log"),
            args=[
                *(participant, attach_epoch, state, GRACE_MS, KEYS_LIFE_MS),
                *(media_node, MEDIA_LEASE_MS),
            ],
        )
        return Status(_text(reply))

    async def append(
        self,
        room: str,
        events: Sequence[tuple[str, str]],
        *,
        floor: int,
        participant: str = "",
        attach_epoch: int = 0,
    ) -> int | None:
        """Number and log events, given as JSON and audience; the last seq, None if fenced.

        Redis silent: the caller numbers them itself; `floor` keeps later numbers above.
        """
        reply = await self._append(
            keys=_keys(room, "fence", "meta", "log"),
            args=[
                *(participant, attach_epoch, floor, LOG_CAP, KEYS_LIFE_MS),
                *(part for event in events for part in event),
            ],
        )
        return int(reply[1]) if Status(_text(reply[0])) is Status.OK else None

    async def leave(self, room: str, participant: str, *, attach_epoch: int | None) -> Status:
        """Give a seat up; None is whatever its epoch.  Redis silent: its deadline ends it."""
        reply = await self._leave(
            keys=_keys(room, "members", "due", "fence"),
            args=[participant, "" if attach_epoch is None else attach_epoch],
        )
        return Status(_text(reply))

    async def sweep(self, room: str) -> Swept:
        """Take the seats whose deadline has passed.  Redis silent: nobody is swept."""
        reply = await self._sweep(keys=_keys(room, "members", "due"), args=[SWEPT_AT_ONCE])
        next_at = _text(reply[1])
        return Swept(
            members=_records(reply[2:]),
            next_in_ms=int(next_at) - int(reply[0]) if next_at else None,
        )

    async def end_room(self, room: str) -> None:
        """Mark a room as over.  Redis silent: the caller remembers, and owes the mark."""
        await self._end_room(keys=_keys(room, "members", "due", "meta"), args=[KEYS_LIFE_MS])

    async def pin_media(
        self, room: str, *, node_id: str, boot_id: str, known_epoch: int, is_forced: bool
    ) -> Pin:
        """Say where a room's media is, or move it.  Redis silent: nobody is moved."""
        status, node, boot, epoch = await self._pin_media(
            keys=_keys(room, "meta"),
            args=[node_id, boot_id, known_epoch, MEDIA_LEASE_MS, int(is_forced), KEYS_LIFE_MS],
        )
        return Pin(
            status=Status(_text(status)),
            node_id=_text(node),
            boot_id=_text(boot),
            room_epoch=int(epoch),
        )


def _keys(room: str, *names: str) -> list[str]:
    return [f"sig:{{{room}}}:{name}" for name in names]


def _text(part: bytes | str) -> str:
    return part.decode() if isinstance(part, bytes) else part


def _records(parts: Sequence[bytes | str]) -> dict[str, Mapping[str, Any]]:
    names, records = parts[::2], parts[1::2]
    return {_text(name): json.loads(record) for name, record in zip(names, records, strict=True)}
