"""The needs-attention list, and having an entry checked again."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.access.http import actor_of
from telehealth.delivery import actions
from telehealth.delivery.actions import AttentionRow
from telehealth.delivery.errors import EntryUnknown
from telehealth.delivery.reasons import reason_for
from telehealth.platform.http import answer, services_of


async def needs_attention(request: Request) -> Response:
    """GET /v1/needs-attention."""
    services = services_of(request)
    async with services.database.unit_of_work() as uow:
        rows = await actions.needs_attention(uow, by=actor_of(request), now=services.clock.now())
    return answer({"rows": [_row(row) for row in rows]})


async def check_again(request: Request) -> Response:
    """POST /v1/needs-attention/{entry_id}/check-again."""
    services = services_of(request)
    entry_id = _entry_id(request)
    async with services.database.unit_of_work() as uow:
        row = await actions.check_again(
            uow, by=actor_of(request), now=services.clock.now(), entry_id=entry_id
        )
    return answer(_row(row))


def _entry_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["entry_id"])
    except ValueError:
        raise EntryUnknown from None


def _row(row: AttentionRow) -> dict[str, object]:
    return {
        "entry_id": str(row.entry_id),
        "kind": row.kind.value,
        "state": row.state.value,
        "since": row.since.isoformat().replace("+00:00", "Z"),
        "code": None if row.reason is None else row.reason.value,
        "reason": reason_for(row.reason),
        "attempts": row.attempts,
        "visit_id": str(row.visit_id),
    }


routes: Final[Sequence[BaseRoute]] = (
    Route("/v1/needs-attention", needs_attention, methods=["GET"]),
    Route("/v1/needs-attention/{entry_id}/check-again", check_again, methods=["POST"]),
)
