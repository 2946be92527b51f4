"""Staff sign in at an OpenID provider we did not write."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Uuid, bindparam, text

from telehealth.platform.clock import SystemClock
from telehealth.platform.db import Database
from tests.support.app_client import ORIGIN
from tests.support.clinic import PASSWORD, InventedClinic, invent_clinic
from tests.support.clock import FakeClock
from tests.support.openid_provider import (
    SECRET,
    OpenIdProvider,
    parameters_of,
    running_openid_provider,
)
from tests.support.requirements import Figure
from tests.support.sign_on_door import away, back, door
from tests.support.staff import enrol_app

PROVIDER_MAIL = "provider@riverside.example"


@pytest.fixture(scope="module")
def idp() -> Iterator[OpenIdProvider]:
    with running_openid_provider(redirect_uri=f"{ORIGIN}/sso/callback") as running:
        yield running


@pytest.fixture
async def clinic(database: Database) -> InventedClinic:
    async with database.unit_of_work() as uow:
        return await invent_clinic(uow, now=SystemClock().now())


@pytest.mark.requirement("SEC-OIDC-01")
async def test_a_verified_address_links_an_account_once_and_the_subject_counts_from_then_on(
    idp: OpenIdProvider, clinic: InventedClinic, database_url: str, tmp_path: Path
) -> None:
    async with door(idp, clinic, database_url, tmp_path) as browser:
        idp.next_person(sub="grace", email=PROVIDER_MAIL.upper(), email_verified=True)
        first = await back(browser, idp.signed_in(await away(browser, clinic)))
        me = await browser.get("/v1/me")
        await browser.post("/v1/sign-out")
        # The address has changed there; who it is has not.
        idp.next_person(sub="grace", email="grace@elsewhere.example", email_verified=True)
        again = await back(browser, idp.signed_in(await away(browser, clinic)))
        await browser.post("/v1/sign-out")
        # Somebody else has been given the address: it opens nothing a second time.
        idp.next_person(sub="mallory", email=PROVIDER_MAIL, email_verified=True)
        other = await back(browser, idp.signed_in(await away(browser, clinic)))

    assert (first, again) == ("/console", "/console")
    assert me.json()["person_id"] == str(clinic.provider_id)
    assert other == "/sign-in?trouble=sso.unknown"


@pytest.mark.requirement("SEC-OIDC-01")
async def test_what_goes_to_the_provider_has_pkce_state_and_nonce_and_no_secret(
    idp: OpenIdProvider, clinic: InventedClinic, database_url: str, tmp_path: Path
) -> None:
    async with door(idp, clinic, database_url, tmp_path) as browser:
        first, second = [parameters_of(await away(browser, clinic)) for _ in range(2)]
        cookie = browser.http.cookies["__Host-sso"]

    assert first["response_type"] == "code"
    assert first["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) == 43
        assert first[name] != second[name]
        assert first[name] not in cookie
    assert SECRET not in str(first)


@pytest.mark.requirement("SEC-OIDC-01")
async def test_another_browser_cannot_use_the_answer(
    idp: OpenIdProvider, clinic: InventedClinic, database_url: str, tmp_path: Path, figure: Figure
) -> None:
    """Login CSRF and stolen codes: the state is bound to the browser that began."""
    idp.next_person(sub="grace", email=PROVIDER_MAIL, email_verified=True)
    async with door(idp, clinic, database_url, tmp_path) as browser:
        url = idp.signed_in(await away(browser, clinic))
        asked = idp.asked().count("POST /token")
        async with door(idp, clinic, database_url, tmp_path) as thief:
            without = await back(thief, url)
            await away(thief, clinic)
            with_own = await back(thief, url)
            unsigned = (await thief.get("/v1/me")).status_code
        spent_by_the_thief = idp.asked().count("POST /token") - asked
        own = await back(browser, url)
        twice = await back(browser, url)

    assert without == with_own == twice == "/sign-in?trouble=sso.refused"
    assert (own, unsigned) == ("/console", 401)
    assert spent_by_the_thief == 0
    figure("answer in another browser: refused without asking for a token; the code works once")


@pytest.mark.requirement("SEC-OIDC-01")
@pytest.mark.parametrize(
    "change",
    [
        ("state=", "state=x"),
        ("iss=http", "iss=https"),
        ("iss=", "other="),
        ("code=", "code=x"),
        ("code=", "code=x&code="),
        ("state=", "error=access_denied&stat="),
    ],
)
async def test_a_changed_answer_is_refused(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database_url: str,
    tmp_path: Path,
    change: tuple[str, str],
) -> None:
    idp.next_person(sub="grace", email=PROVIDER_MAIL, email_verified=True)
    async with door(idp, clinic, database_url, tmp_path) as browser:
        url = idp.signed_in(await away(browser, clinic))
        refused = await browser.open(url.replace(*change).removeprefix(ORIGIN))
        me = await browser.get("/v1/me")

    assert "__Host-access" not in str(refused.headers.get_list("set-cookie"))
    assert me.status_code == 401


@pytest.mark.parametrize(
    ("person", "changes"),
    [
        ({"sub": "a", "email": PROVIDER_MAIL, "email_verified": False}, {}),
        ({"sub": "b", "email": PROVIDER_MAIL}, {}),
        ({"sub": "c"}, {}),
        ({"sub": "d", "email": "nobody@riverside.example", "email_verified": True}, {}),
        ({"sub": "e", "email": PROVIDER_MAIL, "email_verified": True}, {"links_by_email": False}),
    ],
)
async def test_nobody_gets_an_account_by_signing_in(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database_url: str,
    tmp_path: Path,
    person: dict[str, Any],
    changes: dict[str, Any],
) -> None:
    async with door(idp, clinic, database_url, tmp_path, **changes) as browser:
        idp.next_person(**person)
        went = await back(browser, idp.signed_in(await away(browser, clinic)))

    assert went == "/sign-in?trouble=sso.unknown"


async def test_the_sign_in_page_offers_it_and_says_what_went_wrong(
    idp: OpenIdProvider, clinic: InventedClinic, database_url: str, tmp_path: Path
) -> None:
    async with door(idp, clinic, database_url, tmp_path) as browser:
        plain = (await browser.open("/sign-in")).text
        trouble = (await browser.open("/sign-in?trouble=sso.unknown")).text
        invented = (await browser.open("/sign-in?trouble=<b>")).text

    assert f"/sso/{clinic.clinic_id}/start" in plain
    assert "There is no account here" in trouble
    assert "<b>" not in invented


async def test_another_clinics_provider_opens_nothing_here(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database: Database,
    database_url: str,
    tmp_path: Path,
) -> None:
    async with database.unit_of_work() as uow:
        other = await invent_clinic(uow, now=SystemClock().now(), name="hillside")
    async with door(idp, other, database_url, tmp_path) as browser:
        idp.next_person(sub="x", email=PROVIDER_MAIL, email_verified=True)
        went = await back(browser, idp.signed_in(await away(browser, other)))
        nowhere = (await browser.open(f"/sso/{clinic.clinic_id}/start")).headers["location"]

    assert went == nowhere == "/sign-in?trouble=sso.unknown"


@pytest.mark.requirement("SEC-AUTH-03", "SEC-OIDC-01")
@pytest.mark.parametrize(
    ("told", "counts", "leads_to"),
    [
        ({"amr": ["pwd", "mfa"]}, {"second_factor_amr": ["mfa"]}, "/console"),
        ({"acr": "urn:two"}, {"second_factor_acr": ["urn:two"]}, "/console"),
        ({"amr": ["pwd"]}, {"second_factor_amr": ["mfa"]}, "/your-sign-in"),
        ({}, {"second_factor_amr": ["mfa"]}, "/your-sign-in"),
        # What the installation has not said it trusts is not believed.
        ({"amr": ["pwd", "mfa"], "acr": "urn:two"}, {}, "/your-sign-in"),
    ],
)
async def test_a_providers_second_factor_counts_only_as_the_installation_says(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database_url: str,
    tmp_path: Path,
    told: dict[str, Any],
    counts: dict[str, Any],
    leads_to: str,
) -> None:
    """Who has none of ours may then do nothing but add one."""
    async with door(
        idp, clinic, database_url, tmp_path, staff_second_factor="required", **counts
    ) as browser:
        idp.next_person(sub="grace", email=PROVIDER_MAIL, email_verified=True, **told)
        went = await back(browser, idp.signed_in(await away(browser, clinic)))
        acts = (await browser.get("/v1/me")).status_code == 200

    assert went == leads_to
    assert acts is (leads_to == "/console")


@pytest.mark.requirement("SEC-AUTH-03", "SEC-OIDC-01")
async def test_our_second_factor_is_asked_for_where_the_provider_saw_none(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database: Database,
    database_url: str,
    tmp_path: Path,
    figure: Figure,
) -> None:
    idp.next_person(sub="grace", email=PROVIDER_MAIL, email_verified=True)
    async with door(idp, clinic, database_url, tmp_path, staff_second_factor="required") as browser:
        await browser.sign_in(PROVIDER_MAIL, PASSWORD)
        phone = await enrol_app(browser, FakeClock(SystemClock().now()))
        await browser.post("/v1/sign-out")
        went = await back(browser, idp.signed_in(await away(browser, clinic)))
        not_yet = (await browser.get("/v1/me")).status_code
        page = (await browser.open("/sign-in")).text
        again = (await browser.open("/sign-in")).text
        found = re.search(r'data-secret="([^"]+)" data-kinds="([^"]+)"', page)
        assert found is not None
        body = {"secret": found[1], "kind": "app", "code": phone.code(early_s=30)}
        finished = await browser.post("/v1/sign-in/code", body)
        async with database.reading() as session:
            rows = await session.execute(
                text("SELECT proved_by, ended_at FROM login_sessions ORDER BY started_at")
            )
            proofs = [proof for proof, ended_at in rows if ended_at is None]

    assert (went, not_yet, finished.status_code) == ("/sign-in", 401, 200)
    assert finished.json()["home"] == "/console"
    assert "app" in found[2].split()
    assert found[1] not in again
    assert proofs == ["app"]
    figure("sign-on without a second factor: nothing opens before ours is shown")


async def test_whom_an_administrator_has_disabled_the_provider_cannot_let_in(
    idp: OpenIdProvider,
    clinic: InventedClinic,
    database: Database,
    database_url: str,
    tmp_path: Path,
) -> None:
    async with database.unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE memberships SET disabled_at = added_at WHERE person_id = :id").bindparams(
                bindparam("id", clinic.provider_id, Uuid)
            )
        )
    idp.next_person(sub="grace", email=PROVIDER_MAIL, email_verified=True)
    async with door(idp, clinic, database_url, tmp_path) as browser:
        went = await back(browser, idp.signed_in(await away(browser, clinic)))

    assert went == "/sign-in?trouble=sso.unknown"
