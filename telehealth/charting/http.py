"""The note of a visit, and closing the visit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.access.http import actor_of
from telehealth.charting import actions
from telehealth.charting.notes import LONGEST_NOTE
from telehealth.platform.http import answer, body_of, services_of
from telehealth.visits.errors import VisitUnknown

Version = Annotated[int, Field(ge=0, le=1_000_000_000)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class NoteText(_Body):
    """PUT /v1/visits/{visit_id}/note."""

    text: Annotated[str, Field(max_length=LONGEST_NOTE)]
    based_on_version: Version


class Seen(_Body):
    """What the caller saw."""

    version: Version


async def read_note(request: Request) -> Response:
    """GET /v1/visits/{visit_id}/note."""
    services = services_of(request)
    async with services.database.unit_of_work() as uow:
        note = await actions.read(
            uow, by=actor_of(request), now=services.clock.now(), visit_id=_visit_id(request)
        )
    return answer(
        {
            "version": note.version,
            "text": note.text,
            "saved_at": _instant(note.saved_at),
            "is_signed": note.signed_at is not None,
            "signed_at": _instant(note.signed_at),
        }
    )


async def save_note(request: Request) -> Response:
    """PUT /v1/visits/{visit_id}/note."""
    by, services = actor_of(request), services_of(request)
    body = await body_of(request, NoteText)
    async with services.database.unit_of_work() as uow:
        note = await actions.save(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=_visit_id(request),
            text=body.text,
            based_on=body.based_on_version,
        )
    return answer({"version": note.version, "saved_at": _instant(note.saved_at)})


async def sign_note(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/note/sign."""
    by, services = actor_of(request), services_of(request)
    body = await body_of(request, Seen)
    async with services.database.unit_of_work() as uow:
        note = await actions.sign(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=_visit_id(request),
            version=body.version,
        )
    return answer({"version": note.version, "signed_at": _instant(note.signed_at)})


async def close_visit(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/close."""
    by, services = actor_of(request), services_of(request)
    body = await body_of(request, Seen)
    async with services.database.unit_of_work() as uow:
        card = await actions.close_visit(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=_visit_id(request),
            version=body.version,
        )
    return answer(
        {"visit_id": str(card.visit_id), "state": card.state.value, "version": card.version}
    )


def _visit_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["visit_id"])
    except ValueError:
        raise VisitUnknown from None


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


routes: Final[Sequence[BaseRoute]] = (
    Route("/v1/visits/{visit_id}/note", read_note, methods=["GET"]),
    Route("/v1/visits/{visit_id}/note", save_note, methods=["PUT"]),
    Route("/v1/visits/{visit_id}/note/sign", sign_note, methods=["POST"]),
    Route("/v1/visits/{visit_id}/close", close_visit, methods=["POST"]),
)
