"""Routes with which an administrator looks after the accounts of the staff.

Disabling somebody and changing their role reach into running calls: `visits/staff_http.py`.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from telehealth.access.http import actor_of
from telehealth.access.roles import Role
from telehealth.contract import PersonId
from telehealth.identity import sso_links, staff
from telehealth.identity.entrance import session_of
from telehealth.identity.errors import PersonUnknown
from telehealth.identity.proofs import require_fresh
from telehealth.identity.second_http import Body
from telehealth.identity.staff import StaffCard
from telehealth.identity.step_up import Act
from telehealth.platform.http import answer, body_of, nothing, services_of

PASSWORD_PAGE: Final = "/p/"  # noqa: S105  (an address)
Name = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")
]


class Invitation(Body):
    """POST /v1/staff."""

    given: Name
    family: Name
    email: Annotated[str, Field(min_length=3, max_length=254, pattern=r"^\S+@\S+$")]
    role: Role
    npi: Annotated[str, Field(pattern=r"^\d{10}$")] | None = None


async def listed(request: Request) -> Response:
    """List the staff of the clinic."""
    services, by = services_of(request), actor_of(request)
    async with services.database.unit_of_work() as uow:
        cards = await staff.staff_cards(uow, by=by, now=services.clock.now())
    own = None if by.person_id is None else str(by.person_id)
    return answer({"staff": [_told(card) for card in cards], "own_person_id": own})


async def invite(request: Request) -> Response:
    """Invite a member of staff; the link is told this once."""
    services, by = services_of(request), actor_of(request)
    body = await body_of(request, Invitation)
    now = services.clock.now()
    async with services.database.unit_of_work() as uow:
        await require_fresh(
            uow, session_id=session_of(request.scope), act=Act.MANAGE_ACCOUNTS, now=now
        )
        person_id, secret = await staff.invite(
            uow,
            by=by,
            now=now,
            given=body.given,
            family=body.family,
            email=body.email,
            role=body.role,
            npi=body.npi,
        )
    link = f"{services.public_origin}{PASSWORD_PAGE}{secret}"
    return answer({"person_id": str(person_id), "link": link}, 201)


async def password_link(request: Request) -> Response:
    """Make a link to choose a password; told this once."""
    services, by = services_of(request), actor_of(request)
    now = services.clock.now()
    async with services.database.unit_of_work() as uow:
        await require_fresh(
            uow, session_id=session_of(request.scope), act=Act.MANAGE_ACCOUNTS, now=now
        )
        secret = await staff.make_password_link(uow, by=by, now=now, person_id=person_of(request))
    return answer({"link": f"{services.public_origin}{PASSWORD_PAGE}{secret}"})


def person_of(request: Request) -> PersonId:
    """Return the person a route names.

    Raises:
        PersonUnknown: It names no person at all.
    """
    try:
        return PersonId(UUID(request.path_params["person_id"]))
    except ValueError:
        raise PersonUnknown from None


def _act(verb: Callable[..., Awaitable[None]]) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        services, by = services_of(request), actor_of(request)
        now = services.clock.now()
        async with services.database.unit_of_work() as uow:
            await require_fresh(
                uow, session_id=session_of(request.scope), act=Act.MANAGE_ACCOUNTS, now=now
            )
            await verb(uow, by=by, now=now, person_id=person_of(request))
        return nothing()

    route.__name__ = verb.__name__
    return route


def _told(card: StaffCard) -> dict[str, Any]:
    return {
        "person_id": str(card.person_id),
        "name": card.name,
        "email": card.email,
        "role": card.role,
        "is_invited": card.is_invited,
        "standing": card.standing,
        "is_disabled": card.disabled_at is not None,
        "disabled_reason": card.disabled_reason,
        "factors": list(card.factors),
        "sign_on": None
        if card.sign_on is None
        else {
            "issuer": card.sign_on.issuer,
            "subject": card.sign_on.subject,
            "linked_at": card.sign_on.linked_at.isoformat().replace("+00:00", "Z"),
        },
    }


routes: list[Route] = [
    Route("/v1/staff", listed, methods=["GET"]),
    Route("/v1/staff", invite, methods=["POST"]),
    Route("/v1/staff/{person_id}/password-link", password_link, methods=["POST"]),
    Route("/v1/staff/{person_id}/unlock", _act(staff.unlock), methods=["POST"]),
    Route("/v1/staff/{person_id}/reset-factors", _act(staff.reset_factors), methods=["POST"]),
    Route("/v1/staff/{person_id}/enable", _act(staff.enable), methods=["POST"]),
    Route("/v1/staff/{person_id}/unlink-sign-on", _act(sso_links.unlink), methods=["POST"]),
]
