"""The Auditor's check, the state of the heads, and the export; names stand on the page alone."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from telehealth.access.http import actor_of
from telehealth.access.roles import Permission
from telehealth.audit import actions, readings
from telehealth.audit.chain import ChainReport
from telehealth.audit.checks import unscoped_verdict
from telehealth.audit.errors import ExportNotConfigured, SearchRefused
from telehealth.audit.events import EMERGENCY, AuditEvent
from telehealth.audit.fhir import audit_event
from telehealth.audit.operator import HeadsPlace, heads_of
from telehealth.audit.readings import Search, SinkState
from telehealth.platform.http import Services, answer, services_of

_NDJSON: Final = "application/fhir+ndjson"


async def verify(request: Request) -> Response:
    """POST /v1/audit/verify: follow the whole chain, with the heads where they are kept."""
    by, services = actor_of(request), services_of(request)
    by.require(Permission.VERIFY_AUDIT)
    place = heads_place(services)
    heads = heads_of(place, by.clinic_id) if place is not None else None
    # Not inside the unit of work: a long check must hold up no writer.
    async with services.database.reading() as session:
        verdict = await unscoped_verdict(
            session, clinic_id=by.clinic_id, heads=() if heads is None else heads.heads
        )
    report = ChainReport(entries=verdict.entries, first_broken=verdict.first_bad)
    async with services.database.unit_of_work() as uow:
        await actions.record_check(uow, by=by, now=services.clock.now(), report=report)
    newest = verdict.newest_agreed
    return answer(
        {
            "standing": verdict.standing.value,
            "entries": verdict.entries,
            "first_bad": verdict.first_bad,
            "upto": verdict.upto,
            "heads": None if heads is None else len(heads.heads),
            "heads_agreed": verdict.heads_agreed,
            "heads_refused": 0 if heads is None else heads.refused,
            "newest_head": None
            if newest is None
            else {"size": newest.size, "at": _said(newest.at)},
        }
    )


async def heads(request: Request) -> Response:
    """GET /v1/audit/heads: which sinks have taken what, and since when one fails."""
    services = services_of(request)
    async with services.database.unit_of_work() as uow:
        found = await readings.sinks(uow, by=actor_of(request))
    return answer({"sinks": [_sink(each) for each in found]})


async def export(request: Request) -> Response:
    """GET /v1/audit/export: what a search finds, as FHIR AuditEvents, one a line."""
    by, services = actor_of(request), services_of(request)
    deployment, wanted = services.deployment, search_of(request, zone="UTC")
    if deployment is None:
        raise ExportNotConfigured
    async with services.database.unit_of_work() as uow:
        await readings.begin_export(uow, by=by, now=services.clock.now(), wanted=wanted)

    async def lines() -> AsyncIterator[str]:
        async for page in readings.exported(services.database, by=by, wanted=wanted):
            for entry in page:
                resource = audit_event(entry, deployment=deployment, origin=services.public_origin)
                yield json.dumps(resource, separators=(",", ":")) + "\n"

    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": 'attachment; filename="audit.ndjson"',
    }
    return StreamingResponse(lines(), media_type=_NDJSON, headers=headers)


def heads_place(services: Services) -> HeadsPlace | None:
    """Return where heads are read, if both folder and public keys are known."""
    folder, keys = services.audit_heads_folder, services.audit_public_keys
    if folder is None or keys is None:
        return None
    return HeadsPlace(folder=folder, public_keys=keys)


def search_of(request: Request, *, zone: str) -> Search:
    """Read a search from the query; a day is one of the clinic's.

    Raises:
        SearchRefused: Something is no id, day or kind.
    """
    asked = request.query_params
    try:
        day = date.fromisoformat(asked["day"]) if asked.get("day") else None
        first = (
            None if day is None else datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
        )
        return Search(
            patient_id=_id(asked.get("patient_id")),
            person_id=_id(asked.get("person_id")),
            visit_id=_id(asked.get("visit_id")),
            events=_events(asked.get("kind")),
            since=None if first is None else first.astimezone(UTC),
            until=None if first is None else (first + timedelta(days=1)).astimezone(UTC),
        )
    except (ValueError, OverflowError):
        raise SearchRefused from None


def _events(kind: str | None) -> Sequence[AuditEvent] | None:
    if not kind:
        return None
    return sorted(EMERGENCY) if kind == "emergency" else [AuditEvent(kind)]


def _id(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def _sink(state: SinkState) -> dict[str, object]:
    return {
        "name": state.name,
        "size": state.size,
        "exported_at": None if state.exported_at is None else _said(state.exported_at),
        "failing_since": None if state.failing_since is None else _said(state.failing_since),
        "trouble": state.trouble,
    }


def _said(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


routes: Final[Sequence[BaseRoute]] = (
    Route("/v1/audit/verify", verify, methods=["POST"]),
    Route("/v1/audit/heads", heads, methods=["GET"]),
    Route("/v1/audit/export", export, methods=["GET"]),
)
