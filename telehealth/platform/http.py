"""What every route needs: the services it may use, a body it can trust, an answer never cached."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telehealth.platform.clock import Clock
from telehealth.platform.db import Database
from telehealth.platform.errors import TelehealthError
from telehealth.platform.hashing import PasswordHasher
from telehealth.platform.rates import Rates
from telehealth.platform.signing import TokenSigner

BODY_LIMIT_BYTES: Final = 64 * 1024
_DEEPEST: Final = 16
_MOST_NAMES: Final = 200
"""In one object; no form of ours has a quarter of that."""
_MOST_FAULTS: Final = 20
"""Told of one body: whoever sends more faults is no form of ours."""
_LARGEST_WHOLE: Final = 2**53 - 1
_FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the composition root made once for all requests; `app.state.services`."""

    database: Database
    clock: Clock
    signer: TokenSigner
    password_hasher: PasswordHasher
    rates: Rates
    staff_second_factor: Literal["required", "offered"] = "required"
    refusal_after_s: float = 1.0
    """Least time until a refused sign-in is answered, in seconds."""
    public_origin: str
    """Scheme, host and port people type; the only Host answered."""
    socket_url: str
    """Given to browsers with a ticket."""
    allowed_origins: frozenset[str]
    service_key: bytes = field(repr=False)
    """HS256 secret under which signaling calls our internal port."""
    deployment: str | None = None
    """Name of this installation in business identifiers."""
    audit_heads_folder: Path | None = None
    audit_public_keys: Path | None = None
    """Both, or the auditor's check is of the chain in itself."""


class BodyRefused(TelehealthError):
    """The body is JSON but not what the route takes."""

    code = "request.body_refused"
    public_message = "Something in this form is missing or not right."

    def __init__(self, pointers: Mapping[str, str]) -> None:
        super().__init__(fields=len(pointers))
        self.told: Mapping[str, Any] = {
            "errors": [
                {"pointer": at, "kind": kind} for at, kind in islice(pointers.items(), _MOST_FAULTS)
            ]
        }
        """JSON pointers and kinds of fault; never a value."""


class BodyMalformed(TelehealthError):
    """The body is no JSON text we accept: broken, too deep, a name twice, not a number."""

    code = "request.malformed"
    public_message = "The request could not be read."


class BodyTooLarge(TelehealthError):
    """The body is larger than any form of ours."""

    code = "request.too_large"
    public_message = "The request is too large."


class NotJson(TelehealthError):
    """The body is not declared as plain JSON."""

    code = "request.not_json"
    public_message = "The request could not be read."
    told_fields: ClassVar[frozenset[str]] = frozenset()


def services_of(request: Request) -> Services:
    """Return the services of the application that serves `request`."""
    services = request.app.state.services
    if not isinstance(services, Services):
        raise TypeError("the composition root put no services on the application")
    return services


async def body_of(request: Request, model: type[Model]) -> Model:
    """Read and validate a JSON body.

    Args:
        request: Its stream is read here, at most 64 KiB of it.
        model: What the route takes.

    Raises:
        NotJson: Content-Type is not `application/json`, or the body is encoded.
        BodyTooLarge: Over 64 KiB, declared or streamed.
        BodyMalformed: Not UTF-8 JSON; nested deeper than 16; a name twice or more than 200 names
            in one object; NaN,
            Infinity or a number that is not exact in every reader; a NUL in a text.
        BodyRefused: JSON, but not `model`; carries JSON pointers and no value.

    Source:
        RFC 8259 section 4 (names should be unique: two parsers may read two documents);
        RFC 6901 for the pointers.
    """
    _refuse_other_types(request)
    raw = await read_limited(request, BODY_LIMIT_BYTES)
    _refuse_odd_json(raw)
    try:
        return model.model_validate_json(raw)
    except ValidationError as invalid:
        pointers = {
            _pointer(fault["loc"]): fault["type"]
            for fault in invalid.errors(
                include_url=False, include_context=False, include_input=False
            )
        }
        raise BodyRefused(pointers) from None


async def read_limited(request: Request, limit: int) -> bytes:
    """Read the body, refusing while it streams once it passes `limit` bytes."""
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > limit:
            raise BodyTooLarge(limit_bytes=limit)
    return bytes(chunks)


def answer(body: BaseModel | Mapping[str, Any], status: int = 200) -> Response:
    """Answer JSON that no cache may keep."""
    content = body.model_dump(mode="json") if isinstance(body, BaseModel) else body
    return JSONResponse(content, status, {"Cache-Control": "no-store"})


def nothing() -> Response:
    """Answer 204."""
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


def _refuse_other_types(request: Request) -> None:
    declared = [part.strip().lower() for part in request.headers.get("content-type", "").split(";")]
    if declared[0] != "application/json" or any(part != "charset=utf-8" for part in declared[1:]):
        raise NotJson
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise NotJson


def _refuse_odd_json(raw: bytes) -> None:
    try:
        parsed = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_exact,
            parse_float=_finite,
        )
    except (ValueError, RecursionError):
        raise BodyMalformed from None
    _refuse_deep(parsed)
    # PostgreSQL text cannot hold U+0000; no name or note needs one.
    if b"\\u0000" in raw or b"\0" in raw:
        raise BodyMalformed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs) or len(found) > _MOST_NAMES:
        raise ValueError("a name twice, or too many")
    return found


def _exact(digits: str) -> int:
    """Refuse a whole number that a reader with double floats would take for another one.

    Source:
        RFC 7493 section 2.2.
    """
    number = int(digits)
    if abs(number) > _LARGEST_WHOLE:
        raise ValueError("more than 53 bits")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("more than a double holds")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _refuse_deep(parsed: object) -> None:
    level = [parsed]
    for _ in range(_DEEPEST + 1):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise BodyMalformed


def _pointer(location: tuple[int | str, ...]) -> str:
    """Return a JSON pointer; a name that cannot be one of ours is not repeated back."""
    parts = [
        str(part) if isinstance(part, int) or _FIELD_NAME.fullmatch(part) else "-"
        for part in location
    ]
    return "".join(f"/{part}" for part in parts)
