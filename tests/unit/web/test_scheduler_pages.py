"""The scheduler's page and its sentences, without a database."""

import re
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from starlette.requests import Request

from telehealth.access.actor import Actor
from telehealth.access.http import put_actor
from telehealth.access.roles import Permission, Role, is_permitted
from telehealth.contract import ClinicId, PersonId
from telehealth.delivery.lanes import EntryKind
from telehealth.delivery.lifecycle import EntryState
from telehealth.delivery.reasons import NOT_TRIED_YET, REASON
from telehealth.visits.lifecycle import WORD, CancelReason
from telehealth.waiting_room.board import ChartWord, Counter, Flag
from telehealth.web.i18n import CATALOGUES, LANGUAGES, sentences
from telehealth.web.patient import as_json, pages
from telehealth.web.scheduler import board
from tests.support.page_rules import (
    no_literal_sentence,
    nothing_the_policy_forbids,
    same_in_both_languages,
)

WEB = CATALOGUES.parent
SCRIPTS = sorted((WEB / "static" / "scheduler").glob("*.js"))
TEMPLATES = sorted((WEB / "templates" / "scheduler").glob("*.html"))
LITERAL = re.compile(r"""\bsay(?:Or)?\(\s*["'](scheduler\.[\w.-]+)["']""")
# A whole key chosen by a condition stands alone as a string.
CHOSEN = re.compile(r""""(scheduler\.[\w.-]+)"(?!: )""")
FAMILY = re.compile(r"`(scheduler\.[\w.-]*)\$\{")


def _said(language: str) -> dict[str, str]:
    return sentences(language).beginning_with(["scheduler."])


def _board_request(actor: Actor | None) -> Request:
    scope: dict[str, object] = {
        "type": "http",
        "method": "GET",
        "path": "/board",
        "query_string": b"",
        "headers": [],
    }
    if actor is not None:
        put_actor(scope, actor)
    return Request(scope)


def _actor(role: Role) -> Actor:
    return Actor(clinic_id=ClinicId(UUID(int=1)), role=role, person_id=PersonId(UUID(int=2)))


def _rendered(template: str, language: str, **facts: object) -> str:
    speech = sentences(language)
    return pages.get_template(template).render(
        say=speech.say, speech=speech, language=language, path="/board", **facts
    )


def _board(language: str, *, sees_day: bool, sees_attention: bool) -> str:
    return _rendered(
        "scheduler/board.html",
        language,
        clinic=SimpleNamespace(short_name="<Example & Clinic>", time_zone="America/New_York"),
        today="2030-05-14",
        may_see_day=sees_day,
        may_see_attention=sees_attention,
        may_answer=sees_day,
        messages=as_json({}),
    )


async def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back() -> None:
    answer = await board(_board_request(None))

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/board"


@pytest.mark.parametrize(
    ("role", "home"),
    [
        (Role.PATIENT, "/visit"),
        (Role.PROVIDER, "/console"),
        (Role.GUEST, "/"),
        (Role.AUDITOR, "/auditor"),
    ],
)
async def test_another_role_gets_a_page_that_says_so_and_leads_home(role: Role, home: str) -> None:
    answer = await board(_board_request(_actor(role)))

    html = bytes(answer.body).decode()
    assert answer.status_code == 403
    assert sentences("en").say("scheduler.not_yours.heading") in html
    assert f'href="{home}"' in html
    assert "board.js" not in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_board_tells_its_script_what_this_person_may_see(language: str) -> None:
    assert 'data-sees="day attention corrections"' in _board(
        language, sees_day=True, sees_attention=True
    )
    assert 'data-sees="attention"' in _board(language, sees_day=False, sees_attention=True)
    assert 'data-sees="day  corrections"' in _board(language, sees_day=True, sees_attention=False)


def test_the_board_is_rendered_with_its_facts_escaped() -> None:
    html = _board("en", sees_day=True, sees_attention=True)

    assert "&lt;Example &amp; Clinic&gt;" in html
    assert 'data-zone="America/New_York"' in html
    assert 'data-today="2030-05-14"' in html


def test_an_administrator_sees_no_names_of_patients() -> None:
    """The page offers a view only where the role holds the permission of its route."""
    assert is_permitted(Role.SCHEDULER, Permission.SEE_DAY_BOARD)
    assert not is_permitted(Role.ADMINISTRATOR, Permission.SEE_DAY_BOARD)
    assert is_permitted(Role.ADMINISTRATOR, Permission.SEE_NEEDS_ATTENTION)


def test_every_sentence_is_there_in_both_languages_with_the_same_fields() -> None:
    same_in_both_languages(_said)


@pytest.mark.parametrize("path", [*SCRIPTS, *TEMPLATES], ids=lambda path: path.name)
def test_every_key_used_is_in_the_catalogue(path: Path) -> None:
    text, known = path.read_text("utf-8"), _said("en")

    used = {*LITERAL.findall(text), *(CHOSEN.findall(text) if path.suffix == ".js" else ())}
    missing = {key for key in used if key not in known and f"{key}.other" not in known}
    empty = {key for key in FAMILY.findall(text) if not any(k.startswith(key) for k in known)}

    assert (missing, empty) == (set(), set())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_literal_sentence_or_what_the_policy_forbids(path: Path) -> None:
    no_literal_sentence(path)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_needs_what_the_policy_forbids(path: Path) -> None:
    nothing_the_policy_forbids(path)


def test_the_board_says_each_state_with_the_word_of_the_whole_product() -> None:
    said = _said("en")

    assert {state: said[f"scheduler.state.{state.value}"] for state in WORD} == WORD


def test_the_board_says_each_reason_as_the_ledger_does() -> None:
    said = _said("en")

    assert {code: said[f"scheduler.reason.{code.value}"] for code in REASON} == REASON
    assert said["scheduler.reason.none"] == NOT_TRIED_YET


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_the_day_board_tells_has_a_word(language: str) -> None:
    said = _said(language)
    told: dict[str, list[StrEnum]] = {
        "flag": list(Flag),
        "chart": list(ChartWord),
        "counter": list(Counter),
        "cancel.reason": list(CancelReason),
    }

    wordless = {
        f"{family}.{each.value}"
        for family, values in told.items()
        for each in values
        if f"scheduler.{family}.{each.value}" not in said
    }

    assert wordless == set()


def test_the_reasons_offered_are_those_that_are_taken() -> None:
    script = (WEB / "static" / "scheduler" / "visit_panel.js").read_text("utf-8")
    offered = re.search(r"REASONS = \[(.*?)\]", script)

    assert offered is not None
    assert re.findall(r"\w+", offered[1]) == [reason.value for reason in CancelReason]


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_owed_has_a_name_and_every_open_state_a_word(language: str) -> None:
    said, ended = _said(language), {EntryState.CONFIRMED, EntryState.CANCELLED}

    assert all(f"scheduler.kind.{kind.value}" in said for kind in EntryKind)
    assert all(f"scheduler.entry.{state.value}" in said for state in set(EntryState) - ended)
