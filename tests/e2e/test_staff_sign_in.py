"""Staff sign in by passkey, app and password in a real browser; an administrator helps."""

import re
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsers import Browsers, Screen
from tests.e2e.people import Staff
from tests.e2e.product import RunningProduct

NEW_PASSWORD = "seven herons over the weir"


def with_virtual_key(screen: Screen) -> Any:
    """Give the browser a passkey device of its own, which verifies whoever asks."""
    cdp = screen.context.new_cdp_session(screen.page)
    cdp.send("WebAuthn.enable")
    cdp.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return cdp


def said(page: Page, words: str) -> None:
    """Wait until the page says what has come of it."""
    expect(page.get_by_role("status")).to_contain_text(words)


def shoot(screen: Screen, name: str) -> None:
    """Take pictures, and see that nothing sticks out of a phone."""
    screen.shoot(name)
    screen.page.set_viewport_size({"width": 390, "height": 844})
    assert not screen.scrolls_sideways(), name
    screen.page.set_viewport_size({"width": 1280, "height": 860})


def enrol(provider: Staff) -> str:
    """Add a passkey, recovery codes and an app; return the app's secret."""
    page, screen = provider.page, provider.screen
    page.goto(page.url.replace("/console", "/your-sign-in"))
    expect(page.locator("[data-region=invitation]")).to_be_visible()
    shoot(screen, "own-1-nothing-yet")
    provider.do("add-passkey")
    said(page, "The passkey is added.")
    provider.do("make-codes")
    expect(page.locator("[data-region=codes-once] li")).to_have_count(10)
    shoot(screen, "own-2-recovery-codes")
    provider.do("kept-codes")
    provider.do("add-app")
    secret = page.locator("[data-region=secret]").inner_text().replace(" ", "")
    shown = page.get_by_alt_text("Code to scan with your authenticator app")
    assert shown.evaluate("(image) => image.complete && image.naturalWidth > 0")
    shoot(screen, "own-3-authenticator-app")
    page.get_by_label("Six digits").fill(pyotp.TOTP(secret).now())
    provider.do("confirm-app")
    said(page, "The authenticator app is set up.")
    shoot(screen, "own-4-all-set")
    return secret


@pytest.mark.requirement("SEC-AUTH-03")
@pytest.mark.timeout(300)
def test_staff_sign_in_in_every_way_there_is(tmp_path: Path, browsers: Browsers) -> None:
    with RunningProduct(tmp_path / "demo") as product:
        email = product.visits()[0].provider_email
        provider = Staff(browsers.screen("provider"), product)
        with_virtual_key(provider.screen)
        provider.sign_in(email)
        provider.page.wait_for_url("**/console*")
        secret = enrol(provider)

        provider.do("sign-out")
        provider.page.wait_for_url("**/sign-in")
        shoot(provider.screen, "sign-in")
        provider.do("passkey")
        provider.page.wait_for_url("**/console*")

        provider.page.goto(f"{product.origin}/your-sign-in")
        provider.do("sign-out")
        provider.page.wait_for_url("**/sign-in")
        provider.sign_in(email)
        code = provider.page.get_by_label("Code from your authenticator app")
        code.wait_for()
        shoot(provider.screen, "sign-in-second-step")
        code.fill("000000")
        provider.do("finish")
        expect(provider.page.get_by_role("alert").last).to_contain_text("This did not work")
        # The code of this half minute opened the enrolment: the next one is taken.
        code.fill(pyotp.TOTP(secret).at(int(provider.page.evaluate("Date.now() / 1000")) + 30))
        provider.do("finish")
        provider.page.wait_for_url("**/console*")

        help_staff(product, browsers, email)


def help_staff(product: RunningProduct, browsers: Browsers, email: str) -> None:
    """An administrator invites somebody, disables somebody and enables them again."""
    desk = Staff(browsers.screen("administrator"), product)
    desk.sign_in(str(product.memory["administrator_email"]))
    desk.page.wait_for_url("**/people")
    person = desk.page.locator(f"[data-person='{email}']")
    expect(person).to_contain_text("Second step")
    shoot(desk.screen, "people-1-list")

    desk.page.get_by_label("Given name").fill("Rosa")
    desk.page.get_by_label("Family name").fill("Pretend")
    desk.page.get_by_label("E-mail").fill("rosa@willow.example")
    desk.do("invite")
    link = desk.page.locator("[data-region=secret]").inner_text()
    assert re.fullmatch(re.escape(product.origin) + r"/p/[\w-]{22}", link)
    shoot(desk.screen, "people-2-invited")
    choose_password(browsers.screen("invited"), link)

    person.locator("summary").click()
    shoot(desk.screen, "people-3-manage")
    person.get_by_label("Reason").select_option("account_at_risk")
    person.locator("[data-do=disable]").click()
    said(desk.page, "is disabled")
    expect(person).to_contain_text("Account at risk")
    shoot(desk.screen, "people-4-disabled")
    person.locator("[data-do=enable]").click()
    said(desk.page, "can sign in again")


def choose_password(screen: Screen, link: str) -> None:
    """Somebody invited chooses a password, and it must not be one that many people use."""
    page = screen.page
    page.goto(link)
    page.get_by_label("New password").fill("password12345678")
    page.get_by_role("button", name="Keep this password").click()
    expect(page.get_by_role("alert")).to_contain_text("easy to guess")
    shoot(screen, "choose-password")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Keep this password").click()
    expect(page.get_by_role("heading", name="Your password is set")).to_be_visible()
    page.goto(link)
    expect(page.get_by_role("heading", name="This link is over")).to_be_visible()
