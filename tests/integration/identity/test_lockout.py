"""Guessing: waiting, locking, unlocking; and nobody learns who has an account."""

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from telehealth.platform.db import Database
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.clinic import PASSWORD, invent_clinic
from tests.support.clock import FakeClock
from tests.support.software_passkey import FakePasskey
from tests.support.staff import STAFF_PASSWORD, add_staff, enrol_app
from tests.support.world import World

PROVIDER, ADMINISTRATOR = "provider@riverside.example", "administrator@riverside.example"
SCHEDULER = "scheduler@riverside.example"
SAMPLES = 30


async def administrator_in(world: World, browser: AppClient) -> None:
    """Add an administrator and sign them in."""
    async with world.database.unit_of_work() as uow:
        await add_staff(uow, world.clinic, now=world.clock.now())
    assert (await browser.sign_in(ADMINISTRATOR, STAFF_PASSWORD)).status_code == 200


async def guess(world: World, browser: AppClient, times: int) -> None:
    """Guess as fast as the waits allow."""
    for _ in range(times):
        assert (await browser.sign_in(PROVIDER, "a wrong guess of many")).status_code == 401
        world.clock.advance(minutes=16)


@pytest.mark.requirement("SEC-AUTH-02")
async def test_fifty_wrong_guesses_lock_and_an_administrator_unlocks(
    world: World, figure: Callable[[str], None]
) -> None:
    async with world.account(PROVIDER) as account:
        account.wrong_tries = 40
    async with browser_of(world.made) as guesser, browser_of(world.made) as desk:
        await guess(world, guesser, 10)
        world.clock.advance(days=30)
        locked = await guesser.sign_in(PROVIDER, PASSWORD)
        await administrator_in(world, desk)
        listed = (await desk.get("/v1/staff")).json()["staff"]
        unlocked = await desk.post(f"/v1/staff/{world.clinic.provider_id}/unlock")
        then = await guesser.sign_in(PROVIDER, PASSWORD)

    told = {each["email"]: each["standing"] for each in listed}
    assert locked.status_code == 401
    assert told[PROVIDER] == "locked"
    assert told[ADMINISTRATOR] == "open"
    assert (unlocked.status_code, then.status_code) == (204, 200)
    events = await world.events()
    assert events.count("account.locked") == 1
    assert events.count("account.unlocked") == 1
    figure("waits from the 10th wrong try in a row (30 s to 15 min), locked at the 50th")


@pytest.mark.requirement("SEC-AUTH-02")
async def test_wrong_codes_count_with_wrong_passwords_and_a_right_password_forgives_none(
    world: World,
) -> None:
    """Else a thief of the password could guess codes for ever, ten at a time."""
    async with browser_of(world.made) as browser:
        await browser.sign_in(PROVIDER, PASSWORD)
        phone = await enrol_app(browser, world.clock)
    world.clock.advance(seconds=60)
    async with browser_of(world.made) as thief:
        for _ in range(5):
            await thief.sign_in(PROVIDER, "a wrong guess of many")
            step = (await thief.sign_in(PROVIDER, PASSWORD)).json()["second_step"]
            wrong = {"secret": step["secret"], "kind": "app", "code": "000000"}
            assert (await thief.post("/v1/sign-in/code", wrong)).status_code == 403
        right = {"secret": step["secret"], "kind": "app", "code": phone.code()}
        waits = await thief.post("/v1/sign-in/code", right)
        too = await thief.sign_in(PROVIDER, PASSWORD)
        world.clock.advance(seconds=31)
        right["code"] = phone.code()
        then = await thief.post("/v1/sign-in/code", right)

    assert (waits.status_code, too.status_code, then.status_code) == (403, 401, 200)
    async with world.account(PROVIDER) as account:
        assert account.wrong_tries == 0


@pytest.mark.requirement("SEC-AUTH-02")
async def test_a_strangers_guesses_do_not_keep_a_passkey_out(world: World) -> None:
    key = FakePasskey()
    async with browser_of(world.made) as browser:
        await browser.sign_in(PROVIDER, PASSWORD)
        asked = (await browser.post("/v1/own/passkeys/options")).json()
        body = {"challenge_id": asked["challenge_id"], "credential": key.make(asked["options"])}
        assert (await browser.post("/v1/own/passkeys", body)).status_code == 204
    await world.execute("UPDATE accounts SET wrong_tries = 50")
    async with browser_of(world.made) as browser:
        assert (await browser.sign_in(PROVIDER, PASSWORD)).status_code == 401
        asked = (await browser.post("/v1/sign-in/passkey/options")).json()
        body = {"challenge_id": asked["challenge_id"], "credential": key.sign(asked["options"])}
        assert (await browser.post("/v1/sign-in/passkey", body)).status_code == 200
    assert await world.scalar("SELECT min(wrong_tries) FROM accounts") == 50


@pytest.mark.requirement("SEC-AUTH-05")
async def test_no_refusal_tells_who_has_an_account(world: World) -> None:
    async with world.database.unit_of_work() as uow:
        await add_staff(uow, world.clinic, now=world.clock.now(), email="gone@riverside.example")
    await world.execute(
        "UPDATE memberships SET disabled_at = added_at, disabled_reason = 'left' "
        "WHERE role = 'administrator'"
    )
    async with world.account(SCHEDULER) as account:
        account.password_hash = ""
    async with browser_of(world.made) as browser:
        answers = [
            await browser.sign_in("nobody@riverside.example", PASSWORD),
            await browser.sign_in(PROVIDER, "a wrong guess of many"),
            await browser.sign_in(SCHEDULER, PASSWORD),
            await browser.sign_in("gone@riverside.example", STAFF_PASSWORD),
        ]

    assert {each.status_code for each in answers} == {401}
    assert len({each.content for each in answers}) == 1
    assert len({tuple(sorted(each.headers)) for each in answers}) == 1


@pytest.mark.requirement("SEC-AUTH-05")
@pytest.mark.timeout(300)
async def test_no_refusal_tells_by_its_time_who_has_an_account(
    database: Database,
    database_url: str,
    tmp_path: Path,
    seed: int,
    figure: Callable[[str], None],
) -> None:
    """They knock in a random order; the wait is thrice what a refusal takes here and now.

    The next knocks while those before only wait: one hash at a time, as if they took turns.
    """
    async with database.unit_of_work() as uow:
        for number in range(SAMPLES // 8 + 2):
            await invent_clinic(uow, now=FakeClock().now(), name=f"clinic{number}")
    names = ["provider", "nobody"] * SAMPLES
    random.Random(seed).shuffle(names)
    taken: dict[str, list[float]] = {"provider": [], "nobody": []}

    begun: Counter[str] = Counter()

    async def knock(browser: AppClient, name: str) -> float:
        # Fewer than ten tries an account: none of them waits.
        clinic = begun[name] // 8
        begun[name] += 1
        started = time.perf_counter()
        answered = await browser.sign_in(f"{name}@clinic{clinic}.example", "a wrong guess of many")
        assert answered.status_code == 401
        return time.perf_counter() - started

    async def note(browser: AppClient, name: str) -> None:
        taken[name].append(await knock(browser, name))

    async with (
        running_app(database_url, tmp_path, sign_in_per_minute=1_000_000) as made,
        browser_of(made) as browser,
    ):
        await knock(browser, "nobody")  # the first of a process has more to do
        slowest_s = max([await knock(browser, "nobody") for _ in range(5)])
    wait_s = min(5.0, 3 * slowest_s)
    async with (
        running_app(
            database_url, tmp_path, sign_in_per_minute=1_000_000, refusal_after_s=wait_s
        ) as made,
        browser_of(made) as browser,
    ):
        await browser.get("/v1/me")
        async with asyncio.TaskGroup() as knocking:
            for name in names:
                knocking.create_task(note(browser, name))
                await asyncio.sleep(slowest_s)

    known, unknown = (1000 * statistics.median(taken[name]) for name in ("provider", "nobody"))
    figure(f"median refusal: known {known:.1f} ms, unknown {unknown:.1f} ms, {SAMPLES} each")
    assert abs(known - unknown) < 10
