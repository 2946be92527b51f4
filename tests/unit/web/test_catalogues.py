"""Every sentence comes from a catalogue, in both languages; nothing visible is a literal."""

import re
from pathlib import Path

import pytest

from telehealth.identity.own_view import TOLD
from telehealth.web import i18n
from telehealth.web.i18n import CATALOGUES, LANGUAGES, SentenceMissing, chosen, sentences

WEB = CATALOGUES.parent
OUR_FOLDERS = {"shared", "patient", "templates", "provider", "sign_in", "back_office"}
FIELDS = re.compile(r"\{(\w+)\}")
OURS = ("common", "patient", "errors", "call", "device", "provider", "sign_in", "own", "people")
LITERAL_KEY = re.compile(
    r"""(?:say|sayOr)\(\s*["']((?:common|patient|errors|call|device|provider|sign_in|own|people)\.[\w.-]+)["']"""
)
TEMPLATE_KEY = re.compile(
    r"(?:say|sayOr)\(\s*`((?:common|patient|errors|call|device|provider|sign_in|own|people)\.[\w.]*)\$\{"
)
SAID_BY_ATTRIBUTE = re.compile(r'data-say="([\w.]+)"')


def _texts(language: str) -> dict[str, str]:
    return sentences(language).beginning_with([""])


def _sources(*patterns: str) -> list[Path]:
    return [
        path
        for pattern in patterns
        for path in sorted(WEB.glob(pattern))
        if "vendor" not in path.parts and path.parent.name in OUR_FOLDERS
    ]


def _is_known(key: str) -> bool:
    texts = _texts("en")
    return key in texts or {f"{key}.one", f"{key}.other"} <= texts.keys()


def test_both_languages_say_the_same_things_with_the_same_fields() -> None:
    for name in OURS:
        english, spanish = (
            {
                key: sorted(FIELDS.findall(text))
                for key, text in _texts(language).items()
                if key.startswith(f"{name}.")
            }
            for language in ("en", "es")
        )
        assert english == spanish


def test_whatever_happens_to_an_account_can_be_told_to_its_owner() -> None:
    assert [event for event in TOLD if not _is_known(f"own.changes.{event}")] == []


def test_no_sentence_is_empty() -> None:
    for language in LANGUAGES:
        assert [key for key, text in _texts(language).items() if not text.strip()] == []


@pytest.mark.parametrize(
    "path", _sources("static/*/*.js", "templates/**/*.html"), ids=lambda p: p.name
)
def test_every_key_is_in_the_catalogue(path: Path) -> None:
    text = path.read_text("utf-8")
    used = [*LITERAL_KEY.findall(text), *SAID_BY_ATTRIBUTE.findall(text)]
    # `say("a.b." ~ name)` and say(`a.b.${name}`) name a family, which must not be empty.
    families = [*(key for key in used if key.endswith(".")), *TEMPLATE_KEY.findall(text)]
    missing = [key for key in used if not key.endswith(".") and not _is_known(key)]
    empty = [each for each in families if not any(k.startswith(each) for k in _texts("en"))]
    assert (missing, empty) == ([], [])


@pytest.mark.parametrize(
    "path", _sources("templates/*.html", "templates/*/*.html"), ids=lambda p: p.name
)
def test_no_template_of_ours_holds_a_literal_sentence(path: Path) -> None:
    text = path.read_text("utf-8")
    for noise in (r"\{#.*?#\}", r"\{%.*?%\}", r"\{\{.*?\}\}", r"<[^>]*>"):
        text = re.sub(noise, " ", text, flags=re.DOTALL)
    assert re.findall(r"[A-Za-zÀ-ÿ]{2,}", text) == []


@pytest.mark.parametrize(
    "path", _sources("templates/*.html", "templates/*/*.html"), ids=lambda p: p.name
)
def test_no_template_needs_what_the_policy_forbids(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|javascript:|\|\s*safe", text)
    for tag in re.findall(r"<script[^>]*>", text):
        assert 'type="application/json"' in tag or "src=" in tag


def test_a_missing_key_is_loud() -> None:
    with pytest.raises(SentenceMissing):
        sentences("en").say("patient.nothing_of_the_kind")


def test_a_count_chooses_the_plural() -> None:
    say = sentences("en").say
    one, many = (say("patient.waiting.ahead", count=n, time="2:30") for n in (1, 2))
    assert one.startswith("1 person is ")
    assert many.startswith("2 people are ")


@pytest.mark.parametrize(
    ("asked", "remembered", "accepted", "expected"),
    [
        ("es", "en", "en", "es"),
        (None, "es", "en", "es"),
        ("xx", None, "es-MX,en;q=0.5", "es"),
        (None, None, "fr, de;q=0.1", "en"),
        (None, None, "", "en"),
    ],
)
def test_language_is_asked_for_remembered_or_preferred(
    asked: str | None, remembered: str | None, accepted: str, expected: str
) -> None:
    assert chosen(asked=asked, remembered=remembered, accepted=accepted) == expected


def test_an_unknown_language_reads_english() -> None:
    assert i18n.sentences("xx").language == "en"
