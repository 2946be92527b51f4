"""What holds for every page: sentences from the catalogues, nothing the content policy forbids."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from telehealth.web.i18n import LANGUAGES

_FIELDS = re.compile(r"\{(\w+)\}")


def same_in_both_languages(said: Callable[[str], Mapping[str, str]]) -> None:
    """Assert that both catalogues have the same keys, with the same fields, and none empty."""
    english, spanish = (
        {key: sorted(_FIELDS.findall(text)) for key, text in said(language).items()}
        for language in ("en", "es")
    )
    assert english == spanish
    assert all(text.strip() for language in LANGUAGES for text in said(language).values())


def no_literal_sentence(path: Path) -> None:
    """Assert that a template says nothing of its own, and holds no inline script or style."""
    text = path.read_text("utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|javascript:|\|\s*safe", text)
    for tag in re.findall(r"<script[^>]*>", text):
        assert 'type="application/json"' in tag or "src=" in tag
    for noise in (r"\{#.*?#\}", r"\{%.*?%\}", r"\{\{.*?\}\}", r"<[^>]*>"):
        text = re.sub(noise, " ", text, flags=re.DOTALL)
    assert re.findall(r"[A-Za-zÀ-ÿ]{2,}", text) == []


def nothing_the_policy_forbids(path: Path) -> None:
    """Assert that a script needs no relaxed content policy."""
    assert not re.search(r"\sstyle=|unsafe|eval\(|new Function", path.read_text("utf-8"))
