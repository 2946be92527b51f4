"""Visit links through the public application."""

from datetime import timedelta

import pytest

from telehealth.identity.cookies import REFRESH_COOKIE
from tests.support.app_client import ORIGIN, AppClient, browser_of
from tests.support.world import World

RIGHT, WRONG = "1984-02-29", "1984-02-28"
PROVIDER = "provider@riverside.example"


async def test_a_patient_comes_in_by_link_and_birth_date(world: World, browser: AppClient) -> None:
    visit_id = world.new_visit_id()
    secret = await world.link(visit_id)

    opened = await browser.open_link(secret, RIGHT)
    me = await browser.get("/v1/me")

    assert opened.json() == {"home": "/visit"}
    assert me.json()["role"] == "patient"
    assert me.json()["visit_id"] == str(visit_id)
    assert (await world.events())[-3:] == ["link.issued", "link.opened", "person.viewed"]


async def test_five_wrong_birth_dates_lock_a_link_for_the_right_one_too(
    world: World, browser: AppClient
) -> None:
    secret = await world.link()

    wrong = [await browser.open_link(secret, WRONG) for _ in range(5)]
    right = await browser.open_link(secret, RIGHT)

    assert [answer.status_code for answer in wrong] == [403] * 5
    assert [answer.json().get("tries_left") for answer in wrong] == [4, 3, 2, 1, None]
    assert [answer.json()["code"] for answer in wrong] == ["link.refused"] * 4 + ["link.locked"]
    assert right.json()["code"] == "link.locked"
    assert (await world.events()).count("link.refused") == 5


async def test_the_right_birth_date_forgives_the_wrong_ones(
    world: World, browser: AppClient
) -> None:
    secret = await world.link()
    for _ in range(4):
        await browser.open_link(secret, WRONG)
    await browser.open_link(secret, RIGHT)

    again = await browser.open_link(secret, WRONG)

    assert again.json()["tries_left"] == 4


async def test_opening_a_link_anew_ends_the_older_browser(world: World, browser: AppClient) -> None:
    """The phone is in the other room: the tablet takes over, the phone is out at once."""
    secret = await world.link()
    await browser.open_link(secret, RIGHT)
    async with browser_of(world.made) as tablet:
        await tablet.open_link(secret, RIGHT)

        assert (await browser.get("/v1/me")).status_code == 401
        assert (await tablet.get("/v1/me")).status_code == 200
    assert "session.ended" in await world.events()


async def test_a_new_link_replaces_the_old_one_and_its_browser(
    world: World, browser: AppClient
) -> None:
    visit_id = world.new_visit_id()
    old = await world.link(visit_id)
    await browser.open_link(old, RIGHT)

    new = await world.link(visit_id)

    assert (await browser.get("/v1/me")).status_code == 401
    refused = await browser.open_link(old, RIGHT)
    assert (refused.status_code, refused.json()["code"]) == (410, "link.replaced")
    assert (await browser.open_link(new, RIGHT)).status_code == 200
    assert "link.replaced" in await world.events()


async def test_a_link_ends(world: World, browser: AppClient) -> None:
    secret = await world.link()
    world.clock.advance(days=7)

    refused = await browser.open_link(secret, RIGHT)

    assert (refused.status_code, refused.json()["code"]) == (410, "link.expired")


async def test_a_browser_is_out_when_its_link_ends(world: World, browser: AppClient) -> None:
    secret = await world.link(lasts=timedelta(minutes=20))
    await browser.open_link(secret, RIGHT)
    world.clock.advance(minutes=19)
    assert (await browser.post("/v1/session/refresh")).status_code == 200
    world.clock.advance(minutes=1)

    assert (await browser.get("/v1/me")).status_code == 401


@pytest.mark.parametrize("secret", ["x" * 22, "x", "x" * 500, "..%5c..%5cetc", "%00" * 22])
async def test_a_link_nobody_made_is_unknown(browser: AppClient, secret: str) -> None:
    refused = await browser.open_link(secret, RIGHT)

    assert (refused.status_code, refused.json()["code"]) == (404, "link.unknown")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"birth_date": ""},
        {"birth_date": "29.02.1984"},
        {"birth_date": "1983-02-29"},
        {"birth_date": 5},
        {"birth_date": None},
        {"birth_date": RIGHT, "role": "provider"},
    ],
)
async def test_a_birth_date_is_a_date(
    world: World, browser: AppClient, body: dict[str, object]
) -> None:
    """And what is none costs no try."""
    secret = await world.link()

    refused = await browser.post(f"/v1/visit-links/{secret}/open", body)

    assert (refused.status_code, refused.json()["code"]) == (422, "request.body_refused")
    assert await world.scalar("SELECT wrong_tries FROM visit_links") == 0


@pytest.mark.parametrize("path", ["/v1/sign-in", "/v1/visit-links/x/open", "/v1/sign-out"])
async def test_other_pages_cannot_open_our_doors(browser: AppClient, path: str) -> None:
    await browser.get("/v1/me")
    token = browser.http.cookies["__Host-csrf"]

    foreign = await browser.http.post(
        path, json={}, headers={"origin": "https://evil.example", "x-csrf-token": token}
    )
    unrepeated = await browser.http.post(path, json={}, headers={"origin": ORIGIN})

    assert foreign.json()["code"] == "request.origin_refused"
    assert unrepeated.json()["code"] == "request.csrf_refused"


async def test_secrets_are_stored_as_hashes_only(world: World, browser: AppClient) -> None:
    secret = await world.link()
    await browser.open_link(secret, RIGHT)
    refresh = browser.http.cookies[REFRESH_COOKIE]

    stored = await world.dump("visit_links", "login_sessions", "refresh_secrets", "audit_entries")

    assert secret not in stored
    assert refresh not in stored
