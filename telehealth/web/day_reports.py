"""The daily reports of the audit trail, with names put to their ids; for auditors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.access.http import actor_of
from telehealth.contract import PersonId
from telehealth.day_review import actions
from telehealth.day_review.actions import ReportCard
from telehealth.day_review.errors import ReportUnknown
from telehealth.identity import actions as identity
from telehealth.identity.actions import PersonCard
from telehealth.platform.http import answer, services_of

_NAMED: Final = ("person_id", "patient_id", "subject_id")
_People = Mapping[PersonId, PersonCard]


async def latest(request: Request) -> Response:
    """GET /v1/audit/day-reports: thirty, those nobody has looked at first."""
    by, services = actor_of(request), services_of(request)
    async with services.database.unit_of_work() as uow:
        found = await actions.latest(uow, by=by, now=services.clock.now())
        wanted = {id_ for each in found.shown for id_ in _people_in(each)}
        people = await identity.person_cards(uow, by=by, person_ids=wanted)
    return answer(
        {"reports": [_report(each, people) for each in found.shown], "unseen": found.unseen}
    )


async def review(request: Request) -> Response:
    """POST /v1/audit/day-reports/{report_id}/review: it was looked at, by whom and when."""
    by, services = actor_of(request), services_of(request)
    try:
        report_id = UUID(request.path_params["report_id"])
    except ValueError:
        raise ReportUnknown from None
    async with services.database.unit_of_work() as uow:
        seen = await actions.review(uow, by=by, now=services.clock.now(), report_id=report_id)
        people = await identity.person_cards(uow, by=by, person_ids=set(_people_in(seen)))
    return answer(_report(seen, people))


def _people_in(card: ReportCard) -> Iterator[PersonId]:
    rows = [*card.content["emergencies"]]
    for heading in card.content["headings"]:
        rows += heading["entries"]
    for row in rows:
        yield from (PersonId(UUID(row[name])) for name in _NAMED if row.get(name) is not None)
    if card.reviewed_by is not None:
        yield PersonId(card.reviewed_by)


def _report(card: ReportCard, people: _People) -> dict[str, object]:
    return {
        "report_id": str(card.report_id),
        "day": card.day_on.isoformat(),
        "entries": card.entries,
        "counts": card.content["counts"],
        "emergencies": [_with_names(row, people) for row in card.content["emergencies"]],
        "headings": [
            {**heading, "entries": [_with_names(row, people) for row in heading["entries"]]}
            for heading in card.content["headings"]
        ],
        "made_at": card.made_at.isoformat().replace("+00:00", "Z"),
        "is_late": card.is_late,
        "reviewed_at": None
        if card.reviewed_at is None
        else card.reviewed_at.isoformat().replace("+00:00", "Z"),
        "reviewed_by": None if card.reviewed_by is None else _name(str(card.reviewed_by), people),
    }


def _with_names(row: Mapping[str, Any], people: _People) -> dict[str, object]:
    """Add whom an id names; None: nobody, or somebody who was erased."""
    named = {f"{name.removesuffix('_id')}_name": _name(row.get(name), people) for name in _NAMED}
    return {**row, **named}


def _name(person_id: str | None, people: _People) -> str | None:
    if person_id is None:
        return None
    card = people.get(PersonId(UUID(person_id)))
    return None if card is None else card.full_name


routes: Final[Sequence[BaseRoute]] = (
    Route("/v1/audit/day-reports", latest, methods=["GET"]),
    Route("/v1/audit/day-reports/{report_id}/review", review, methods=["POST"]),
)
