"""The auditor's page: a shell; entries, people and the check are asked for by REST.

The routes here put names to the ids of the trail; those without names are in `audit/http.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from telehealth.access.actor import Actor
from telehealth.access.errors import NotSignedIn
from telehealth.access.http import actor_of
from telehealth.access.roles import Role
from telehealth.audit import readings
from telehealth.audit.accounting import YEARS, Access, Disclosure
from telehealth.audit.cards import EntryCard
from telehealth.audit.errors import SearchRefused
from telehealth.audit.events import AuditEvent
from telehealth.audit.http import search_of
from telehealth.contract import PersonId
from telehealth.identity import actions as identity
from telehealth.identity import finding
from telehealth.identity.actions import PersonCard
from telehealth.identity.errors import PersonUnknown
from telehealth.platform.db import UnitOfWork
from telehealth.platform.http import answer, body_of, services_of
from telehealth.web.i18n import LANGUAGES, sentences
from telehealth.web.patient import as_json, page
from telehealth.web.sign_in import HOME

AUDITOR: Final = HOME[Role.AUDITOR]
_SCRIPTED: Final = ("auditor.", "common.")
_DAYS_A_YEAR: Final = 365.25


class PeopleSearch(BaseModel):
    """POST /v1/audit/people-search; in a body, for a name belongs into no address."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    words: Annotated[str, Field(min_length=2, max_length=100)]


async def auditor(request: Request) -> Response:
    """GET /auditor, for auditors; no entry is in the page itself."""
    try:
        by = actor_of(request)
    except NotSignedIn:
        return RedirectResponse(f"/sign-in?next={AUDITOR}", 303)
    if by.role is not Role.AUDITOR:
        home = HOME.get(by.role, "/") if by.role is not None else "/"
        own = "/visit" if by.role is Role.PATIENT else home
        return page(request, "auditor/not_yours.html", status=403, home=own)
    services = services_of(request)
    async with services.database.unit_of_work() as uow:
        clinic = await identity.clinic_card(uow, clinic_id=by.clinic_id)
    return page(
        request,
        "auditor/trail.html",
        clinic=clinic,
        may_export=services.deployment is not None,
        kinds=as_json([event.value for event in AuditEvent]),
        messages=as_json({name: sentences(name).beginning_with(_SCRIPTED) for name in LANGUAGES}),
    )


async def entries(request: Request) -> Response:
    """GET /v1/audit/entries?patient_id&person_id&visit_id&day&kind&before: fifty, newest first."""
    by, services = actor_of(request), services_of(request)
    before = request.query_params.get("before")
    if before is not None and not before.isdecimal():
        raise SearchRefused
    async with services.database.unit_of_work() as uow:
        clinic = await identity.clinic_card(uow, clinic_id=by.clinic_id)
        found = await readings.search(
            uow,
            by=by,
            now=services.clock.now(),
            wanted=search_of(request, zone=clinic.time_zone),
            before_seq=None if before is None else int(before[:18]),
        )
        people = await _people(uow, by, [id_ for each in found for id_ in _people_in(each)])
    return answer(
        {
            "entries": [_entry(each, people) for each in found],
            "is_last": len(found) < readings.PAGE,
        }
    )


async def people_search(request: Request) -> Response:
    """POST /v1/audit/people-search: whose name or record number holds these words."""
    by, services = actor_of(request), services_of(request)
    body = await body_of(request, PeopleSearch)
    async with services.database.unit_of_work() as uow:
        found = await finding.find_people(uow, by=by, now=services.clock.now(), words=body.words)
    return answer(
        {
            "people": [
                {
                    "person_id": str(card.person_id),
                    "name": card.full_name,
                    "is_patient": card.medical_record_number is not None,
                    "medical_record_number": card.medical_record_number,
                }
                for card in found
            ]
        }
    )


async def accounting(request: Request) -> Response:
    """GET /v1/audit/patients/{patient_id}/accounting: six years of what left and who looked."""
    by, services = actor_of(request), services_of(request)
    now = services.clock.now()
    try:
        patient_id = UUID(request.path_params["patient_id"])
    except ValueError:
        raise PersonUnknown from None
    async with services.database.unit_of_work() as uow:
        made = await readings.accounting(
            uow,
            by=by,
            now=now,
            patient_id=patient_id,
            since=now - timedelta(days=YEARS * _DAYS_A_YEAR),
        )
        looked = [each.person_id for each in made.accesses]
        people = await _people(uow, by, [patient_id, *(each for each in looked if each)])
        is_known = PersonId(patient_id) in people or made.accesses or made.disclosures
        if not is_known:
            # Rolls back the entry as well: somebody else's id does not come into this trail.
            raise PersonUnknown
    return answer(
        {
            "patient": _named(patient_id, people),
            "as_of": _said(now),
            "disclosures": [_disclosure(each) for each in made.disclosures],
            "accesses": [_access(each, people) for each in made.accesses],
        }
    )


async def _people(
    uow: UnitOfWork, by: Actor, person_ids: Collection[UUID]
) -> Mapping[PersonId, PersonCard]:
    wanted = {PersonId(each) for each in person_ids}
    return await identity.person_cards(uow, by=by, person_ids=wanted)


def _people_in(entry: EntryCard) -> list[UUID]:
    named = (entry.actor_person_id, entry.patient_id, entry.subject_id)
    return [each for each in named if each is not None]


def _entry(entry: EntryCard, people: Mapping[PersonId, PersonCard]) -> dict[str, object]:
    return {
        "seq": entry.seq,
        "at": _said(entry.at),
        "event": entry.event,
        "by": {
            **(_named(entry.actor_person_id, people) or {}),
            "role": entry.actor_role,
            "job": entry.actor_job,
        },
        "patient": _named(entry.patient_id, people),
        "visit_id": None if entry.visit_id is None else str(entry.visit_id),
        "subject": _named(entry.subject_id, people),
        "facts": dict(entry.known_facts()),
        "seal": entry.seal.hex(),
    }


def _named(
    person_id: UUID | None, people: Mapping[PersonId, PersonCard]
) -> dict[str, object] | None:
    if person_id is None:
        return None
    card = people.get(PersonId(person_id))
    return {"id": str(person_id), "name": None if card is None else card.full_name}


def _disclosure(each: Disclosure) -> dict[str, object]:
    return {
        "at": _said(each.at),
        "seq": each.seq,
        "recipient": each.recipient,
        "what": each.what,
        "purpose": each.purpose,
        "visit_id": None if each.visit_id is None else str(each.visit_id),
    }


def _access(each: Access, people: Mapping[PersonId, PersonCard]) -> dict[str, object]:
    return {
        "at": _said(each.at),
        "seq": each.seq,
        "event": each.event,
        "by": {
            **(_named(each.person_id, people) or {}),
            "role": each.role,
            "job": each.job,
        },
        "visit_id": None if each.visit_id is None else str(each.visit_id),
    }


def _said(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


routes: Final[Sequence[BaseRoute]] = (
    Route(AUDITOR, auditor, methods=["GET"]),
    Route("/v1/audit/entries", entries, methods=["GET"]),
    Route("/v1/audit/people-search", people_search, methods=["POST"]),
    Route("/v1/audit/patients/{patient_id}/accounting", accounting, methods=["GET"]),
)
