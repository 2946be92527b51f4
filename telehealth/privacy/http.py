"""What a patient asks about their own data, and what the clinic answers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.access.http import actor_of
from telehealth.identity.errors import PersonUnknown
from telehealth.platform.http import Services, answer, body_of, services_of
from telehealth.platform.signing import TokenRefused
from telehealth.privacy.actions import correcting, exports, overview
from telehealth.privacy.actions.exports import ExportLink
from telehealth.privacy.corrections import TEXT_LIMIT, CorrectionState, DenialReason
from telehealth.privacy.errors import CorrectionUnknown, ExportLinkRefused
from telehealth.visits.actions.consenting import ConsentCard
from telehealth.visits.consent_texts import wording_of_digest

EXPORT_TYP: Final = "record-export+jwt"
EXPORT_AUDIENCE: Final = "record-export"
_BODY: Final = ConfigDict(frozen=True, extra="forbid")
_Text = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]


class Nothing(BaseModel):
    """A POST with nothing to say."""

    model_config = _BODY


class Correction(BaseModel):
    """POST /v1/privacy/corrections."""

    model_config = _BODY
    said: _Text


class CorrectionAnswer(BaseModel):
    """POST /v1/corrections/{request_id}/answer."""

    model_config = _BODY
    becomes: Literal[CorrectionState.ACCEPTED, CorrectionState.DENIED]
    reason: DenialReason | None = None
    text: _Text


async def own(request: Request) -> Response:
    """GET /v1/privacy."""
    by, services = actor_of(request), services_of(request)
    async with services.database.unit_of_work() as uow:
        seen = await overview.own_overview(uow, by=by, now=services.clock.now())
    return answer(
        {
            "visit_id": str(seen.visit_id),
            "time_zone": seen.time_zone,
            "consents": [_consent(each) for each in seen.consents],
            "corrections": [_correction(each) for each in seen.corrections],
            "looks": [
                {"day": each.day.isoformat(), "role": each.role.value, "times": each.times}
                for each in seen.looks
            ],
        }
    )


async def ask_export(request: Request) -> Response:
    """POST /v1/privacy/exports."""
    by, services = actor_of(request), services_of(request)
    await body_of(request, Nothing)
    async with services.database.unit_of_work() as uow:
        link = await exports.make_link(uow, by=by, now=services.clock.now())
    return _link(services, link)


async def make_export_link(request: Request) -> Response:
    """POST /v1/people/{person_id}/record-exports."""
    by, services = actor_of(request), services_of(request)
    await body_of(request, Nothing)
    try:
        patient_id = UUID(request.path_params["person_id"])
    except ValueError:
        raise PersonUnknown from None
    async with services.database.unit_of_work() as uow:
        link = await exports.make_link(uow, by=by, now=services.clock.now(), patient_id=patient_id)
    return _link(services, link)


def export_id_of(services: Services, token: str) -> UUID:
    """Return which link a signed token is.

    Raises:
        ExportLinkRefused: It is none of ours, or its day is over.
    """
    try:
        claims = services.signer.verify(token, typ=EXPORT_TYP, audience=EXPORT_AUDIENCE)
        return UUID(str(claims["jti"]))
    except (TokenRefused, ValueError):
        raise ExportLinkRefused from None


async def ask_correction(request: Request) -> Response:
    """POST /v1/privacy/corrections."""
    by, services, body = actor_of(request), services_of(request), await body_of(request, Correction)
    async with services.database.unit_of_work() as uow:
        card = await correcting.ask(uow, by=by, now=services.clock.now(), said=body.said)
    return answer(_correction(card), 201)


async def waiting_corrections(request: Request) -> Response:
    """GET /v1/corrections."""
    by, services = actor_of(request), services_of(request)
    async with services.database.unit_of_work() as uow:
        found = await correcting.waiting(uow, by=by, now=services.clock.now())
    return answer({"rows": [_correction(each) for each in found]})


async def answer_correction(request: Request) -> Response:
    """POST /v1/corrections/{request_id}/answer."""
    by, services = actor_of(request), services_of(request)
    body = await body_of(request, CorrectionAnswer)
    try:
        request_id = UUID(request.path_params["request_id"])
    except ValueError:
        raise CorrectionUnknown from None
    async with services.database.unit_of_work() as uow:
        card = await correcting.answer(
            uow,
            by=by,
            now=services.clock.now(),
            request_id=request_id,
            becomes=body.becomes,
            reason=body.reason,
            text=body.text,
        )
    return answer(_correction(card))


def _link(services: Services, link: ExportLink) -> Response:
    issued_at = link.expires_at - exports.LINK_LIVES
    token = services.signer.sign(
        {
            "aud": EXPORT_AUDIENCE,
            "sub": str(link.patient_id),
            "jti": str(link.export_id),
            "iat": int(issued_at.timestamp()),
            "exp": int((link.expires_at + timedelta(seconds=1)).timestamp()),
        },
        typ=EXPORT_TYP,
    )
    url = f"{services.public_origin}/records/{token}"
    return answer({"url": url, "expires_at": _instant(link.expires_at)}, 201)


def _consent(card: ConsentCard) -> dict[str, Any]:
    text = wording_of_digest(card.digest)
    return {
        "visit_id": str(card.visit_id),
        "text_id": card.text.text_id,
        "version": card.text.version,
        "language": card.language,
        "text": None if text is None else text.text,
        "digest": card.digest,
        "modality": card.modality.value,
        "jurisdiction": card.jurisdiction,
        "given_at": _instant(card.given_at),
        "withdrawn_at": _instant(card.withdrawn_at),
    }


def _correction(card: correcting.CorrectionCard) -> dict[str, Any]:
    return {
        "request_id": str(card.request_id),
        "patient_name": card.patient_name,
        "said": card.said,
        "asked_at": _instant(card.asked_at),
        "due_on": card.due_on.isoformat(),
        "state": card.state.value,
        "denial_reason": None if card.denial_reason is None else card.denial_reason.value,
        "answer": card.answer,
        "answered_at": _instant(card.answered_at),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


routes: Final[Sequence[BaseRoute]] = (
    Route("/v1/privacy", own, methods=["GET"]),
    Route("/v1/privacy/exports", ask_export, methods=["POST"]),
    Route("/v1/privacy/corrections", ask_correction, methods=["POST"]),
    Route("/v1/people/{person_id}/record-exports", make_export_link, methods=["POST"]),
    Route("/v1/corrections", waiting_corrections, methods=["GET"]),
    Route("/v1/corrections/{request_id}/answer", answer_correction, methods=["POST"]),
)
