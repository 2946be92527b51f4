"""What an EHR's HTTP answer means."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from telehealth.chart_sync.answers import created, issue_codes, matched, retry_after, trouble
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

NOON = datetime(2030, 3, 4, 12, tzinfo=UTC)
SYSTEM, VALUE = "urn:demo:visit", "v1"


def reply(status: int, body: object = None, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=json.dumps(body).encode())


def outcome(code: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}


def read_create(answer: Reply | NoReply) -> CreateAnswer:
    return created(answer, resource_type="Encounter", now=NOON)


def read_search(answer: Reply | NoReply) -> SearchAnswer:
    return matched(answer, resource_type="Encounter", system=SYSTEM, value=VALUE, now=NOON)


def bundle(*resources: object) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}


def carrying(value: str, resource_id: str = "e1") -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": resource_id,
        "identifier": [{"system": SYSTEM, "value": value}],
    }


@pytest.mark.parametrize(
    "answer",
    [
        reply(201, location="http://ehr.example/fhir/Encounter/e1/_history/1"),
        reply(201, location="Encounter/e1"),
        reply(200, content_location="http://ehr.example/fhir/Encounter/e1/_history/7"),
        reply(200, {"resourceType": "Encounter", "id": "e1"}),
        reply(201, {"resourceType": "Encounter", "id": "e1"}, location="/somewhere/else/"),
    ],
    ids=["absolute", "relative", "found before", "in the body", "odd location"],
)
def test_a_stored_resource_has_a_reference(answer: Reply) -> None:
    assert read_create(answer) == Stored(ref="Encounter/e1", http_status=answer.status)


@pytest.mark.parametrize(
    "answer",
    [
        reply(201),
        reply(200, {"resourceType": "Patient", "id": "p1"}),
        reply(200, {"resourceType": "Encounter", "id": "../x"}),
        reply(200, location="http://ehr.example/fhir/Patient/p1"),
        reply(202),
        reply(302, location="http://elsewhere.example/"),
    ],
    ids=["nowhere", "another type", "an odd id", "another place", "accepted", "redirect"],
)
def test_a_success_that_cannot_be_read_may_have_happened(answer: Reply) -> None:
    trouble_met = read_create(answer)

    assert isinstance(trouble_met, Trouble)
    assert trouble_met.kind is TroubleKind.UNKNOWN
    assert trouble_met.code is OutcomeCode.UNREADABLE_ANSWER


def test_several_matches_need_a_person() -> None:
    assert read_create(reply(412)) == Trouble(
        kind=TroubleKind.REFUSED, code=OutcomeCode.DUPLICATES_AT_PARTNER, http_status=412
    )


@pytest.mark.parametrize("read", [read_create, read_search])
@pytest.mark.parametrize(
    ("may_have_arrived", "kind", "code"),
    [
        (True, TroubleKind.UNKNOWN, OutcomeCode.ANSWER_LOST),
        (False, TroubleKind.LATER, OutcomeCode.UNREACHABLE),
    ],
)
def test_silence_is_unknown_unless_nothing_left(
    read: Any,
    may_have_arrived: bool,  # noqa: FBT001  (a table)
    kind: TroubleKind,
    code: OutcomeCode,
) -> None:
    answer = read(NoReply(may_have_arrived=may_have_arrived))

    assert (answer.kind, answer.code) == (kind, code)


@pytest.mark.parametrize("read", [read_create, read_search])
def test_an_unsuccessful_answer_is_trouble_wherever_it_comes(read: Any) -> None:
    assert read(reply(422, outcome("invalid"))).code is OutcomeCode.REJECTED_BY_PARTNER


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, TroubleKind.REFUSED, OutcomeCode.REJECTED_BY_PARTNER),
        (401, TroubleKind.LATER, OutcomeCode.SIGN_IN_REFUSED),
        (403, TroubleKind.LATER, OutcomeCode.NOT_PERMITTED_BY_PARTNER),
        (404, TroubleKind.REFUSED, OutcomeCode.REJECTED_BY_PARTNER),
        (409, TroubleKind.UNKNOWN, OutcomeCode.CONFLICT),
        (410, TroubleKind.REFUSED, OutcomeCode.REJECTED_BY_PARTNER),
        (422, TroubleKind.REFUSED, OutcomeCode.REJECTED_BY_PARTNER),
        (429, TroubleKind.LATER, OutcomeCode.RATE_LIMITED),
        (500, TroubleKind.UNKNOWN, OutcomeCode.PARTNER_ERROR),
        (503, TroubleKind.UNKNOWN, OutcomeCode.PARTNER_ERROR),
        (302, TroubleKind.UNKNOWN, OutcomeCode.UNREADABLE_ANSWER),
    ],
)
def test_a_status_has_one_meaning(status: int, kind: TroubleKind, code: OutcomeCode) -> None:
    met = trouble(reply(status), now=NOON)

    assert (met.kind, met.code, met.http_status) == (kind, code, status)
    assert met.pauses_partner is (status in {401, 403})
    assert met.counts is (status != 429)


@pytest.mark.parametrize(
    ("issue", "code"),
    [("throttled", OutcomeCode.RATE_LIMITED), ("duplicate", OutcomeCode.CONFLICT)],
)
def test_an_issue_code_says_more_than_its_status(issue: str, code: OutcomeCode) -> None:
    assert trouble(reply(400, outcome(issue)), now=NOON).code is code


@pytest.mark.parametrize("status", [429, 503])
def test_a_partner_that_asks_for_time_gets_it(status: int) -> None:
    met = trouble(reply(status, retry_after="120"), now=NOON)

    assert met.not_before == NOON + timedelta(minutes=2)


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(minutes=2)),
        ("9" * 30, timedelta(hours=1)),
        ("Mon, 04 Mar 2030 12:10:00 GMT", timedelta(minutes=10)),
        ("Mon, 04 Mar 2030 11:00:00 GMT", timedelta(0)),
        ("Mon, 04 Mar 2030 12:10:00 -0000", timedelta(minutes=10)),
        ("Tue, 05 Mar 2030 12:10:00 GMT", timedelta(hours=1)),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("٥", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(text: str, waits: timedelta | None) -> None:
    expected = None if waits is None else NOON + waits

    assert retry_after({"retry-after": text}, now=NOON) == expected


def test_a_search_finds_what_carries_the_identifier() -> None:
    answer = read_search(reply(200, bundle(carrying(VALUE))))

    assert isinstance(answer, Matched)
    assert answer.refs == ["Encounter/e1"]


@pytest.mark.parametrize("body", [bundle(), {"resourceType": "Bundle"}, {**bundle(), "entry": 7}])
def test_an_empty_bundle_is_nothing_found(body: dict[str, Any]) -> None:
    answer = read_search(reply(200, body))

    assert isinstance(answer, Matched)
    assert answer.refs == []


def test_outcomes_among_the_entries_are_passed_over() -> None:
    answer = read_search(reply(200, bundle(outcome("informational"), carrying(VALUE), None)))

    assert isinstance(answer, Matched)
    assert answer.refs == ["Encounter/e1"]


@pytest.mark.parametrize(
    "body",
    [
        bundle(carrying("another visit")),
        bundle({"resourceType": "Encounter", "id": "e1", "identifier": {}}),
        bundle({"resourceType": "Encounter", "identifier": [{"system": SYSTEM, "value": VALUE}]}),
        {"resourceType": "Encounter", "id": "e1"},
        ["no bundle"],
    ],
    ids=["other identifier", "odd identifier", "no id", "no bundle", "no object"],
)
def test_a_server_that_ignores_our_question_is_not_believed(body: object) -> None:
    """It might answer with every patient it has."""
    answer = read_search(reply(200, body))

    assert isinstance(answer, Trouble)
    assert answer.code is OutcomeCode.UNREADABLE_ANSWER


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"issue": 7}', b'{"issue": [7]}', b'{"issue": [{"code": 7}]}', b"\xff"],
)
def test_an_unreadable_outcome_has_no_codes(body: bytes) -> None:
    assert issue_codes(body) == frozenset()


def test_an_outcome_tells_its_codes_and_not_its_words() -> None:
    body = outcome("invalid")
    body["issue"][0]["diagnostics"] = "Rosa Samplewood was born in 1958"

    assert issue_codes(json.dumps(body).encode()) == frozenset({"invalid"})
