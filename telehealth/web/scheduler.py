"""The scheduler's day board: a shell; what it shows, it asks by REST every two seconds."""

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

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

BOARD: Final = "/board"
# What the page's script says; the rest of a catalogue stays here.
_SCRIPTED: Final = ("scheduler.", "common.")
_HOME: Final = {Role.PROVIDER: "/console", Role.PATIENT: "/visit", Role.AUDITOR: "/auditor"}


async def board(request: Request) -> Response:
    """GET /board: the day by status, and what could not be delivered.

    An administrator sees the second only: running the product needs no names of patients.
    """
    try:
        by = actor_of(request)
    except NotSignedIn:
        return RedirectResponse(f"/sign-in?next={BOARD}", 303)
    if by.role not in {Role.SCHEDULER, Role.ADMINISTRATOR}:
        home = "/" if by.role is None else _HOME.get(by.role, "/")
        return page(request, "scheduler/not_yours.html", status=403, home=home)
    services = services_of(request)
    async with services.database.unit_of_work() as uow:
        clinic = await identity.clinic_card(uow, clinic_id=by.clinic_id)
    today = services.clock.now().astimezone(ZoneInfo(clinic.time_zone)).date()
    return page(
        request,
        "scheduler/board.html",
        clinic=clinic,
        today=today.isoformat(),
        may_see_day=is_permitted(by.role, Permission.SEE_DAY_BOARD),
        may_see_attention=is_permitted(by.role, Permission.SEE_NEEDS_ATTENTION),
        may_answer=is_permitted(by.role, Permission.ANSWER_CORRECTION),
        messages=as_json({name: sentences(name).beginning_with(_SCRIPTED) for name in LANGUAGES}),
    )


routes: Final[Sequence[BaseRoute]] = (Route(BOARD, board, methods=["GET"]),)
