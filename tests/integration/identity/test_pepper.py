"""The password pepper is the key provider's: rotated under sign-ins, and nobody in without it."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from telehealth.identity.passwords import PasswordDesk, pepper_of
from telehealth.identity.repository import unscoped_hash_marks
from telehealth.platform.clock import Clock
from telehealth.platform.db import Database
from telehealth.platform.sealing.errors import KeysUnavailable, SealedUnreadable
from telehealth.platform.sealing.peppers import PepperReport, rotate_pepper
from telehealth.platform.sealing.providers import LocalFileProvider, Mode
from tests.support.app_client import browser_of, running_app
from tests.support.clinic import PASSWORD, invent_clinic
from tests.support.clock import FakeClock
from tests.support.requirements import Figure
from tests.support.sealing import PEPPER, make_keyring, root_key_file

PROVIDER, SCHEDULER = "provider@riverside.example", "scheduler@riverside.example"


async def rotated(
    database: Database, database_url: str, clock: Clock, *, draws: bool = True
) -> PepperReport:
    """Rotate as the operator's command does, in a process of its own."""
    keyring = make_keyring(database_url, clock=clock)
    async with database.reading() as session:
        marks = await unscoped_hash_marks(session)
    in_use = {found for mark in marks if (found := pepper_of(mark)) is not None}
    report = await rotate_pepper(keyring, in_use=in_use, draws=draws, now=clock.now())
    await keyring.close()
    return report


async def hashes(database: Database) -> list[str]:
    async with database.reading() as session:
        rows = await session.execute(text("SELECT password_hash FROM accounts"))
        return sorted(str(each) for (each,) in rows)


@pytest.mark.requirement("SEC-AUTH-01")
async def test_a_new_pepper_reaches_each_hash_at_its_owners_next_sign_in(
    database: Database, database_url: str, tmp_path: Path, figure: Figure
) -> None:
    clock = FakeClock()
    async with database.unit_of_work() as uow:
        await invent_clinic(uow, now=clock.now())
    before = await hashes(database)
    first = await rotated(database, database_url, clock)
    async with running_app(database_url, tmp_path, clock=clock) as made:
        async with browser_of(made) as browser:
            assert (await browser.sign_in(PROVIDER, PASSWORD + "x")).status_code == 401
            assert await hashes(database) == before
            assert (await browser.sign_in(PROVIDER, PASSWORD)).status_code == 200
        clock.advance(hours=1)
        # The scheduler has not signed in: the old pepper must stay.
        kept = await rotated(database, database_url, clock, draws=False)
        async with browser_of(made) as browser:
            assert (await browser.sign_in(SCHEDULER, PASSWORD)).status_code == 200
        tidied = await rotated(database, database_url, clock, draws=False)
        async with browser_of(made) as browser:
            again = [
                (await browser.sign_in(each, PASSWORD)).status_code
                for each in (PROVIDER, SCHEDULER)
            ]

    assert first.active != PEPPER.key_id
    assert {pepper_of(each) for each in before} == {PEPPER.key_id}
    assert (first.kept, kept.kept, kept.destroyed) == (1, 1, 0)
    assert (tidied.kept, tidied.destroyed) == (0, 1)
    assert {pepper_of(each) for each in await hashes(database)} == {first.active}
    assert again == [200, 200]
    figure("2 hashes of an older pepper made anew at 2 sign-ins; the older one then destroyed")


async def test_the_old_pepper_is_not_destroyed_while_somebody_may_hash_with_it(
    database: Database, database_url: str
) -> None:
    clock = FakeClock()
    async with database.unit_of_work() as uow:
        await invent_clinic(uow, now=clock.now())
        await uow.session.execute(text("UPDATE accounts SET password_hash = ''"))
    first = await rotated(database, database_url, clock)
    clock.advance(minutes=14)
    early = await rotated(database, database_url, clock, draws=False)
    clock.advance(minutes=1)
    late = await rotated(database, database_url, clock, draws=False)

    assert (first.destroyed, early.destroyed, late.destroyed) == (0, 0, 1)


@pytest.mark.requirement("SEC-AUTH-01")
@pytest.mark.parametrize("how", ["another root key", "no key store"])
async def test_without_the_right_provider_nobody_signs_in_and_no_try_is_counted(
    how: str, database: Database, database_url: str, tmp_path: Path, figure: Figure
) -> None:
    clock = FakeClock()
    async with database.unit_of_work() as uow:
        await invent_clinic(uow, now=clock.now())
    changes: dict[str, Any] = {}
    if how == "another root key":
        changes["root_key_file"] = root_key_file(f"sqlite:///{tmp_path / 'another'}")
    else:
        lost = f"sqlite+aiosqlite:///{tmp_path / 'none' / 'keys'}"
        changes["keys_database_url"] = SecretStr(lost)
    async with (
        running_app(database_url, tmp_path, clock=clock, **changes) as made,
        browser_of(made) as browser,
    ):
        answers = [await browser.sign_in(PROVIDER, each) for each in (PASSWORD, "wrong")]
        unknown = await browser.sign_in("nobody@riverside.example", PASSWORD)
        me = await browser.get("/v1/me")
    async with database.reading() as session:
        tries = await session.scalar(text("SELECT SUM(wrong_tries) FROM accounts"))
        sessions = await session.scalar(text("SELECT COUNT(*) FROM login_sessions"))

    assert {each.status_code for each in (*answers, unknown)} <= {500, 503}
    assert (me.status_code, tries, sessions) == (401, 0, 0)
    assert all("__Host-access" not in each.headers.get("set-cookie", "") for each in answers)
    figure(f"{how}: 0 of 3 sign-ins answered, 0 tries counted")


async def test_the_desk_itself_refuses_without_its_provider(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Above, the account's address could not be looked up either; here the pepper alone fails."""
    async with database.unit_of_work() as uow:
        await invent_clinic(uow, now=FakeClock().now())
    stored = (await hashes(database))[0]
    root = root_key_file(f"sqlite:///{tmp_path / 'another'}")
    wrong = make_keyring(database_url, provider=LocalFileProvider(root, mode=Mode.DEVELOPMENT))
    desk = PasswordDesk(wrong)
    with pytest.raises((KeysUnavailable, SealedUnreadable)):
        await desk.check(PASSWORD, stored)
    with pytest.raises((KeysUnavailable, SealedUnreadable)):
        await desk.hash(PASSWORD)
    desk.close()
    await wrong.close()
