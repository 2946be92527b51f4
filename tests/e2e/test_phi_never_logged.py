"""A whole visit with canaries: nothing of a person is where it must not be."""

import base64
import json
import re
import sqlite3
import time
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsers import Browsers
from tests.e2e.people import Patient, Provider, Staff, flowing
from tests.e2e.product import DemoVisit, RunningProduct
from tests.e2e.taps import BrowserTap, RedisTap, storage_of
from tests.support.canaries import Canaries
from tests.support.requirements import Figure

NOTE = "canarysymptom: haematuria since tuesday, allergic to penicillin"
WRONG = "canarycorrection: it was the left kidney, never the right one"
ANSWER = "canaryanswer: we have asked your provider and will add to the note"
ADDRESS = "1 Example Street, Springfield"
SERIES_LIMIT = 5_000
ENDS_WITHIN_S = 2.0
KEPT_COOKIES = {"language", "__Host-csrf"}
"""Readable by a script: no person, no right."""


class Told:
    """The visit, told once; every test of this file looks at what it left."""

    def __init__(self, product: RunningProduct, browsers: Browsers) -> None:
        self.product = product
        self.visit = product.visits()[0]
        self.patient = Patient(browsers.screen("patient", is_phone=True), product, self.visit)
        self.provider = Provider(browsers.screen("provider"), product)
        self.scheduler = Staff(browsers.screen("scheduler"), product)
        self.taps = [
            BrowserTap(each.screen.context)
            for each in (self.patient, self.provider, self.scheduler)
        ]
        self.canaries = Canaries(planted(product, self.visit))
        self.ended_after_s = 0.0
        self.stored: dict[str, Mapping[str, object]] = {}

    def arrive_and_talk(self) -> None:
        self.provider.sign_in(self.visit.provider_email, "canarypassword wrong")
        expect(self.provider.page.get_by_role("alert").first).to_be_visible()
        self.provider.sign_in(self.visit.provider_email)
        self.provider.page.wait_for_url("**/console*")
        self.scheduler.sign_in(str(self.product.memory["scheduler_email"]))
        self.scheduler.page.wait_for_url("**/board*")
        self.patient.open_link()
        self.patient.say_birth_date(year="1901")
        expect(self.patient.page.get_by_role("alert").first).to_be_visible()
        self.patient.come_as_far_as_the_waiting_room()
        self.provider.start(self.visit.visit_id)
        self.patient.join()
        flowing(self.provider.screen)
        self.provider.write_note(NOTE)
        self.stored["in the call"] = storage_of(self.patient.page)

    def take_consent_back(self) -> None:
        """On the privacy page in a second tab; the call in the first ends."""
        page = self.patient.screen.context.new_page()
        page.goto(f"{self.product.origin}/privacy")
        page.locator("[data-do=withdraw]").wait_for()
        page.locator("details.agreed summary").first.click()
        self._shoot(page, "patient-privacy")
        page.locator("[data-do=withdraw]").click()
        began = time.monotonic()
        page.get_by_role("dialog").get_by_role("button", name="Take it back").click()
        self.ended_after_s = self._seconds_until_still(began)
        gone = self.patient.page.get_by_role("heading", name="You took back your consent")
        expect(gone).to_be_visible()
        expect(self.provider.page.locator("[data-notice]")).to_contain_text(
            "took back their consent"
        )
        self.patient.screen.shoot("patient-withdrawn")
        self.provider.screen.shoot("provider-withdrawn")
        page.close()

    def _seconds_until_still(self, began: float) -> float:
        """Return when the provider's browser got its last packet of the patient."""
        last, changed_at = -1, began
        while time.monotonic() - began < 3 * ENDS_WITHIN_S:
            told = self.provider.screen.figures()
            now = told["video_packets"] + told["audio_packets"] if told else last
            if now != last:
                last, changed_at = now, time.monotonic()
            self.provider.page.wait_for_timeout(50)
        return changed_at - began

    def correct(self) -> None:
        """The patient asks for a correction, the clinic answers."""
        page = self.patient.screen.context.new_page()
        page.goto(f"{self.product.origin}/privacy")
        page.get_by_label("What is wrong").fill(WRONG)
        page.locator("[data-do=correct]").click()
        expect(page.locator("[data-notice]")).to_be_visible()
        desk = self.scheduler.page
        desk.locator("[data-view=attention]").click()
        desk.locator("[data-region=corrections] textarea").fill(ANSWER)
        self.scheduler.screen.shoot("scheduler-corrections")
        desk.get_by_label("Reason, if not accepted").select_option("accurate")
        desk.locator("[data-do=deny]").click()
        expect(desk.locator("[data-notice]")).to_contain_text("The answer is sent")
        page.reload()
        expect(page.get_by_text(ANSWER)).to_be_visible()
        self._shoot(page, "patient-privacy-answered")
        page.close()

    def fetch_record(self, to: Path) -> bytes:
        """Get one's own record, with the birth date, once."""
        page = self.patient.screen.context.new_page()
        page.goto(f"{self.product.origin}/privacy")
        page.locator("[data-do=export]").click()
        page.wait_for_url("**/records/*")
        self.canaries.plant("own export link", page.url.rpartition("/")[2])
        year, month, day = self.visit.birth_on.split("-")
        for label, value in (("Month", month), ("Day", day), ("Year", year)):
            page.get_by_label(label).fill(value)
        self._shoot(page, "patient-record")
        with page.expect_download() as download:
            page.get_by_role("button", name="Save my record").click()
        download.value.save_as(to)
        expect(page.get_by_text("This link is used up")).to_be_visible()
        with zipfile.ZipFile(to) as archive:
            readable = archive.read("record.html")
        page.goto("about:blank")
        page.set_content(readable.decode())
        self._shoot(page, "patient-record-readable")
        page.close()
        return readable

    def leave_nothing(self) -> None:
        """Close the visit; then the patient clears the shared computer."""
        self.provider.page.locator("[data-do=close]:visible").wait_for()
        self.provider.sign_and_close()
        page = self.patient.page
        page.locator("[data-do=clear]").wait_for()
        self.patient.screen.shoot("patient-last-page")
        self.keep_cookies()
        page.locator("[data-do=clear]").click()
        expect(page.get_by_role("heading", name="This device is clear")).to_be_visible()
        page.wait_for_timeout(500)
        self.patient.screen.shoot("patient-cleared")
        self.stored["at the end"] = storage_of(page)

    def keep_cookies(self) -> None:
        """Plant what each browser was given before it is taken away."""
        for person in (self.patient, self.provider, self.scheduler):
            for cookie in person.screen.context.cookies():
                if cookie["name"] not in KEPT_COOKIES:
                    self.canaries.plant(f"{cookie['name']} {person.screen.name}", cookie["value"])
        for tap in self.taps:
            for name, value in tap.secrets.items():
                self.canaries.plant(name, value)

    def _shoot(self, page: Page, name: str) -> None:
        screen, own = self.patient.screen, self.patient.screen.page
        screen.page = page
        screen.shoot(name)
        page.set_viewport_size({"width": 390, "height": 844})
        assert not screen.scrolls_sideways(), name
        screen.page = own


def planted(product: RunningProduct, visit: DemoVisit) -> dict[str, str]:
    """Return what belongs to persons, and what opens something."""
    given, _, family = visit.patient_name.partition(" ")
    month, day = visit.birth_on.split("-")[1:]
    return {
        "full name": visit.patient_name,
        "family name": family,
        "given and birth": f"{given} {visit.birth_on}",
        "birth date": visit.birth_on,
        "birth date, American": f"{month}/{day}/{visit.birth_on[:4]}",
        "record number": "DEMO-0001",
        "call-back number": "+13125550101",
        "call-back number, typed": "312-555-0101",
        "call-back number, digits": "3125550101",
        "address": ADDRESS,
        "street": "1 Example Street",
        "symptom": NOTE,
        "symptom, a word": "haematuria",
        "drug": "penicillin",
        "correction": WRONG,
        "answer": ANSWER,
        "staff e-mail": visit.provider_email,
        "scheduler e-mail": str(product.memory["scheduler_email"]),
        "staff password": product.password,
        "wrong password": "canarypassword",
        "own link": visit.secret,
    }


def metrics_of(product: RunningProduct) -> str:
    """Read every metrics page of the running processes."""
    pages = []
    for name, variable in (
        ("signaling", "SIGNALING_INTERNAL_LISTEN"),
        ("media", "MEDIA_CONTROL_LISTEN"),
    ):
        raw = Path(f"/proc/{product.children()[name]}/environ").read_bytes().decode()
        [address] = re.findall(rf"(?:^|\0){variable}=([^\0]+)", raw)
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as page:
            pages.append(page.read().decode())
    return "\n".join(pages)


def command_lines(product: RunningProduct) -> list[bytes]:
    return [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in product.children().values()]


def core_limits(product: RunningProduct) -> set[tuple[str, ...]]:
    """Return how large a core each process may leave, in bytes: soft and hard limit."""
    pids = [*product.children().values(), *product.media_workers()]
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/limits").read_text().splitlines()]
    return {tuple(line.split()[4:6]) for line in lines if line.startswith("Max core file size")}


def audit_facts(product: RunningProduct) -> list[str]:
    with sqlite3.connect(product.data / "telehealth.sqlite3") as database:
        return [row[0] for row in database.execute("SELECT facts FROM audit_entries")]


@pytest.mark.requirement(
    "PRV-01", "PRV-02", "PRV-03", "PRV-04", "PRV-05", "INV-11", "INV-15", "SEC-LOG-02", "CRY-01"
)
@pytest.mark.timeout(240)
def test_phi_never_logged(tmp_path: Path, browsers: Browsers, figure: Figure) -> None:
    """Logs, metrics, addresses, Redis, refusals, browser storage, command lines, audit facts."""
    with RunningProduct(tmp_path / "demo") as product:
        told = Told(product, browsers)
        redis_socket = str(product.data / "redis" / "redis.sock")
        with RedisTap(redis_socket).listening() as tap:
            told.arrive_and_talk()
            held, for_ever = tap.contents()
            told.take_consent_back()
            told.correct()
            readable = told.fetch_record(tmp_path / "record.zip")
            told.leave_nothing()
            more, still = tap.contents()
        metrics, commands = metrics_of(product), command_lines(product)
        cores, beside_redis = core_limits(product), list((product.data / "redis").iterdir())
        facts = audit_facts(product)
        log = product.log()
    whole_log = (product.data / "demo.log").read_text()
    canaries = told.canaries
    urls = [url for each in told.taps for url in each.urls]
    own_urls = [url for url in urls if not re.search(r"/(v|v1/visit-links|records)/", url)]
    refusals = [body for each in told.taps for body in each.refusals]

    assert whole_log.startswith(log)
    assert len(tap.commands) > 20, "MONITOR heard the visit"
    assert len(refusals) >= 2, "two wrong answers were refused"
    assert {name for name in told.canaries.names() if name.startswith("ice-pwd")}
    assert {name for name in told.canaries.names() if name.startswith("ticket")}
    found = [
        *canaries.hunt("logs", whole_log),
        *canaries.hunt("metrics", metrics),
        *canaries.hunt("Redis", *held, *more),
        *canaries.hunt("Redis commands", *tap.commands),
        *canaries.hunt("addresses", *own_urls),
        *canaries.hunt("refusals", *refusals),
        *canaries.hunt("command lines", *commands),
        *canaries.hunt("audit facts", *facts),
        *(hit for where, kept in told.stored.items() for hit in canaries.hunt(where, repr(kept))),
    ]
    assert found == []
    assert cores == {("0", "0")}, "no process leaves its memory in a file"
    assert [each.name for each in beside_redis if each.is_file()] == [], "no RDB, no AOF"
    for url in urls:
        assert canaries.hunt("an address", url, allowed=("own",)) == []
    assert for_ever == still == [], "a key without an end"
    assert [each.referers for each in told.taps] == [[], [], []]
    assert told.visit.visit_id not in metrics
    series = [line for line in metrics.splitlines() if line and not line.startswith("#")]
    assert len(series) < SERIES_LIMIT
    assert told.stored["at the end"] == {
        "local": {}, "session": {}, "cached": [], "databases": [], "workers": 0,
        "cookies": told.stored["at the end"]["cookies"], "title": "This device is clear",
    }  # fmt: skip
    assert told.visit.patient_name in readable.decode()
    assert told.ended_after_s <= ENDS_WITHIN_S
    figure(
        f"{len(canaries)} canaries, 0 hits in {len(whole_log)} log characters,"
        f" {len(urls)} addresses, {len(tap.commands)} Redis commands; {len(series)} series;"
        f" media still {told.ended_after_s:.1f} s after consent was taken back"
    )


@pytest.mark.parametrize("value", ["Rosa Samplewood", "Lucía Ejemplo", "+13125550101"])
def test_the_hunter_finds_a_canary_in_every_form(value: str) -> None:
    """A hunt that cannot find is no proof that nothing is there."""
    canaries = Canaries({"canary": value})
    raw = value.encode()
    hidden = {
        "plain": raw,
        "upper": value.upper().encode(),
        "json": json.dumps({"name": value}).encode(),
        "url": quote(f"/x?name={value}").encode(),
        "hex": b"xx" + raw.hex().encode(),
        **{
            f"base64 at {shift}": base64.b64encode(b"x" * shift + raw + b"tail")
            for shift in range(3)
        },
        "base64url": base64.urlsafe_b64encode(b"??" + raw + b">>>"),
    }

    assert [name for name, text in hidden.items() if not canaries.hunt("here", text)] == []
    assert canaries.hunt("here", "Rosa", "Sample", "3125550", "Luc") == []
