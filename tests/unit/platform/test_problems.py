"""Every refusal has a status; what has none tells nothing."""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from uuid import UUID

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import telehealth
from telehealth.access.errors import NotSignedIn
from telehealth.identity.errors import LinkRefused, SignInBusy
from telehealth.platform.errors import TelehealthError
from telehealth.platform.http import BodyRefused
from telehealth.platform.problems import STATUS, on_http_exception, on_refusal, problem_of

ROOT = Path(telehealth.__file__).parent
REQUEST = Request({"type": "http", "method": "GET", "headers": []})


class Unlisted(TelehealthError):
    """A refusal somebody forgot to list."""

    code = "nobody.listed_this"
    public_message = "Ada Lovelace was here."


def every_refusal() -> Iterator[type[TelehealthError]]:
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text()
        if "TelehealthError" in text and "(TelehealthError)" in text:
            parts = path.relative_to(ROOT.parent).with_suffix("").parts
            import_module(".".join(parts))
    waiting = TelehealthError.__subclasses__()
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        if found.__module__.startswith("telehealth."):
            yield found


def test_every_refusal_has_a_status() -> None:
    without = {
        error.code
        for error in every_refusal()
        if isinstance(getattr(error, "code", None), str) and error.code not in STATUS
    }

    assert without == set()


def test_codes_are_not_shared() -> None:
    codes = [
        error.code for error in every_refusal() if isinstance(getattr(error, "code", None), str)
    ]

    assert len(codes) == len(set(codes))


def test_statuses_are_refusals() -> None:
    assert all(400 <= status < 600 for status in STATUS.values())


def body(response: Response) -> dict[str, object]:
    found: dict[str, object] = json.loads(bytes(response.body))
    return found


def test_a_refusal_is_a_problem_document() -> None:
    response = problem_of(NotSignedIn())

    assert response.media_type == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert body(response) == {
        "type": "urn:telehealth:problem:access.not_signed_in",
        "title": "Unauthorized",
        "status": 401,
        "code": "access.not_signed_in",
        "detail": "Please sign in first.",
    }


def test_only_fields_meant_for_the_person_are_told() -> None:
    told = body(problem_of(LinkRefused(link_id=UUID(int=1), tries_left=3)))

    assert told["tries_left"] == 3
    assert "link_id" not in told


def test_further_members_cannot_hide_the_code() -> None:
    told = body(problem_of(NotSignedIn(), told={"called_by": "x", "code": "forged"}))

    assert (told["called_by"], told["code"]) == ("x", "access.not_signed_in")


def test_a_refusal_without_a_row_tells_nothing() -> None:
    response = problem_of(Unlisted(count=1))

    assert response.status_code == 500
    assert body(response)["code"] == "request.failed"
    assert b"Ada" not in response.body


def test_who_is_busy_says_when_to_come_back() -> None:
    assert problem_of(SignInBusy()).headers["retry-after"] == "2"


async def test_a_refused_body_tells_its_places() -> None:
    response = await on_refusal(REQUEST, BodyRefused({"/text": "missing"}))

    assert response.status_code == 422
    assert body(response)["errors"] == [{"pointer": "/text", "kind": "missing"}]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "request.unknown_address"),
        (405, "request.wrong_method"),
        (400, "request.malformed"),
        (500, "request.failed"),
    ],
)
async def test_refusals_of_the_framework_have_our_form(status: int, code: str) -> None:
    raised = HTTPException(status, detail="Ada Lovelace", headers={"Allow": "GET"})

    response = await on_http_exception(REQUEST, raised)

    assert body(response)["code"] == code
    assert response.headers["allow"] == "GET"
    assert b"Ada" not in response.body
