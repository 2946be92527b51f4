"""An account is linked to its person at a provider we did not write, by that person alone."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, text

from telehealth.access.roles import Role
from telehealth.identity import door as doors
from telehealth.identity import repository, sso_links
from telehealth.identity.door import Arrival
from telehealth.identity.errors import SsoTaken
from telehealth.identity.oidc_rules import VerifiedSubject
from telehealth.identity.proofs import Holder
from telehealth.identity.step_up import Proof
from telehealth.identity.tables import LoginSession
from telehealth.platform.clock import SystemClock
from telehealth.platform.db import Database
from tests.support.app_client import ORIGIN, AppClient
from tests.support.clinic import PASSWORD, InventedClinic, invent_clinic
from tests.support.clock import FakeClock
from tests.support.openid_provider import OpenIdProvider, parameters_of, running_openid_provider
from tests.support.requirements import Figure
from tests.support.sign_on_door import away, away_to_link, back, door
from tests.support.staff import STAFF_PASSWORD, add_staff, enrol_app

PROVIDER, SCHEDULER = "provider@riverside.example", "scheduler@riverside.example"
ADMINISTRATOR = "administrator@riverside.example"
LINKED, TAKEN = "/your-sign-in?linked=1", "/your-sign-in?trouble=sso.taken"
UNKNOWN, REFUSED = "/sign-in?trouble=sso.unknown", "/sign-in?trouble=sso.refused"


@pytest.fixture(scope="module")
def idp() -> Iterator[OpenIdProvider]:
    with running_openid_provider(redirect_uri=f"{ORIGIN}/sso/callback") as running:
        yield running


@pytest.fixture
async def clinic(database: Database) -> InventedClinic:
    async with database.unit_of_work() as uow:
        made = await invent_clinic(uow, now=SystemClock().now())
        await add_staff(uow, made, now=SystemClock().now())
        return made


async def linked(browser: AppClient, idp: OpenIdProvider, email: str, sub: str) -> str:
    """Sign in by password, go to the provider as `sub`, come back."""
    await browser.sign_in(email, PASSWORD)
    idp.next_person(sub=sub)
    return await back(browser, idp.signed_in(await away_to_link(browser)))


async def events(database: Database) -> list[str]:
    async with database.reading() as session:
        rows = await session.execute(text("SELECT event FROM audit_entries ORDER BY seq"))
        return [str(event) for (event,) in rows]


async def grow_stale(database: Database) -> None:
    """Let what the sessions have shown be eleven minutes old."""
    async with database.unit_of_work() as uow:
        for each in await uow.session.scalars(select(LoginSession)):
            each.proved_at = SystemClock().now() - timedelta(minutes=11)


@pytest.mark.requirement("SEC-OIDC-01", "SEC-AUTH-06")
async def test_somebody_links_their_own_account_and_signs_in_with_it(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database: Database,
    database_url: str,
    tmp_path: Path,
    figure: Figure,
) -> None:
    async with door(idp, clinic, database_url, tmp_path, links_by_email=False) as browser:
        idp.next_person(sub="grace")
        before = await back(browser, idp.signed_in(await away(browser, clinic)))
        went = await linked(browser, idp, PROVIDER, "grace")
        again = (await browser.post("/v1/own/sign-on/link")).json()["code"]
        own = (await browser.get("/v1/own/sign-in")).json()
        await browser.post("/v1/sign-out")
        after = await back(browser, idp.signed_in(await away(browser, clinic)))
        me = (await browser.get("/v1/me")).json()

    assert (before, went, after) == (UNKNOWN, LINKED, "/console")
    assert again == "sso.taken"
    assert own["sign_on"]["is_offered"] is True
    assert own["sign_on"]["issuer"] == idp.issuer
    assert "sso.linked" in {each["event"] for each in own["changes"]}
    assert me["person_id"] == str(clinic.provider_id)
    assert (await events(database)).count("sso.linked") == 1
    figure("linked by the person: signed in here afresh, and asked anew by the provider")


async def test_the_provider_is_told_to_ask_whoever_sits_there_now(
    idp: OpenIdProvider, clinic: InventedClinic, database_url: str, tmp_path: Path
) -> None:
    """On a shared computer a colleague may still be signed in at the provider."""
    async with door(idp, clinic, database_url, tmp_path) as browser:
        await browser.sign_in(PROVIDER, PASSWORD)
        told = parameters_of(await away_to_link(browser))

    assert (told["prompt"], told["max_age"]) == ("login", "0")
    assert told["code_challenge_method"] == "S256"


@pytest.mark.requirement("SEC-OIDC-01")
async def test_an_answer_to_a_sign_in_links_nothing_and_one_to_a_link_lets_nobody_in(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database: Database,
    database_url: str,
    tmp_path: Path,
    figure: Figure,
) -> None:
    async with door(idp, clinic, database_url, tmp_path) as browser:
        idp.next_person(sub="mallory", email="mallory@elsewhere.example")
        to_sign_in = idp.signed_in(await away(browser, clinic))
        await browser.sign_in(PROVIDER, PASSWORD)
        to_link = idp.signed_in(await away_to_link(browser))
        signed_in = await back(browser, to_sign_in)
        # Meanwhile somebody else signs in at this computer.
        await browser.post("/v1/sign-out")
        await browser.sign_in(SCHEDULER, PASSWORD)
        for_another = await back(browser, to_link)
        await browser.post("/v1/sign-out")
        for_nobody = await back(browser, to_link)
        async with door(idp, clinic, database_url, tmp_path) as thief:
            await thief.sign_in(SCHEDULER, PASSWORD)
            await away_to_link(thief)
            elsewhere = await back(thief, to_link)

    assert signed_in == UNKNOWN
    assert for_another == for_nobody == elsewhere == REFUSED
    assert "sso.linked" not in await events(database)
    figure("4 answers out of place: nothing linked, nobody let in")


@pytest.mark.requirement("SEC-AUTH-06")
async def test_linking_asks_for_a_fresh_proof_before_the_way_and_after_it(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database: Database,
    database_url: str,
    tmp_path: Path,
) -> None:
    async with door(idp, clinic, database_url, tmp_path) as browser:
        await browser.sign_in(PROVIDER, PASSWORD)
        idp.next_person(sub="grace")
        url = idp.signed_in(await away_to_link(browser))
        await grow_stale(database)
        late = await back(browser, url)
        before = await browser.post("/v1/own/sign-on/link")
        unlinking = await browser.post("/v1/own/sign-on/unlink")

    assert late == "/your-sign-in?trouble=session.step_up_needed"
    assert before.json()["code"] == unlinking.json()["code"] == "session.step_up_needed"
    assert "sso.linked" not in await events(database)


async def test_who_may_only_add_a_factor_links_nothing(
    idp: OpenIdProvider, clinic: InventedClinic, database_url: str, tmp_path: Path
) -> None:
    """A stolen password must not become a lasting way in."""
    async with door(idp, clinic, database_url, tmp_path, "required") as browser:
        await browser.sign_in(PROVIDER, PASSWORD)
        refused = await browser.post("/v1/own/sign-on/link")

    assert refused.json()["code"] == "session.second_factor_missing"


@pytest.mark.requirement("SEC-OIDC-01")
async def test_a_subject_belongs_to_one_account(
    idp: OpenIdProvider, clinic: InventedClinic, database_url: str, tmp_path: Path
) -> None:
    async with door(idp, clinic, database_url, tmp_path, links_by_email=False) as browser:
        first = await linked(browser, idp, PROVIDER, "grace")
        await browser.post("/v1/sign-out")
        second = await linked(browser, idp, SCHEDULER, "grace")

    assert (first, second) == (LINKED, TAKEN)


async def test_of_two_people_who_link_one_subject_at_once_one_does(
    clinic: InventedClinic, database: Database
) -> None:
    now = SystemClock().now()
    subject = VerifiedSubject(
        issuer="https://sign-on.example",
        subject="grace",
        email=None,
        has_second_factor=False,
        asked_at=now,
    )

    async def link(role: Role) -> bool:
        async with database.unit_of_work() as uow:
            arrival = Arrival(proved_by=Proof.PASSWORD)
            signed_in = await doors.begin(uow, actor=clinic.actor(role), arrival=arrival, now=now)
        try:
            async with database.unit_of_work() as uow:
                holder = Holder(signed_in.session_id, signed_in.actor)
                await sso_links.link_own(uow, holder=holder, subject=subject, now=now)
        except SsoTaken:
            return False
        return True

    won = await asyncio.gather(link(Role.PROVIDER), link(Role.SCHEDULER))

    assert sorted(won) == [False, True]


@pytest.mark.requirement("SEC-OIDC-01", "SEC-SESS-03")
async def test_an_administrator_sees_and_unlinks_which_ends_what_it_opened_and_stays(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database: Database,
    database_url: str,
    tmp_path: Path,
    figure: Figure,
) -> None:
    path = f"/v1/staff/{clinic.provider_id}/unlink-sign-on"
    async with (
        door(idp, clinic, database_url, tmp_path) as by_password,
        door(idp, clinic, database_url, tmp_path) as by_sign_on,
        door(idp, clinic, database_url, tmp_path) as desk,
    ):
        await linked(by_password, idp, PROVIDER, "grace")
        idp.next_person(sub="grace", email=PROVIDER, email_verified=True)
        await back(by_sign_on, idp.signed_in(await away(by_sign_on, clinic)))
        await desk.sign_in(ADMINISTRATOR, STAFF_PASSWORD)
        people = (await desk.get("/v1/staff")).json()["staff"]
        seen = next(each["sign_on"] for each in people if each["email"] == PROVIDER)
        await grow_stale(database)
        stale = (await desk.post(path)).json()["code"]
        proof = {"kind": "password", "shown": STAFF_PASSWORD}
        assert (await desk.post("/v1/own/step-up", proof)).status_code == 204
        unlinked = [(await desk.post(path)).status_code for _ in range(2)]
        left = [(await each.get("/v1/me")).status_code for each in (by_password, by_sign_on)]
        # The provider has verified the address: it links nothing again by itself.
        again = await back(by_sign_on, idp.signed_in(await away(by_sign_on, clinic)))
        people = (await desk.get("/v1/staff")).json()["staff"]

    assert (seen["issuer"], seen["subject"]) == (idp.issuer, "grace")
    assert (stale, unlinked, left) == ("session.step_up_needed", [204, 204], [200, 401])
    assert again == UNKNOWN
    assert [each["sign_on"] for each in people if each["email"] == PROVIDER] == [None]
    trail = await events(database)
    assert trail.count("sso.unlinked") == 1
    assert trail[trail.index("sso.unlinked") + 1] == "session.ended"
    figure(
        "unlinked: 1 session of sign-on ended, 1 of a password goes on, no link by address again"
    )


@pytest.mark.parametrize("who", ["colleague", "another clinic's administrator"])
async def test_nobody_else_unlinks(
    who: str,
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database: Database,
    database_url: str,
    tmp_path: Path,
) -> None:
    email, password = SCHEDULER, PASSWORD
    async with database.unit_of_work() as uow:
        other = await invent_clinic(uow, now=SystemClock().now(), name="hillside")
        if who != "colleague":
            email, password = "administrator@hillside.example", STAFF_PASSWORD
            await add_staff(uow, other, now=SystemClock().now(), email=email)
    async with (
        door(idp, clinic, database_url, tmp_path) as own,
        door(idp, clinic, database_url, tmp_path) as browser,
    ):
        await linked(own, idp, PROVIDER, "grace")
        await browser.sign_in(email, password)
        refused = await browser.post(f"/v1/staff/{clinic.provider_id}/unlink-sign-on")
        still = (await own.get("/v1/own/sign-in")).json()["sign_on"]["linked_at"]

    assert refused.status_code == (403 if who == "colleague" else 404)
    assert still is not None


async def test_unlinking_one_self_ends_the_session_it_opened_and_a_step_under_way(
    idp: OpenIdProvider, clinic: InventedClinic, database_url: str, tmp_path: Path
) -> None:
    async with (
        door(idp, clinic, database_url, tmp_path) as here,
        door(idp, clinic, database_url, tmp_path) as there,
    ):
        assert await linked(here, idp, PROVIDER, "grace") == LINKED
        phone = await enrol_app(here, FakeClock(SystemClock().now()))
        waiting = await back(there, idp.signed_in(await away(there, clinic)))
        secret = there.http.cookies["__Host-second-step"].partition(".")[0]
        unlinked = await here.post("/v1/own/sign-on/unlink")
        body = {"secret": secret, "kind": "app", "code": phone.code(early_s=30)}
        finished = await there.post("/v1/sign-in/code", body)

    assert waiting == "/sign-in"
    assert unlinked.json() == {"is_linked": False}
    assert finished.json()["code"] == "sign_in.second_step_over"


async def test_the_only_way_in_is_not_unlinked_by_its_person(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database: Database,
    database_url: str,
    tmp_path: Path,
) -> None:
    async with door(idp, clinic, database_url, tmp_path, second_factor_amr=["mfa"]) as browser:
        idp.next_person(sub="grace", email=PROVIDER, email_verified=True, amr=["mfa"])
        assert await back(browser, idp.signed_in(await away(browser, clinic))) == "/console"
        async with database.unit_of_work() as uow:
            account = await repository.unscoped_account_of(
                uow.session, person_id=UUID(str(clinic.provider_id)), clinic_id=clinic.clinic_id
            )
            assert account is not None
            account.password_hash = ""
        refused = await browser.post("/v1/own/sign-on/unlink")

    assert refused.json()["code"] == "sso.only_way"


@pytest.mark.usefixtures("clinic")
async def test_a_clinic_without_a_provider_offers_nothing_to_link(
    idp: OpenIdProvider,
    database: Database,
    database_url: str,
    tmp_path: Path,
) -> None:
    async with database.unit_of_work() as uow:
        other = await invent_clinic(uow, now=SystemClock().now(), name="hillside")
    async with door(idp, other, database_url, tmp_path) as browser:
        await browser.sign_in(PROVIDER, PASSWORD)
        own = (await browser.get("/v1/own/sign-in")).json()["sign_on"]
        refused = await browser.post("/v1/own/sign-on/link")

    assert own == {"is_offered": False, "linked_at": None, "issuer": None}
    assert refused.json()["code"] == "sso.not_offered"
