"""What looks like SQL, a path or a template in a text is a text."""

from collections.abc import Iterator
from typing import Any

import pytest

from telehealth.access.route_table import PUBLIC_ROUTES
from telehealth.access.routes import RouteRow, Verdict, Who
from telehealth.platform.db import Database
from tests.support.body_examples import example_of
from tests.support.http_api import API, body_model, handlers_of, public_routes
from tests.support.requirements import Figure
from tests.support.two_clinics import Caller, TwoClinics

PAYLOADS = (
    "'", "''", '"', "`", "\\", "';--", "' OR '1'='1", '" OR ""="', "1; DROP TABLE visits", "/*x*/",
    "-- x", "%", "_", "%%%", "*", "') UNION SELECT NULL--", "$$x$$", "{{7*7}}", "${7*7}", "%s%s%n",
    "../../etc/passwd", "\r\nSet-Cookie: x=1", "x\u202ey", "\u0000", "1e309", "NaN", "null", "",
)  # fmt: skip


def texts_of(schema: dict[str, Any]) -> list[str]:
    return [
        name
        for name, field in schema.get("properties", {}).items()
        if field.get("type") == "string"
    ]


def asked(world: TwoClinics) -> Iterator[tuple[RouteRow, Caller, str, dict[str, Any] | None]]:
    """Yield each payload in each text of a body, each part of a path and each query."""
    handlers = handlers_of(public_routes())
    for row in PUBLIC_ROUTES:
        if not row.path.startswith(API) or row.who is Who.PUBLIC:
            continue
        caller = next(c for c in world.callers if row.verdict(c.actor) is Verdict.PASS)
        path = row.path.replace("{visit_id}", str(world.own.visit_id))
        model = body_model(handlers[row.method, row.path])
        for payload in PAYLOADS:
            for name in row.query:
                yield row, caller, f"{path}?{name}={_quoted(payload)}", None
            if "{" in row.path:
                head, _, tail = row.path.partition("{")
                yield row, caller, f"{head}{_quoted(payload)}{tail.partition('}')[2]}", {}
            if model is not None:
                body = example_of(model)
                for name in texts_of(model.model_json_schema()):
                    yield row, caller, path, {**body, name: payload}


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


@pytest.mark.requirement("SEC-INJ-01")
@pytest.mark.timeout(300)
async def test_a_text_that_looks_like_sql_is_a_text(
    world: TwoClinics, database: Database, figure: Figure
) -> None:
    await world.own.talk()
    before = await world.foreign.card()
    sent = 0
    for row, caller, path, body in asked(world):
        answer = await caller.ask(row.method, path, body)
        sent += 1
        assert answer.status_code < 500, (path, body, answer.text)
        assert "x=1" not in answer.headers.get("set-cookie", "")
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    figure(f"{sent} payloads on {kind}, 0 errors of ours")
    assert await world.foreign.card() == before
    assert sent > 500


@pytest.mark.requirement("SEC-INJ-01")
async def test_a_text_is_given_back_as_it_was_typed(world: TwoClinics) -> None:
    await world.own.talk()
    await world.own.finish()
    provider = world.callers[1]
    for version, payload in enumerate(each for each in PAYLOADS if each and "\u0000" not in each):
        await world.own.write(payload, based_on=version)

        note = await provider.ask("GET", f"/v1/visits/{world.own.visit_id}/note", None)

        assert note.json()["text"] == payload
