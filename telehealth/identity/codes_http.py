"""Routes for whoever has no link at hand: ask for a new one or for a code, and come in by the code.

What is asked is looked up only after the answer has left, so that neither its words nor its time
tell whether we know somebody.
"""

from datetime import date
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from telehealth.identity import codes
from telehealth.identity.codes import CODE_LIFE, Asked
from telehealth.identity.contacts import typed_contact
from telehealth.identity.entrance import give_cookies, session_of
from telehealth.identity.errors import CodeOver
from telehealth.identity.http import home_of
from telehealth.identity.link_door import Moving
from telehealth.identity.tables import RequestKind
from telehealth.platform.errors import TelehealthError
from telehealth.platform.guards import cookies_of
from telehealth.platform.http import Services, answer, body_of, services_of

PENDING_COOKIE: Final = "__Host-pending"


class ContactAsked(BaseModel):
    """POST /v1/contact-requests."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: RequestKind
    contact: Annotated[str, Field(min_length=3, max_length=254, repr=False)]
    birth_date: Annotated[date, Field(repr=False)]


class CodeTyped(BaseModel):
    """POST /v1/contact-requests/code."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    code: Annotated[str, Field(pattern=r"^[0-9 ]{6,12}$", repr=False)]
    take_over: bool = False


async def ask(request: Request) -> Response:
    """POST /v1/contact-requests: one answer, whoever asks."""
    services = services_of(request)
    body = await body_of(request, ContactAsked)
    contact = typed_contact(body.contact)
    async with services.database.unit_of_work() as uow:
        asked = await codes.ask(
            uow,
            now=services.clock.now(),
            kind=body.kind,
            contact=contact,
            birth_on=body.birth_date,
            mark_key=services.service_key,
        )
    response = answer({"expires_in_s": int(CODE_LIFE.total_seconds())}, 202)
    response.headers.append("Set-Cookie", _pending(asked.pending_secret, CODE_LIFE.total_seconds()))
    response.background = BackgroundTask(_look_up, services, asked)
    return response


async def type_code(request: Request) -> Response:
    """POST /v1/contact-requests/code: let a patient in by the code they were sent."""
    services = services_of(request)
    body = await body_of(request, CodeTyped)
    pending = cookies_of(request.scope).get(PENDING_COOKIE)
    if pending is None:
        raise CodeOver
    async with services.database.unit_of_work() as uow:
        outcome = await codes.come_in_by_code(
            uow,
            now=services.clock.now(),
            pending_secret=pending,
            code=body.code.replace(" ", ""),
            moves=Moving(is_asked=body.take_over, own_session_id=session_of(request.scope)),
        )
    if isinstance(outcome, TelehealthError):
        raise outcome
    response = answer({"home": home_of(outcome)})
    give_cookies(response.headers, services, outcome)
    response.headers.append("Set-Cookie", _pending("", 0))
    return response


async def _look_up(services: Services, asked: Asked) -> None:
    async with services.database.unit_of_work() as uow:
        await codes.answer(uow, now=services.clock.now(), asked=asked)


def _pending(secret: str, life_s: float) -> str:
    life = f"Max-Age={int(life_s)}"
    return f"{PENDING_COOKIE}={secret}; {life}; Path=/; Secure; HttpOnly; SameSite=Strict"


routes: list[Route] = [
    Route("/v1/contact-requests", ask, methods=["POST"]),
    Route("/v1/contact-requests/code", type_code, methods=["POST"]),
]
