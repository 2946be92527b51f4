"""A provider opens a colleague's patient's record in an emergency; the privacy officer is told."""

import json
import re
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browsers import Browsers, Screen
from tests.e2e.conftest import Figures
from tests.e2e.people import Staff
from tests.e2e.product import DemoVisit, RunningProduct

REASON = "Unconscious in the hallway, allergies unknown"
TOLD_WITHIN_S = 60.0


def messages_of(product: RunningProduct) -> dict[str, Any]:
    """Return what the message simulator beside the product has taken."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "message-sink" in words and any(str(product.data) in word for word in words):
            at = words[words.index("--listen") + 1]
            with urllib.request.urlopen(f"http://{at}/messages", timeout=5) as answer:
                return dict(json.loads(answer.read()))
    raise AssertionError("no message simulator runs")


def told_at(product: RunningProduct, access_id: str) -> tuple[float, str]:
    """Wait until the notice of one access has reached the auditor's phone; return since when."""
    started = time.monotonic()
    while time.monotonic() - started < TOLD_WITHIN_S:
        found = re.search(
            rf"[^\"]*/auditor#{access_id[-8:]}[^\"]*", json.dumps(messages_of(product))
        )
        if found is not None:
            return time.monotonic() - started, found[0]
        time.sleep(0.2)
    raise AssertionError(f"nobody was told within {TOLD_WITHIN_S} s")


def shoot(screen: Screen, name: str) -> None:
    """Take pictures, and see that nothing sticks out of a phone."""
    screen.shoot(name)
    screen.page.set_viewport_size({"width": 390, "height": 844})
    assert not screen.scrolls_sideways(), name
    screen.page.set_viewport_size({"width": 1280, "height": 860})


def fill(page: Page, visit: DemoVisit, *, birth_on: str | None = None) -> None:
    """Name the patient and say why."""
    given, _, family = visit.patient_name.partition(" ")
    page.get_by_label("Given name").fill(given.upper())
    page.get_by_label("Family name").fill(family)
    page.get_by_label("Birth date").fill(birth_on or visit.birth_on)
    page.get_by_label("Why you need it").fill(REASON)


def open_record(product: RunningProduct, provider: Staff, visit: DemoVisit) -> str:
    """Try in vain, then open the record with a fresh proof; return the access."""
    page, screen = provider.page, provider.screen
    page.locator("[data-do=emergency]").click()
    page.get_by_role("heading", name="Open a record in an emergency").wait_for()
    expect(page.locator("[data-region=told]")).to_contain_text("privacy officer is told at once")
    shoot(screen, "emergency-1-ask")
    page.goto(f"{product.origin}/emergency?language=es")
    page.get_by_role("heading", name="Abrir un expediente en una emergencia").wait_for()
    shoot(screen, "emergency-1-ask-es")
    page.goto(f"{product.origin}/emergency?language=en")

    fill(page, visit, birth_on="1901-01-01")
    page.get_by_label("Why you need it").fill("too short")
    provider.do("open")
    expect(page.get_by_role("alert")).to_contain_text("at least 10 characters")
    page.get_by_label("Why you need it").fill(REASON)
    provider.do("open")
    expect(page.get_by_role("alert")).to_contain_text("No patient of this clinic")
    shoot(screen, "emergency-2-refused")

    fill(page, visit)
    with page.expect_response(lambda each: each.url.endswith("/v1/break-glass")) as answer:
        provider.do("open")
    page.get_by_role("heading", name=visit.patient_name).wait_for()
    return str(answer.value.json()["access_id"])


def review(
    product: RunningProduct, browsers: Browsers, visit: DemoVisit, access_id: str
) -> Locator:
    """Look as the auditor, by the address in the notice; return the access's row."""
    auditor = Staff(browsers.screen("auditor"), product)
    auditor.sign_in("robin.ledgerly@example.org")
    auditor.page.wait_for_url("**/auditor*")
    auditor.page.goto(f"{product.origin}/auditor#{access_id[-8:]}")
    auditor.page.reload()
    row = auditor.page.locator(f"[data-access='{access_id}']")
    for words in (REASON, visit.patient_name, "open until"):
        expect(row).to_contain_text(words)
    expect(auditor.page.locator("[data-region=tries]")).to_contain_text("1 try found no patient")
    shoot(auditor.screen, "emergency-5-auditor")
    return row


@pytest.mark.requirement("PRV-08")
@pytest.mark.timeout(300)
def test_a_record_is_opened_for_an_hour_and_the_privacy_officer_is_told(
    tmp_path: Path, browsers: Browsers, figures: Figures
) -> None:
    with RunningProduct(tmp_path / "demo") as product:
        visits = product.visits()
        own = visits[0].provider_email
        other = next((each for each in visits if each.provider_email != own), visits[0])
        provider = Staff(browsers.screen("provider"), product)
        provider.sign_in(own)
        provider.page.wait_for_url("**/console*")
        page = provider.page
        access_id = open_record(product, provider, other)

        waited_s, text = told_at(product, access_id)
        assert other.patient_name.split()[0] not in text
        assert REASON not in text
        figures.tell("emergency access: privacy officer told after, s", round(waited_s, 1))

        left = page.locator("[data-region=left]")
        expect(left).to_have_text(re.compile(r"^(60:00|59:\d\d)$"))
        before = left.inner_text()
        expect(left).not_to_have_text(before)
        expect(page.locator("[data-region=open]")).to_contain_text("privacy officer is told")
        shoot(provider.screen, "emergency-3-open")
        page.goto(f"{product.origin}/console")
        expect(page.locator("[data-region=emergency]")).to_contain_text("Emergency access is open")
        shoot(provider.screen, "emergency-4-console")

        row = review(product, browsers, other, access_id)

        page.locator("[data-region=emergency] a").click()
        page.get_by_role("heading", name=other.patient_name).wait_for()
        provider.do("end")
        expect(page.get_by_role("status")).to_contain_text("You have closed the record.")
        assert other.patient_name not in page.content()
        row.page.reload()
        expect(row).to_contain_text("closed by hand")
        expect(row).to_contain_text("read 2 times")
