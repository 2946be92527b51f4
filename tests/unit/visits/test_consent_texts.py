"""The wordings of consents."""

from hashlib import sha256
from pathlib import Path

import pytest

from telehealth.visits.consent import IN_FORCE, TextVersion
from telehealth.visits.consent_texts import TEXTS, read_all, wording, wording_of_digest

DIGESTS = {
    ("alabama", 1, "en"): "a85a54fd508c72b15dc59a014acc3f516c76771c697e9e105cf46c63bd67251d",
    ("alabama", 1, "es"): "57908b580b5f5ce9167a5c839e4c8ed61e631a8a7e4ee346d75462b492cef999",
    ("guardian", 1, "en"): "c65d7c4d9598f7891b976d5def7155ee7a36fbaa35aa72970df57c0c36f1bedc",
    ("guardian", 1, "es"): "1dc1297e649e3c03a976f466344ba0b57080639adde7ae3c3e0fa21efe4466ad",
    ("observer", 1, "en"): "c835e51c18373d5055ac00d162df84e9c5228e27958642824de7a0d3ef76791f",
    ("observer", 1, "es"): "77a8dd22ffd509407b9114e03291dccde3b5551449ae91e22aa7a4c9b6de7aee",
    ("phone-visit", 1, "en"): "bf3aefd1f5ed4330fe18e15998b022bb58c57ea1d440598b17ab9c1d8d3ccca4",
    ("phone-visit", 1, "es"): "abe32a0ec3316af10b3581bf27334cff10b773d0d817ab15d7b1b8d99593e701",
    ("video-visit", 1, "en"): "02e7466b2211df9e91a74ffe8c87e545b46ec8ad50624b62f30bf0b113f89457",
    ("video-visit", 1, "es"): "6f59e6cb7bfa3bc5a5b68d5f3502a1cd4a89fe425451f4c16cd3b36235a75edd",
}
SENTENCES_FOR_A_READER = 40
"""Longest sentence in words; whoever reads it is ill and holds a phone."""


def test_no_accepted_wording_was_ever_changed() -> None:
    """A new wording is a new version: what patients accepted is proven by these digests."""
    found = {
        (text.text_id, version, language): wording.digest
        for (text, language), wording in TEXTS.items()
        for version in [text.version]
    }

    assert found == DIGESTS


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_text_in_force_stands_in_every_language(language: str) -> None:
    for rule in IN_FORCE:
        text = wording(TextVersion(rule.text_id, rule.version), language)

        assert (text.text_id, text.version, text.language) == (
            rule.text_id,
            rule.version,
            language,
        )
        assert text.text == text.text.strip()


@pytest.mark.parametrize("language", ["fr", "", "EN"])
def test_a_language_without_a_text_is_answered_in_english(language: str) -> None:
    """Nothing is ever translated by a machine at run time."""
    text = TextVersion("video-visit", 1)

    assert wording(text, language) == wording(text, "en")


def test_a_wording_is_found_again_by_its_digest() -> None:
    for text in TEXTS.values():
        assert text.digest == sha256(text.text.encode()).hexdigest()
        assert wording_of_digest(text.digest) == text
    assert wording_of_digest("0" * 64) is None


def test_the_texts_are_written_for_readers() -> None:
    for text in TEXTS.values():
        sentences = text.text.replace(":", ".").replace(";", ".").split(".")

        assert max(len(each.split()) for each in sentences) <= SENTENCES_FOR_A_READER


def test_a_file_names_its_text_version_and_language(tmp_path: Path) -> None:
    (tmp_path / "some-text.12.es.txt").write_text("Hola.")

    [(key, text)] = read_all(tmp_path).items()

    assert key == (TextVersion("some-text", 12), "es")
    assert text.text == "Hola."
