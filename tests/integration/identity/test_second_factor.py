"""Staff with a second factor: two steps at the door, codes that open once, passkeys."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from telehealth.identity.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from telehealth.identity.factors.tables import AuthenticatorApp
from telehealth.platform.db import Database
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.clinic import PASSWORD, invent_clinic
from tests.support.clock import FakeClock
from tests.support.software_passkey import FakePasskey
from tests.support.staff import Phone, enrol_app
from tests.support.world import World

PROVIDER = "provider@riverside.example"


@pytest.fixture
async def strict(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The clinic where a second factor is required, as it is unless somebody says otherwise."""
    clock = FakeClock()
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=clock.now())
    async with running_app(
        database_url, tmp_path, clock=clock, staff_second_factor="required"
    ) as made:
        yield World(made=made, clock=clock, clinic=clinic, database=database)


async def second_step(browser: AppClient) -> dict[str, object]:
    """Sign in as far as the second step."""
    answered = await browser.sign_in(PROVIDER, PASSWORD)
    assert answered.status_code == 200
    step: dict[str, object] = answered.json()["second_step"]
    return step


async def finish(browser: AppClient, secret: object, code: str, kind: str = "app") -> int:
    """Show a code."""
    body = {"secret": secret, "kind": kind, "code": code}
    return (await browser.post("/v1/sign-in/code", body)).status_code


async def enrolled(world: World) -> Phone:
    """Enrol the provider's phone and wait until its code is another one."""
    async with browser_of(world.made) as browser:
        await browser.sign_in(PROVIDER, PASSWORD)
        phone = await enrol_app(browser, world.clock)
    world.clock.advance(seconds=60)
    return phone


async def add_passkey(browser: AppClient, key: FakePasskey) -> int:
    """Add a passkey to whoever is signed in."""
    asked = (await browser.post("/v1/own/passkeys/options")).json()
    body = {"challenge_id": asked["challenge_id"], "credential": key.make(asked["options"])}
    return (await browser.post("/v1/own/passkeys", body)).status_code


async def by_passkey(browser: AppClient, key: FakePasskey) -> int:
    """Sign in by a passkey alone."""
    asked = (await browser.post("/v1/sign-in/passkey/options")).json()
    body = {"challenge_id": asked["challenge_id"], "credential": key.sign(asked["options"])}
    return (await browser.post("/v1/sign-in/passkey", body)).status_code


@pytest.mark.requirement("SEC-AUTH-03")
async def test_who_has_no_second_factor_may_do_nothing_but_add_one(strict: World) -> None:
    async with browser_of(strict.made) as browser:
        signed_in = await browser.sign_in(PROVIDER, PASSWORD)
        before = browser.http.cookies[REFRESH_COOKIE]

        assert signed_in.json() == {"role": "provider", "home": "/your-sign-in"}
        for path in ("/v1/me", "/v1/consult-queue", "/v1/board", "/v1/staff"):
            assert (await browser.get(path)).status_code in {401, 404}, path
        assert (await browser.post("/v1/session/refresh")).status_code == 200
        assert (await browser.get("/v1/me")).status_code == 401

        await enrol_app(browser, strict.clock)

        assert (await browser.get("/v1/me")).status_code == 200
        assert browser.http.cookies[REFRESH_COOKIE] != before
    assert (await strict.events())[-3:] == [
        "person.signed_in",
        "factor.added",
        "person.signed_in",
    ]


@pytest.mark.requirement("SEC-AUTH-03")
@pytest.mark.parametrize("page", ["/console", "/board", "/people"])
async def test_every_page_leads_to_the_one_where_a_factor_is_added(
    strict: World, page: str
) -> None:
    async with browser_of(strict.made) as browser:
        await browser.sign_in(PROVIDER, PASSWORD)
        first = await browser.open(page)
        second = await browser.open(first.headers["location"])
        third = await browser.open(second.headers["location"])

    assert (first.status_code, second.status_code, third.status_code) == (303, 303, 200)
    assert second.headers["location"] == "/your-sign-in"
    assert "Grace" not in third.text


@pytest.mark.requirement("SEC-AUTH-03")
async def test_a_right_password_alone_lets_nobody_in(strict: World) -> None:
    phone = await enrolled(strict)
    async with browser_of(strict.made) as browser:
        step = await second_step(browser)

        assert step["kinds"] == ["app"]
        assert ACCESS_COOKIE not in browser.http.cookies
        assert (await browser.get("/v1/me")).status_code == 401
        assert await finish(browser, step["secret"], "000000") == 403
        assert await finish(browser, step["secret"], phone.code()) == 200
        assert (await browser.get("/v1/me")).status_code == 200


@pytest.mark.requirement("SEC-AUTH-03", "SEC-AUTH-06")
async def test_a_code_opens_once_and_so_does_the_first_step(strict: World) -> None:
    phone = await enrolled(strict)
    code = phone.code()
    async with browser_of(strict.made) as browser, browser_of(strict.made) as other:
        first, second = await second_step(browser), await second_step(other)

        assert await finish(browser, first["secret"], code) == 200
        assert await finish(other, first["secret"], phone.code(early_s=30)) == 410
        assert await finish(other, second["secret"], code) == 403
        assert await finish(other, second["secret"], phone.code(early_s=30)) == 200


@pytest.mark.requirement("SEC-AUTH-06")
@pytest.mark.parametrize("kind", ["app", "recovery_code"])
async def test_of_two_who_show_one_code_at_once_one_comes_in(strict: World, kind: str) -> None:
    phone = await enrolled(strict)
    async with browser_of(strict.made) as browser:
        await by_second_step(strict, browser)
        drawn = (await browser.post("/v1/own/recovery-codes")).json()["codes"]
    strict.clock.advance(seconds=60)
    code = phone.code() if kind == "app" else drawn[0]
    async with browser_of(strict.made) as one, browser_of(strict.made) as other:
        first, second = await second_step(one), await second_step(other)
        statuses = await asyncio.gather(
            finish(one, first["secret"], code, kind), finish(other, second["secret"], code, kind)
        )

    assert sorted(statuses) == [200, 403]


@pytest.mark.requirement("SEC-AUTH-06")
async def test_one_first_step_taken_twice_at_once_lets_one_in(strict: World) -> None:
    phone = await enrolled(strict)
    async with browser_of(strict.made) as one, browser_of(strict.made) as other:
        step = await second_step(one)
        codes = (phone.code(), phone.code(early_s=30))
        statuses = await asyncio.gather(
            finish(one, step["secret"], codes[0]), finish(other, step["secret"], codes[1])
        )

    assert sorted(statuses) in ([200, 403], [200, 410])


@pytest.mark.requirement("SEC-AUTH-06")
async def test_the_second_step_waits_five_minutes(
    strict: World, figure: Callable[[str], None]
) -> None:
    phone = await enrolled(strict)
    async with browser_of(strict.made) as browser:
        step = await second_step(browser)
        strict.clock.advance(seconds=300)

        assert step["lasts_s"] == 300
        assert await finish(browser, step["secret"], phone.code()) == 410
        assert await finish(browser, "x" * 43, phone.code()) == 410
    figure("second step good for 300 s and once, a code for 30 s with one step of drift")


@pytest.mark.requirement("SEC-AUTH-03")
async def test_recovery_codes_open_once_each(strict: World) -> None:
    await enrolled(strict)
    async with browser_of(strict.made) as browser:
        await by_second_step(strict, browser)
        drawn = (await browser.post("/v1/own/recovery-codes")).json()["codes"]
        stored = await strict.dump("recovery_codes")

        assert len(drawn) == 10
        assert not any(code in stored or code.replace("-", "") in stored for code in drawn)
    strict.clock.advance(seconds=60)
    async with browser_of(strict.made) as lost:
        first = await second_step(lost)
        assert first["kinds"] == ["app", "recovery_code"]
        assert await finish(lost, first["secret"], drawn[0].upper(), "recovery_code") == 200
        again = await second_step(lost)
        assert await finish(lost, again["secret"], drawn[0], "recovery_code") == 403
        assert await finish(lost, again["secret"], drawn[1], "recovery_code") == 200


async def by_second_step(world: World, browser: AppClient) -> None:
    """Sign in with the app, whose secret the database and its keys tell."""
    (app,) = await world.rows(AuthenticatorApp)
    phone = Phone(str(app.secret), world.clock)
    step = await second_step(browser)
    assert await finish(browser, step["secret"], phone.code()) == 200


@pytest.mark.requirement("SEC-AUTH-03")
async def test_a_passkey_is_a_whole_sign_in(strict: World) -> None:
    key = FakePasskey()
    async with browser_of(strict.made) as browser:
        await browser.sign_in(PROVIDER, PASSWORD)
        assert await add_passkey(browser, key) == 200
    async with browser_of(strict.made) as other:
        assert await by_passkey(other, key) == 200
        assert (await other.get("/v1/me")).json()["role"] == "provider"

    made, signed = key.ledger
    assert made["authenticatorSelection"]["residentKey"] == "required"
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert signed["userVerification"] == "required"
    assert signed.get("allowCredentials", []) == []


@pytest.mark.requirement("SEC-AUTH-03")
@pytest.mark.parametrize("fault", ["origin", "unverified", "copied", "replayed", "stranger"])
async def test_a_passkey_that_is_not_right_lets_nobody_in(strict: World, fault: str) -> None:
    key = FakePasskey()
    async with browser_of(strict.made) as browser:
        await browser.sign_in(PROVIDER, PASSWORD)
        await add_passkey(browser, key)
        await by_passkey(browser, key)
    async with browser_of(strict.made) as thief:
        asked = (await thief.post("/v1/sign-in/passkey/options")).json()
        if fault == "origin":
            key.origin = "https://clinic.example.org.evil.example"
        elif fault == "unverified":
            key.verifies = False
        elif fault == "copied":
            key.counts = False
        used = FakePasskey() if fault == "stranger" else key
        body = {"challenge_id": asked["challenge_id"], "credential": used.sign(asked["options"])}
        first = await thief.post("/v1/sign-in/passkey", body)
        if fault == "replayed":
            assert first.status_code == 200
            await thief.post("/v1/sign-out")
            first = await thief.post("/v1/sign-in/passkey", body)

        assert (first.status_code, first.json()["code"]) == (403, "factor.refused")
        assert (await thief.get("/v1/me")).status_code == 401


@pytest.mark.requirement("SEC-AUTH-03")
async def test_a_challenge_is_good_for_its_own_purpose_only(strict: World) -> None:
    key = FakePasskey()
    async with browser_of(strict.made) as browser, browser_of(strict.made) as door:
        await browser.sign_in(PROVIDER, PASSWORD)
        await add_passkey(browser, key)
        own = (await browser.post("/v1/own/step-up/passkey/options")).json()
        body = {"challenge_id": own["challenge_id"], "credential": key.sign(own["options"])}

        assert (await door.post("/v1/sign-in/passkey", body)).status_code == 403
        assert (await browser.post("/v1/own/step-up/passkey", body)).status_code == 403


@pytest.mark.requirement("SEC-AUTH-04", "SEC-SESS-04")
async def test_a_factor_goes_by_a_fresh_proof_of_another_and_is_recorded(strict: World) -> None:
    phone = await enrolled(strict)
    key = FakePasskey()
    async with browser_of(strict.made) as browser:
        await by_second_step(strict, browser)
        by_itself = await browser.post("/v1/own/app/remove")
        await add_passkey(browser, key)
        strict.clock.advance(minutes=4)
        fresh = await browser.post("/v1/own/app/remove")
        left = (await browser.get("/v1/own/sign-in")).json()
        last = await browser.post(f"/v1/own/passkeys/{left['factors'][0]['factor_id']}/remove")

    assert by_itself.json()["code"] == "factor.prove_by_another"
    assert fresh.status_code == 204
    assert [each["kind"] for each in left["factors"]] == ["passkey"]
    assert last.json()["code"] == "factor.prove_by_another"
    held = [(app.secret, app.waiting_secret) for app in await strict.rows(AuthenticatorApp)]
    assert phone.secret not in str(held)
    events = await strict.events()
    assert events.count("factor.added") == 2
    assert events.count("factor.removed") == 1


@pytest.mark.requirement("SEC-SESS-04")
async def test_after_ten_minutes_the_proof_is_asked_for_again(strict: World) -> None:
    phone = await enrolled(strict)
    async with browser_of(strict.made) as browser:
        await by_second_step(strict, browser)
        for _ in range(3):
            strict.clock.advance(minutes=4)
            await browser.post("/v1/session/refresh")
        stale = await browser.post("/v1/own/recovery-codes")
        wrong = await browser.post("/v1/own/step-up", {"kind": "app", "shown": "000000"})
        weak = await browser.post("/v1/own/step-up", {"kind": "password", "shown": PASSWORD})
        right = await browser.post("/v1/own/step-up", {"kind": "app", "shown": phone.code()})
        then = await browser.post("/v1/own/recovery-codes")

    assert (stale.status_code, stale.json()["code"]) == (403, "session.step_up_needed")
    assert stale.json()["act"] == "factors.manage"
    assert (wrong.status_code, weak.status_code) == (403, 403)
    assert (right.status_code, then.status_code) == (204, 200)
    assert (await strict.events()).count("session.proof_refused") == 2


@pytest.mark.requirement("SEC-AUTH-07")
async def test_staff_are_never_asked_for_a_code_by_telephone_and_a_passkey_is_offered(
    strict: World, figure: Callable[[str], None]
) -> None:
    """NIST calls codes over the telephone network restricted; staff have none to lose."""
    await enrolled(strict)
    async with browser_of(strict.made) as browser:
        step = await second_step(browser)
        sms = await browser.post(
            "/v1/sign-in/code", {"secret": step["secret"], "kind": "sms", "code": "123456"}
        )
        asked = await browser.post("/v1/sign-in/passkey/options")

    assert sms.status_code == 422
    assert asked.status_code == 200
    figure("staff: app, passkey or code on paper; none over the telephone network")


async def test_where_it_is_only_offered_a_password_lets_in(world: World) -> None:
    async with browser_of(world.made) as browser:
        signed_in = await browser.sign_in(PROVIDER, PASSWORD)

        assert signed_in.json()["home"] == "/console"
        assert (await browser.get("/v1/me")).status_code == 200


async def test_a_patient_has_no_sign_in_of_their_own(world: World) -> None:
    async with browser_of(world.made) as browser:
        await browser.open_link(await world.link(), "1984-02-29")

        assert (await browser.get("/v1/own/sign-in")).status_code == 403
        assert (await browser.post("/v1/own/app")).status_code == 403
