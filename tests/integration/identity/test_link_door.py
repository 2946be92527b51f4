"""Visit links through the public application."""

import asyncio
import base64
import contextlib
from datetime import timedelta

import pytest

from telehealth.identity.access_tokens import new_refresh_secret
from telehealth.identity.cookies import REFRESH_COOKIE
from telehealth.platform.ids import new_link_secret
from tests.support.app_client import ORIGIN, AppClient, browser_of
from tests.support.requirements import Figure
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


@pytest.mark.requirement("SEC-LINK-01")
async def test_another_device_is_asked_first_and_then_takes_over(
    world: World, browser: AppClient
) -> None:
    """The phone is in the other room: the tablet takes over, the phone is out at once."""
    secret = await world.link()
    await browser.open_link(secret, RIGHT)
    async with browser_of(world.made) as tablet:
        asked = await tablet.open_link(secret, RIGHT)
        still_there = await browser.get("/v1/me")
        await tablet.open_link(secret, RIGHT, take_over=True)

        assert (asked.status_code, asked.json()["code"]) == (409, "link.in_use")
        assert still_there.status_code == 200
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


async def test_the_same_browser_is_not_asked(world: World, browser: AppClient) -> None:
    """Whoever taps the link in the message again has not lost a device."""
    secret = await world.link()
    await browser.open_link(secret, RIGHT)

    assert (await browser.open_link(secret, RIGHT)).status_code == 200


async def test_a_device_that_was_left_alone_is_no_hindrance(
    world: World, browser: AppClient
) -> None:
    secret = await world.link()
    await browser.open_link(secret, RIGHT)
    world.clock.advance(minutes=30)
    async with browser_of(world.made) as tablet:
        assert (await tablet.open_link(secret, RIGHT)).status_code == 200


@pytest.mark.requirement("SEC-LINK-01")
@pytest.mark.parametrize("take_over", [False, True])
async def test_of_twenty_at_once_one_is_signed_in(
    world: World, figure: Figure, *, take_over: bool
) -> None:
    secret = await world.link()
    async with contextlib.AsyncExitStack() as opened:
        browsers = [await opened.enter_async_context(browser_of(world.made)) for _ in range(20)]
        for each in browsers:
            await each.get("/v1/me")
        answers = await asyncio.gather(
            *(each.open_link(secret, RIGHT, take_over=take_over) for each in browsers)
        )
        live = [(await each.get("/v1/me")).status_code for each in browsers].count(200)

    assert live == 1
    assert {answer.status_code for answer in answers} <= ({200} if take_over else {200, 409})
    figure(f"20 at once: {live} live session")


@pytest.mark.requirement("SEC-LINK-01")
async def test_a_scanner_that_looks_uses_nothing_up(world: World, browser: AppClient) -> None:
    secret = await world.link()
    before = await world.dump("visit_links", "login_sessions")
    async with browser_of(world.made) as scanner:
        for method in ("GET", "HEAD", "GET", "HEAD", "OPTIONS"):
            await scanner.http.request(method, f"/v/{secret}")
            await scanner.http.request(method, f"/v1/visit-links/{secret}/open")

    assert await world.dump("visit_links", "login_sessions") == before
    assert (await browser.open_link(secret, RIGHT)).status_code == 200


@pytest.mark.requirement("SEC-LINK-01")
async def test_a_link_that_is_over_or_taken_back_opens_nothing(
    world: World, browser: AppClient
) -> None:
    ended = await world.link(lasts=timedelta(minutes=20))
    visit_id = world.new_visit_id()
    revoked = await world.link(visit_id)
    await world.link(visit_id)
    world.clock.advance(minutes=20)

    codes = [(await browser.open_link(each, RIGHT)).json()["code"] for each in (ended, revoked)]

    assert codes == ["link.expired", "link.replaced"]
    assert await world.scalar("SELECT count(*) FROM login_sessions") == 0


@pytest.mark.requirement("SEC-ID-01")
def test_secrets_of_links_and_sessions_are_random_and_never_repeat(figure: Figure) -> None:
    links = {new_link_secret() for _ in range(100_000)}
    sessions = {new_refresh_secret() for _ in range(100_000)}

    assert len(links) == len(sessions) == 100_000
    assert all(len(base64.urlsafe_b64decode(each + "==")) == 16 for each in links)
    assert all(len(base64.urlsafe_b64decode(each + "=")) == 32 for each in sessions)
    figure("100,000 link secrets of 128 bit, 100,000 session secrets of 256 bit, no repeat")


@pytest.mark.requirement("SEC-ID-01")
async def test_an_id_alone_opens_nothing(world: World, browser: AppClient) -> None:
    visit_id = world.new_visit_id()
    await world.link(visit_id)

    for name in (str(visit_id), visit_id.hex, base64.urlsafe_b64encode(visit_id.bytes).decode()):
        assert (await browser.open_link(name[:22], RIGHT)).status_code == 404
    assert (await browser.get(f"/v1/visits/{visit_id}")).status_code == 401
    assert (await browser.post(f"/v1/visits/{visit_id}/join-tickets")).status_code == 401


@pytest.mark.requirement("SEC-ID-02")
async def test_a_locked_link_answers_the_right_birth_date_like_a_wrong_one(
    world: World, browser: AppClient
) -> None:
    secret = await world.link()
    for _ in range(5):
        await browser.open_link(secret, WRONG)

    right, wrong = [await browser.open_link(secret, each) for each in (RIGHT, WRONG)]

    assert right.content == wrong.content
    assert right.status_code == wrong.status_code == 403
