"""A patient's page about their own data, the copy of their record, and the page that clears."""

import asyncio
import io
import json
import zipfile
from collections.abc import Sequence
from datetime import date
from typing import Final

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.access.errors import NotSignedIn
from telehealth.access.http import actor_of
from telehealth.access.roles import Role
from telehealth.identity import actions as identity
from telehealth.identity.cookies import CLEAR_SITE_DATA
from telehealth.platform.http import body_of, services_of
from telehealth.privacy.actions import exports
from telehealth.privacy.bundle import RecordFacts, bundle
from telehealth.privacy.errors import BirthDateRefused, ExportLinkRefused
from telehealth.privacy.http import export_id_of
from telehealth.web.i18n import LANGUAGES, Sentences, sentences
from telehealth.web.patient import as_json, language_of, page, pages

_SCRIPTED: Final = ("privacy.", "common.", "errors.")


class BirthDate(BaseModel):
    """POST /records/{token}."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    birth_date: date


async def own(request: Request) -> Response:
    """GET /privacy: the shell; what it shows, its script asks by REST."""
    services = services_of(request)
    try:
        by = actor_of(request)
    except NotSignedIn:
        return page(request, "patient/wrong_link.html", status=401)
    if by.role is not Role.PATIENT:
        return page(request, "patient/wrong_link.html", status=403)
    async with services.database.unit_of_work() as uow:
        clinic = await identity.clinic_card(uow, clinic_id=by.clinic_id)
    return page(request, "patient/privacy.html", clinic=clinic, messages=_messages())


async def record_door(request: Request) -> Response:
    """GET /records/{token}: asks for the birth date; uses nothing up, tells nothing."""
    services, token = services_of(request), request.path_params["token"]
    try:
        export_id_of(services, token)
    except ExportLinkRefused:
        return page(request, "patient/record_over.html", status=410)
    return page(request, "patient/record.html", token=token, messages=_messages())


async def record(request: Request) -> Response:
    """POST /records/{token}: the record as one archive, once."""
    services = services_of(request)
    body = await body_of(request, BirthDate)
    export_id = export_id_of(services, request.path_params["token"])
    async with services.database.unit_of_work() as uow:
        found = await exports.open_link(
            uow, now=services.clock.now(), export_id=export_id, birth_on=body.birth_date
        )
    if isinstance(found, BirthDateRefused):
        raise found
    # Nothing is open in the database while the archive is made.
    archive = await asyncio.to_thread(archive_of, found, sentences(language_of(request)))
    return Response(
        archive,
        headers={
            "Content-Type": "application/zip",
            "Content-Disposition": 'attachment; filename="record.zip"',
            "Cache-Control": "no-store",
        },
    )


def archive_of(found: RecordFacts, speech: Sentences) -> bytes:
    """Return a ZIP of the FHIR bundle and of a page to read, both whole in themselves."""
    readable = pages.get_template("patient/readable_record.html").render(
        record=found, say=speech.say, speech=speech, language=speech.language
    )
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("record.json", json.dumps(bundle(found), ensure_ascii=False, indent=1))
        archive.writestr("record.html", readable)
    return kept.getvalue()


async def cleared(request: Request) -> Response:
    """GET /cleared: the last page on a shared computer; the browser drops what it kept of us."""
    response = page(request, "patient/cleared.html")
    response.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
    return response


def _messages() -> object:
    return as_json({name: sentences(name).beginning_with(_SCRIPTED) for name in LANGUAGES})


routes: Final[Sequence[BaseRoute]] = (
    Route("/privacy", own, methods=["GET"]),
    Route("/records/{token}", record_door, methods=["GET"]),
    Route("/records/{token}", record, methods=["POST"]),
    Route("/cleared", cleared, methods=["GET"]),
)
