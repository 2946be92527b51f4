"""The patient's pages: link, visit, and the card for when everything else fails."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from telehealth.access.errors import NotSignedIn
from telehealth.access.http import actor_of
from telehealth.access.roles import Role
from telehealth.identity import actions as identity
from telehealth.identity.errors import LinkUnknown
from telehealth.platform.http import services_of
from telehealth.visits.actions import sight
from telehealth.web import presenters
from telehealth.web.assets import TREE, asset
from telehealth.web.i18n import LANGUAGE_COOKIE, LANGUAGES, chosen, sentences

_ONE_YEAR_S: Final = 365 * 24 * 3600
_SCRIPTED: Final = ("patient.", "call.", "device.", "errors.", "common.", "privacy.clear.")

pages: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
"""Every client's templates; autoescape is on for all of them."""
pages.globals.update(asset=asset, languages=LANGUAGES)


def page(request: Request, template: str, *, status: int = 200, **facts: Any) -> Response:  # noqa: ANN401  (whatever the template shows)
    """Render a page in the language of whoever asks, and remember a language just chosen."""
    asked, language = request.query_params.get("language"), language_of(request)
    speech = sentences(language)
    html = pages.get_template(template).render(
        say=speech.say, speech=speech, language=language, path=request.scope["path"], **facts
    )
    response = HTMLResponse(html, status)
    if asked is not None and asked in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, asked, max_age=_ONE_YEAR_S, secure=True, samesite="lax"
        )
    return response


def language_of(request: Request) -> str:
    """Return the language to answer in: just asked for, remembered, or what the browser prefers."""
    return chosen(
        asked=request.query_params.get("language"),
        remembered=request.cookies.get(LANGUAGE_COOKIE),
        accepted=request.headers.get("accept-language", ""),
    )


def as_json(facts: object) -> Markup:
    """Return facts for a `<script type="application/json">`: no `<` can end the element early.

    Source:
        WHATWG HTML, "Restrictions for contents of script elements".
    """
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    escaped = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(escaped)  # noqa: S704  (what could be markup is escaped one line above)


async def home(request: Request) -> Response:
    """GET /: nothing about anybody."""
    return page(request, "patient/home.html")


async def link_landing(request: Request) -> Response:
    """GET /v/{secret}: clinic and time only; uses nothing up."""
    services, secret = services_of(request), request.path_params["secret"]
    now = services.clock.now()
    try:
        async with services.database.unit_of_work() as uow:
            preview = await identity.link_preview(uow, secret=secret, now=now)
            clinic = await identity.clinic_card(uow, clinic_id=preview.clinic_id)
            come = await sight.landing(uow, visit_id=preview.visit_id, now=now)
            times = await sight.landing_times(uow, visit_id=preview.visit_id)
    except LinkUnknown:
        return page(request, "patient/wrong_link.html", status=404)
    return page(
        request,
        "patient/landing.html",
        landing=presenters.landing(preview.standing, come.code if come else None),
        is_guest=preview.role is Role.GUEST,
        clinic=clinic,
        starts_at=times.starts_at if times else None,
        opens_at=come.opens_at if come else None,
        secret=secret,
        messages=_messages("patient.landing", "errors."),
    )


async def lost_link(request: Request) -> Response:
    """GET /lost-link: the same page for everybody."""
    return page(
        request,
        "patient/lost_link.html",
        messages=_messages("patient.lost", "patient.landing", "errors."),
    )


async def visit(request: Request) -> Response:
    """GET /visit: the shell of the patient's client; what it shows, it asks by REST."""
    services = services_of(request)
    try:
        by = actor_of(request)
    except NotSignedIn:
        return page(request, "patient/wrong_link.html", status=401)
    if by.role is not Role.PATIENT:
        return page(request, "patient/wrong_link.html", status=403)
    async with services.database.unit_of_work() as uow:
        clinic = await identity.clinic_card(uow, clinic_id=by.clinic_id)
    return page(
        request,
        "patient/visit.html",
        clinic=clinic,
        socket_url=services.socket_url,
        messages=_messages(*_SCRIPTED),
        states=as_json(presenters.STATES),
    )


async def guest_call(request: Request) -> Response:
    """GET /call: the shell of a guest's client; it shows a lobby and a call, and nothing else."""
    services = services_of(request)
    try:
        by = actor_of(request)
    except NotSignedIn:
        return page(request, "patient/wrong_link.html", status=401)
    if by.role is not Role.GUEST:
        return page(request, "patient/wrong_link.html", status=403)
    async with services.database.unit_of_work() as uow:
        clinic = await identity.clinic_card(uow, clinic_id=by.clinic_id)
    return page(request, "patient/call.html", clinic=clinic, messages=_messages(*_SCRIPTED))


async def service_worker(request: Request) -> Response:
    """GET /sw.js: from the root, so that it may answer for every page."""
    del request
    return Response(
        (TREE / "patient" / "sw.js").read_bytes(),
        headers={"Content-Type": "text/javascript; charset=utf-8", "Service-Worker-Allowed": "/"},
    )


def _messages(*prefixes: str) -> Markup:
    return as_json({name: sentences(name).beginning_with(prefixes) for name in LANGUAGES})


routes: Final[Sequence[BaseRoute]] = (
    Route("/", home, methods=["GET"]),
    Route("/v/{secret}", link_landing, methods=["GET"]),
    Route("/lost-link", lost_link, methods=["GET"]),
    Route("/visit", visit, methods=["GET"]),
    Route("/call", guest_call, methods=["GET"]),
    Route("/sw.js", service_worker, methods=["GET"]),
)
