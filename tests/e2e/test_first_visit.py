"""A patient, a provider and a scheduler go through a whole visit in real browsers, by clicking."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsers import Browsers, Screen
from tests.e2e.charts import Resources, check_one_of_each, in_sandbox, settled
from tests.e2e.conftest import Figures
from tests.e2e.people import Patient, Provider, Staff, flowing, seconds_to_first_frame
from tests.e2e.product import ROOT, RunningProduct
from tests.support.fhir_server import running_fhir_server

NOTE = "Invented note: sore throat for two days, no fever. Rest and fluids."
AEAD = re.compile(r"SRTP_AEAD_AES_(128|256)_GCM")


class Story:
    """The whole visit, told once for each installation."""

    def __init__(self, product: RunningProduct, browsers: Browsers, figures: Figures) -> None:
        self._figures = figures
        self.visit = product.visits()[0]
        self.product = product
        self.patient = Patient(browsers.screen("patient", is_phone=True), product, self.visit)
        self.provider = Provider(browsers.screen("provider"), product)
        self.scheduler = Staff(browsers.screen("scheduler"), product)

    def shoot(self, person: Patient | Staff, name: str) -> None:
        """Take pictures of a screen, and see that nothing sticks out of a phone."""
        person.screen.shoot(name)
        size = person.page.viewport_size
        person.page.set_viewport_size({"width": 390, "height": 844})
        assert not person.screen.scrolls_sideways(), name
        if size is not None:
            person.page.set_viewport_size(size)

    def open_the_desks(self) -> None:
        """Provider and scheduler sign in."""
        self.provider.page.goto(f"{self.product.origin}/")
        self.shoot(self.provider, "home")
        self.provider.page.goto(f"{self.product.origin}/sign-in")
        self.shoot(self.provider, "sign-in")
        self.provider.sign_in(self.visit.provider_email, "wrong on purpose")
        expect(self.provider.page.get_by_role("alert").first).to_be_visible()
        self.provider.sign_in(self.visit.provider_email)
        self.provider.page.wait_for_url("**/console*")
        self.scheduler.sign_in(str(self.product.memory["scheduler_email"]))
        self.scheduler.page.wait_for_url("**/board*")
        self.scheduler.page.locator(f"[data-visit-id='{self.visit.visit_id}']").wait_for()

    def arrive(self) -> None:
        """The patient comes as far as the waiting room, and the desks see it."""
        self.patient.come_as_far_as_the_waiting_room(shoot=True)
        self.shoot(self.patient, "patient-5-waiting")
        card = self.provider.card(self.visit.visit_id)
        expect(card).to_have_attribute("data-state", "waiting")
        self.shoot(self.provider, "provider-1-queue")
        self.wait_for_board("waiting")
        self.shoot(self.scheduler, "scheduler-1-waiting")

    def wait_for_board(self, state: str) -> None:
        """See the visit's row in a state."""
        row = self.scheduler.page.locator(f"[data-visit-id='{self.visit.visit_id}']").first
        expect(row).to_have_attribute("data-state", state, timeout=15_000)

    def meet(self) -> None:
        """The provider starts, the patient joins, both see and hear each other."""
        self.provider.start(self.visit.visit_id)
        self.patient.page.get_by_role("button", name="Join", exact=True).wait_for()
        self.shoot(self.patient, "patient-6-called")
        taken_s = self.patient.join()
        self._figures.tell(f"join to first remote frame, {self.name}", f"{taken_s:.2f} s")
        for person in (self.patient, self.provider):
            self.check_media(person.screen)
        self.wait_for_board("in_call")
        self.shoot(self.patient, "patient-7-call")
        self.shoot(self.provider, "provider-2-call")
        self.shoot(self.scheduler, "scheduler-2-in-call")

    def check_media(self, screen: Screen) -> None:
        """See what getStats says: pictures, sound, whose port, which cipher."""
        told = flowing(screen)
        assert AEAD.fullmatch(told["srtp_cipher"]), told
        assert told["dtls_state"] == "connected"
        assert told["dtls_role"] == "client", "setup:passive makes the browser the client"
        assert told["protocol"] == "udp"
        assert told["remote_address"] == "127.0.0.1"
        assert told["remote_port"] in self.media_ports, told
        line = {name: told[name] for name in ("frames_decoded", "audio_packets", "srtp_cipher")}
        self._figures.tell(f"{screen.name}, {self.name}", line)

    @property
    def name(self) -> str:
        """Which installation this is."""
        return "PostgreSQL" if "postgresql" in self.product.database_url else "SQLite"

    @property
    def media_ports(self) -> set[int]:
        """The one UDP port of each media worker, as the system knows it."""
        return {udp_port_of(pid) for pid in self.product.media_workers()}

    def refresh_and_rejoin(self) -> None:
        """Both reload their page in the call, and are in it again."""
        self.patient.page.reload()
        taken_s = self.patient.join()
        self._figures.tell(f"patient back after a refresh, {self.name}", f"{taken_s:.2f} s")
        self.check_media(self.patient.screen)
        flowing(self.provider.screen)
        # A refresh is not a leaving: the console goes back into the call by itself.
        taken_s = seconds_to_first_frame(self.provider.screen, self.provider.page.reload)
        self._figures.tell(f"provider back after a refresh, {self.name}", f"{taken_s:.2f} s")
        for person in (self.patient, self.provider):
            self.check_media(person.screen)

    def step_out_and_back(self) -> None:
        """Leave leaves only the room: the visit stays open."""
        self.patient.leave_for_now()
        self.patient.page.get_by_role("button", name="Join", exact=True).wait_for()
        self.shoot(self.patient, "patient-8-rejoin")
        self.patient.join()
        self.check_media(self.patient.screen)

    def finish(self) -> None:
        """Write, finish, sign, close."""
        self.provider.write_note(NOTE)
        self.shoot(self.provider, "provider-3-note")
        self.provider.do("finish")
        self.provider.confirm()
        heading = self.patient.page.get_by_role("heading", name="Your visit is finished")
        expect(heading).to_be_visible()
        self.shoot(self.patient, "patient-9-after")
        self.provider.page.locator("[data-do=close]:visible").wait_for()
        self.shoot(self.provider, "provider-4-wrap-up")
        self.provider.sign_and_close()
        self.wait_for_board("completed")
        self.shoot(self.scheduler, "scheduler-3-done")
        self.shoot(self.provider, "provider-5-queue-after")


def udp_port_of(pid: int) -> int:
    """Ask the system for the UDP port a process is bound to."""
    inodes = {
        match[1]
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if (match := re.match(r"socket:\[(\d+)\]", str(link.readlink())))
    }
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in inodes:
            return int(fields[1].split(":")[1], 16)
    raise AssertionError("the media node has no UDP socket")


@contextmanager
def visiting(product: RunningProduct, browsers: Browsers, figures: Figures) -> Iterator[Story]:
    """Tell the story; on failure leave pictures and the log's end."""
    story = Story(product, browsers, figures)
    try:
        yield story
    except BaseException:
        for screen in browsers.screens:
            screen.shoot(f"failed-{screen.name}")
        print(product.log()[-6000:])
        raise


def tell_the_story(product: RunningProduct, browsers: Browsers, figures: Figures) -> str:
    with visiting(product, browsers, figures) as story:
        story.open_the_desks()
        story.arrive()
        story.meet()
        story.refresh_and_rejoin()
        story.step_out_and_back()
        story.finish()
        return story.visit.visit_id


def check_audit(product: RunningProduct) -> None:
    verified = product.run("audit", "verify")
    assert verified.returncode == 0, verified.stderr
    assert re.search(r"whole, [1-9]\d+ entries", verified.stdout), verified.stdout


@pytest.mark.timeout(300)
def test_a_visit_on_a_file_ends_in_the_simulated_chart(
    tmp_path: Path, browsers: Browsers, figures: Figures
) -> None:
    data = tmp_path / "demo"
    with RunningProduct(data) as product:
        visit_id = tell_the_story(product, browsers, figures)
        held = settled(lambda: in_sandbox(data))
        check_one_of_each(held, visit_id=visit_id, note=NOTE)
        check_audit(product)
        before = product.memory
    assert product.stopped_after_s < 15
    with RunningProduct(data) as again:
        assert again.memory["password"] == before["password"]
        desk = Provider(browsers.screen("provider-next-day"), again)
        desk.sign_in(str(before["visits"][0]["provider_email"]))
        desk.page.wait_for_url("**/console*")
        check_one_of_each(in_sandbox(data), visit_id=visit_id, note=NOTE)
        check_audit(again)


@pytest.mark.timeout(300)
def test_a_visit_on_postgresql_ends_in_a_chart_we_did_not_write(
    tmp_path: Path, empty_postgres_url: str, browsers: Browsers, figures: Figures
) -> None:
    with running_fhir_server() as chart:
        chart.preload_people()

        def held() -> Resources:
            return {kind: chart.everything(kind) for kind in ("Encounter", "DocumentReference")}

        environment = {"DATABASE_URL": empty_postgres_url, "EHR_BASE_URL": chart.base_url}
        with RunningProduct(tmp_path / "demo", environment=environment) as product:
            visit_id = tell_the_story(product, browsers, figures)
            check_one_of_each(settled(held), visit_id=visit_id, note=NOTE)
            check_audit(product)
        assert not (tmp_path / "demo" / "telehealth.sqlite3").exists()


def test_a_taken_port_is_said_with_a_way_out(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        refused = subprocess.run(
            [sys.executable, "-m", "telehealth.cli", "demo"],
            cwd=ROOT,
            env={
                "PATH": "",
                "PORT": str(port),
                "DATA": str(tmp_path),
                "MEDIA_ADDRESS": "127.0.0.1",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        f"Port {port} is taken. Choose another one: PORT={port + 1} make demo"
    )


def test_a_stranger_with_a_link_is_let_in_nowhere(tmp_path: Path, browsers: Browsers) -> None:
    with RunningProduct(tmp_path / "demo") as product:
        visit = product.visits()[0]
        stranger = Patient(browsers.screen("stranger", is_phone=True), product, visit)
        stranger.open_link()
        stranger.say_birth_date(year="1901")
        expect(stranger.page.get_by_role("alert").first).to_be_visible()
        stranger.page.goto(f"{product.origin}/visit")
        expect(
            stranger.page.get_by_role("heading", name="We could not open your visit")
        ).to_be_visible()
        stranger.page.goto(f"{product.origin}/v/{'x' * 22}")
        stranger.screen.shoot("patient-0-wrong-link")
        for path in ("/console", "/board"):
            stranger.page.goto(f"{product.origin}{path}")
            assert "/sign-in" in stranger.page.url
    assert json.loads((tmp_path / "demo" / "demo.json").read_text())["visits"]
