"""The auditor's page and its sentences, without a database."""

import re
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from starlette.requests import Request

from telehealth.access.actor import Actor
from telehealth.access.http import put_actor
from telehealth.access.roles import Permission, Role, is_permitted
from telehealth.contract import ClinicId, PersonId
from telehealth.web.auditor import auditor
from telehealth.web.i18n import CATALOGUES, LANGUAGES, sentences
from telehealth.web.patient import as_json, pages
from tests.support.page_rules import (
    no_literal_sentence,
    nothing_the_policy_forbids,
    same_in_both_languages,
)

WEB = CATALOGUES.parent
SCRIPTS = sorted((WEB / "static" / "auditor").glob("*.js"))
TEMPLATES = sorted((WEB / "templates" / "auditor").glob("*.html"))
LITERAL = re.compile(r""""(auditor\.[\w.-]+)"(?!: )""")
FAMILY = re.compile(r"`(auditor\.[\w.-]*)\$\{")


def _request(actor: Actor | None) -> Request:
    scope: dict[str, object] = {
        "type": "http",
        "method": "GET",
        "path": "/auditor",
        "query_string": b"",
        "headers": [],
    }
    if actor is not None:
        put_actor(scope, actor)
    return Request(scope)


def _said(language: str) -> dict[str, str]:
    return sentences(language).beginning_with(["auditor."])


async def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back() -> None:
    answer = await auditor(_request(None))

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/auditor")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.AUDITOR])
async def test_another_role_gets_a_page_that_says_so(role: Role) -> None:
    actor = Actor(clinic_id=ClinicId(UUID(int=1)), role=role, person_id=PersonId(UUID(int=2)))

    answer = await auditor(_request(actor))

    assert answer.status_code == 403
    assert "auditor.js" not in bytes(answer.body).decode()


def test_only_auditors_read_the_trail() -> None:
    readers = {role for role in Role if is_permitted(role, Permission.READ_AUDIT)}

    assert readers == {Role.AUDITOR}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_rendered_with_its_facts_escaped(language: str) -> None:
    speech = sentences(language)
    html = pages.get_template("auditor/trail.html").render(
        say=speech.say,
        speech=speech,
        language=language,
        clinic=SimpleNamespace(short_name="<Example>", time_zone="America/New_York"),
        may_export=True,
        kinds=as_json(["note.viewed"]),
        messages=as_json({}),
    )

    assert "&lt;Example&gt;" in html
    assert 'data-exports="yes"' in html


def test_every_sentence_is_there_in_both_languages_with_the_same_fields() -> None:
    same_in_both_languages(_said)


@pytest.mark.parametrize("path", [*SCRIPTS, *TEMPLATES], ids=lambda path: path.name)
def test_every_key_used_is_in_the_catalogue(path: Path) -> None:
    text, known = path.read_text("utf-8"), _said("en")

    missing = {k for k in LITERAL.findall(text) if k not in known and f"{k}.other" not in known}
    empty = {key for key in FAMILY.findall(text) if not any(k.startswith(key) for k in known)}

    assert (missing, empty) == (set(), set())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_literal_sentence_or_what_the_policy_forbids(path: Path) -> None:
    no_literal_sentence(path)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_needs_what_the_policy_forbids(path: Path) -> None:
    nothing_the_policy_forbids(path)
