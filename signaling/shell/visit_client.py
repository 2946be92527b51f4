"""The visit service over internal HTTP: who may hear whom, what was seen of a seat, the key set.

Acts that change who can hear whom wait for its word, 2 s at most, and fail closed.  Facts about
presence go through the spool and are told until acknowledged.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID, uuid4

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from signaling.contract.errors import (
    AuditUnavailable,
    NotPermitted,
    Refusal,
    UnknownParticipant,
    WrongState,
)
from signaling.contract.ids import ParticipantId, RoomId
from signaling.core.effects import Fact
from signaling.shell.service_tokens import service_token
from signaling.shell.spool import Spool
from signaling.shell.tickets import KeysSilent
from telehealth.contract import (
    Admission,
    JsonWebKey,
    KeySet,
    LeftCause,
    PresenceEvent,
    PresenceEvents,
    PresenceKind,
    Removal,
    RemovalCause,
)

ACT_LIMIT_S: Final = 2.0
TELL_LIMIT_S: Final = 10.0
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 5.0
_NO: Final[dict[int, type[Refusal]]] = {
    HTTPStatus.FORBIDDEN: NotPermitted,
    HTTPStatus.NOT_FOUND: UnknownParticipant,
    HTTPStatus.CONFLICT: WrongState,
}
_UNREADABLE: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})

_log = structlog.get_logger()


class VisitClient:
    """Calls to the visit service.

    Args:
        base_url: Its internal port.
        key: Its HS256 secret.
        spool: Where presence events wait.
    """

    def __init__(self, base_url: str, *, key: bytes, spool: Spool) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=TELL_LIMIT_S)
        self._key = key
        self._spool = spool

    @property
    def owed_events(self) -> int:
        """Presence events not acknowledged yet."""
        return len(self._spool)

    @property
    def is_keeping(self) -> bool:
        """Whether presence events reach the disk."""
        return not self._spool.is_failing

    async def admit(self, room_id: str, participant_id: str, *, by: str) -> None:
        """Have an admission recorded.

        Raises:
            NotPermitted, UnknownParticipant, WrongState: The visit service says no.
            AuditUnavailable: It could not be recorded.
        """
        admission = Admission(
            command_id=uuid4(),
            visit_id=UUID(room_id),
            participant_id=UUID(participant_id),
            by_participant_id=UUID(by),
        )
        await self._act("/internal/v1/admissions", admission)

    async def remove(
        self, room_id: str, participant_id: str, *, by: str, cause: RemovalCause | None
    ) -> None:
        """Have a removal recorded, or (cause None) a return to the lobby.

        Raises:
            NotPermitted, UnknownParticipant, WrongState, AuditUnavailable: As `admit`.
        """
        removal = Removal(
            command_id=uuid4(),
            visit_id=UUID(room_id),
            participant_id=UUID(participant_id),
            by_participant_id=UUID(by),
            cause=cause,
        )
        await self._act("/internal/v1/removals", removal)

    async def tell(self, event: PresenceEvent) -> None:
        """Keep a fact until the visit service knows it."""
        await self._spool.put(event)

    async def keys(self) -> Sequence[JsonWebKey]:
        """Return the public keys of tickets.

        Raises:
            KeysSilent: No answer, or not a key set.
        """
        try:
            answer = await self._http.get("/internal/v1/keys", headers=self._headers())
            answer.raise_for_status()
            return KeySet.model_validate_json(answer.content).keys
        except (httpx.HTTPError, ValidationError):
            raise KeysSilent from None

    async def run(self) -> None:
        """Tell what the spool holds, until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            await self._spool.has_news.wait()
            if await self._tell_batch():
                pause_s = FIRST_PAUSE_S
                continue
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def flush(self, *, within_s: float) -> None:
        """Tell what is left before the process ends; what cannot be told stays on disk."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while len(self._spool) and await self._tell_batch():
                    pass

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _tell_batch(self) -> bool:
        """Tell the oldest events; an event that cannot be read there must not hold up the rest."""
        batch = self._spool.batch()
        status = await self._told(batch)
        if status in _UNREADABLE:
            batch = batch[:1]
            status = await self._told(batch)
            if status in _UNREADABLE:
                _log.error("presence.dropped", status=status, count=1)
        is_over = status is not None and (status < HTTPStatus.BAD_REQUEST or status in _UNREADABLE)
        if is_over:
            await self._spool.settle({event.event_id for event in batch})
        return is_over

    async def _told(self, batch: list[PresenceEvent]) -> int | None:
        try:
            answer = await self._post(
                "/internal/v1/presence-events", PresenceEvents(events=batch), TELL_LIMIT_S
            )
        except httpx.HTTPError as silence:
            _log.info("presence.not_told", error=type(silence).__name__, count=len(batch))
            return None
        if not answer.is_success:
            _log.warning("presence.refused", status=answer.status_code, count=len(batch))
        return answer.status_code

    async def _act(self, path: str, body: BaseModel) -> None:
        try:
            async with asyncio.timeout(ACT_LIMIT_S):
                answer = await self._post(path, body, ACT_LIMIT_S)
        except (httpx.HTTPError, TimeoutError):
            raise AuditUnavailable from None
        if answer.is_success:
            return
        raise _NO.get(answer.status_code, AuditUnavailable)

    async def _post(self, path: str, body: BaseModel, limit_s: float) -> httpx.Response:
        headers = {**self._headers(), "Content-Type": "application/json"}
        return await self._http.post(
            path, content=body.model_dump_json(), headers=headers, timeout=limit_s
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {service_token(self._key, now_s=int(time.time()))}"}


def presence_event(
    fact: Fact,
    *,
    room_id: RoomId,
    participant_id: ParticipantId,
    attach_epoch: int,
    at: datetime,
    cause: str | None,
) -> PresenceEvent:
    """Make the event that tells a fact; its fresh id makes it count once."""
    return PresenceEvent(
        event_id=uuid4(),
        kind=PresenceKind(fact.value),
        visit_id=UUID(room_id),
        participant_id=UUID(participant_id),
        attach_epoch=attach_epoch,
        at=at,
        cause=None if cause is None else LeftCause(cause),
    )
