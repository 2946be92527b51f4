"""The public application with an OpenID provider behind it, and a browser that goes there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.app_client import ORIGIN, AppClient, browser_of, running_app
from tests.support.clinic import InventedClinic
from tests.support.openid_provider import SECRET, OpenIdProvider


@asynccontextmanager
async def door(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database_url: str,
    folder: Path,
    staff_second_factor: str = "offered",
    **changes: Any,
) -> AsyncIterator[AppClient]:
    """Serve one clinic whose staff may sign in at `idp`."""
    provider = {
        "clinic_id": str(clinic.clinic_id),
        "issuer": idp.issuer,
        "client_id": "telehealth",
        "client_secret": SECRET,
        "links_by_email": True,
        **changes,
    }
    async with (
        running_app(
            database_url, folder, sso=[provider], staff_second_factor=staff_second_factor
        ) as made,
        browser_of(made) as opened,
    ):
        yield opened


async def away(browser: AppClient, clinic: InventedClinic) -> str:
    """Press the button; return where the browser is sent."""
    answer = await browser.open(f"/sso/{clinic.clinic_id}/start")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def away_to_link(browser: AppClient) -> str:
    """Press the button on the page of one's own sign-in; return where the browser is sent."""
    answer = await browser.post("/v1/own/sign-on/link")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"])


async def back(browser: AppClient, url: str) -> str:
    """Come back from the provider; return where the browser is sent next."""
    answer = await browser.open(url.removeprefix(ORIGIN))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])
