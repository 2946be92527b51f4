"""Every route, asked by everybody, for everybody's things; what must happen stands in the table."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from telehealth.access.roles import Role
from telehealth.access.route_table import INTERNAL_ROUTES, PUBLIC_ROUTES
from telehealth.access.routes import RouteRow, Scope, Verdict, Who
from tests.support.body_examples import example_of
from tests.support.http_api import API, body_model, handlers_of, public_routes
from tests.support.requirements import Figure
from tests.support.two_clinics import CANARY, Caller, Thing, TwoClinics, Whose, nobodys

PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
# They end or change the session that asks; their own tests say for whom.
OF_THE_SESSION = {"/v1/sign-out", "/v1/session/refresh"}
# They refuse a wrong code, passkey or password by the status of a role that may not.
SHOWS_A_PROOF = {
    "/v1/own/step-up",
    "/v1/own/step-up/passkey",
    "/v1/own/app/confirm",
    "/v1/own/passkeys",
    "/v1/own/password",
}


@dataclass(frozen=True)
class Cell:
    """One question: who asks what, about whose thing, with which body."""

    row: RouteRow
    caller: Caller
    whose: Whose
    thing: Thing
    body: Mapping[str, Any]

    @property
    def path(self) -> str:
        return PARAMETER.sub(self.thing.path_id, self.row.path)

    @property
    def is_reached(self) -> bool:
        """Whether the thing is within what the row opens to this caller."""
        actor = self.caller.actor
        if actor is None or actor.clinic_id != self.thing.clinic_id:
            return False
        is_wide = self.row.scope is Scope.CLINIC or (
            self.row.scope is Scope.OWN_OR_BOARD and actor.role is Role.SCHEDULER
        )
        return is_wide or actor.person_id in self.thing.people

    def unexpected(self, answer: httpx.Response) -> bool:
        status = answer.status_code
        match self.row.verdict(self.caller.actor):
            case Verdict.NOT_SIGNED_IN:
                return status != 401
            case Verdict.NOT_PERMITTED:
                return status != 403
            case _:
                pass
        if not PARAMETER.search(self.row.path):
            return status in ({401} if self.row.path in SHOWS_A_PROOF else {401, 403})
        if self.is_reached:
            return status in {401, 403, 404}
        return status not in ({404, 422} if not self.body and self.row.is_unsafe else {404})

    def __str__(self) -> str:
        return f"{self.row.method} {self.path} by {self.caller.name} ({self.whose})"


def cells(world: TwoClinics) -> Iterator[Cell]:
    handlers = handlers_of(public_routes())
    for row in PUBLIC_ROUTES:
        if not row.path.startswith(API) or row.who is Who.PUBLIC or row.path in OF_THE_SESSION:
            continue
        model = body_model(handlers[row.method, row.path])
        bodies = [{}] if model is None else [example_of(model), {}]
        named = PARAMETER.findall(row.path)
        kind = "staff_id" if row.path.startswith("/v1/staff/") else named[-1] if named else ""
        things = world.things.get(kind, nobodys()) if named else {Whose.RANDOM: Thing(path_id="")}
        for caller in world.callers:
            for whose, thing in things.items():
                for body in bodies:
                    yield Cell(row, caller, whose, thing, body)


@pytest.mark.requirement("SEC-ACL-01", "SEC-ACL-02", "INV-08")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.timeout(600)
async def test_every_route_answers_each_role_as_its_row_says(
    world: TwoClinics, figure: Figure
) -> None:
    asked, done, unexpected, told = 0, 0, [], set()
    for cell in cells(world):
        answer = await cell.caller.ask(cell.row.method, cell.path, cell.body)
        asked += 1
        done += answer.is_success
        if cell.unexpected(answer):
            unexpected.append(f"{cell}: {answer.status_code}")
        if cell.caller.name.endswith("first") and CANARY in answer.text:
            told.add(str(cell))

    figure(f"{asked} cells, {done} of them 2xx, {len(unexpected)} unexpected")
    assert unexpected == []
    assert told == set()
    assert asked >= 2_000
    assert done >= 20  # a service that refuses everything would pass as well


@pytest.mark.requirement("SEC-ACL-01")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_another_clinics_thing_looks_like_one_that_is_not_there(
    world: TwoClinics, figure: Figure
) -> None:
    """Word for word: otherwise an id could be tried to learn that somebody is a patient there."""
    answers: dict[tuple[str, str, str], dict[Whose, str]] = {}
    for cell in cells(world):
        if cell.row.verdict(cell.caller.actor) is not Verdict.PASS or cell.is_reached:
            continue
        if not PARAMETER.search(cell.row.path) or not (cell.body or not cell.row.is_unsafe):
            continue
        answer = await cell.caller.ask(cell.row.method, cell.path, cell.body)
        where = (cell.row.method, cell.row.path, cell.caller.name)
        answers.setdefault(where, {})[cell.whose] = answer.text

    assert answers
    assert {where for where, said in answers.items() if len(set(said.values())) != 1} == set()
    figure(f"{sum(map(len, answers.values()))} refusals compared, one text a route")


@pytest.mark.requirement("SEC-ACL-02")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_internal_port_opens_to_nobody_who_is_signed_in(
    world: TwoClinics, made: Any, figure: Figure
) -> None:
    transport = httpx.ASGITransport(made.internal)
    refused = 0
    for caller in world.callers:
        cookies = dict(caller.http.cookies)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://internal", cookies=cookies
        ) as client:
            for row in INTERNAL_ROUTES:
                if row.who is not Who.SERVICE:
                    continue
                answer = await client.request(row.method, row.path)
                assert answer.status_code == 401, (caller.name, row.path)
                refused += 1
    figure(f"internal port: {refused} cells, all 401")


@pytest.mark.requirement("SEC-ACL-01")
async def test_what_has_no_row_is_refused_before_any_handler(world: TwoClinics) -> None:
    for caller in world.callers:
        for path in ("/v1/nothing", "/v1/visits/x/nothing", "/v1", "/internal/v1/keys", "/healthz"):
            assert (await caller.ask("GET", path, None)).status_code == 404
        wrong = await caller.ask("DELETE", "/v1/visits", None)
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
