"""Staff signing in and out through the public application."""

from pathlib import Path

from telehealth.identity.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from telehealth.identity.passwords import MARK_CHARACTERS
from telehealth.platform.db import Database
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.clinic import PASSWORD
from tests.support.world import World

RIGHT = "1984-02-29"
PROVIDER = "provider@riverside.example"


async def test_a_provider_signs_in_and_is_known(world: World, browser: AppClient) -> None:
    signed_in = await browser.sign_in("Provider@Riverside.example ", PASSWORD)
    me = await browser.get("/v1/me")

    assert signed_in.json() == {"role": "provider", "home": "/console"}
    assert me.json() == {
        "person_id": str(world.clinic.provider_id),
        "name": "Grace Madeup",
        "role": "provider",
        "clinic": {
            "clinic_id": str(world.clinic.clinic_id),
            "name": "Riverside Clinic",
            "short_name": "Riverside",
            "phone": "555-0100",
            "time_zone": "America/Chicago",
        },
        "visit_id": None,
    }
    assert "person.signed_in" in await world.events()


async def test_a_scheduler_comes_home_to_the_board(browser: AppClient) -> None:
    signed_in = await browser.sign_in("scheduler@riverside.example", PASSWORD)

    assert signed_in.json() == {"role": "scheduler", "home": "/board"}


async def test_cookies_are_for_this_host_and_not_for_scripts(browser: AppClient) -> None:
    response = await browser.sign_in(PROVIDER, PASSWORD)

    cookies = response.headers.get_list("set-cookie")
    assert len(cookies) == 2
    for name, cookie in zip((ACCESS_COOKIE, REFRESH_COOKIE), cookies, strict=True):
        assert cookie.startswith(f"{name}=")
        assert cookie.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")
    assert response.headers["cache-control"] == "no-store"


async def test_a_stranger_learns_nothing(world: World, browser: AppClient) -> None:
    """Unknown address, wrong password, right password too soon: one answer."""
    unknown = await browser.sign_in("nobody@riverside.example", PASSWORD)
    wrong = await browser.sign_in(PROVIDER, "not the password")
    for _ in range(9):
        await browser.sign_in(PROVIDER, "not the password")
    waiting = await browser.sign_in(PROVIDER, PASSWORD)

    assert [response.status_code for response in (unknown, wrong, waiting)] == [401] * 3
    assert unknown.content == wrong.content == waiting.content
    assert unknown.headers.keys() == wrong.headers.keys() == waiting.headers.keys()
    assert (await browser.get("/v1/me")).status_code == 401
    assert (await world.events()).count("person.sign_in_refused") == 11


async def test_after_the_wait_the_right_password_is_right_again(
    world: World, browser: AppClient
) -> None:
    for _ in range(10):
        await browser.sign_in(PROVIDER, "not the password")
    world.clock.advance(seconds=31)

    assert (await browser.sign_in(PROVIDER, PASSWORD)).status_code == 200
    # and the count begins anew
    await browser.sign_in(PROVIDER, "not the password")
    assert (await browser.sign_in(PROVIDER, PASSWORD)).status_code == 200


async def test_a_hash_changed_while_it_was_checked_is_not_believed(world: World) -> None:
    async with browser_of(world.made) as browser:
        await browser.sign_in(PROVIDER, PASSWORD)
        await world.execute("UPDATE accounts SET password_hash = 'changed'")

        assert (await browser.sign_in(PROVIDER, PASSWORD)).status_code == 401


async def test_a_weak_hash_is_replaced_at_sign_in(world: World, browser: AppClient) -> None:
    await world.weaken_hashes(PASSWORD)

    assert (await browser.sign_in(PROVIDER, PASSWORD)).status_code == 200

    stored = await world.scalar(
        "SELECT password_hash FROM accounts JOIN memberships USING (person_id)"
        " WHERE role = 'provider'"
    )
    assert str(stored)[MARK_CHARACTERS:].startswith("$argon2id$v=19$m=65536,t=3,p=1$")


async def test_who_lost_the_role_is_out_at_the_next_renewal(
    world: World, browser: AppClient
) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    await world.execute("DELETE FROM memberships WHERE role = 'provider'")

    assert (await browser.post("/v1/session/refresh")).status_code == 401
    assert (await browser.sign_in(PROVIDER, PASSWORD)).status_code == 401


async def test_signing_out_ends_the_session_everywhere(world: World, browser: AppClient) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    kept = dict(browser.http.cookies)

    out = await browser.post("/v1/sign-out")

    assert out.status_code == 204
    assert ACCESS_COOKIE not in browser.http.cookies
    async with browser_of(world.made) as thief:
        thief.http.cookies.update(kept)
        assert (await thief.get("/v1/me")).status_code == 401
        assert (await thief.post("/v1/session/refresh")).status_code == 401
    assert "person.signed_out" in await world.events()
    assert (await browser.post("/v1/sign-out")).status_code == 204


async def test_who_comes_back_late_can_still_sign_out(world: World, browser: AppClient) -> None:
    await browser.sign_in(PROVIDER, PASSWORD)
    world.clock.advance(minutes=6)

    assert (await browser.post("/v1/sign-out")).status_code == 204
    assert "person.signed_out" in await world.events()


async def test_one_address_cannot_try_for_ever(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    del database
    async with (
        running_app(database_url, tmp_path, sign_in_per_minute=3) as made,
        browser_of(made) as browser,
    ):
        answers = [await browser.open_link("x" * 22, RIGHT) for _ in range(4)]

    assert [response.status_code for response in answers] == [404, 404, 404, 429]
    assert answers[-1].json()["code"] == "request.too_many"
