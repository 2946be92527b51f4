"""How long a login session lasts, and what ends it."""

import pytest

from telehealth.identity.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from tests.support.app_client import ORIGIN, AppClient, browser_of
from tests.support.clinic import PASSWORD
from tests.support.world import World

RIGHT, WRONG = "1984-02-29", "1984-02-28"
PROVIDER = "provider@riverside.example"


async def test_a_pass_ends_after_five_minutes_and_is_renewed(
    world: World, browser: AppClient
) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    before = browser.http.cookies[REFRESH_COOKIE]
    world.clock.advance(minutes=5, seconds=31)

    assert (await browser.get("/v1/me")).status_code == 401
    renewed = await browser.post("/v1/session/refresh")

    assert renewed.json() == {"expires_in_s": 300}
    assert browser.http.cookies[REFRESH_COOKIE] != before
    assert (await browser.get("/v1/me")).status_code == 200


async def test_an_old_secret_that_comes_back_ends_the_session(
    world: World, browser: AppClient
) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    stolen = browser.http.cookies[REFRESH_COOKIE]
    await browser.post("/v1/session/refresh")
    world.clock.advance(seconds=11)

    async with browser_of(world.made) as thief:
        thief.http.cookies.set(REFRESH_COOKIE, stolen, domain="clinic.example.org")
        refused = await thief.post("/v1/session/refresh")

    assert (refused.status_code, refused.json()["code"]) == (401, "session.ended")
    assert (await browser.get("/v1/me")).status_code == 401
    assert (await browser.post("/v1/session/refresh")).status_code == 401
    assert "session.ended" in await world.events()


async def test_two_pages_renewing_at_once_do_not_sign_each_other_out(
    world: World, browser: AppClient
) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    same = browser.http.cookies[REFRESH_COOKIE]
    async with browser_of(world.made) as other:
        other.http.cookies.set(REFRESH_COOKIE, same, domain="clinic.example.org")
        await browser.post("/v1/session/refresh")
        world.clock.advance(seconds=2)
        late = await other.post("/v1/session/refresh")

        assert (late.status_code, late.json()["code"]) == (409, "session.just_renewed")
        assert other.http.cookies[REFRESH_COOKIE] == same
    assert (await browser.get("/v1/me")).status_code == 200


@pytest.mark.parametrize("secret", ["", "x", "ü", "x" * 5000])
async def test_a_secret_of_nobody_is_refused(browser: AppClient, secret: str) -> None:
    await browser.get("/v1/me")
    cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    raw = f"{cookies}; {REFRESH_COOKIE}={secret}".encode()

    refused = await browser.http.post(
        "/v1/session/refresh",
        headers={
            b"cookie": raw,
            b"origin": ORIGIN.encode(),
            b"x-csrf-token": browser.http.cookies["__Host-csrf"].encode(),
        },
    )

    assert (refused.status_code, refused.json()["code"]) == (401, "session.ended")


async def test_without_a_session_nothing_is_renewed(browser: AppClient) -> None:
    refused = await browser.post("/v1/session/refresh")

    assert (refused.status_code, refused.json()["code"]) == (401, "access.not_signed_in")


async def test_a_provider_idle_for_a_quarter_of_an_hour_is_out(
    world: World, browser: AppClient
) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    world.clock.advance(minutes=15)

    assert (await browser.post("/v1/session/refresh")).status_code == 401


async def test_however_busy_twelve_hours_are_the_end(world: World, browser: AppClient) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    for _ in range(12 * 5 - 1):
        world.clock.advance(minutes=12)
        renewed = await browser.post("/v1/session/refresh")
        assert renewed.status_code == 200
    world.clock.advance(minutes=12)

    assert (await browser.post("/v1/session/refresh")).status_code == 401


async def test_a_page_opened_after_lunch_is_renewed_on_the_way_in(
    world: World, browser: AppClient
) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    before = browser.http.cookies[REFRESH_COOKIE]
    world.clock.advance(minutes=6)

    opened = await browser.open("/v1/me")

    assert opened.status_code == 200
    assert browser.http.cookies[REFRESH_COOKIE] != before
    assert (await browser.get("/v1/me")).status_code == 200


async def test_two_pages_opened_after_lunch_are_both_let_in(
    world: World, browser: AppClient
) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    same = browser.http.cookies[REFRESH_COOKIE]
    world.clock.advance(minutes=6)
    await browser.open("/v1/me")
    async with browser_of(world.made) as other:
        other.http.cookies.set(REFRESH_COOKIE, same, domain="clinic.example.org")

        assert (await other.open("/v1/me")).status_code == 200
        assert ACCESS_COOKIE not in other.http.cookies


async def test_a_page_opened_with_a_dead_secret_is_opened_for_nobody(
    world: World, browser: AppClient
) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    world.clock.advance(hours=13)

    assert (await browser.open("/v1/me")).status_code == 401


@pytest.mark.parametrize("kind", ["refresh", "nonsense"])
async def test_what_is_no_pass_lets_nobody_in(world: World, browser: AppClient, kind: str) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    forged = browser.http.cookies[REFRESH_COOKIE] if kind == "refresh" else "a.b.c"
    async with browser_of(world.made) as stranger:
        stranger.http.cookies.set(ACCESS_COOKIE, forged, domain="clinic.example.org")

        assert (await stranger.get("/v1/me")).status_code == 401
