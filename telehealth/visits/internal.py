"""The door for signaling; the application around it lets nobody else in."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.contract import Admission, PresenceEvents, Removal
from telehealth.platform.http import answer, body_of, nothing, services_of
from telehealth.visits import seats


async def admissions(request: Request) -> Response:
    """POST /internal/v1/admissions."""
    services, asked = services_of(request), await body_of(request, Admission)
    async with services.database.unit_of_work() as uow:
        await seats.admit(uow, now=services.clock.now(), asked=asked)
    return nothing()


async def removals(request: Request) -> Response:
    """POST /internal/v1/removals."""
    services, asked = services_of(request), await body_of(request, Removal)
    async with services.database.unit_of_work() as uow:
        await seats.remove(uow, now=services.clock.now(), asked=asked)
    return nothing()


async def presence_events(request: Request) -> Response:
    """POST /internal/v1/presence-events; each event counts once and commits by itself."""
    services, batch = services_of(request), await body_of(request, PresenceEvents)
    for event in batch.events:
        async with services.database.unit_of_work() as uow:
            await seats.hear(uow, now=services.clock.now(), event=event)
    return nothing()


async def keys(request: Request) -> Response:
    """GET /internal/v1/keys."""
    return answer({"keys": services_of(request).signer.public_keys()})


routes: Final[Sequence[BaseRoute]] = (
    Route("/internal/v1/admissions", admissions, methods=["POST"]),
    Route("/internal/v1/removals", removals, methods=["POST"]),
    Route("/internal/v1/presence-events", presence_events, methods=["POST"]),
    Route("/internal/v1/keys", keys, methods=["GET"]),
)
