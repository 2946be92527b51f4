"""What an EHR's HTTP answer means.  Pure.

An EHR's own words never leave this file: an OperationOutcome is read for its codes alone.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from telehealth.chart_sync.ports import (
    CreateAnswer,
    Matched,
    NoReply,
    Reply,
    SearchAnswer,
    Stored,
    Trouble,
    TroubleKind,
)
from telehealth.delivery.ports import OutcomeCode

_LONGEST_WAIT: Final = timedelta(hours=1)
"""A Retry-After beyond this is cut: an EHR must not silence us for a day by mistake."""
_REFERENCE: Final = re.compile(
    r"(?:^|/)([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?$"
)


def created(reply: Reply | NoReply, *, resource_type: str, now: datetime) -> CreateAnswer:
    """Read the answer to a conditional create.

    201 made it, 200 found exactly one that was there before; its stored body is unchanged.

    Source: FHIR R4 http.html#ccreate: 412 when several match.
    """
    if isinstance(reply, NoReply):
        return _silence(reply)
    if reply.status in {HTTPStatus.OK, HTTPStatus.CREATED}:
        ref = _reference(reply, resource_type)
        if ref is None:
            return _unreadable(reply)
        return Stored(ref=ref, http_status=reply.status)
    if reply.status == HTTPStatus.PRECONDITION_FAILED:
        return Trouble(
            kind=TroubleKind.REFUSED,
            code=OutcomeCode.DUPLICATES_AT_PARTNER,
            http_status=reply.status,
        )
    return trouble(reply, now=now)


def matched(
    reply: Reply | NoReply, *, resource_type: str, system: str, value: str, now: datetime
) -> SearchAnswer:
    """Read the answer to a search by identifier.

    Only resources that do carry the identifier count: a server may ignore a search parameter and
    answer with everything it has.
    """
    if isinstance(reply, NoReply):
        return _silence(reply)
    if reply.status != HTTPStatus.OK:
        return trouble(reply, now=now)
    bundle = json_object(reply.body)
    if bundle is None or bundle.get("resourceType") != "Bundle":
        return _unreadable(reply)
    entries = bundle.get("entry", [])
    resources = [
        found
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(found := _resource_of(entry), dict)
        and found.get("resourceType") == resource_type
    ]
    ours = [found for found in resources if _carries(found, system, value)]
    if resources and not ours:
        return _unreadable(reply)
    return Matched(resources=ours, http_status=reply.status)


def trouble(reply: Reply, *, now: datetime) -> Trouble:
    """Say what an unsuccessful answer means for what was asked."""
    codes = issue_codes(reply.body)
    status = reply.status
    if status == HTTPStatus.TOO_MANY_REQUESTS or "throttled" in codes:
        return Trouble(
            kind=TroubleKind.LATER,
            code=OutcomeCode.RATE_LIMITED,
            http_status=status,
            not_before=retry_after(reply.headers, now=now),
            counts=False,
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        signed_in = status == HTTPStatus.FORBIDDEN
        return Trouble(
            kind=TroubleKind.LATER,
            code=OutcomeCode.NOT_PERMITTED_BY_PARTNER if signed_in else OutcomeCode.SIGN_IN_REFUSED,
            http_status=status,
            pauses_partner=True,
        )
    if status == HTTPStatus.CONFLICT or "duplicate" in codes:
        return Trouble(kind=TroubleKind.UNKNOWN, code=OutcomeCode.CONFLICT, http_status=status)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Trouble(
            kind=TroubleKind.REFUSED, code=OutcomeCode.REJECTED_BY_PARTNER, http_status=status
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Trouble(
            kind=TroubleKind.UNKNOWN,
            code=OutcomeCode.PARTNER_ERROR,
            http_status=status,
            not_before=retry_after(reply.headers, now=now),
        )
    return _unreadable(reply)


def retry_after(headers: Mapping[str, str], *, now: datetime) -> datetime | None:
    """Read Retry-After: seconds or an HTTP date; None when absent or nonsense.

    Source: RFC 9110 section 10.2.3.
    """
    text = headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii():
        return now + min(timedelta(seconds=min(int(text[:9]), 10**6)), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return min(max(at, now), now + _LONGEST_WAIT)


def issue_codes(body: bytes) -> frozenset[str]:
    """Return the codes of an OperationOutcome's issues; none of its text."""
    outcome = json_object(body)
    issues = outcome.get("issue") if outcome is not None else None
    if not isinstance(issues, list):
        return frozenset()
    codes = (issue.get("code") for issue in issues if isinstance(issue, dict))
    return frozenset(code for code in codes if isinstance(code, str))


def json_object(body: bytes) -> dict[str, Any] | None:
    """Parse a JSON object; None for anything else."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _reference(reply: Reply, resource_type: str) -> str | None:
    """Find `Type/id` in Location, or in the body: some EHRs answer 201 with an empty one."""
    for name in ("location", "content-location"):
        found = _REFERENCE.search(reply.headers.get(name, ""))
        if found is not None and found[1] == resource_type:
            return f"{found[1]}/{found[2]}"
    resource = json_object(reply.body)
    if resource is None or resource.get("resourceType") != resource_type:
        return None
    found = _REFERENCE.search(f"{resource_type}/{resource.get('id', '')}")
    return None if found is None else f"{found[1]}/{found[2]}"


def _resource_of(entry: object) -> object:
    return entry.get("resource") if isinstance(entry, dict) else None


def _carries(resource: Mapping[str, Any], system: str, value: str) -> bool:
    identifiers = resource.get("identifier")
    return (
        isinstance(resource.get("id"), str)
        and isinstance(identifiers, list)
        and any(
            isinstance(one, dict) and one.get("system") == system and one.get("value") == value
            for one in identifiers
        )
    )


def _silence(reply: NoReply) -> Trouble:
    if reply.may_have_arrived:
        return Trouble(kind=TroubleKind.UNKNOWN, code=OutcomeCode.ANSWER_LOST)
    return Trouble(kind=TroubleKind.LATER, code=OutcomeCode.UNREACHABLE)


def _unreadable(reply: Reply) -> Trouble:
    return Trouble(
        kind=TroubleKind.UNKNOWN, code=OutcomeCode.UNREADABLE_ANSWER, http_status=reply.status
    )
