"""Break the glass, read the record, close it; and the auditors' list of who did."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.access.http import actor_of
from telehealth.break_glass import actions
from telehealth.break_glass.errors import AccessUnknown
from telehealth.break_glass.rules import LONGEST_REASON
from telehealth.identity.entrance import session_of
from telehealth.identity.errors import PersonUnknown, SeveralPatients
from telehealth.identity.finding import SoughtPatient
from telehealth.platform.http import answer, body_of, services_of
from telehealth.platform.sealing.blind import plain_name
from telehealth.visits.lifecycle import word


class BreakGlass(BaseModel):
    """POST /v1/break-glass; the whole name or the number, with the birth date: no list is shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    medical_record_number: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    given: Annotated[str, Field(max_length=100, repr=False)] = ""
    family: Annotated[str, Field(max_length=100, repr=False)] = ""
    birth_date: date
    reason: Annotated[str, Field(max_length=LONGEST_REASON, repr=False)]

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        """Refuse half a name: it would be a search."""
        if self.medical_record_number is None and not (
            plain_name(self.given) and plain_name(self.family)
        ):
            raise ValueError("a record number, or both names")
        return self


async def open_record(request: Request) -> Response:
    """POST /v1/break-glass."""
    by, services = actor_of(request), services_of(request)
    body = await body_of(request, BreakGlass)
    async with services.database.unit_of_work() as uow:
        opened = await actions.open_record(
            uow,
            by=by,
            now=services.clock.now(),
            session_id=session_of(request.scope),
            sought=SoughtPatient(
                medical_record_number=body.medical_record_number,
                given=body.given,
                family=body.family,
                birth_on=body.birth_date,
            ),
            reason=body.reason,
        )
    if isinstance(opened, PersonUnknown | SeveralPatients):
        raise opened
    return answer(_card(opened), 201)


async def read_record(request: Request) -> Response:
    """GET /v1/break-glass/{access_id}/record."""
    by, services = actor_of(request), services_of(request)
    async with services.database.unit_of_work() as uow:
        record = await actions.read_record(
            uow,
            by=by,
            now=services.clock.now(),
            session_id=session_of(request.scope),
            access_id=_access_id(request),
        )
    patient = record.patient
    return answer(
        {
            **_card(record.access),
            "patient": {
                "name": patient.full_name,
                "birth_date": None if patient.birth_on is None else patient.birth_on.isoformat(),
                "phone": patient.phone,
                "medical_record_number": patient.medical_record_number,
            },
            "visits": [_past(visit) for visit in record.visits],
        }
    )


async def current(request: Request) -> Response:
    """GET /v1/break-glass/current."""
    by, services = actor_of(request), services_of(request)
    now = services.clock.now()
    async with services.database.unit_of_work() as uow:
        opened = await actions.current(uow, by=by, now=now, session_id=session_of(request.scope))
    # With our own instant: a page must count down by it, not by a clock that is off.
    return answer({"open": None if opened is None else _card(opened), "as_of": _instant(now)})


async def end(request: Request) -> Response:
    """POST /v1/break-glass/{access_id}/end."""
    by, services = actor_of(request), services_of(request)
    async with services.database.unit_of_work() as uow:
        ended = await actions.end(
            uow, by=by, now=services.clock.now(), access_id=_access_id(request)
        )
    return answer(_card(ended))


async def review(request: Request) -> Response:
    """GET /v1/break-glass."""
    by, services = actor_of(request), services_of(request)
    async with services.database.unit_of_work() as uow:
        found = await actions.review(uow, by=by, now=services.clock.now())
    return answer(
        {
            "rows": [
                {
                    **_card(each.access),
                    "person_id": str(each.access.person_id),
                    "person_name": each.person_name,
                    "patient_id": str(each.access.patient_id),
                    "patient_name": each.patient_name,
                    "reason": each.access.reason,
                }
                for each in found
            ]
        }
    )


def _access_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["access_id"])
    except ValueError:
        raise AccessUnknown from None


def _card(opened: actions.AccessCard) -> dict[str, Any]:
    return {
        "access_id": str(opened.access_id),
        "opened_at": _instant(opened.opened_at),
        "ends_at": _instant(opened.ends_at),
        "ended_at": _instant(opened.ended_at),
        "ended_how": None if opened.ended_how is None else opened.ended_how.value,
        "reads": opened.reads,
    }


def _past(visit: actions.PastVisit) -> dict[str, Any]:
    return {
        "visit_id": str(visit.card.visit_id),
        "state": visit.card.state.value,
        "word": word(visit.card.state),
        "starts_at": _instant(visit.starts_at),
        "provider_name": visit.provider_name,
        "note": {
            "version": visit.note.version,
            "text": visit.note.text,
            "is_signed": visit.note.signed_at is not None,
        },
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


routes: Final[Sequence[BaseRoute]] = (
    Route("/v1/break-glass", open_record, methods=["POST"]),
    Route("/v1/break-glass", review, methods=["GET"]),
    Route("/v1/break-glass/current", current, methods=["GET"]),
    Route("/v1/break-glass/{access_id}/record", read_record, methods=["GET"]),
    Route("/v1/break-glass/{access_id}/end", end, methods=["POST"]),
)
