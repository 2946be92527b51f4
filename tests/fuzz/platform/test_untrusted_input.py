# Invariant: a body, a cookie header and a token are accepted, or refused with a documented error.
"""What strangers send us before anybody knows them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.requests import Request

from telehealth.platform.guards import cookies_of
from telehealth.platform.http import BodyMalformed, BodyRefused, BodyTooLarge, body_of
from telehealth.platform.signing import TokenRefused, verify_service_token
from tests.support.clock import MORNING, FakeClock
from tests.support.keys import signer_for_tests

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


class Line(BaseModel):
    text: str
    version: int = 0


def request(raw: bytes) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    headers = [(b"content-type", b"application/json")]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def read(raw: bytes) -> None:
    try:
        body = await body_of(request(raw), Line)
    except (BodyMalformed, BodyRefused, BodyTooLarge):
        return
    # What was accepted can be stored in either database.
    assert "\0" not in body.text
    body.text.encode()


@given(st.binary())
async def test_any_bytes_as_a_body(raw: bytes) -> None:
    await read(raw)


@given(JSON)
async def test_any_json_as_a_body(value: object) -> None:
    await read(json.dumps(value).encode())


@given(st.dictionaries(st.sampled_from(["text", "version"]), JSON))
async def test_any_values_in_a_body(value: object) -> None:
    await read(json.dumps(value).encode())


@given(st.lists(st.binary(), max_size=3))
def test_any_cookie_header(raw: list[bytes]) -> None:
    found = cookies_of({"headers": [(b"cookie", header) for header in raw]})

    assert all(isinstance(value, str) for value in found.values())


@given(st.text() | st.from_regex(r"[\w-]{1,40}\.[\w-]{1,80}\.[\w-]{1,80}", fullmatch=True))
def test_any_text_as_a_token(token: str) -> None:
    with pytest.raises(TokenRefused):
        signer_for_tests(FakeClock()).verify(token, typ="access+jwt", audience="x")
    with pytest.raises(TokenRefused):
        verify_service_token(
            token, key=bytes(32), issuer="signaling", audience="visit-service", now=MORNING
        )
