"""What looks like script, in a text a person can leave, is shown as it was typed; nothing runs."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
import uvicorn
from playwright.async_api import BrowserContext, Page, async_playwright

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.app import VisitService
from telehealth.identity import actions as identity
from telehealth.platform.clock import SystemClock
from telehealth.platform.db import Database
from telehealth.privacy.actions import correcting
from telehealth.waiting_room import actions as waiting_room
from tests.e2e.browsers import FLAGS
from tests.support.app_client import running_app
from tests.support.clinic import BORN_ON
from tests.support.requirements import Figure
from tests.support.sealing import open_database
from tests.support.two_clinics import add_member, open_session
from tests.support.visits import InventedVisit, book

RUN: Final = "__ran=1"
PAYLOADS: Final = tuple(
    form.replace("RUN", RUN)
    for form in (
        "<script>RUN</script>", "<SCRIPT>RUN</SCRIPT>", "<scr<script>ipt>RUN</script>",
        "</script><script>RUN</script>", "</textarea><script>RUN</script>",
        "</title><script>RUN</script>", "--><script>RUN</script>", "]]><script>RUN</script>",
        "<img src=x onerror=RUN>", "<img/src=x/onerror=RUN>", "<IMG SRC=x oNeRrOr=RUN>",
        "<svg onload=RUN>", "<svg/onload=RUN>", "<svg><script>RUN</script></svg>",
        "<svg><animate onbegin=RUN attributeName=x>", "<body onload=RUN>",
        "<a href=javascript:RUN>a",
        "<iframe srcdoc='<script>RUN</script>'>", "<iframe src=javascript:RUN>",
        "<object data=javascript:RUN>", "<embed src=javascript:RUN>",
        "<details open ontoggle=RUN>d",
        "<input autofocus onfocus=RUN>", "<video><source onerror=RUN></video>",
        "<audio src=x onerror=RUN>", "<math><mi xlink:href='javascript:RUN'>", "<base href=//x/>",
        "<meta http-equiv=refresh content=0;url=//x>", "<link rel=stylesheet href=//x>",
        "<style>@import'//x'</style>", "<form><button formaction=javascript:RUN>b",
        "<template><script>RUN</script>", '" onmouseover=RUN x="', "' onfocus=RUN autofocus x='",
        '"><img src=x onerror=RUN>', "'><svg onload=RUN>", "`;RUN;`", "${RUN}", "{{RUN}}",
        "&lt;script&gt;RUN&lt;/script&gt;",
    )
)  # fmt: skip
FIELDS: Final = ("given", "family", "place_address", "note", "correction")


@asynccontextmanager
async def served(sqlite_url: str, folder: Path) -> AsyncIterator[tuple[VisitService, str]]:
    """Serve the public application to browsers on this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    origin = f"http://localhost:{listening.getsockname()[1]}"
    async with running_app(
        sqlite_url, folder, public_origin=origin, allowed_origins=[origin]
    ) as made:
        config = uvicorn.Config(made.public, lifespan="off", ws="none", log_config=None)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        yield made, origin
        server.should_exit = True
        await running


async def arrived(
    database: Database, own: InventedVisit, number: int, text: str, now: datetime
) -> None:
    """Bring a patient of this name, at this address, into the waiting room."""
    async with database.unit_of_work() as uow:
        patient_id = await identity.add_person(
            uow,
            by=Actor.of_job(Job.SETUP, own.clinic.clinic_id),
            now=now,
            given=text,
            family=text,
            birth_on=BORN_ON,
            phone=None,
            medical_record_number=f"MRN-{number}",
            npi=None,
        )
    clinic = replace(own.clinic, patient_id=patient_id)
    starts_at = now + timedelta(minutes=10, seconds=number)
    visit = await book(database, clinic=clinic, now=now, starts_at=starts_at)
    await visit.arrive(now=now)
    async with database.unit_of_work() as uow:
        await waiting_room.check_in(
            uow,
            by=visit.patient,
            now=now,
            visit_id=visit.visit_id,
            place_state="IL",
            place_address=text,
            call_back_number="(312) 555-0101",
            text_id="video-visit",
            consent_version=1,
            language="en",
        )
    await visit.check_devices(now=now)


async def planted(database: Database, own: InventedVisit, now: datetime) -> None:
    """Leave each text in each field."""
    for number, text in enumerate(PAYLOADS, 1):
        await arrived(database, own, number, text, now)
    await own.talk(now=now)
    await own.write("\n".join(PAYLOADS))
    async with database.unit_of_work() as uow:
        await correcting.ask(uow, by=own.patient, now=now, said="\n".join(PAYLOADS))


class Watched:
    """One page: what ran, and what the browser refused to run."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.bad: list[str] = []
        page.on("dialog", lambda dialog: self.bad.append(f"dialog {dialog.message}"))
        page.on("console", lambda said: self._hear(said.text))

    def _hear(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.bad.append(text)

    async def shows(self, texts: tuple[str, ...]) -> int:
        """Wait until each text stands on the page, then say how many do; note what ran."""
        script = """(texts) => {
          const fields = [...document.querySelectorAll("textarea, input")];
          const all = document.body.textContent + fields.map((each) => each.value).join("\\n");
          return texts.filter((each) => all.includes(each)).length;
        }"""
        found = 0
        for _ in range(60):
            found = await self.page.evaluate(script, list(texts))
            if found == len(texts):
                break
            await asyncio.sleep(0.25)
        if await self.page.evaluate("globalThis.__ran"):
            self.bad.append(f"something ran on {self.page.url}")
        return found


async def browser_for(
    context: BrowserContext, cookies: Mapping[str, str], origin: str, path: str
) -> Watched:
    """Open a page as somebody who is signed in."""
    # Chromium sends a secure cookie to http://localhost, and takes one for https alone.
    await context.add_cookies(
        [
            {"name": name, "value": value, "url": "https://localhost/", "secure": True}
            for name, value in cookies.items()
        ]
    )
    watched = Watched(await context.new_page())
    await watched.page.goto(f"{origin}{path}")
    return watched


@pytest.mark.requirement("SEC-XSS-01")
@pytest.mark.timeout(300)
async def test_script_text_is_shown_and_never_runs(
    sqlite_url: str, tmp_path: Path, figure: Figure
) -> None:
    now = SystemClock().now()
    database = open_database(sqlite_url)
    own = await book(database, now=now, starts_at=now + timedelta(minutes=5))
    await planted(database, own, now)
    async with database.unit_of_work() as uow:
        auditor_id = await add_member(uow, own.clinic, Role.AUDITOR, now)
    auditor = Actor(clinic_id=own.clinic.clinic_id, role=Role.AUDITOR, person_id=auditor_id)
    places = (
        (own.provider, "/console"),
        (own.scheduler, "/board"),
        (auditor, "/auditor"),
        (own.patient, "/privacy"),
    )
    shown: dict[str, int] = {}
    bad: list[str] = []
    async with served(sqlite_url, tmp_path) as (made, origin), async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        for actor, path in places:
            cookies = await open_session(made, database, actor, now=now)
            watched = await browser_for(await browser.new_context(), cookies, origin, path)
            shown[path] = await watched.shows(PAYLOADS)
            bad += watched.bad
        await browser.close()
    await database.close()

    figure(
        f"{len(PAYLOADS) * len(FIELDS)} texts in {len(FIELDS)} fields, {len(places)} pages, "
        f"{len(bad)} ran or were refused by the policy; shown as typed: {shown}"
    )
    assert bad == []
    assert shown == dict.fromkeys((path for _, path in places), len(PAYLOADS))
