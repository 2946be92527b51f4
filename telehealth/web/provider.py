"""The provider's console and page of emergency access: shells; what they show is asked by REST."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from telehealth.access.errors import NotSignedIn
from telehealth.access.http import actor_of
from telehealth.access.roles import Role
from telehealth.identity import actions as identity
from telehealth.platform.http import services_of
from telehealth.web import presenters
from telehealth.web.i18n import LANGUAGES, sentences
from telehealth.web.patient import as_json, page
from telehealth.web.sign_in import EMERGENCY, HOME

CONSOLE: Final = HOME[Role.PROVIDER]
# What the page's scripts say; the rest of a catalogue stays here.
_SCRIPTED: Final = ("provider.", "call.", "device.", "common.")
_OF_EMERGENCY: Final = ("emergency.", "provider.state.", "own.", "common.")


async def console(request: Request) -> Response:
    """GET /console, for providers; nothing about a patient is in the page itself."""
    return await _shell(request, CONSOLE, "provider/console.html", _SCRIPTED)


async def emergency(request: Request) -> Response:
    """GET /emergency, for providers; nothing about a patient is in the page itself."""
    return await _shell(request, EMERGENCY, "provider/emergency.html", _OF_EMERGENCY)


async def _shell(request: Request, path: str, template: str, scripted: Sequence[str]) -> Response:
    try:
        by = actor_of(request)
    except NotSignedIn:
        return RedirectResponse(f"/sign-in?next={path}", 303)
    if by.role is not Role.PROVIDER:
        home = HOME.get(by.role, "/") if by.role is not None else "/"
        return page(
            request,
            "provider/not_yours.html",
            status=403,
            home="/visit" if by.role is Role.PATIENT else home,
        )
    services = services_of(request)
    async with services.database.unit_of_work() as uow:
        clinic = await identity.clinic_card(uow, clinic_id=by.clinic_id)
        own = await identity.own_card(uow, by=by, now=services.clock.now())
    return page(
        request,
        template,
        clinic=clinic,
        own_name=own.full_name,
        messages=as_json(
            {name: sentences(name).beginning_with(tuple(scripted)) for name in LANGUAGES}
        ),
        states=as_json(presenters.STATES),
    )


routes: Final[Sequence[BaseRoute]] = (
    Route(CONSOLE, console, methods=["GET"]),
    Route(EMERGENCY, emergency, methods=["GET"]),
)
