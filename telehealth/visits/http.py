"""Book, enter, finish, cancel visits; charting closes them, the waiting room shows them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.access.http import actor_of
from telehealth.contract import JOIN_TICKET_TYP, PersonId
from telehealth.platform.http import answer, body_of, services_of
from telehealth.visits import tickets
from telehealth.visits.actions import booking, calling_off, conduct
from telehealth.visits.cards import VisitCard
from telehealth.visits.errors import VisitUnknown
from telehealth.visits.lifecycle import CancelReason

_MORE: Final = ConfigDict(frozen=True, extra="forbid")


class Booking(BaseModel):
    """POST /v1/visits."""

    model_config = _MORE
    patient_id: UUID
    provider_id: UUID
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class Seen(BaseModel):
    """What the caller saw."""

    model_config = _MORE
    version: Annotated[int, Field(ge=0, le=1_000_000_000, strict=True)]


class Cancelling(Seen):
    """POST /v1/visits/{visit_id}/cancel; the reason is a code, for free text may hold anything."""

    reason: CancelReason


async def book(request: Request) -> Response:
    """POST /v1/visits."""
    by, services = actor_of(request), services_of(request)
    body = await body_of(request, Booking)
    async with services.database.unit_of_work() as uow:
        made = await booking.book(
            uow,
            by=by,
            now=services.clock.now(),
            patient_id=PersonId(body.patient_id),
            provider_id=PersonId(body.provider_id),
            starts_at=body.starts_at,
            ends_at=body.ends_at,
        )
    url = f"{services.public_origin}/v/{made.link_secret}"
    return answer({"visit_id": str(made.visit_id), "url": url}, 201)


async def join_ticket(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/join-tickets."""
    by, services = actor_of(request), services_of(request)
    async with services.database.unit_of_work() as uow:
        claims = await tickets.grant(
            uow, by=by, now=services.clock.now(), visit_id=visit_id_of(request)
        )
    said = claims.model_dump(mode="json")
    return answer(
        {
            "ticket": services.signer.sign(said, typ=JOIN_TICKET_TYP),
            "socket_url": services.socket_url,
            "expires_at": datetime.fromtimestamp(claims.exp, UTC).isoformat(),
            "participant_id": str(claims.participant),
            "entry": claims.entry.value,
        }
    )


async def cancel(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/cancel."""
    by, services = actor_of(request), services_of(request)
    body = await body_of(request, Cancelling)
    async with services.database.unit_of_work() as uow:
        card = await calling_off.cancel(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=visit_id_of(request),
            version=body.version,
            reason=body.reason,
        )
    return moved(card)


async def replace_link(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/links."""
    by, services = actor_of(request), services_of(request)
    async with services.database.unit_of_work() as uow:
        secret = await booking.replace_link(
            uow, by=by, now=services.clock.now(), visit_id=visit_id_of(request)
        )
    return answer({"url": f"{services.public_origin}/v/{secret}"})


def visit_id_of(request: Request) -> UUID:
    """Return the visit id of the path; a broken one is an unknown one."""
    try:
        return UUID(request.path_params["visit_id"])
    except ValueError:
        raise VisitUnknown from None


def moved(card: VisitCard) -> Response:
    """Answer where a visit stands after a step."""
    return answer(
        {"visit_id": str(card.visit_id), "state": card.state.value, "version": card.version}
    )


def _step(verb: Callable[..., Awaitable[VisitCard]]) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        by, services = actor_of(request), services_of(request)
        body = await body_of(request, Seen)
        async with services.database.unit_of_work() as uow:
            card = await verb(
                uow,
                by=by,
                now=services.clock.now(),
                visit_id=visit_id_of(request),
                version=body.version,
            )
        return moved(card)

    return route


routes: Final[Sequence[BaseRoute]] = (
    Route("/v1/visits", book, methods=["POST"]),
    Route("/v1/visits/{visit_id}/join-tickets", join_ticket, methods=["POST"]),
    Route("/v1/visits/{visit_id}/links", replace_link, methods=["POST"]),
    Route("/v1/visits/{visit_id}/finish", _step(conduct.finish), methods=["POST"]),
    Route("/v1/visits/{visit_id}/rejoin", _step(conduct.rejoin), methods=["POST"]),
    Route("/v1/visits/{visit_id}/cancel", cancel, methods=["POST"]),
    Route("/v1/visits/{visit_id}/no-show", _step(calling_off.mark_no_show), methods=["POST"]),
    Route("/v1/visits/{visit_id}/undo-no-show", _step(calling_off.undo_no_show), methods=["POST"]),
)
