"""Our OpenAPI document, as each role: what it allows and what it does not is asked of every route.

`schemathesis` makes the requests and holds the answers against the document.  In full (some
minutes): `make test-trust-full`.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any, Final, TypeAlias

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.app_client import ORIGIN
from tests.support.http_api import http_api
from tests.support.requirements import Figure
from tests.support.two_clinics import Caller, TwoClinics

AnyCase: TypeAlias = Case[Any]
AnyOperation: TypeAlias = APIOperation[Any, Any, Any, Any]

SEED: Final = 20_260_302
EXAMPLES: Final = 40 if os.environ.get("ACCESS_RUNS") == "full" else 1
"""A route, a role and a mode."""
MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# They end the login session that asks: whoever is signed in would be nobody from then on.
OF_THE_SESSION: Final = {"/v1/sign-out", "/v1/session/refresh"}


def _own(case: AnyCase, world: TwoClinics, number: int) -> None:
    """Point every other request at something that is there."""
    named = case.path_parameters or {}
    if number % 2 == 0:
        known = {"visit_id": world.own.visit_id, "patient_id": world.own.clinic.patient_id}
        case.path_parameters = {name: str(known.get(name, named[name])) for name in named}


async def _send(caller: Caller, case: AnyCase) -> httpx.Response:
    asked = case.as_transport_kwargs(base_url=ORIGIN)
    body = {name: asked[name] for name in ("json", "data", "files") if asked.get(name) is not None}
    if isinstance(body.get("data"), bytes | str):
        body["content"] = body.pop("data")
    headers = {name: value for name, value in asked["headers"].items() if _is_sendable(value)}
    return await caller.http.request(
        asked["method"], asked["url"], params=asked.get("params"), headers=headers, **body
    )


def _is_sendable(value: Any) -> bool:
    """A browser's header is Latin-1 text on one line."""
    return isinstance(value, str) and value.isascii() and value.isprintable()


@dataclass
class Run:
    """What was answered, and what of it the document does not say."""

    world: TwoClinics
    loop: asyncio.AbstractEventLoop
    answers: Counter[int] = field(default_factory=Counter)
    drift: list[str] = field(default_factory=list)

    def ask(self, caller: Caller, case: AnyCase) -> None:
        """Send one request; from the thread that makes them."""
        _own(case, self.world, sum(self.answers.values()))
        sent = asyncio.run_coroutine_threadsafe(_send(caller, case), self.loop)
        answer = sent.result(30)
        self.answers[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except BaseExceptionGroup as refused:
            self.drift.extend(f"{caller.name}: {each}" for each in refused.exceptions)

    def ask_all(self, callers: list[Caller], operations: list[AnyOperation]) -> None:
        """Have everybody ask every route, rightly and wrongly."""
        for caller, operation, mode in product(callers, operations, MODES):
            if caller.actor is None or operation.path not in OF_THE_SESSION:
                _generate(partial(self.ask, caller), operation, mode)


def _operations(document: dict[str, Any]) -> list[AnyOperation]:
    schema = schemathesis.openapi.from_dict(document)
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(found) == sum(map(len, document["paths"].values()))
    return found


@pytest.mark.requirement("SEC-ACL-02", "SEC-ACL-03")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.timeout(3_600)
async def test_every_answer_to_every_role_is_one_of_the_documents(
    world: TwoClinics, figure: Figure
) -> None:
    run = Run(world, asyncio.get_running_loop())
    operations = _operations(http_api())
    callers = [each for each in world.callers if not each.name.endswith("second")]

    await asyncio.to_thread(run.ask_all, callers, operations)

    errors = sum(count for status, count in run.answers.items() if status >= 500)
    figure(
        f"seed {SEED}: {sum(run.answers.values())} requests by {len(callers)} callers over "
        f"{len(operations)} routes, {errors} server errors, {len(run.drift)} drift"
    )
    assert run.drift == []
    assert errors == 0
    assert any(status < 300 for status in run.answers)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_document_that_says_too_little_is_found_out(world: TwoClinics) -> None:
    document = http_api()
    said = {"200": {"description": "Done."}}
    document["paths"] = {"/v1/me": {"get": {"operationId": "me", "responses": said}}}
    run = Run(world, asyncio.get_running_loop())

    await asyncio.to_thread(run.ask_all, world.callers, _operations(document))

    # Everybody who is signed in has a card of their own; a stranger is not signed in.
    assert sorted(each.partition(":")[0] for each in run.drift) == ["anonymous", "service"]


def _generate(
    ask: Callable[[AnyCase], None], operation: AnyOperation, mode: GenerationMode
) -> None:
    def test(case: AnyCase) -> None:
        ask(case)

    kept = settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    asked = given(operation.as_strategy(generation_mode=mode))(test)
    try:
        seed(SEED)(kept(asked))()
    except Unsatisfiable:
        # A route that takes nothing cannot be asked wrongly.
        assert mode is GenerationMode.NEGATIVE
