"""What can be said of the patient's pages without a database."""

import json

from telehealth.web.i18n import LANGUAGES, sentences
from telehealth.web.patient import as_json, pages


def test_nothing_in_page_data_can_end_its_element() -> None:
    facts = {"text": "</script><!-- & ]]>"}
    text = as_json(facts)
    assert not set("<>&") & set(text)
    assert json.loads(text) == facts


def test_pages_without_facts_render_in_every_language() -> None:
    for language in LANGUAGES:
        speech = sentences(language)
        for name in ("patient/home.html", "patient/wrong_link.html", "patient/lost_link.html"):
            html = pages.get_template(name).render(
                say=speech.say, speech=speech, language=language, path="/", messages="{}"
            )
            assert f'<html lang="{language}">' in html


def test_values_are_escaped() -> None:
    assert pages.from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"
