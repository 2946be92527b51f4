"""Guests: one link, one visit, the call and nothing else; taken back, everything is over."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from sqlalchemy import select, text
from starlette.routing import Route

from telehealth.access.errors import NotPermitted
from telehealth.app import VisitService
from telehealth.contract import Admission, AttendanceKind, Removal, RemovalCause
from telehealth.delivery.tables import LedgerEntry
from telehealth.platform.db import Database
from telehealth.visits import seats
from telehealth.visits.actions import calling_off
from telehealth.visits.lifecycle import CancelReason
from tests.support.app_client import AppClient, browser_of, running_app
from tests.support.clinic import PASSWORD, invent_clinic
from tests.support.clock import FakeClock
from tests.support.requirements import Figure
from tests.support.visits import NOW, InventedVisit, book

NAME = "Ines Ejemplar"
ALLOWED = {"/v1/guest-visit", "/v1/me", "/v1/visits/{visit_id}/join-tickets"}


@dataclass(frozen=True, kw_only=True)
class Day:
    """A visit whose patient waits, its service, and a signed-in scheduler."""

    made: VisitService
    visit: InventedVisit
    clock: FakeClock
    scheduler: AppClient

    async def invite(self, **changes: Any) -> Any:
        body = {"name": NAME, "kind": "interpreter", **changes}
        return await self.scheduler.post(f"/v1/visits/{self.visit.visit_id}/guests", body)

    async def secret(self, **changes: Any) -> str:
        answer = await self.invite(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["url"]).rpartition("/")[2]

    async def come(self, browser: AppClient, secret: str, **more: object) -> Any:
        body = {"name": NAME, **more}
        return await browser.post(f"/v1/visit-links/{secret}/open", body)

    async def ticket(self, browser: AppClient) -> Any:
        return await browser.post(f"/v1/visits/{self.visit.visit_id}/join-tickets")

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.visit.database.reading() as session:
            return [tuple(row) for row in await session.execute(text(statement))]


@pytest.fixture
async def day(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Day]:
    visit = await book(database)
    await visit.wait()
    clock = FakeClock(NOW)
    async with running_app(database_url, tmp_path, clock=clock) as made, browser_of(made) as opened:
        assert (await opened.sign_in("scheduler@riverside.example", PASSWORD)).status_code == 200
        yield Day(made=made, visit=visit, clock=clock, scheduler=opened)


@pytest.fixture
async def guest(day: Day) -> AsyncIterator[AppClient]:
    async with browser_of(day.made) as opened:
        yield opened


async def test_a_guest_comes_in_by_link_and_name_and_waits(day: Day, guest: AppClient) -> None:
    secret = await day.secret()
    opened = await day.come(guest, secret, name="  Inés E. ")

    seen = (await guest.get("/v1/guest-visit")).json()
    ticket = (await day.ticket(guest)).json()
    claims = jwt.decode(ticket["ticket"], options={"verify_signature": False})

    assert opened.json() == {"home": "/call"}
    assert (seen["phase"], seen["own_name"], seen["kind"]) == ("lobby", "Inés E.", "interpreter")
    assert (claims["entry"], claims["may_admit"], claims["role"]) == ("lobby", False, "guest")
    assert claims["room"] == str(day.visit.visit_id)


async def test_a_guest_sees_no_patient(day: Day, guest: AppClient) -> None:
    await day.come(guest, await day.secret())

    told = [
        (await guest.get("/v1/guest-visit")).text,
        (await guest.get(f"/v1/visits/{day.visit.visit_id}/roster")).text,
        (await guest.get("/v1/me")).text,
        (await guest.open("/call")).text,
    ]

    assert not [each for each in told if "Ada" in each or "Invented" in each or "1984" in each]


async def test_every_other_route_is_closed_to_a_guest(
    day: Day, guest: AppClient, figure: Figure
) -> None:
    """Whatever is added later is closed until it is listed here."""
    await day.come(guest, await day.secret())
    ids = {
        "visit_id": str(day.visit.visit_id),
        "participant_id": str(await day.visit.seat(PATIENT)),
    }
    opened = []
    routes = [
        (route.path, method)
        for route in day.made.public.routes
        if isinstance(route, Route) and route.path.startswith("/v1/")
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]
    door = {"/v1/sign-out", "/v1/session/refresh"}
    for path, method in routes:
        if path in door or path.startswith(
            ("/v1/sign-in", "/v1/contact-requests", "/v1/visit-links")
        ):
            continue
        address = re.sub(r"{(\w+)}", lambda found: ids.get(found[1], str(uuid4())), path)
        answer = await (
            guest.get(address) if method == "GET" else guest.send(method, address, BODIES.get(path))
        )
        if answer.status_code < 400:
            opened.append(path)

    assert set(opened) <= ALLOWED | {"/v1/visits/{visit_id}/roster"}
    figure(f"{len(routes)} routes, {len(set(opened))} open to a guest")


BODIES: dict[str, dict[str, Any]] = {
    "/v1/visits/{visit_id}/check-in": {
        "place_state": "IL",
        "place_address": "1 Main Street",
        "call_back_number": "312-555-0101",
        "consent_text_id": "video",
        "consent_version": 1,
        "language": "en",
    },
    "/v1/visits/{visit_id}/leave": {},
    "/v1/visits/{visit_id}/guests": {"name": "x", "kind": "family"},
    **{
        f"/v1/visits/{{visit_id}}/{step}": {"version": 1}
        for step in ("call", "put-back", "finish", "rejoin", "no-show", "undo-no-show")
    },
}
PATIENT = AttendanceKind.PATIENT


@pytest.mark.requirement("SEC-LINK-01")
async def test_an_invitation_taken_back_ends_link_browser_and_seat(
    day: Day, guest: AppClient
) -> None:
    invited = (await day.invite()).json()
    secret = invited["url"].rpartition("/")[2]
    await day.come(guest, secret)
    path = f"/v1/visits/{day.visit.visit_id}/guests/{invited['participant_id']}/revoke"

    done = [(await day.scheduler.post(path)).status_code for _ in range(2)]

    assert done == [204, 204]
    assert (await guest.get("/v1/guest-visit")).status_code == 401
    assert (await day.ticket(guest)).status_code == 401
    assert (await day.come(guest, secret)).json()["code"] == "link.replaced"
    assert (await day.visit.owed()).count("room.revoked") == 1
    listed = await day.scheduler.get(f"/v1/visits/{day.visit.visit_id}/guests")
    assert listed.json() == {"guests": []}


@pytest.mark.requirement("SEC-LINK-01")
async def test_a_guests_link_ends_with_the_visit(day: Day, guest: AppClient) -> None:
    secret = await day.secret()
    await day.come(guest, secret)
    async with day.visit.database.unit_of_work() as uow:
        card = await day.visit.card()
        await calling_off.cancel(
            uow,
            by=day.visit.scheduler,
            now=NOW,
            visit_id=day.visit.visit_id,
            version=card.version,
            reason=CancelReason.OTHER,
        )

    assert (await guest.get("/v1/guest-visit")).status_code == 401
    assert (await day.come(guest, secret)).json()["code"] == "link.replaced"


@pytest.mark.requirement("SEC-LINK-01")
async def test_a_guests_link_ends_by_itself_some_hours_after_the_appointment(
    day: Day, guest: AppClient
) -> None:
    secret = await day.secret()
    day.clock.advance(hours=5)

    assert (await day.come(guest, secret)).json()["code"] == "link.expired"


@pytest.mark.requirement("SEC-LINK-01")
async def test_a_guests_second_device_is_asked_first(day: Day, guest: AppClient) -> None:
    secret = await day.secret()
    await day.come(guest, secret)
    async with browser_of(day.made) as tablet:
        asked = await day.come(tablet, secret)
        moved = await day.come(tablet, secret, take_over=True)

    assert (asked.json()["code"], moved.status_code) == ("link.in_use", 200)
    assert (await guest.get("/v1/guest-visit")).status_code == 401


async def test_six_people_and_no_more_even_at_once(day: Day) -> None:
    answers = await asyncio.gather(*(day.invite(kind="family") for _ in range(7)))

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] * 4 + [409] * 3
    assert await day.rows("SELECT count(*) FROM attendances") == [(6,)]


async def test_a_place_taken_back_is_free_again(day: Day) -> None:
    ids = [(await day.invite()).json()["participant_id"] for _ in range(4)]
    await day.scheduler.post(f"/v1/visits/{day.visit.visit_id}/guests/{ids[0]}/revoke")

    assert (await day.invite()).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [{"kind": "patient"}, {"kind": "provider"}, {"name": " "}, {"name": "x" * 81}, {"kind": "x"}],
)
async def test_only_guests_are_invited(day: Day, changes: dict[str, str]) -> None:
    assert (await day.invite(**changes)).status_code == 422


async def test_patient_and_provider_are_not_taken_back(day: Day) -> None:
    seat = await day.visit.seat(PATIENT)

    refused = await day.scheduler.post(f"/v1/visits/{day.visit.visit_id}/guests/{seat}/revoke")

    assert refused.json()["code"] == "visit.not_a_guest"


async def test_a_guest_is_let_in_by_the_provider_and_lets_nobody_in(day: Day) -> None:
    participant_id = UUID((await day.invite()).json()["participant_id"])
    another = UUID((await day.invite(kind="family")).json()["participant_id"])
    await day.visit.call()
    provider = await day.visit.seat(AttendanceKind.PROVIDER)

    async def admit(seat: UUID, *, by: UUID) -> None:
        asked = Admission(
            command_id=uuid4(),
            visit_id=day.visit.visit_id,
            participant_id=seat,
            by_participant_id=by,
        )
        async with day.visit.database.unit_of_work() as uow:
            await seats.admit(uow, now=NOW, asked=asked)

    await admit(participant_id, by=provider)
    with pytest.raises(NotPermitted):
        await admit(another, by=participant_id)

    admitted = await day.rows("SELECT count(*) FROM attendances WHERE admitted_at IS NOT NULL")
    assert admitted == [(1,)]


async def test_a_guest_the_provider_sent_out_is_not_let_in_again(
    day: Day, guest: AppClient
) -> None:
    invited = (await day.invite()).json()
    await day.come(guest, invited["url"].rpartition("/")[2])
    asked = Removal(
        command_id=uuid4(),
        visit_id=day.visit.visit_id,
        participant_id=UUID(invited["participant_id"]),
        by_participant_id=await day.visit.seat(AttendanceKind.PROVIDER),
        cause=RemovalCause.DISTURBANCE,
    )
    async with day.visit.database.unit_of_work() as uow:
        await seats.remove(uow, now=NOW, asked=asked)

    assert (await guest.get("/v1/guest-visit")).status_code == 404
    assert (await day.ticket(guest)).status_code == 404


async def test_an_invitation_with_an_address_is_sent(day: Day) -> None:
    await day.secret(phone="+1 312-555-0150", language="es")

    async with day.visit.database.reading() as session:
        found = await session.scalars(select(LedgerEntry).where(LedgerEntry.kind == "notice.link"))
        owed = [entry.payload for entry in found]
    assert sum('"invitation"' in payload for payload in owed) == 1


async def test_a_guest_needs_a_name(day: Day, guest: AppClient) -> None:
    secret = await day.secret()

    assert (await guest.open_link(secret, "1984-02-29")).json()["code"] == "link.name_missing"
    assert (await day.come(guest, secret, name=" ")).status_code == 422


async def test_the_landing_page_of_a_guest_asks_a_name_and_no_birth_date(
    day: Day, guest: AppClient
) -> None:
    page = (await guest.open(f"/v/{await day.secret()}")).text

    assert 'id="guest-name"' in page
    assert 'id="birth-date"' not in page


async def test_another_clinics_scheduler_invites_nobody_here(
    day: Day, database: Database, guest: AppClient
) -> None:
    async with database.unit_of_work() as uow:
        await invent_clinic(uow, now=NOW, name="hillside")
    await guest.sign_in("scheduler@hillside.example", PASSWORD)

    refused = await guest.post(
        f"/v1/visits/{day.visit.visit_id}/guests", {"name": NAME, "kind": "family"}
    )

    assert refused.json()["code"] == "visit.unknown"
