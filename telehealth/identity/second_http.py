"""Routes of the second step, and of the sign-in by passkey alone."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from telehealth.identity import second_door, staff
from telehealth.identity.devices import device_of
from telehealth.identity.door import SignedIn
from telehealth.identity.factors.passkeys import Site
from telehealth.identity.factors.proving import Asked
from telehealth.identity.http import hold_refusal, let_in, now_s
from telehealth.identity.password_rules import require_good
from telehealth.identity.step_up import Proof
from telehealth.platform.http import Services, answer, body_of, nothing, services_of


class Body(BaseModel):
    """A body of the door: nothing more than what it lists."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SecondCode(Body):
    """POST /v1/sign-in/code."""

    secret: Annotated[str, Field(min_length=1, max_length=64, repr=False)]
    kind: Literal["app", "recovery_code"]
    code: Annotated[str, Field(min_length=1, max_length=40, repr=False)]


class PasskeyAnswer(Body):
    """What `navigator.credentials` gave, as JSON (PublicKeyCredential.toJSON)."""

    challenge_id: UUID
    credential: dict[str, Any]


class ChosenPassword(Body):
    """POST /v1/password-links/{secret}."""

    password: Annotated[str, Field(min_length=1, max_length=1024, repr=False)]


def site_of(services: Services) -> Site:
    """Return for whom passkeys are made here: the public origin, and no other."""
    return Site(origin=services.public_origin, name="Telehealth")


def asked(found: Asked) -> Response:
    """Answer what a browser hands to `navigator.credentials`."""
    return answer({"challenge_id": str(found.challenge_id), "options": found.options})


async def second_code(request: Request) -> Response:
    """Finish a sign-in by a code."""
    services = services_of(request)
    came_at = now_s()
    body = await body_of(request, SecondCode)
    async with services.database.unit_of_work() as uow:
        outcome = await second_door.finish_with_code(
            uow,
            secret=body.secret,
            kind=Proof(body.kind),
            code=body.code,
            now=services.clock.now(),
        )
    if not isinstance(outcome, SignedIn):
        await hold_refusal(services, came_at)
        raise outcome
    return let_in(services, outcome)


async def ask_for_passkey(request: Request) -> Response:
    """Draw a challenge for whoever stands at the door."""
    services = services_of(request)
    async with services.database.unit_of_work() as uow:
        found = await second_door.ask(uow, site=site_of(services), now=services.clock.now())
    return asked(found)


async def sign_in_by_passkey(request: Request) -> Response:
    """Let somebody in by a passkey alone."""
    services = services_of(request)
    came_at = now_s()
    body = await body_of(request, PasskeyAnswer)
    async with services.database.unit_of_work() as uow:
        outcome = await second_door.finish_with_passkey(
            uow,
            site=site_of(services),
            challenge_id=body.challenge_id,
            credential=body.credential,
            device=device_of(request.headers.get("user-agent", "")),
            now=services.clock.now(),
        )
    if not isinstance(outcome, SignedIn):
        await hold_refusal(services, came_at)
        raise outcome
    return let_in(services, outcome)


async def choose_password(request: Request) -> Response:
    """Choose a password by a link that works once."""
    services, secret = services_of(request), request.path_params["secret"]
    body = await body_of(request, ChosenPassword)
    async with services.database.unit_of_work() as uow:
        facts = await staff.password_link_facts(uow, secret=secret, now=services.clock.now())
    require_good(body.password, has_factor=facts.has_factor, about=facts.about)
    # Nothing is open in the database while the threads hash.
    hashed = await services.password_hasher.hash(body.password)
    async with services.database.unit_of_work() as uow:
        await staff.set_password_by_link(
            uow, secret=secret, new_hash=hashed, now=services.clock.now()
        )
    return nothing()


routes: list[Route] = [
    Route("/v1/sign-in/code", second_code, methods=["POST"]),
    Route("/v1/sign-in/passkey/options", ask_for_passkey, methods=["POST"]),
    Route("/v1/sign-in/passkey", sign_in_by_passkey, methods=["POST"]),
    Route("/v1/password-links/{secret}", choose_password, methods=["POST"]),
]
