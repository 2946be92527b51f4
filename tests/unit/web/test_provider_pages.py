"""The door for staff and the provider's console, without a database."""

from types import SimpleNamespace
from uuid import UUID

import pytest
from starlette.requests import Request

from telehealth.access.actor import Actor
from telehealth.access.http import put_actor
from telehealth.access.roles import Role
from telehealth.contract import ClinicId, PersonId
from telehealth.visits.lifecycle import VisitState
from telehealth.web.i18n import LANGUAGES, sentences
from telehealth.web.patient import as_json, pages
from telehealth.web.provider import console
from telehealth.web.sign_in import HOME, destination, sign_in


def _request(path: str, actor: Actor | None, query: bytes = b"") -> Request:
    scope: dict[str, object] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query,
        "headers": [],
    }
    if actor is not None:
        put_actor(scope, actor)
    return Request(scope)


def _actor(role: Role) -> Actor:
    return Actor(clinic_id=ClinicId(UUID(int=1)), role=role, person_id=PersonId(UUID(int=2)))


async def test_the_door_is_open_to_whoever_is_not_signed_in() -> None:
    answer = await sign_in(_request("/sign-in", None))

    html = bytes(answer.body).decode()
    assert answer.status_code == 200
    assert 'autocomplete="current-password"' in html
    assert 'data-next=""' in html


@pytest.mark.parametrize(("role", "home"), HOME.items())
async def test_whoever_is_in_goes_straight_on(role: Role, home: str) -> None:
    answer = await sign_in(_request("/sign-in", _actor(role)))

    assert (answer.status_code, answer.headers["location"]) == (303, home)


async def test_a_patient_may_sign_in_as_staff() -> None:
    assert (await sign_in(_request("/sign-in", _actor(Role.PATIENT)))).status_code == 200


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("/console", "/console"),
        ("/board", "/board"),
        (None, ""),
        ("", ""),
        ("https://evil.example/console", ""),
        ("//evil.example", ""),
        ("/console/../visit", ""),
        ("javascript:alert(1)", ""),
    ],
)
async def test_signing_in_leads_to_pages_of_ours_only(asked: str | None, expected: str) -> None:
    assert destination(asked) == expected
    query = b"" if asked is None else b"next=" + asked.encode()
    html = bytes((await sign_in(_request("/sign-in", None, query))).body).decode()
    assert f'data-next="{expected}"' in html


async def test_the_console_asks_for_a_sign_in_first() -> None:
    answer = await console(_request("/console", None))

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/console")


@pytest.mark.parametrize(
    ("role", "home"),
    [(Role.PATIENT, "/visit"), (Role.SCHEDULER, "/board"), (Role.GUEST, "/")],
)
async def test_another_role_gets_a_page_that_says_so_and_leads_home(role: Role, home: str) -> None:
    answer = await console(_request("/console", _actor(role)))

    html = bytes(answer.body).decode()
    assert answer.status_code == 403
    assert sentences("en").say("provider.not_yours.heading") in html
    assert f'href="{home}"' in html
    assert "console.js" not in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_console_is_rendered_with_its_facts_escaped(language: str) -> None:
    speech = sentences(language)

    html = pages.get_template("provider/console.html").render(
        say=speech.say,
        speech=speech,
        language=language,
        languages=LANGUAGES,
        path="/console",
        asset=lambda name: f"/static/x/{name}",
        clinic=SimpleNamespace(short_name="<Example & Clinic>", time_zone="America/New_York"),
        own_name="Dana <Exemplar>",
        messages=as_json({}),
        states=as_json({}),
    )

    assert "&lt;Example &amp; Clinic&gt;" in html
    assert "Dana &lt;Exemplar&gt;" in html
    assert 'data-zone="America/New_York"' in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_of_a_visit_has_its_word(language: str) -> None:
    for state in VisitState:
        assert sentences(language).say(f"provider.state.{state.value}")
