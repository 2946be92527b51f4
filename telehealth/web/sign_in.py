"""The door for staff: e-mail and password, then on to the page of one's role."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from telehealth.access.errors import NotSignedIn
from telehealth.access.http import actor_of
from telehealth.access.roles import Role
from telehealth.web.i18n import LANGUAGES, sentences
from telehealth.web.patient import as_json, page

HOME: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.PROVIDER: "/console",
        Role.SCHEDULER: "/board",
        # What could not be delivered is all of the board that an administrator sees.
        Role.ADMINISTRATOR: "/board",
        Role.AUDITOR: "/auditor",
    }
)
"""The page of each role that has one here."""

_SCRIPTED: Final = ("sign_in.", "common.")


def destination(asked: str | None) -> str:
    """Return where to go after signing in, or nothing for the page of one's role.

    Only our own pages are listed: an address taken from the query as it stands would send staff
    wherever a letter with a link wants them.

    Source:
        OWASP ASVS 5.0, 3.7 (unvalidated redirects); CWE-601.
    """
    return next((home for home in HOME.values() if home == asked), "")


async def sign_in(request: Request) -> Response:
    """GET /sign-in; whoever is in already goes straight on."""
    wanted = destination(request.query_params.get("next"))
    try:
        by = actor_of(request)
    except NotSignedIn:
        by = None
    home = HOME.get(by.role) if by is not None and by.role is not None else None
    if home is not None:
        return RedirectResponse(home, 303)
    return page(
        request,
        "sign_in/sign_in.html",
        next=wanted,
        messages=as_json({name: sentences(name).beginning_with(_SCRIPTED) for name in LANGUAGES}),
    )


routes: Final[Sequence[BaseRoute]] = (Route("/sign-in", sign_in, methods=["GET"]),)
