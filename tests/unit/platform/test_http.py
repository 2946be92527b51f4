"""Bodies: read at most 64 KiB, one meaning only, and no value told back."""

import json
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from telehealth.platform.http import (
    BODY_LIMIT_BYTES,
    BodyMalformed,
    BodyRefused,
    BodyTooLarge,
    NotJson,
    answer,
    body_of,
    nothing,
    services_of,
)


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=10)]
    version: int = 0
    inner: list[Any] = []
    more: dict[str, int] = {}


def request(
    *chunks: bytes, content_type: str | None = "application/json", **headers: str
) -> Request:
    waiting = list(chunks)

    async def receive() -> dict[str, Any]:
        body = waiting.pop(0) if waiting else b""
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    given = {**({"content-type": content_type} if content_type is not None else {}), **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
    return Request({"type": "http", "method": "POST", "headers": raw, "app": None}, receive)


async def test_a_body_is_read_into_its_model() -> None:
    body = await body_of(request(b'{"text":', b'"Zo\xc3\xab","version":3}'), Line)

    assert (body.text, body.version) == ("Zoë", 3)


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"],
)
async def test_json_may_be_declared_in_several_ways(content_type: str) -> None:
    body = await body_of(request(b'{"text":"a"}', content_type=content_type), Line)

    assert body.text == "a"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json-seq",
        "text/plain; application/json",
    ],
)
async def test_other_types_are_refused(content_type: str | None) -> None:
    """A form of another site can send text/plain without asking us first (CORS)."""
    with pytest.raises(NotJson):
        await body_of(request(b'{"text":"a"}', content_type=content_type), Line)


async def test_a_compressed_body_is_refused() -> None:
    with pytest.raises(NotJson):
        await body_of(request(b"\x1f\x8b", content_encoding="gzip"), Line)


async def test_a_body_is_cut_off_while_it_streams() -> None:
    read = 0

    class Endless:
        async def __call__(self) -> dict[str, Any]:
            nonlocal read
            read += 1
            return {"type": "http.request", "body": b" " * 8192, "more_body": True}

    headers = [(b"content-type", b"application/json")]
    endless = Request({"type": "http", "method": "POST", "headers": headers}, Endless())

    with pytest.raises(BodyTooLarge):
        await body_of(endless, Line)
    assert read == BODY_LIMIT_BYTES // 8192 + 1


async def test_the_limit_itself_is_allowed() -> None:
    body = b'{"text":"a"}'
    padded = body + b" " * (BODY_LIMIT_BYTES - len(body))

    assert (await body_of(request(padded), Line)).text == "a"
    with pytest.raises(BodyTooLarge):
        await body_of(request(padded + b" "), Line)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"text":"a"} trailing',
        b'{"text":"a","text":"b"}',
        b'{"text":"a","more":{"x":1,"x":2}}',
        b'{"text":NaN}',
        b'{"text":Infinity}',
        b'{"text":-Infinity}',
        b'{"text":"\xff"}',
        b'\xef\xbb\xbf{"text":"a"}',
        b'{"text":"a\\u0000b"}',
        b'{"text":"a\x00b"}',
        b'{"text":"a","inner":' + b"[" * 17 + b"]" * 17 + b"}",
        b"[" * 30_000 + b"]" * 30_000,
        b'{"text":' * 6_000,
        b"1" * 5_000,
        b'{"text":"a","version":9007199254740993}',
        b'{"text":"a","inner":[-9007199254740993]}',
        b'{"text":"a","inner":[1e999]}',
        b'{"text":"a","more":{' + b",".join(b'"f%d":1' % n for n in range(201)) + b"}}",
        b'{"text":"a","inner":[-1e999]}',
    ],
)
@pytest.mark.requirement("SEC-JSON-01")
async def test_what_is_not_one_plain_json_text_is_refused(raw: bytes) -> None:
    with pytest.raises(BodyMalformed):
        await body_of(request(raw), Line)


async def test_fifteen_levels_in_an_object_are_enough_for_anybody() -> None:
    raw = b'{"text":"a","inner":' + b"[" * 15 + b"]" * 15 + b"}"

    assert (await body_of(request(raw), Line)).text == "a"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, [{"pointer": "/text", "kind": "missing"}]),
        ({"text": "much too long a line"}, [{"pointer": "/text", "kind": "string_too_long"}]),
        ({"text": "a", "version": "x"}, [{"pointer": "/version", "kind": "int_parsing"}]),
        ({"text": "a", "more": {"Ada Lovelace": "x"}},
         [{"pointer": "/more/-", "kind": "int_parsing"}]),
        ({"text": "a", "Ada Lovelace": 1}, [{"pointer": "/-", "kind": "extra_forbidden"}]),
        ([], [{"pointer": "", "kind": "model_type"}]),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_by_place_and_kind_never_by_value(
    body: object, told: list[dict[str, str]]
) -> None:
    with pytest.raises(BodyRefused) as refused:
        await body_of(request(json.dumps(body).encode()), Line)

    assert refused.value.told["errors"] == told
    assert "Ada" not in json.dumps(dict(refused.value.told))


async def test_half_a_character_is_no_text() -> None:
    with pytest.raises(BodyRefused):
        await body_of(request(b'{"text":"\\ud800"}'), Line)


def test_an_answer_is_never_cached() -> None:
    made = [answer({"a": 1}), answer(Line(text="a"), status=201), nothing()]

    assert [response.status_code for response in made] == [200, 201, 204]
    assert {response.headers["cache-control"] for response in made} == {"no-store"}
    assert json.loads(bytes(made[1].body))["text"] == "a"


def test_an_application_without_services_is_our_mistake() -> None:
    app = SimpleNamespace(state=SimpleNamespace(services=None))

    with pytest.raises(TypeError):
        services_of(Request({"type": "http", "app": app, "headers": []}))
