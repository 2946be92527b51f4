"""Accounts of staff: invited, chosen, changed, disabled, enabled; whose sessions end when."""

from collections.abc import Callable
from uuid import UUID

import pytest

from telehealth.access.roles import Role
from telehealth.identity import staff
from telehealth.identity.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from telehealth.identity.tables import Person
from tests.support.app_client import AppClient, browser_of
from tests.support.clinic import PASSWORD
from tests.support.staff import STAFF_PASSWORD, add_staff, enrol_app
from tests.support.world import World

PROVIDER, ADMINISTRATOR = "provider@riverside.example", "administrator@riverside.example"
NEW_PASSWORD = "seven herons over the weir"


@pytest.fixture
async def desk(world: World, browser: AppClient) -> AppClient:
    """An administrator, signed in a moment ago."""
    async with world.database.unit_of_work() as uow:
        await add_staff(uow, world.clinic, now=world.clock.now())
    assert (await browser.sign_in(ADMINISTRATOR, STAFF_PASSWORD)).status_code == 200
    return browser


@pytest.mark.requirement("SEC-AUTH-01", "SEC-AUTH-06")
async def test_somebody_invited_chooses_a_password_once_by_a_link(
    world: World, desk: AppClient
) -> None:
    person = {
        "given": "Rosa",
        "family": "Pretend",
        "email": "Rosa@Riverside.example",
        "role": "scheduler",
    }
    invited = await desk.post("/v1/staff", person)
    secret = invited.json()["link"].rpartition("/")[2]
    async with browser_of(world.made) as rosa:
        before = await rosa.sign_in("rosa@riverside.example", "")
        early = await rosa.sign_in("rosa@riverside.example", NEW_PASSWORD)
        looked = [(await rosa.open(f"/p/{secret}")).status_code for _ in range(2)]
        weak = await rosa.post(f"/v1/password-links/{secret}", {"password": "riverside 2030"})
        short = await rosa.post(f"/v1/password-links/{secret}", {"password": "otter lanter"})
        chosen = await rosa.post(f"/v1/password-links/{secret}", {"password": NEW_PASSWORD})
        again = await rosa.post(f"/v1/password-links/{secret}", {"password": NEW_PASSWORD})
        signed_in = await rosa.sign_in("rosa@riverside.example", NEW_PASSWORD)

    assert (before.status_code, early.status_code) == (422, 401)
    assert looked == [200, 200]
    assert weak.json()["code"] == "password.too_short"
    assert short.json()["least"] == 15
    assert (chosen.status_code, again.status_code) == (204, 410)
    assert signed_in.json()["role"] == "scheduler"
    assert secret not in await world.dump("password_links")
    assert {"password.link_made", "password.set_by_link"} <= set(await world.events())


@pytest.mark.requirement("SEC-AUTH-06")
async def test_a_newer_link_ends_the_older_and_three_days_end_both(
    world: World, desk: AppClient
) -> None:
    path = f"/v1/staff/{world.clinic.provider_id}/password-link"
    older, newer = [(await desk.post(path)).json()["link"].rpartition("/")[2] for _ in range(2)]
    async with browser_of(world.made) as browser:
        replaced = await browser.open(f"/p/{older}")
        world.clock.advance(hours=72)
        late = await browser.post(f"/v1/password-links/{newer}", {"password": NEW_PASSWORD})

    assert (replaced.status_code, late.status_code) == (410, 410)


@pytest.mark.requirement("SEC-AUTH-06")
async def test_a_reset_password_keeps_the_second_factor(world: World, desk: AppClient) -> None:
    async with browser_of(world.made) as provider:
        await provider.sign_in(PROVIDER, PASSWORD)
        phone = await enrol_app(provider, world.clock)
        made = await desk.post(f"/v1/staff/{world.clinic.provider_id}/password-link")
        secret = made.json()["link"].rpartition("/")[2]
        await provider.post(f"/v1/password-links/{secret}", {"password": NEW_PASSWORD})

        assert (await provider.get("/v1/me")).status_code == 401
        step = (await provider.sign_in(PROVIDER, NEW_PASSWORD)).json()["second_step"]
        world.clock.advance(seconds=60)
        body = {"secret": step["secret"], "kind": "app", "code": phone.code()}
        assert (await provider.post("/v1/sign-in/code", body)).status_code == 200


@pytest.mark.requirement("SEC-AUTH-01", "SEC-SESS-03")
async def test_a_changed_password_ends_every_other_session(world: World) -> None:
    async with browser_of(world.made) as here, browser_of(world.made) as there:
        await here.sign_in(PROVIDER, PASSWORD)
        await there.sign_in(PROVIDER, PASSWORD)
        wrong = await here.post("/v1/own/password", {"current": "x", "new": NEW_PASSWORD})
        same = await here.post("/v1/own/password", {"current": PASSWORD, "new": PASSWORD})
        about = {"current": PASSWORD, "new": "grace madeup 1984"}
        named = await here.post("/v1/own/password", about)
        right = {"current": PASSWORD, "new": NEW_PASSWORD}
        changed = await here.post("/v1/own/password", right)

        assert (wrong.status_code, wrong.json()["code"]) == (403, "factor.refused")
        assert same.json()["code"] == "password.unchanged"
        assert named.json()["code"] == "password.about_you"
        assert changed.status_code == 204
        assert (await here.get("/v1/me")).status_code == 200
        assert (await there.get("/v1/me")).status_code == 401
        assert (await there.sign_in(PROVIDER, PASSWORD)).status_code == 401
        assert (await there.sign_in(PROVIDER, NEW_PASSWORD)).status_code == 200


@pytest.mark.requirement("SEC-SESS-01")
async def test_a_session_has_random_names_and_a_new_one_at_every_sign_in(
    world: World, figure: Callable[[str], None]
) -> None:
    async with browser_of(world.made) as browser:
        seen = set()
        for _ in range(3):
            await browser.sign_in(PROVIDER, PASSWORD)
            seen.add((browser.http.cookies[REFRESH_COOKIE], browser.http.cookies[ACCESS_COOKIE]))
            assert len(browser.http.cookies[REFRESH_COOKIE]) == 43
        before = browser.http.cookies[REFRESH_COOKIE]
        await browser.post("/v1/session/refresh")

        assert len({refresh for refresh, _ in seen}) == 3
        assert browser.http.cookies[REFRESH_COOKIE] != before
    figure("256-bit secrets, another at each sign-in and each renewal")


@pytest.mark.requirement("SEC-SESS-02")
async def test_a_session_ends_by_itself(world: World, figure: Callable[[str], None]) -> None:
    async with browser_of(world.made) as provider, browser_of(world.made) as scheduler:
        await provider.sign_in(PROVIDER, PASSWORD)
        await scheduler.sign_in("scheduler@riverside.example", PASSWORD)
        world.clock.advance(minutes=15)
        assert (await provider.post("/v1/session/refresh")).status_code == 401
        assert (await scheduler.post("/v1/session/refresh")).status_code == 200
        for _ in range(24):
            world.clock.advance(minutes=29)
            await scheduler.post("/v1/session/refresh")
        world.clock.advance(minutes=10)
        assert (await scheduler.post("/v1/session/refresh")).status_code == 401
    figure("provider idle 15 min, others 30 min, 12 h at most")


@pytest.mark.requirement("SEC-SESS-03")
async def test_a_secret_that_comes_back_ends_its_whole_family(world: World) -> None:
    async with browser_of(world.made) as browser, browser_of(world.made) as thief:
        await browser.sign_in(PROVIDER, PASSWORD)
        stolen = browser.http.cookies[REFRESH_COOKIE]
        for _ in range(3):
            world.clock.advance(seconds=30)
            await browser.post("/v1/session/refresh")
        thief.http.cookies.set(REFRESH_COOKIE, stolen, domain="clinic.example.org")

        assert (await thief.post("/v1/session/refresh")).status_code == 401
        assert (await browser.get("/v1/me")).status_code == 401
        assert (await browser.post("/v1/session/refresh")).status_code == 401


@pytest.mark.requirement("SEC-SESS-03")
async def test_somebody_sees_their_sessions_and_ends_them(world: World) -> None:
    async with (
        browser_of(world.made) as here,
        browser_of(world.made) as phone,
        browser_of(world.made) as other,
    ):
        phone.http.headers["user-agent"] = "Mozilla/5.0 (iPhone) CriOS/156 Mobile Safari"
        for browser in (here, phone, other):
            await browser.sign_in(PROVIDER, PASSWORD)
        listed = (await here.get("/v1/own/sign-in")).json()["sessions"]
        on_phone = next(each for each in listed if each["device"] == "Chrome/iPhone")
        ended = await here.post(f"/v1/own/sessions/{on_phone['session_id']}/end")

        assert [each["is_this"] for each in listed].count(True) == 1
        assert len(listed) == 3
        assert ended.status_code == 204
        assert (await phone.get("/v1/me")).status_code == 401
        assert (await other.get("/v1/me")).status_code == 200
        assert (await here.post("/v1/own/sessions/end-others")).json() == {"ended": 1}
        assert (await other.get("/v1/me")).status_code == 401
        assert (await here.get("/v1/me")).status_code == 200


async def test_nobody_ends_anothers_session(world: World) -> None:
    async with browser_of(world.made) as provider, browser_of(world.made) as scheduler:
        await provider.sign_in(PROVIDER, PASSWORD)
        await scheduler.sign_in("scheduler@riverside.example", PASSWORD)
        own = (await provider.get("/v1/own/sign-in")).json()["sessions"][0]["session_id"]

        for session_id in (own, str(UUID(int=7))):
            refused = await scheduler.post(f"/v1/own/sessions/{session_id}/end")
            assert refused.json()["code"] == "session.unknown"
        assert (await provider.get("/v1/me")).status_code == 200


@pytest.mark.requirement("SEC-SESS-03", "SEC-ACL-06")
async def test_somebody_disabled_is_out_at_once_and_comes_back_by_signing_in(
    world: World, desk: AppClient
) -> None:
    path = f"/v1/staff/{world.clinic.provider_id}"
    async with browser_of(world.made) as provider:
        await provider.sign_in(PROVIDER, PASSWORD)
        kept = provider.http.cookies[ACCESS_COOKIE]
        disabled = await desk.post(f"{path}/disable", {"reason": "account_at_risk"})

        assert disabled.json() == {"seats_revoked": 0}
        assert (await provider.get("/v1/me")).status_code == 401
        assert (await provider.post("/v1/session/refresh")).status_code == 401
        assert (await provider.sign_in(PROVIDER, PASSWORD)).status_code == 401
        assert (await desk.post(f"{path}/enable")).status_code == 204
        provider.http.cookies.set(ACCESS_COOKIE, kept, domain="clinic.example.org")
        assert (await provider.get("/v1/me")).status_code == 401
    async with browser_of(world.made) as provider:
        assert (await provider.sign_in(PROVIDER, PASSWORD)).status_code == 200
    events = await world.events()
    assert events.index("person.disabled") < events.index("person.enabled")


@pytest.mark.requirement("SEC-ACL-06")
async def test_another_role_ends_the_sessions_of_the_old_one(world: World, desk: AppClient) -> None:
    async with browser_of(world.made) as provider:
        await provider.sign_in(PROVIDER, PASSWORD)
        path = f"/v1/staff/{world.clinic.provider_id}/role"
        refused = await desk.post(path, {"role": "patient"})
        changed = await desk.post(path, {"role": "scheduler"})

        assert refused.json()["code"] == "person.role_refused"
        assert changed.status_code == 200
        assert (await provider.get("/v1/me")).status_code == 401
        assert (await provider.sign_in(PROVIDER, PASSWORD)).json()["role"] == "scheduler"


async def test_only_an_administrator_looks_after_people_and_not_after_themselves(
    world: World, desk: AppClient
) -> None:
    own = (await desk.get("/v1/staff")).json()["own_person_id"]
    async with browser_of(world.made) as provider:
        await provider.sign_in(PROVIDER, PASSWORD)
        paths = ("password-link", "unlock", "reset-factors", "enable")
        theirs = [await provider.post(f"/v1/staff/{own}/{path}") for path in paths]
        theirs += [
            await provider.post(f"/v1/staff/{own}/disable", {"reason": "left"}),
            await provider.post(f"/v1/staff/{own}/role", {"role": "auditor"}),
            await provider.get("/v1/staff"),
        ]
    oneself = [
        await desk.post(f"/v1/staff/{own}/reset-factors"),
        await desk.post(f"/v1/staff/{own}/disable", {"reason": "left"}),
        await desk.post(f"/v1/staff/{own}/role", {"role": "auditor"}),
    ]
    patient = await desk.post(f"/v1/staff/{world.clinic.patient_id}/enable")

    assert {each.json()["code"] for each in theirs} == {"access.not_permitted"}
    assert {each.json()["code"] for each in oneself} == {"person.not_oneself"}
    assert patient.json()["code"] == "person.unknown"


@pytest.mark.requirement("SEC-SESS-04")
async def test_looking_after_people_asks_for_a_fresh_proof(world: World, desk: AppClient) -> None:
    for _ in range(3):
        world.clock.advance(minutes=4)
        await desk.post("/v1/session/refresh")
    path = f"/v1/staff/{world.clinic.provider_id}/disable"
    stale = await desk.post(path, {"reason": "left"})
    shown = await desk.post("/v1/own/step-up", {"kind": "password", "shown": STAFF_PASSWORD})
    then = await desk.post(path, {"reason": "left"})

    assert (stale.json()["code"], stale.json()["act"]) == (
        "session.step_up_needed",
        "accounts.manage",
    )
    assert (shown.status_code, then.status_code) == (204, 200)


@pytest.mark.requirement("SEC-AUTH-04")
async def test_lost_factors_are_reset_by_an_administrator_and_recorded(
    world: World, desk: AppClient
) -> None:
    async with browser_of(world.made) as provider:
        await provider.sign_in(PROVIDER, PASSWORD)
        await enrol_app(provider, world.clock)
        await provider.post("/v1/own/recovery-codes")
        reset = await desk.post(f"/v1/staff/{world.clinic.provider_id}/reset-factors")

        assert reset.status_code == 204
        assert (await provider.get("/v1/me")).status_code == 401
        assert (await provider.sign_in(PROVIDER, PASSWORD)).json()["home"] == "/console"
        told = (await provider.get("/v1/own/sign-in")).json()["changes"]
        async with browser_of(world.made) as scheduler:
            await scheduler.sign_in("scheduler@riverside.example", PASSWORD)
            others = (await scheduler.get("/v1/own/sign-in")).json()["changes"]

    assert [each["event"] for each in told] == [
        "account.factors_reset",
        "factor.recovery_codes_made",
        "factor.added",
    ]
    assert others == []
    assert await world.scalar("SELECT count(*) FROM recovery_codes") == 0
    assert "account.factors_reset" in await world.events()


async def test_the_operator_makes_a_link_for_the_first_administrator(world: World) -> None:
    async with world.database.unit_of_work() as uow:
        await add_staff(uow, world.clinic, now=world.clock.now())
        secret = await staff.make_link_for_operator(
            uow, email=" Administrator@riverside.example", now=world.clock.now()
        )
        nobody = await staff.make_link_for_operator(
            uow, email="nobody@riverside.example", now=world.clock.now()
        )
    async with browser_of(world.made) as browser:
        chosen = await browser.post(f"/v1/password-links/{secret}", {"password": NEW_PASSWORD})
        signed_in = await browser.sign_in(ADMINISTRATOR, NEW_PASSWORD)

    assert nobody is None
    assert chosen.status_code == 204
    assert signed_in.json() == {"role": "administrator", "home": "/people"}


async def test_no_role_of_a_patient_is_given_to_staff(world: World, desk: AppClient) -> None:
    person = {"given": "A", "family": "B", "email": "a@b.example", "role": Role.PATIENT}

    assert (await desk.post("/v1/staff", person)).json()["code"] == "person.role_refused"
    assert "A" not in [each.given for each in await world.rows(Person)]
