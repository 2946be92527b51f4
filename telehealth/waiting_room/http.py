"""Steps of the waiting room; what pages see of it is `views.py`."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.access.http import actor_of
from telehealth.platform.http import body_of, services_of
from telehealth.visits.consent_http import AcceptedText
from telehealth.visits.http import Seen, moved, visit_id_of
from telehealth.waiting_room import actions, views
from telehealth.waiting_room.check_in import DeviceOutcome, DeviceResult


class CheckIn(BaseModel):
    """POST /v1/visits/{visit_id}/check-in."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    place_state: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    place_address: Annotated[str, Field(min_length=1, max_length=300)]
    call_back_number: Annotated[str, Field(min_length=7, max_length=32)]
    consent_text_id: Annotated[str, Field(max_length=40)]
    consent_version: Annotated[int, Field(ge=1, le=10_000)]
    language: Annotated[str, Field(max_length=8)]
    also_accepted: Annotated[list[AcceptedText], Field(max_length=10)] = []
    """Further texts that this visit needs: of the place, for a minor, for an observer."""


class DeviceCheck(BaseModel):
    """POST /v1/visits/{visit_id}/device-check."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    outcome: DeviceOutcome
    microphone: DeviceResult
    camera: DeviceResult
    speaker: DeviceResult
    network: DeviceResult


class Leaving(BaseModel):
    """POST /v1/visits/{visit_id}/leave."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Annotated[int | None, Field(ge=0, le=1_000_000_000)] = None


async def check_in(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/check-in."""
    by, services, body = actor_of(request), services_of(request), await body_of(request, CheckIn)
    async with services.database.unit_of_work() as uow:
        card = await actions.check_in(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=visit_id_of(request),
            place_state=body.place_state,
            place_address=body.place_address,
            call_back_number=body.call_back_number,
            text_id=body.consent_text_id,
            consent_version=body.consent_version,
            language=body.language,
            also_accepted=[each.as_text() for each in body.also_accepted],
        )
    return moved(card)


async def device_check(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/device-check."""
    by, services = actor_of(request), services_of(request)
    body = await body_of(request, DeviceCheck)
    async with services.database.unit_of_work() as uow:
        card = await actions.record_device_check(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=visit_id_of(request),
            outcome=body.outcome,
            parts={
                "microphone": body.microphone,
                "camera": body.camera,
                "speaker": body.speaker,
                "network": body.network,
            },
        )
    return moved(card)


async def call(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/call."""
    by, services, body = actor_of(request), services_of(request), await body_of(request, Seen)
    async with services.database.unit_of_work() as uow:
        card = await actions.call(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=visit_id_of(request),
            version=body.version,
        )
    return moved(card)


async def put_back(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/put-back."""
    by, services, body = actor_of(request), services_of(request), await body_of(request, Seen)
    async with services.database.unit_of_work() as uow:
        card = await actions.put_back(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=visit_id_of(request),
            version=body.version,
        )
    return moved(card)


async def leave(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/leave."""
    by, services, body = actor_of(request), services_of(request), await body_of(request, Leaving)
    async with services.database.unit_of_work() as uow:
        card = await actions.leave(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=visit_id_of(request),
            version=body.version,
        )
    return moved(card)


routes: Final[Sequence[BaseRoute]] = (
    Route("/v1/visits/{visit_id}/check-in", check_in, methods=["POST"]),
    Route("/v1/visits/{visit_id}/device-check", device_check, methods=["POST"]),
    Route("/v1/visits/{visit_id}/call", call, methods=["POST"]),
    Route("/v1/visits/{visit_id}/put-back", put_back, methods=["POST"]),
    Route("/v1/visits/{visit_id}/leave", leave, methods=["POST"]),
    *views.routes,
)
