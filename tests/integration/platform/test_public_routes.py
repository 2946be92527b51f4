"""Every REST route of the product refuses whoever is not signed in, before it tells anything."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from starlette.routing import Route

from telehealth.app import VisitService
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.clock import FakeClock

# The door itself; its own tests say whom it lets in.
THE_DOOR = {
    "/v1/sign-in",
    "/v1/sign-in/passkey/options",
    "/v1/sign-out",
    "/v1/session/refresh",
    "/v1/visit-links/{secret}/open",
}
REFUSALS = {401, 415, 422}


@pytest.fixture
async def made(sqlite_url: str, tmp_path: Path) -> AsyncIterator[VisitService]:
    async with running_app(sqlite_url, tmp_path, clock=FakeClock()) as running:
        yield running


@pytest.fixture
async def stranger(made: VisitService) -> AsyncIterator[AppClient]:
    async with browser_of(made) as opened:
        yield opened


def rest_routes(made: VisitService) -> list[tuple[str, str]]:
    return [
        (method, re.sub(r"{\w+(:\w+)?}", str(UUID(int=1)), route.path))
        for route in made.public.routes
        if isinstance(route, Route) and route.path.startswith("/v1/") and route.path not in THE_DOOR
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


async def test_a_stranger_gets_nothing_from_any_route(
    made: VisitService, stranger: AppClient
) -> None:
    answers = {}
    for method, path in rest_routes(made):
        response = (
            await stranger.get(path) if method == "GET" else await stranger.send(method, path, {})
        )
        answers[method, path] = response.status_code

    assert len(answers) > 15
    assert {where: status for where, status in answers.items() if status not in REFUSALS} == {}
    assert {status for (method, _), status in answers.items() if method == "GET"} == {401}


async def test_no_unsafe_route_is_open_to_other_pages(
    made: VisitService, stranger: AppClient
) -> None:
    for method, path in rest_routes(made):
        if method == "GET":
            continue
        foreign = await stranger.send(method, path, {}, headers={"origin": "https://evil.example"})

        assert foreign.json()["code"] == "request.origin_refused", (method, path)


async def test_every_refusal_is_a_problem_document(stranger: AppClient) -> None:
    for response in (
        await stranger.get("/v1/me"),
        await stranger.get("/v1/nothing"),
        await stranger.get("/v1/sign-in"),
        await stranger.post("/v1/sign-in", {}),
        await stranger.http.get("/v1/me", headers={"host": "evil.example"}),
    ):
        assert response.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "code", "detail"} <= response.json().keys()


async def test_a_trailing_slash_is_another_address_and_no_redirect(stranger: AppClient) -> None:
    """A redirect would be built from the Host header."""
    assert (await stranger.get("/v1/me/")).status_code == 404
