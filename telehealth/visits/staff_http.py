"""Routes that take a member of staff out of everything: disabled, or in another role."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from telehealth.access.http import actor_of
from telehealth.access.roles import Role
from telehealth.identity.entrance import session_of
from telehealth.identity.proofs import require_fresh
from telehealth.identity.second_http import Body
from telehealth.identity.staff_http import person_of
from telehealth.identity.standing import DisableReason
from telehealth.identity.step_up import Act
from telehealth.platform.http import answer, body_of, services_of
from telehealth.visits.actions import turning_away


class Disabling(Body):
    """POST /v1/staff/{person_id}/disable; the reason is a code, for free text may hold anything."""

    reason: DisableReason


class NewRole(Body):
    """POST /v1/staff/{person_id}/role."""

    role: Role


async def disable(request: Request) -> Response:
    """Disable a member of staff."""
    services, by = services_of(request), actor_of(request)
    body, now = await body_of(request, Disabling), services.clock.now()
    async with services.database.unit_of_work() as uow:
        await require_fresh(
            uow, session_id=session_of(request.scope), act=Act.MANAGE_ACCOUNTS, now=now
        )
        seats = await turning_away.disable(
            uow, by=by, now=now, person_id=person_of(request), reason=body.reason
        )
    return answer({"seats_revoked": seats})


async def change_role(request: Request) -> Response:
    """Give a member of staff another role."""
    services, by = services_of(request), actor_of(request)
    body, now = await body_of(request, NewRole), services.clock.now()
    async with services.database.unit_of_work() as uow:
        await require_fresh(
            uow, session_id=session_of(request.scope), act=Act.MANAGE_ACCOUNTS, now=now
        )
        seats = await turning_away.change_role(
            uow, by=by, now=now, person_id=person_of(request), role=body.role
        )
    return answer({"seats_revoked": seats})


routes: Final[list[Route]] = [
    Route("/v1/staff/{person_id}/disable", disable, methods=["POST"]),
    Route("/v1/staff/{person_id}/role", change_role, methods=["POST"]),
]
