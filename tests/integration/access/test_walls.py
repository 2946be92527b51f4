"""Who one is comes from the login session alone; what belongs to a visit stays with it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import jwt
import pytest

from telehealth.access.roles import Role
from telehealth.access.route_table import PUBLIC_ROUTES
from telehealth.app import VisitService
from telehealth.platform.db import Database
from telehealth.platform.guards import CSRF_COOKIE
from telehealth.platform.ids import new_uuid
from tests.support.body_examples import example_of
from tests.support.http_api import API, body_model, handlers_of, public_routes
from tests.support.requirements import Figure
from tests.support.two_clinics import CANARY, Caller, TwoClinics

# What clients would write if they could.
READ_ONLY = (
    "state", "clinic_id", "person_id", "role", "provider", "is_signed", "signed_at", "saved_at",
    "participant_id", "visit_code", "may_admit", "admitted_at", "id", "created_at", "seq",
)  # fmt: skip


def caller_of(world: TwoClinics, role: Role, place: str = "first") -> Caller:
    return next(each for each in world.callers if each.name == f"{role.value} of the {place}")


def keys_in(said: object) -> set[str]:
    match said:
        case dict():
            return set(said).union(*(keys_in(each) for each in said.values()))
        case list():
            return set().union(*(keys_in(each) for each in said))
        case _:
            return set()


@pytest.mark.requirement("SEC-ACL-03")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nothing_that_is_read_only_can_be_written(world: TwoClinics, figure: Figure) -> None:
    handlers = handlers_of(public_routes())
    tried = 0
    for row in PUBLIC_ROUTES:
        model = body_model(handlers[row.method, row.path])
        if model is None or not row.path.startswith(API):
            continue
        path = row.path.replace("{visit_id}", str(world.own.visit_id)).replace(
            "{secret}", world.own.link_secret
        )
        for caller in world.callers:
            if caller.actor is None or row.verdict(caller.actor) != "pass":
                continue
            for name in set(READ_ONLY) - set(model.model_fields):
                answer = await caller.ask(row.method, path, {**example_of(model), name: "x"})
                tried += 1
                assert answer.status_code == 422, (row.path, name)
                assert answer.json()["errors"][0]["pointer"] == f"/{name}"
    figure(f"{tried} writes of read-only fields, 0 taken")


HIDDEN = {
    Role.PATIENT: (
        "/v1/visit",
        {"medical_record_number", "npi", "note_state", "open_items", "timeline"},
    ),
    Role.SCHEDULER: (
        "/v1/day-board",
        {"place_address", "call_back_number", "medical_record_number", "birth_date", "note_state"},
    ),
    Role.ADMINISTRATOR: ("/v1/needs-attention", {"payload", "patient", "patient_name", "name"}),
    Role.PROVIDER: ("/v1/consult-queue", {"medical_record_number", "place_address", "reason"}),
}


@pytest.mark.requirement("SEC-ACL-03")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", HIDDEN)
async def test_a_list_holds_no_field_its_readers_have_no_need_of(
    world: TwoClinics, role: Role
) -> None:
    await world.own.wait()
    path, hidden = HIDDEN[role]

    answer = await caller_of(world, role).ask("GET", path, None)

    assert answer.status_code == 200
    assert not keys_in(answer.json()) & hidden


@pytest.mark.requirement("SEC-ACL-04")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_who_one_is_comes_from_the_login_session_alone(
    world: TwoClinics, figure: Figure
) -> None:
    provider, other = caller_of(world, Role.PROVIDER), caller_of(world, Role.PROVIDER, "second")
    assert other.actor is not None
    person, clinic = str(other.actor.person_id), str(other.actor.clinic_id)
    truth = (await provider.ask("GET", "/v1/me", None)).json()
    pass_of_other = next(iter(other.http.cookies.jar)).value or ""
    lies: list[Mapping[str, str]] = [
        *({name: person} for name in ("x-person-id", "x-user", "x-forwarded-user", "remote-user")),
        {"x-role": "administrator"},
        {"x-clinic-id": clinic},
        {"authorization": f"Bearer {pass_of_other}"},
        {"x-original-url": "/v1/day-board"},
        {"x-http-method-override": "POST"},
    ]

    for lie in lies:
        assert (await provider.http.get("/v1/me", headers=lie)).json() == truth
    for query in (f"person_id={person}", "role=administrator", f"clinic_id={clinic}"):
        assert (await provider.http.get(f"/v1/me?{query}")).json() == truth
        board = await provider.http.get(f"/v1/day-board?{query}")
        assert board.status_code == 403
    figure(f"{len(lies)} headers and 3 queries, 0 believed")


@pytest.mark.requirement("SEC-ACL-05")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_ticket_is_for_one_seat_of_one_visit_and_grants_no_more(
    world: TwoClinics,
) -> None:
    await world.own.wait()
    await world.own.call()
    for role, may_admit in ((Role.PROVIDER, True), (Role.PATIENT, False)):
        caller = caller_of(world, role)
        assert caller.actor is not None
        own = f"/v1/visits/{world.own.visit_id}/join-tickets"
        ticket = (await caller.ask("POST", own, {})).json()["ticket"]
        claims = jwt.decode(ticket, options={"verify_signature": False})

        assert claims["room"] == str(world.own.visit_id)
        assert (claims["role"], claims["sub"]) == (role.value, str(caller.actor.person_id))
        assert claims["may_admit"] is may_admit
        assert not claims.keys() & {"create", "admin", "record", "delete", "rooms"}
        for visit in (world.others, world.foreign):
            path = f"/v1/visits/{visit.visit_id}/join-tickets"
            assert (await caller.ask("POST", path, {})).status_code == 404


@pytest.mark.requirement("SEC-ACL-08")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_belongs_to_a_visit_stays_with_it_however_the_visit_moves(
    world: TwoClinics, figure: Figure
) -> None:
    """Recordings of one patient were once shown to others after a switch of the call's mode."""
    visit, reads = world.own, 0
    strangers = [
        caller_of(world, role, place)
        for role, place in (
            (Role.PROVIDER, "second"),
            (Role.PATIENT, "second"),
            (Role.GUEST, "first"),
            (Role.AUDITOR, "first"),
        )
    ]
    for step in (visit.wait, visit.call, visit.connect, visit.finish, visit.write, visit.sign):
        await step()
        for stranger in strangers:
            for what in ("", "/roster", "/note"):
                answer = await stranger.ask("GET", f"/v1/visits/{visit.visit_id}{what}", None)
                reads += 1
                assert answer.status_code in {403, 404}
                assert "Invented." not in answer.text
    figure(f"{reads} reads by strangers over 6 moves of a visit, 0 answered")


@pytest.mark.requirement("INV-08")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nobody_of_one_clinic_can_be_booked_in_another(world: TwoClinics) -> None:
    """Nor learned of: the answer is that for somebody who does not exist."""
    scheduler = caller_of(world, Role.SCHEDULER)
    own, foreign = world.own.clinic, world.foreign.clinic
    times = {"starts_at": "2026-03-03T18:00:00Z", "ends_at": "2026-03-03T18:30:00Z"}

    async def book(patient_id: object, provider_id: object) -> httpx.Response:
        body = {"patient_id": str(patient_id), "provider_id": str(provider_id), **times}
        return await scheduler.ask("POST", "/v1/visits", body)

    refused = [
        await book(foreign.patient_id, own.provider_id),
        await book(own.patient_id, foreign.provider_id),
        await book(new_uuid(), own.provider_id),
    ]

    assert {(answer.status_code, answer.text) for answer in refused} == {(404, refused[2].text)}
    assert (await book(own.patient_id, own.provider_id)).status_code == 201


@pytest.mark.requirement("INV-12")
async def test_of_two_hundred_who_book_one_slot_at_once_one_does(
    world: TwoClinics, database: Database, figure: Figure
) -> None:
    scheduler, clinic = caller_of(world, Role.SCHEDULER), world.own.clinic
    body = {
        "patient_id": str(clinic.patient_id),
        "provider_id": str(clinic.provider_id),
        "starts_at": "2026-03-04T18:00:00Z",
        "ends_at": "2026-03-04T18:30:00Z",
    }

    answers = await asyncio.gather(*(scheduler.ask("POST", "/v1/visits", body) for _ in range(200)))

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] + [409] * 199
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    figure(f"200 parallel tries on {kind}, 1 booked")


@pytest.mark.requirement("SEC-ACL-04")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_pass_of_another_installation_is_nobodys(
    world: TwoClinics, made: VisitService
) -> None:
    forged = jwt.encode({"role": "administrator"}, "k" * 32, algorithm="HS256")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(made.public),
        base_url=str(world.callers[0].http.base_url),
        cookies={"__Host-access": forged, CSRF_COOKIE: "x"},
    ) as client:
        answer: Any = await client.get("/v1/me")

    assert answer.status_code == 401
    assert CANARY not in json.dumps(answer.json())
