"""Invite guests to a visit, list them, take an invitation back."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.access.http import actor_of
from telehealth.contract import AttendanceKind
from telehealth.platform.http import answer, body_of, nothing, services_of
from telehealth.visits.actions import invitations
from telehealth.visits.errors import ParticipantUnknown
from telehealth.visits.http import visit_id_of


class Inviting(BaseModel):
    """POST /v1/visits/{visit_id}/guests."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
    name: Annotated[str, Field(min_length=1, max_length=80, repr=False)]
    kind: AttendanceKind
    phone: Annotated[str | None, Field(max_length=40, repr=False)] = None
    email: Annotated[str | None, Field(max_length=254, repr=False)] = None
    language: Literal["en", "es"] = "en"


async def invite(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/guests."""
    by, services, body = actor_of(request), services_of(request), await body_of(request, Inviting)
    async with services.database.unit_of_work() as uow:
        invited = await invitations.invite(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=visit_id_of(request),
            invitation=invitations.Invitation(
                name=body.name,
                kind=body.kind,
                phone=body.phone or None,
                email=body.email or None,
                language=body.language,
            ),
        )
    url = f"{services.public_origin}/v/{invited.link_secret}"
    return answer({"participant_id": str(invited.participant_id), "url": url}, 201)


async def guests(request: Request) -> Response:
    """GET /v1/visits/{visit_id}/guests."""
    by, services = actor_of(request), services_of(request)
    async with services.database.unit_of_work() as uow:
        found = await invitations.guests(
            uow, by=by, now=services.clock.now(), visit_id=visit_id_of(request)
        )
    return answer(
        {
            "guests": [
                {
                    "participant_id": str(each.participant_id),
                    "name": each.name,
                    "kind": each.kind.value,
                    "is_present": each.is_present,
                }
                for each in found
            ]
        }
    )


async def revoke(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/guests/{participant_id}/revoke."""
    by, services = actor_of(request), services_of(request)
    try:
        participant_id = UUID(request.path_params["participant_id"])
    except ValueError:
        raise ParticipantUnknown from None
    async with services.database.unit_of_work() as uow:
        await invitations.revoke(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=visit_id_of(request),
            participant_id=participant_id,
        )
    return nothing()


routes: Final[Sequence[BaseRoute]] = (
    Route("/v1/visits/{visit_id}/guests", invite, methods=["POST"]),
    Route("/v1/visits/{visit_id}/guests", guests, methods=["GET"]),
    Route("/v1/visits/{visit_id}/guests/{participant_id}/revoke", revoke, methods=["POST"]),
)
