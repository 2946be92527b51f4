"""Routes of the door: sign in, open a link, renew, sign out, and who am I."""

import asyncio
from datetime import date
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from telehealth.access.errors import NotSignedIn
from telehealth.access.http import actor_of
from telehealth.access.roles import Role
from telehealth.identity import actions, door, link_door
from telehealth.identity.access_tokens import ACCESS_LIFE
from telehealth.identity.cookies import CLEAR_SITE_DATA, REFRESH_COOKIE, clear_cookies
from telehealth.identity.devices import device_of
from telehealth.identity.door import SignedIn
from telehealth.identity.entrance import give_cookies, session_of
from telehealth.identity.errors import LinkUnknown, SessionEnded, SessionJustRenewed
from telehealth.identity.factors.proving import SecondStep
from telehealth.identity.link_door import Moving
from telehealth.identity.step_up import FactorPolicy
from telehealth.platform.errors import TelehealthError
from telehealth.platform.guards import cookies_of
from telehealth.platform.http import Services, answer, body_of, nothing, services_of
from telehealth.platform.problems import problem_of

ENROLMENT: Final = "/your-sign-in"
_HOME: Final = {
    Role.PROVIDER: "/console",
    Role.SCHEDULER: "/board",
    Role.ADMINISTRATOR: "/people",
    Role.AUDITOR: "/auditor",
}
_LINK_SECRET_LENGTH: Final = 22


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SignIn(_Body):
    """POST /v1/sign-in."""

    email: Annotated[str, Field(min_length=3, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=256, repr=False)]


class OpenLink(_Body):
    """POST /v1/visit-links/{secret}/open: a patient's birth date, or a guest's name."""

    birth_date: date | None = None
    name: Annotated[str | None, Field(min_length=1, max_length=80, repr=False)] = None
    take_over: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        """Refuse what could be neither's; it costs no try."""
        if self.birth_date is None and not (self.name or "").strip():
            raise ValueError("a birth date or a name")
        return self


async def sign_in(request: Request) -> Response:
    """Let a member of staff in; one answer for everything that is wrong."""
    services = services_of(request)
    came_at = now_s()
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
            policy=FactorPolicy(services.staff_second_factor),
            device=device_of(request.headers.get("user-agent", "")),
        )
    if isinstance(outcome, SecondStep):
        return answer(
            {
                "second_step": {
                    "secret": outcome.secret,
                    "kinds": list(outcome.kinds),
                    "lasts_s": int(outcome.lasts.total_seconds()),
                }
            }
        )
    if not isinstance(outcome, SignedIn):
        await hold_refusal(services, came_at)
        raise outcome
    return let_in(services, outcome)


def let_in(services: Services, signed_in: SignedIn) -> Response:
    """Answer somebody who has come in: where to go, and the cookies."""
    response = answer({"role": signed_in.actor.role, "home": staff_home_of(signed_in)})
    give_cookies(response.headers, services, signed_in)
    return response


def now_s() -> float:
    """Return when a try came, for `hold_refusal`, in seconds of the loop's clock."""
    return asyncio.get_running_loop().time()


async def hold_refusal(services: Services, came_at: float) -> None:
    """Wait until a refusal may be answered: what was looked up or written must not show."""
    waited_s = now_s() - came_at
    await asyncio.sleep(max(0.0, services.refusal_after_s - waited_s))


async def open_link(request: Request) -> Response:
    """Let a patient in by a visit link and their birth date."""
    services = services_of(request)
    body = await body_of(request, OpenLink)
    secret = request.path_params["secret"]
    if len(secret) != _LINK_SECRET_LENGTH:
        raise LinkUnknown
    async with services.database.unit_of_work() as uow:
        outcome = await link_door.open_link(
            uow,
            secret=secret,
            birth_on=body.birth_date,
            now=services.clock.now(),
            name=(body.name or "").strip() or None,
            moves=Moving(is_asked=body.take_over, own_session_id=session_of(request.scope)),
        )
    if isinstance(outcome, TelehealthError):
        raise outcome
    response = answer({"home": home_of(outcome)})
    give_cookies(response.headers, services, outcome)
    return response


def staff_home_of(signed_in: SignedIn) -> str:
    """Return the page of a member of staff; without a needed second factor, that to add one."""
    if signed_in.may_only_enrol:
        return ENROLMENT
    role = signed_in.actor.role
    return _HOME.get(role, "/") if role is not None else "/"


def home_of(signed_in: SignedIn) -> str:
    """Return the page of whoever came in by a link."""
    return "/call" if signed_in.actor.role is Role.GUEST else "/visit"


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
