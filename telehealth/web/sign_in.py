"""The door for staff, the page of one's own sign-in, and that to choose a password."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from telehealth.access.errors import NotSignedIn
from telehealth.access.http import actor_of
from telehealth.access.roles import Role
from telehealth.identity import actions as identity
from telehealth.identity import staff
from telehealth.identity.entrance import holder_of
from telehealth.identity.errors import ClinicUnknown, PasswordLinkUnknown
from telehealth.identity.http import ENROLMENT
from telehealth.identity.password_rules import LEAST_ALONE, LEAST_WITH_FACTOR
from telehealth.identity.sso_http import forget_step, providers_of, step_owed
from telehealth.identity.standing import STAFF_ROLES
from telehealth.platform.http import services_of
from telehealth.web.i18n import LANGUAGES, sentences
from telehealth.web.patient import as_json, page

HOME: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.PROVIDER: "/console",
        Role.SCHEDULER: "/board",
        Role.ADMINISTRATOR: "/people",
        Role.AUDITOR: "/auditor",
    }
)
"""The page of each role that has one here."""
EMERGENCY: Final = "/emergency"
_OTHERS: Final = (ENROLMENT, EMERGENCY)

_TROUBLES: Final = frozenset({"sso.refused", "sso.unreachable", "sso.unknown"})
_SCRIPTED: Final = ("sign_in.", "common.")
_OWN: Final = ("own.", "common.")


def destination(asked: str | None) -> str:
    """Return where to go after signing in, or nothing for the page of one's role.

    Only our own pages are listed: an address taken from the query as it stands would send staff
    wherever a letter with a link wants them.

    Source:
        OWASP ASVS 5.0, 3.7 (unvalidated redirects); CWE-601.
    """
    return next((home for home in (*HOME.values(), *_OTHERS) if home == asked), "")


async def sign_in(request: Request) -> Response:
    """GET /sign-in; whoever is in already goes straight on."""
    wanted = destination(request.query_params.get("next"))
    try:
        by = actor_of(request)
    except NotSignedIn:
        by = None
        if _may_only_enrol(request):
            return RedirectResponse(ENROLMENT, 303)
    home = HOME.get(by.role) if by is not None and by.role is not None else None
    if home is not None:
        return RedirectResponse(home, 303)
    owed = step_owed(request)
    response = page(
        request,
        "sign_in/sign_in.html",
        next=wanted,
        step_secret="" if owed is None else owed[0],
        step_kinds="" if owed is None else " ".join(owed[1]),
        trouble=_trouble(request.query_params.get("trouble")),
        providers=await _providers(request),
        messages=_messages(*_SCRIPTED),
    )
    if owed is not None:
        forget_step(response)
    return response


async def your_sign_in(request: Request) -> Response:
    """GET /your-sign-in; also the one page of a session that may only enrol."""
    try:
        holder = holder_of(request)
    except NotSignedIn:
        return RedirectResponse(f"/sign-in?next={ENROLMENT}", 303)
    role = holder.actor.role
    if role not in STAFF_ROLES:
        return RedirectResponse("/visit", 303)
    services = services_of(request)
    async with services.database.unit_of_work() as uow:
        clinic = await identity.clinic_card(uow, clinic_id=holder.actor.clinic_id)
    home = HOME.get(role, "")
    return page(
        request,
        "sign_in/your_sign_in.html",
        clinic=clinic,
        home="" if home == ENROLMENT else home,
        messages=_messages(*_OWN),
    )


async def choose_password(request: Request) -> Response:
    """GET /p/{secret}: uses nothing up, and tells nothing about the person."""
    services, secret = services_of(request), request.path_params["secret"]
    is_good, least = True, LEAST_ALONE
    try:
        async with services.database.unit_of_work() as uow:
            facts = await staff.password_link_facts(uow, secret=secret, now=services.clock.now())
        least = LEAST_WITH_FACTOR if facts.has_factor else LEAST_ALONE
    except PasswordLinkUnknown:
        is_good = False
    return page(
        request,
        "sign_in/choose_password.html",
        status=200 if is_good else 410,
        is_good=is_good,
        least=least,
        secret=secret if is_good else "",
        messages=_messages(*_OWN),
    )


async def _providers(request: Request) -> list[tuple[str, str]]:
    """Return (clinic id, short name) of the clinics whose staff sign in elsewhere."""
    if not (known := providers_of(request)):
        return []
    services, found = services_of(request), []
    async with services.database.unit_of_work() as uow:
        for clinic_id in known:
            with suppress(ClinicUnknown):
                card = await identity.clinic_card(uow, clinic_id=clinic_id)
                found.append((str(clinic_id), card.short_name))
    return found


def _trouble(code: str | None) -> str | None:
    """Return the key of the sentence for a code we gave ourselves; another one says nothing."""
    return f"sign_in.errors.{code}" if code in _TROUBLES else None


def _may_only_enrol(request: Request) -> bool:
    try:
        return holder_of(request).may_only_enrol
    except NotSignedIn:
        return False


def _messages(*prefixes: str) -> Markup:
    return as_json({name: sentences(name).beginning_with(prefixes) for name in LANGUAGES})


routes: Final[Sequence[BaseRoute]] = (
    Route("/sign-in", sign_in, methods=["GET"]),
    Route(ENROLMENT, your_sign_in, methods=["GET"]),
    Route("/p/{secret}", choose_password, methods=["GET"]),
)
