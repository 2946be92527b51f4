"""A notice holds the clinic, a time and a link: whoever reads over a shoulder learns no more.

The rule is held over every sentence that a catalogue keeps for notices (`notice.…`) and every
sentence written in `telehealth/messaging`, in both languages.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT, named, python_files, tree_of
from tests.support.requirements import Figure

PLACE_AND_TIME = {"clinic", "clinic_name", "day", "date", "time", "zone", "minutes"}
FIELDS = PLACE_AND_TIME | {"link", "url", "phone", "code"}
"""What a notice may be filled with; no person, provider, specialty or reason is among them."""
WORDS = re.compile(
    r"\b(diagnos|symptom|síntoma|sintoma|medic(ation|ament|ine)|drug|dose|dosis|prescri|receta|"
    r"refill|pill|pastilla|tablet|lab|test result|resultado|blood|sangre|pregnan|embaraz|hiv|vih|"
    r"cancer|cáncer|diabet|mental|psychiatr|psiquiatr|depress|depresi|anxi|ansiedad|therap|terapia|"
    r"surger|cirug|vaccin|vacuna|x-ray|radiograf|allerg|alergi|condition|enfermedad|disease|"
    r"treatment|tratamiento|specialist|especialista|note|nota)\w*",
    re.IGNORECASE,
)
CATALOGUES = ROOT / "telehealth" / "web" / "catalogues"
MESSAGING = ROOT / "telehealth" / "messaging"


def violations(sentence: str) -> list[str]:
    """Return what a notice must not hold."""
    fields = set(re.findall(r"{(\w+)}", sentence)) - FIELDS
    words = [found.group() for found in WORDS.finditer(re.sub(r"{\w+}", " ", sentence))]
    return [*sorted(fields), *words]


def catalogue_notices() -> Iterator[tuple[str, str]]:
    for path in sorted(CATALOGUES.glob("*/*.json")):
        for key, sentence in json.loads(path.read_text()).items():
            if key.startswith(("notice.", "messaging.")):
                yield f"{path.parent.name}:{key}", sentence


def written_notices() -> Iterator[tuple[str, str]]:
    if not MESSAGING.exists():
        return
    for path in python_files("telehealth/messaging"):
        if path.name == "templates.py":
            yield from _literals(path)


def _literals(path: Path) -> Iterator[tuple[str, str]]:
    tree = tree_of(path)
    documentation = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if " " in text and text not in documentation:
                yield f"{named(path)}:{node.lineno}", text


@pytest.mark.requirement("PRV-11")
def test_no_notice_holds_a_clinical_word_or_a_persons_field(figure: Figure) -> None:
    notices = [*catalogue_notices(), *written_notices()]

    assert {where: found for where, text in notices if (found := violations(text))} == {}
    figure(f"{len(notices)} sentences of notices looked at")


@pytest.mark.requirement("PRV-11")
@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("{clinic}: your video visit is on {day} at {time} {zone}. Join: {link}", []),
        ("{clinic}: su visita por video es el {day} a las {time}. Entre: {link}", []),
        ("{clinic}: your visit summary is ready. {link}", []),
        ("Dr {provider_name} is ready for you.", ["provider_name"]),
        ("Your prescription for {drug} was sent.", ["drug", "prescription"]),
        ("Sus resultados de sangre están listos.", ["resultados", "sangre"]),
        ("Reminder: psychiatry visit for {patient_name}.", ["patient_name", "psychiatry"]),
    ],
)
def test_the_rule_finds_what_must_not_be_there(sentence: str, found: list[str]) -> None:
    """A rule that finds nothing would prove nothing."""
    assert violations(sentence) == found
