"""Routes of the door: sign in, open a link, renew, sign out, and who am I."""

from datetime import date
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from telehealth.access.errors import NotSignedIn
from telehealth.access.http import actor_of
from telehealth.access.roles import Role
from telehealth.identity import actions, door
from telehealth.identity.access_tokens import ACCESS_LIFE
from telehealth.identity.cookies import CLEAR_SITE_DATA, REFRESH_COOKIE, clear_cookies
from telehealth.identity.door import SignedIn
from telehealth.identity.entrance import give_cookies, session_of
from telehealth.identity.errors import LinkUnknown, SessionEnded, SessionJustRenewed
from telehealth.platform.errors import TelehealthError
from telehealth.platform.guards import cookies_of
from telehealth.platform.http import answer, body_of, nothing, services_of
from telehealth.platform.problems import problem_of

_HOME: Final = {Role.PROVIDER: "/console", Role.SCHEDULER: "/board", Role.AUDITOR: "/auditor"}
_LINK_SECRET_LENGTH: Final = 22


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SignIn(_Body):
    """POST /v1/sign-in."""

    email: Annotated[str, Field(min_length=3, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=256, repr=False)]


class OpenLink(_Body):
    """POST /v1/visit-links/{secret}/open."""

    birth_date: date


async def sign_in(request: Request) -> Response:
    """Let a member of staff in; one answer for everything that is wrong."""
    services = services_of(request)
    body = await body_of(request, SignIn)
    async with services.database.reading() as session:
        known = await door.known_hash(session, email=body.email)
    # Nothing is open in the database while the threads hash.
    verdict = await services.password_hasher.check(body.password, known)
    async with services.database.unit_of_work() as uow:
        outcome = await door.sign_in(
            uow,
            now=services.clock.now(),
            email=body.email,
            checked_hash=known,
            verdict=verdict,
        )
    if not isinstance(outcome, SignedIn):
        raise outcome
    role = outcome.actor.role
    response = answer({"role": role, "home": _HOME.get(role, "/") if role else "/"})
    give_cookies(response.headers, services, outcome)
    return response


async def open_link(request: Request) -> Response:
    """Let a patient in by a visit link and their birth date."""
    services = services_of(request)
    body = await body_of(request, OpenLink)
    secret = request.path_params["secret"]
    if len(secret) != _LINK_SECRET_LENGTH:
        raise LinkUnknown
    async with services.database.unit_of_work() as uow:
        outcome = await door.open_link(
            uow, secret=secret, birth_on=body.birth_date, now=services.clock.now()
        )
    if isinstance(outcome, TelehealthError):
        raise outcome
    response = answer({"home": "/visit"})
    give_cookies(response.headers, services, outcome)
    return response


async def renew(request: Request) -> Response:
    """Renew the login session; an old secret that comes back ends it."""
    services = services_of(request)
    secret = cookies_of(request.scope).get(REFRESH_COOKIE)
    if secret is None:
        raise NotSignedIn
    async with services.database.unit_of_work() as uow:
        outcome = await door.refresh(uow, secret=secret, now=services.clock.now())
    if isinstance(outcome, SessionEnded):
        refusal = problem_of(outcome)
        clear_cookies(refusal.headers)
        return refusal
    if outcome.refresh_secret is None:
        raise SessionJustRenewed(session_id=outcome.session_id)
    response = answer({"expires_in_s": int(ACCESS_LIFE.total_seconds())})
    give_cookies(response.headers, services, outcome)
    return response


async def sign_out(request: Request) -> Response:
    """End the login session; whoever is signed out already gets the same answer."""
    services = services_of(request)
    session_id = session_of(request.scope)
    secret = cookies_of(request.scope).get(REFRESH_COOKIE)
    async with services.database.unit_of_work() as uow:
        await door.sign_out(
            uow, now=services.clock.now(), session_id=session_id, refresh_secret=secret
        )
    response = nothing()
    clear_cookies(response.headers)
    response.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
    return response


async def me(request: Request) -> Response:
    """Say who is signed in, in which role, at which clinic."""
    services, actor = services_of(request), actor_of(request)
    async with services.database.unit_of_work() as uow:
        card = await actions.own_card(uow, by=actor, now=services.clock.now())
        clinic = await actions.clinic_card(uow, clinic_id=actor.clinic_id)
    return answer(
        {
            "person_id": str(card.person_id),
            "name": card.full_name,
            "role": actor.role,
            "clinic": {
                "clinic_id": str(clinic.clinic_id),
                "name": clinic.name,
                "short_name": clinic.short_name,
                "phone": clinic.phone,
                "time_zone": clinic.time_zone,
            },
            "visit_id": None if actor.visit_id is None else str(actor.visit_id),
        }
    )


routes: list[Route] = [
    Route("/v1/sign-in", sign_in, methods=["POST"]),
    Route("/v1/visit-links/{secret}/open", open_link, methods=["POST"]),
    Route("/v1/session/refresh", renew, methods=["POST"]),
    Route("/v1/sign-out", sign_out, methods=["POST"]),
    Route("/v1/me", me, methods=["GET"]),
]
