"""What a notice may say, and what it never says."""

import re
from datetime import UTC, datetime

import pytest

from telehealth.messaging.templates import LANGUAGES, SENTENCE, SUBJECT, Facts, Template, written

LINK, CODE = "https://visits.example.org/v/abcdefghijklmnopqrstuv", "0123456"
FACTS = Facts(
    clinic="Willow Street",
    phone="+1 312-555-0100",
    starts_at=datetime(2030, 7, 4, 19, 5, tzinfo=UTC),
    time_zone="America/Chicago",
    link=LINK,
    code=CODE,
)
CLINICAL = re.compile(
    r"diagnos|symptom|síntoma|drug|medic|prescri|receta|test|prueba|result|pharmac|farmacia|"
    r"doctor|provider|patient|paciente|cardio|derma|psych|psiq|condition|treat|tratam",
    re.IGNORECASE,
)


@pytest.mark.parametrize("template", Template)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_speaks_every_language(template: Template, language: str) -> None:
    said = written(template, language, FACTS)

    assert "Willow Street" in said.text
    assert "{" not in said.text + said.subject
    assert (CODE in said.text) == (template is Template.CODE)
    assert (LINK in said.text) == (template is not Template.CODE)


def test_no_template_holds_a_clinical_word_or_a_person() -> None:
    for sentence in (*SENTENCE.values(), *SUBJECT.values()):
        assert not CLINICAL.search(sentence), sentence
        assert set(re.findall(r"{(\w+)}", sentence)) <= {"clinic", "time", "link", "phone", "code"}


@pytest.mark.parametrize("template", Template)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notice_fits_two_parts_of_a_text(template: Template, language: str) -> None:
    """Accents would halve what fits, so the texts do without."""
    text = written(template, language, FACTS).text

    assert text.isascii()
    assert len(text) <= 2 * 153


def test_a_time_has_its_zone() -> None:
    assert "7/4 2:05 PM CDT" in written(Template.BOOKED, "en", FACTS).text
    assert "4/7 2:05 p. m. CDT" in written(Template.BOOKED, "es", FACTS).text


def test_an_unknown_language_reads_english() -> None:
    assert written(Template.CODE, "fr", FACTS) == written(Template.CODE, "en", FACTS)


def test_what_opens_a_visit_is_in_no_representation() -> None:
    said = written(Template.BOOKED, "en", FACTS)

    assert LINK not in repr(FACTS) + repr(said)
    assert CODE not in repr(FACTS)
