"""Error code to HTTP status, and RFC 9457 bodies.

The domain knows codes, not HTTP; this table is the one place where they meet.  A code without a
row is answered as an unexpected failure and nothing of it is told.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telehealth.platform.errors import TelehealthError

STATUS: Final[dict[str, int]] = {
    # who may
    "access.not_signed_in": 401,
    "access.not_permitted": 403,
    # requests as such
    "request.malformed": 400,
    "request.origin_refused": 403,
    "request.csrf_refused": 403,
    "request.unknown_address": 404,
    "request.wrong_method": 405,
    "request.too_large": 413,
    "request.not_json": 415,
    "request.wrong_host": 421,
    "request.body_refused": 422,
    "request.key_refused": 422,
    "request.key_reused": 422,
    "request.still_running": 409,
    "request.already_done": 409,
    "request.too_many": 429,
    "request.nobody_counts": 503,
    # tokens and outbound calls
    "token.refused": 401,
    "egress.refused": 502,
    # sealed columns
    "sealed.erased": 410,
    "sealed.plain_text_refused": 500,
    "sealed.unreadable": 500,
    "sealed.keys_unavailable": 503,
    # people and how they prove who they are
    "person.unknown": 404,
    "person.sign_in_refused": 401,
    "person.sign_in_busy": 503,
    "person.email_taken": 409,
    "password.too_short": 422,
    "password.too_long": 422,
    "password.common": 422,
    "password.about_you": 422,
    "password.unchanged": 422,
    "password.link_unknown": 410,
    "person.role_refused": 422,
    "person.not_oneself": 409,
    "factor.refused": 403,
    "factor.unknown": 404,
    "factor.taken": 409,
    "factor.needed": 409,
    "factor.nothing_to_confirm": 409,
    "factor.prove_by_another": 403,
    "sign_in.second_step_over": 410,
    "session.step_up_needed": 403,
    "session.second_factor_missing": 403,
    "clinic.unknown": 404,
    "audit.entry_refused": 500,
    "audit.search_refused": 422,
    "audit.not_configured": 409,
    "session.ended": 401,
    "session.unknown": 404,
    "session.just_renewed": 409,
    "link.unknown": 404,
    "link.refused": 403,
    "link.locked": 403,
    "link.replaced": 410,
    "link.expired": 410,
    "link.in_use": 409,
    "link.name_missing": 422,
    "contact.unreadable": 422,
    "code.refused": 403,
    "code.over": 410,
    "person.several": 409,
    "sso.refused": 401,
    "sso.unreachable": 503,
    "sso.unknown": 403,
    "sso.taken": 409,
    "sso.only_way": 409,
    "sso.not_offered": 409,
    # appointments and visits
    "scheduling.slot_taken": 409,
    "scheduling.times_refused": 422,
    "scheduling.unknown": 404,
    "visit.unknown": 404,
    "visit.illegal_step": 409,
    "visit.newer_version": 409,
    "visit.too_early": 409,
    "visit.too_late": 409,
    "visit.may_not_join": 409,
    "visit.open_items": 409,
    "visit.consent_missing": 409,
    "visit.consent_withdrawn": 409,
    "visit.nothing_to_withdraw": 409,
    "visit.unknown_participant": 404,
    "visit.undo_too_late": 409,
    "visit.full": 409,
    "visit.not_a_guest": 422,
    # waiting room
    "waiting_room.already_called": 409,
    "waiting_room.check_in_missing": 409,
    "waiting_room.call_back_number_refused": 422,
    # notes
    "note.newer_version": 409,
    "note.already_signed": 409,
    "note.unsigned": 409,
    "note.empty": 422,
    # copies, corrections, holds
    "privacy.export_link_refused": 410,
    "privacy.birth_date_refused": 403,
    "privacy.unknown_correction": 404,
    "privacy.correction_answered": 409,
    "privacy.reason_missing": 422,
    "privacy.too_many_corrections": 429,
    "privacy.already_held": 409,
    "privacy.not_held": 409,
    # somebody else's patient, in an emergency
    "break_glass.reason_too_short": 422,
    "break_glass.another_open": 409,
    "break_glass.unknown": 404,
    "break_glass.ended": 410,
    # the daily review of the audit trail
    "day_review.unknown": 404,
    # what is owed to partners
    "delivery.unknown_entry": 404,
    "delivery.not_parked": 409,
    "delivery.already_owed": 409,
    "delivery.illegal_step": 409,
    "chart.payload_unreadable": 500,
    "notice.unreadable": 500,
}
"""A capability adds its rows here; a test fails for an error class without one."""

UNEXPECTED: Final = "request.failed"
_UNEXPECTED_MESSAGE: Final = "Something went wrong on our side. Please try again."
_OF_STATUS: Final = {404: "request.unknown_address", 405: "request.wrong_method"}
_log = structlog.get_logger(__name__)


def problem(
    status: int, code: str, detail: str, *, told: Mapping[str, Any] | None = None
) -> Response:
    """Make a problem document.

    Args:
        status: HTTP status.
        code: Stable dotted code, found again in both catalogues.
        detail: A sentence fit for a patient.
        told: Extension members, as JSON values.

    Source:
        RFC 9457 sections 3.1 and 3.2.
    """
    body = {
        **(told or {}),
        "type": f"urn:telehealth:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    headers = {"Cache-Control": "no-store"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "2"
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def problem_of(error: TelehealthError, *, told: Mapping[str, Any] | None = None) -> Response:
    """Turn a refusal into its answer; one without a row tells nothing.

    Args:
        error: What was refused.
        told: Further members the person may know and an error may not carry (texts, instants).
    """
    status = STATUS.get(error.code)
    if status is None:
        _log.error("request.unlisted_refusal", code=error.code)
        return problem(500, UNEXPECTED, _UNEXPECTED_MESSAGE)
    known = {name: error.log_fields[name] for name in error.told_fields & error.log_fields.keys()}
    fields = {name: _json_of(value) for name, value in known.items()}
    answer = problem(status, error.code, error.public_message, told={**fields, **(told or {})})
    if (wait_s := error.log_fields.get("retry_after_s")) is not None:
        answer.headers["Retry-After"] = str(wait_s)
    return answer


def unexpected() -> Response:
    """Answer a failure of ours, saying nothing about it."""
    return problem(500, UNEXPECTED, _UNEXPECTED_MESSAGE)


async def on_refusal(request: Request, error: Exception) -> Response:
    """Answer a `TelehealthError` that left a route."""
    if not isinstance(error, TelehealthError):  # pragma: no cover  (registered for refusals only)
        raise error
    _log.info(
        "request.refused",
        code=error.code,
        status=STATUS.get(error.code, 500),
        method=request.method,
        **error.log_fields,
    )
    return problem_of(error, told=getattr(error, "told", None))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer Starlette's own refusals (no such address, wrong method) in our form."""
    del request
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = _OF_STATUS.get(
        status, "request.malformed" if status < HTTPStatus.INTERNAL_SERVER_ERROR else UNEXPECTED
    )
    answer = problem(status, code, HTTPStatus(status).phrase)
    if isinstance(error, HTTPException) and error.headers:
        answer.headers.update(error.headers)
    return answer


def _json_of(value: object) -> object:
    return value if isinstance(value, int | float | str | None) else str(value)
