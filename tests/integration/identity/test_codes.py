"""Lost links and one-time codes: who asks learns nothing, and one code opens one door once."""

import re
import statistics
import time
from collections.abc import Mapping
from typing import Any

import pytest

from telehealth.identity.tables import OutgoingSecret
from tests.support.app_client import ORIGIN, AppClient, browser_of
from tests.support.requirements import Figure
from tests.support.sealed_rows import change_person
from tests.support.world import World

KNOWN, UNKNOWN = "555-0101", "555-0199"
RIGHT, WRONG = "1984-02-29", "1984-02-28"


async def ask(
    browser: AppClient, kind: str, contact: str = KNOWN, birth_date: str = RIGHT
) -> tuple[int, Mapping[str, Any]]:
    body = {"kind": kind, "contact": contact, "birth_date": birth_date}
    answer = await browser.post("/v1/contact-requests", body)
    return answer.status_code, answer.json()


async def sent(world: World) -> list[str]:
    """Return the secrets on their way, oldest first: this stands for the telephone."""
    rows = sorted(await world.rows(OutgoingSecret), key=lambda row: row.made_at)
    secrets = [row.secret for row in rows if row.secret is not None]
    assert all(re.fullmatch(r"\d{7}|[\w-]{22}", secret) for secret in secrets)
    return secrets


async def type_code(browser: AppClient, code: str, **more: object) -> Any:
    return await browser.post("/v1/contact-requests/code", {"code": code, **more})


@pytest.mark.requirement("SEC-AUTH-07")
async def test_a_code_sent_to_the_number_on_file_lets_the_patient_in(
    world: World, browser: AppClient
) -> None:
    visit_id = world.new_visit_id()
    await world.link(visit_id)

    assert await ask(browser, "code") == (202, {"expires_in_s": 600})
    (code,) = await sent(world)
    entered = await type_code(browser, f"{code[:3]} {code[3:]}")

    assert (entered.status_code, entered.json()) == (200, {"home": "/visit"})
    assert (await browser.get("/v1/me")).json()["visit_id"] == str(visit_id)
    events = await world.events()
    assert [event for event in events if event.startswith("code.")] == [
        "code.issued",
        "code.accepted",
    ]


@pytest.mark.requirement("SEC-AUTH-07")
async def test_a_code_works_once(world: World, browser: AppClient) -> None:
    await world.link()
    await ask(browser, "code")
    (code,) = await sent(world)
    pending = browser.http.cookies["__Host-pending"]
    await type_code(browser, code)

    async with browser_of(world.made) as second:
        await second.get("/v1/me")
        second.http.cookies.set("__Host-pending", pending)
        again = await type_code(second, code)

    assert (again.status_code, again.json()["code"]) == (410, "code.over")


@pytest.mark.requirement("SEC-AUTH-07")
async def test_a_code_is_bound_to_the_browser_that_asked(world: World, browser: AppClient) -> None:
    """Whoever reads it over a shoulder, or talks somebody out of it, has another browser."""
    await world.link()
    await ask(browser, "code")
    (code,) = await sent(world)
    async with browser_of(world.made) as thief:
        bare = await type_code(thief, code)
        await ask(thief, "code", contact=UNKNOWN)
        with_own = await type_code(thief, code)

    assert (bare.status_code, bare.json()["code"]) == (410, "code.over")
    assert with_own.json()["code"] == "code.refused"
    assert (await type_code(browser, code)).status_code == 200


@pytest.mark.requirement("SEC-AUTH-07")
async def test_five_wrong_codes_end_it_for_the_right_one_too(
    world: World, browser: AppClient, figure: Figure
) -> None:
    await world.link()
    await ask(browser, "code")
    (code,) = await sent(world)
    wrong = f"{(int(code) + 1) % 10**7:07}"

    answers = [await type_code(browser, wrong) for _ in range(5)]
    right = await type_code(browser, code)

    told = [(answer.json()["code"], answer.json().get("tries_left")) for answer in answers]
    assert told == [*(("code.refused", left) for left in (4, 3, 2, 1)), ("code.over", None)]
    assert right.json()["code"] == "code.over"
    figure("5 tries of 10,000,000 codes")


@pytest.mark.requirement("SEC-AUTH-07")
async def test_a_code_lasts_ten_minutes(world: World, browser: AppClient) -> None:
    await world.link()
    await ask(browser, "code")
    (code,) = await sent(world)
    world.clock.advance(minutes=10)

    assert (await type_code(browser, code)).json()["code"] == "code.over"


async def test_the_database_alone_tells_no_code(world: World, browser: AppClient) -> None:
    await world.link()
    await ask(browser, "code")
    (code,) = await sent(world)

    stored = await world.dump(
        "contact_requests", "outgoing_secrets", "people", "ledger_entry", "audit_entries"
    )

    assert code not in stored
    assert browser.http.cookies["__Host-pending"] not in stored
    assert "5550101" not in stored
    assert KNOWN not in stored


async def test_a_code_asks_before_it_moves_a_session(world: World, browser: AppClient) -> None:
    secret = await world.link()
    await browser.open_link(secret, RIGHT)
    async with browser_of(world.made) as tablet:
        await ask(tablet, "code")
        (code,) = await sent(world)
        asked = await type_code(tablet, code)
        moved = await type_code(tablet, code, take_over=True)

    assert (asked.status_code, asked.json()["code"]) == (409, "link.in_use")
    assert moved.status_code == 200
    assert (await browser.get("/v1/me")).status_code == 401


async def test_a_lost_link_comes_anew_and_ends_the_old_one(
    world: World, browser: AppClient
) -> None:
    old = await world.link()

    assert (await ask(browser, "link"))[0] == 202
    (new,) = await sent(world)

    assert (await browser.open_link(old, RIGHT)).json()["code"] == "link.replaced"
    assert (await browser.open_link(new, RIGHT)).status_code == 200


@pytest.mark.requirement("SEC-AUTH-05")
@pytest.mark.parametrize("kind", ["link", "code"])
async def test_nobody_learns_whether_we_know_them(
    world: World, browser: AppClient, kind: str
) -> None:
    await world.link()

    known = await ask(browser, kind)
    nobody = await ask(browser, kind, contact=UNKNOWN)
    other_day = await ask(browser, kind, birth_date=WRONG)
    by_mail = await ask(browser, kind, contact="nobody@nowhere.example")

    assert known == nobody == other_day == by_mail
    assert len(await sent(world)) == 1


@pytest.mark.requirement("SEC-AUTH-05")
async def test_a_code_nobody_was_sent_is_refused_in_the_same_words(
    world: World, browser: AppClient
) -> None:
    await world.link()
    await ask(browser, "code")
    (code,) = await sent(world)
    wrong = f"{(int(code) + 1) % 10**7:07}"
    of_the_known = [(await type_code(browser, wrong)).content for _ in range(6)]
    async with browser_of(world.made) as stranger:
        await ask(stranger, "code", contact=UNKNOWN)
        of_the_unknown = [(await type_code(stranger, wrong)).content for _ in range(6)]

    assert of_the_known == of_the_unknown


@pytest.mark.requirement("SEC-AUTH-05")
async def test_the_answer_leaves_before_anybody_is_looked_up(world: World, figure: Figure) -> None:
    """Then it takes as long for the known as for the unknown, by construction."""
    await world.link()
    spans: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    for round_no in range(12):
        for contact, told in spans.items():
            before = await world.scalar("SELECT count(*) FROM outgoing_secrets")
            span, at_answer = await answered_after(world, contact)
            assert at_answer == before, round_no
            told.append(span)

    known, unknown = (statistics.median(each) * 1000 for each in spans.values())
    figure(f"median answer {known:.1f} ms known, {unknown:.1f} ms unknown")


async def answered_after(world: World, contact: str) -> tuple[float, object]:
    """Return the time to the answer, and how many secrets were on their way at that moment."""
    async with browser_of(world.made) as browser:
        await browser.get("/v1/me")
        token = browser.http.cookies["__Host-csrf"]
    body = (f'{{"kind": "code", "contact": "{contact}", "birth_date": "{RIGHT}"}}').encode()
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": "/v1/contact-requests",
        "raw_path": b"/v1/contact-requests",
        "query_string": b"",
        "root_path": "",
        "client": ("203.0.113.9", 1),
        "server": ("clinic.example.org", 443),
        "headers": [
            (b"host", ORIGIN.removeprefix("https://").encode()),
            (b"origin", ORIGIN.encode()),
            (b"content-type", b"application/json"),
            (b"x-csrf-token", token.encode()),
            (b"cookie", f"__Host-csrf={token}".encode()),
        ],
    }
    seen: list[tuple[float, object]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 202
            waited = time.perf_counter() - begun
            seen.append((waited, await world.scalar("SELECT count(*) FROM outgoing_secrets")))

    begun = time.perf_counter()
    await world.made.public(scope, receive, send)
    return seen[0]


@pytest.mark.requirement("SEC-RATE-01")
async def test_a_number_gets_three_texts_an_hour(
    world: World, browser: AppClient, figure: Figure
) -> None:
    """Whoever asks, for what, and however the number is written; the answer stays the same."""
    await world.link()
    await change_person(world.database, world.clinic.patient_id, phone="+1 312-555-0101")
    spelt = ["(312) 555-0101", "+1 312 555 0101", "312.555.0101", "3125550101", "312-555-0101"]

    answers = [
        await ask(browser, kind, contact=each) for each in spelt for kind in ("code", "link")
    ]
    in_the_hour = len(await sent(world))
    world.clock.advance(hours=1)
    await ask(browser, "code", contact=spelt[0])

    assert {answer[0] for answer in answers} == {202}
    assert (in_the_hour, len(await sent(world))) == (3, 4)
    figure(f"{in_the_hour} of {len(answers)} sent in an hour")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "code", "contact": KNOWN},
        {"kind": "phone", "contact": KNOWN, "birth_date": RIGHT},
        {"kind": "code", "contact": "ada", "birth_date": RIGHT},
        {"kind": "code", "contact": KNOWN, "birth_date": RIGHT, "person_id": "x"},
    ],
)
async def test_what_cannot_be_asked_is_refused(browser: AppClient, body: dict[str, Any]) -> None:
    assert (await browser.post("/v1/contact-requests", body)).status_code == 422


async def test_a_guest_gets_no_code(world: World, browser: AppClient) -> None:
    await world.link()
    await world.execute("UPDATE visit_links SET role = 'guest'")

    await ask(browser, "code")

    assert await sent(world) == []


async def test_what_strangers_asked_for_is_forgotten_at_the_first_request_after_a_day(
    world: World, browser: AppClient
) -> None:
    """It belongs to no clinic, so no clinic's retention run would reach it."""
    await ask(browser, "code", contact=UNKNOWN)
    world.clock.advance(hours=24, seconds=1)
    await ask(browser, "code", contact=UNKNOWN)

    assert await world.scalar("SELECT count(*) FROM contact_requests") == 1
