"""Which consent a visit needs."""

from hashlib import sha256

import pytest

from telehealth.visits.consent import (
    CURRENT_VERSION,
    DEFAULT_LANGUAGE,
    TEXT_ID,
    TEXTS,
    is_sufficient,
    needed,
)

DIGESTS = {
    (1, "en"): "02e7466b2211df9e91a74ffe8c87e545b46ec8ad50624b62f30bf0b113f89457",
    (1, "es"): "6f59e6cb7bfa3bc5a5b68d5f3502a1cd4a89fe425451f4c16cd3b36235a75edd",
}


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_patient_reads_the_text_in_their_language(language: str) -> None:
    text = needed(language)

    assert (text.text_id, text.version, text.language) == (TEXT_ID, CURRENT_VERSION, language)


@pytest.mark.parametrize("language", ["fr", "", "EN"])
def test_a_language_without_a_text_is_answered_in_english(language: str) -> None:
    """Nothing is ever translated by a machine at run time."""
    assert needed(language) == needed(DEFAULT_LANGUAGE)


def test_no_accepted_wording_was_ever_changed() -> None:
    """A new wording is a new version: what patients accepted is proven by these digests."""
    assert {key: text.digest for key, text in TEXTS.items()} == DIGESTS


def test_a_digest_is_of_the_wording_alone() -> None:
    text = needed("en")

    assert text.digest == sha256(text.text.encode()).hexdigest()


def test_only_the_text_and_version_of_today_are_enough() -> None:
    assert is_sufficient(text_id=TEXT_ID, version=CURRENT_VERSION)
    assert not is_sufficient(text_id=TEXT_ID, version=CURRENT_VERSION - 1)
    assert not is_sufficient(text_id=TEXT_ID, version=CURRENT_VERSION + 1)
    assert not is_sufficient(text_id="recording", version=CURRENT_VERSION)


def test_every_version_exists_in_every_language() -> None:
    languages = {language for _version, language in TEXTS}

    assert set(TEXTS) == {
        (version, language) for version in range(1, CURRENT_VERSION + 1) for language in languages
    }
