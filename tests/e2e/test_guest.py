"""An interpreter is invited, waits, is let in by the provider, is heard, and is sent away."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsers import Browsers, Screen
from tests.e2e.conftest import Figures
from tests.e2e.people import Patient, Provider, Staff, flowing, seconds_to_first_frame
from tests.e2e.product import RunningProduct

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def product(tmp_path: Path) -> Iterator[RunningProduct]:
    with RunningProduct(tmp_path / "data") as running:
        yield running
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


class Guest:
    """An interpreter with a link and a phone."""

    def __init__(self, screen: Screen, url: str) -> None:
        self.screen = screen
        self.page = screen.page
        self.url = url

    def sees(self, heading: str, picture: str) -> None:
        """See a screen by its heading."""
        expect(self.page.get_by_role("heading", name=heading)).to_be_visible()
        self.screen.shoot(picture)
        assert not self.screen.scrolls_sideways(), picture

    def come(self) -> None:
        """Open the link and say a name."""
        self.page.goto(self.url)
        self.sees("You are invited", "guest-1-landing")
        self.page.get_by_label("Your name").fill("Ines E.")
        self.page.get_by_role("button", name="Continue").click()

    def join(self) -> float:
        """Tap Join; return seconds until the first remote frame is decoded."""
        button = self.page.get_by_role("button", name="Join", exact=True)
        button.wait_for()
        self.screen.shoot("guest-5-ready")
        return seconds_to_first_frame(self.screen, button.click)


def invited_by(scheduler: Staff, visit_id: str) -> str:
    """Have the scheduler invite an interpreter; return the link."""
    scheduler.page.locator(f"[data-visit-id='{visit_id}']").first.click()
    scheduler.do("guests")
    scheduler.page.locator("#guest-name").fill("Ines Ejemplar")
    scheduler.do("invite")
    url = scheduler.page.locator("[data-guest-url]").input_value()
    scheduler.screen.shoot("guest-0-invited")
    scheduler.do("close-guests")
    return url


def let_in_by(provider: Provider) -> None:
    """Have the provider see who waits, and let them in."""
    notice = provider.page.locator("[data-waits]")
    expect(notice).to_contain_text("Ines E. (Interpreter) is waiting")
    provider.screen.shoot("guest-4-provider-asked")
    notice.locator("[data-do=admit]").click()


def test_an_interpreter_comes_to_the_call_and_to_nothing_else(
    product: RunningProduct, browsers: Browsers, figures: Figures
) -> None:
    visit = product.visits()[0]
    patient = Patient(browsers.screen("patient", is_phone=True), product, visit)
    provider = Provider(browsers.screen("provider"), product)
    scheduler = Staff(browsers.screen("scheduler"), product)
    scheduler.sign_in(str(product.memory["scheduler_email"]))
    url = invited_by(scheduler, visit.visit_id)
    guest = Guest(browsers.screen("guest", is_phone=True), url)

    guest.come()
    guest.sees("The call has not begun", "guest-2-early")
    provider.sign_in(visit.provider_email)
    patient.come_as_far_as_the_waiting_room()
    guest.sees("You are in the waiting room", "guest-3-lobby")
    provider.start(visit.visit_id)
    patient.join()
    let_in_by(provider)
    figures.tell("guest: join to first remote frame", f"{guest.join():.2f} s")
    for screen in (guest.screen, patient.screen, provider.screen):
        flowing(screen)
    guest.screen.shoot("guest-6-call")
    provider.screen.shoot("guest-7-provider-call")

    scheduler.do("guests")
    scheduler.page.locator("[data-guest]").wait_for()
    scheduler.screen.shoot("guest-8-scheduler-list")
    scheduler.do("take-back")
    guest.sees("Your invitation has ended", "guest-9-ended")
    flowing(patient.screen)
    flowing(provider.screen)
    guest.page.goto(url)
    guest.sees("Your invitation has ended", "guest-10-link-ended")
