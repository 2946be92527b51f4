"""The internal port: probes for everybody who reaches it, the rest for signaling alone."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from telehealth.app import VisitService
from telehealth.platform.signing import secret_bytes, service_token
from tests.support.app_client import SERVICE_KEY, running_app
from tests.support.clock import MORNING, FakeClock

KEY = secret_bytes(SERVICE_KEY)


@pytest.fixture
async def made(sqlite_url: str, tmp_path: Path) -> AsyncIterator[VisitService]:
    async with running_app(sqlite_url, tmp_path, clock=FakeClock()) as running:
        yield running


@pytest.fixture
async def door(made: VisitService) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(made.internal)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def bearer(**changes: object) -> dict[str, str]:
    given = {"issuer": "signaling", "audience": "visit-service", "now": MORNING, **changes}
    key = given.pop("key", KEY)
    token = service_token(key, **given)  # type: ignore[arg-type]
    return {"authorization": f"Bearer {token}"}


async def test_probes_need_no_token(door: httpx.AsyncClient) -> None:
    assert (await door.get("/healthz")).status_code == 200
    assert (await door.get("/readyz")).status_code == 200


async def test_liveness_does_not_depend_on_the_database(tmp_path: Path) -> None:
    """Or an outage of the database would restart every process."""
    missing = f"sqlite+aiosqlite:///{tmp_path}/no/such/folder/x.sqlite3"
    async with running_app(missing, tmp_path) as broken:
        transport = httpx.ASGITransport(broken.internal)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer nonsense"},
        bearer(key=bytes(32)),
        bearer(issuer="visit-service"),
        bearer(audience="signaling"),
        bearer(now=MORNING - timedelta(seconds=91)),
        bearer(now=MORNING + timedelta(minutes=5)),
    ],
)
async def test_nobody_but_signaling_is_let_in(
    door: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    refused = await door.post("/internal/v1/presence-events", json={}, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (401, "token.refused")


async def test_signaling_comes_through_to_the_routes(door: httpx.AsyncClient) -> None:
    answered = await door.get("/internal/v1/nothing", headers=bearer())

    assert (answered.status_code, answered.json()["code"]) == (404, "request.unknown_address")


async def test_the_public_application_has_no_internal_routes(made: VisitService) -> None:
    public = {getattr(route, "path", "") for route in made.public.routes}

    assert not any(path.startswith(("/internal", "/healthz", "/readyz")) for path in public)
