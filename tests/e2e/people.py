"""What people do in a visit, by clicking and typing what they see."""

import re
import time
from typing import Any

from playwright.sync_api import expect

from tests.e2e.browsers import Screen
from tests.e2e.product import DemoVisit, RunningProduct

FLOWING_WITHIN_S = 20.0


class Patient:
    """Somebody with a link and a phone."""

    def __init__(self, screen: Screen, product: RunningProduct, visit: DemoVisit) -> None:
        self.screen = screen
        self.page = screen.page
        self._product = product
        self._visit = visit

    def open_link(self) -> None:
        """Open the link of the message."""
        self.page.goto(f"{self._product.origin}/v/{self._visit.secret}")
        expect(self.page.get_by_role("heading", name="Check in for your visit")).to_be_visible()

    def say_birth_date(self, year: str | None = None) -> None:
        """Type the birth date."""
        birth = self._visit.birth_on.split("-")
        self.page.get_by_label("Month").fill(birth[1])
        self.page.get_by_label("Day").fill(birth[2])
        self.page.get_by_label("Year").fill(year or birth[0])
        self.page.get_by_role("button", name="Check in").click()

    def check_in(self, *, shoot: bool = False) -> None:
        """Say where, how to call back, and agree."""
        page = self.page
        page.get_by_label("State").wait_for()
        if shoot:
            self.screen.shoot("patient-2-check-in")
        page.get_by_label("State").select_option("IL")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Street address, city").fill("1 Example Street, Springfield")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Phone number").fill("+1 312-555-0101")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("I have read this and agree").check()
        if shoot:
            self.screen.shoot("patient-3-consent")
        page.get_by_role("button", name="Agree and continue").click()

    def test_device(self, *, shoot: bool = False) -> None:
        """Try camera and microphone."""
        page = self.page
        page.get_by_role("button", name="Turn on camera and microphone").click()
        go_on = page.get_by_role("button", name="Continue to the waiting room")
        go_on.wait_for(timeout=30_000)
        if shoot:
            self.screen.shoot("patient-4-device-check")
        go_on.click()

    def wait_in_waiting_room(self) -> None:
        """See that one is checked in."""
        expect(self.page.get_by_role("heading", name="You are checked in")).to_be_visible()

    def come_as_far_as_the_waiting_room(self, *, shoot: bool = False) -> None:
        """Everything before the wait."""
        self.open_link()
        if shoot:
            self.screen.shoot("patient-1-landing")
        self.say_birth_date()
        self.check_in(shoot=shoot)
        self.test_device(shoot=shoot)
        self.wait_in_waiting_room()

    def join(self) -> float:
        """Tap Join; return seconds until the first remote frame is decoded."""
        button = self.page.get_by_role("button", name="Join", exact=True)
        button.wait_for()
        return seconds_to_first_frame(self.screen, button.click)

    def leave_for_now(self) -> None:
        """Leave the call; one may come back."""
        self.page.get_by_role("toolbar").get_by_role("button", name="Leave").click()
        self.page.get_by_role("dialog").get_by_role("button", name="Leave for now").click()


class Staff:
    """Somebody with an account."""

    def __init__(self, screen: Screen, product: RunningProduct) -> None:
        self.screen = screen
        self.page = screen.page
        self._product = product

    def sign_in(self, email: str, password: str | None = None) -> None:
        """Sign in on the page for staff."""
        self.page.goto(f"{self._product.origin}/sign-in")
        self.page.locator("[name=email]").fill(email)
        self.page.locator("[name=password]").fill(password or self._product.password)
        self.page.locator("[data-do=sign-in]").click()

    def do(self, what: str) -> None:
        """Press a control."""
        self.page.locator(f"[data-do={what}]:visible").first.click()

    def confirm(self) -> None:
        """Say yes to what the page asks."""
        self.page.locator("[data-do=confirm]:visible").click()


class Provider(Staff):
    """Works a consult queue."""

    def card(self, visit_id: str) -> Any:
        """The queue card of a visit."""
        return self.page.locator(f"[data-region=queue] [data-visit-id='{visit_id}']")

    def start(self, visit_id: str) -> None:
        """Call the patient in."""
        self.card(visit_id).locator("[data-do=start]").click()

    def write_note(self, text: str) -> None:
        """Write, and wait until it is saved."""
        note = self.page.locator("[data-region=note] textarea")
        note.click()
        note.press_sequentially(text, delay=5)
        expect(self.page.locator("[data-region=note]")).to_contain_text(
            re.compile("saved", re.IGNORECASE)
        )

    def sign_and_close(self) -> None:
        """Sign the note and close the visit."""
        self.do("sign-note")
        self.confirm()
        self.do("close")


def seconds_to_first_frame(screen: Screen, act: Any) -> float:
    """Do something and return how long it takes until a remote frame is decoded."""
    started = time.monotonic()
    act()
    while time.monotonic() - started < FLOWING_WITHIN_S:
        figures = screen.figures()
        if figures is not None and figures["frames_decoded"] > 0:
            return time.monotonic() - started
        screen.page.wait_for_timeout(20)
    raise AssertionError(f"{screen.name} saw no remote frame: {screen.figures()}")


def flowing(screen: Screen) -> dict[str, Any]:
    """Wait until pictures decode and sound arrives, and keep doing so; return the figures."""
    started = time.monotonic()
    before: dict[str, Any] | None = None
    while time.monotonic() - started < FLOWING_WITHIN_S:
        figures = screen.figures()
        if figures and before and _rises(before, figures):
            return figures
        if figures and figures["frames_decoded"] and figures["audio_packets"]:
            before = before or figures
        screen.page.wait_for_timeout(250)
    raise AssertionError(f"{screen.name}: media does not flow: {screen.figures()}")


def _rises(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return all(after[name] > before[name] + 5 for name in ("frames_decoded", "audio_packets"))
