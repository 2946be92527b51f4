"""The administrator's pages: the people of the clinic; what they show, they ask by REST."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from telehealth.access.errors import NotSignedIn
from telehealth.access.http import actor_of
from telehealth.access.roles import Permission, Role, is_permitted
from telehealth.identity import actions as identity
from telehealth.platform.http import services_of
from telehealth.web.i18n import LANGUAGES, sentences
from telehealth.web.patient import as_json, page
from telehealth.web.sign_in import HOME

PEOPLE: Final = HOME[Role.ADMINISTRATOR]
_SCRIPTED: Final = ("people.", "own.", "common.")


async def people(request: Request) -> Response:
    """GET /people, for those who manage people; no name is in the page itself."""
    try:
        by = actor_of(request)
    except NotSignedIn:
        return RedirectResponse(f"/sign-in?next={PEOPLE}", 303)
    if by.role is None or not is_permitted(by.role, Permission.MANAGE_PEOPLE):
        home = "/visit" if by.role is Role.PATIENT else "/your-sign-in"
        if by.role is not None:
            home = HOME.get(by.role, home)
        return page(request, "scheduler/not_yours.html", status=403, home=home)
    services = services_of(request)
    async with services.database.unit_of_work() as uow:
        clinic = await identity.clinic_card(uow, clinic_id=by.clinic_id)
    return page(
        request,
        "back_office/people.html",
        clinic=clinic,
        messages=as_json({name: sentences(name).beginning_with(_SCRIPTED) for name in LANGUAGES}),
    )


routes: Final[Sequence[BaseRoute]] = (Route(PEOPLE, people, methods=["GET"]),)
