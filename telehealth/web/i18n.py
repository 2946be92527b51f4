"""Sentences by key in each language, with named fields and plurals; instants with their zone."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

CATALOGUES: Final = Path(__file__).parent / "catalogues"
DEFAULT_LANGUAGE: Final = "en"
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "es": "Español"}
"""Each in its own words, as the picker shows them."""
LANGUAGE_COOKIE: Final = "language"


class SentenceMissing(KeyError):
    """A key that no catalogue holds; a test finds it before a person does."""


class Sentences:
    """Every sentence of one language.

    Args:
        language: One of `LANGUAGES`.
        by_key: Flat, dotted keys; plurals end in `.one` and `.other`.
    """

    def __init__(self, language: str, by_key: Mapping[str, str]) -> None:
        self.language = language
        self._by_key = by_key

    def say(self, key: str, **fields: object) -> str:
        """Return a sentence with its fields filled in; `count` picks the plural."""
        if "count" in fields and key not in self._by_key:
            key = f"{key}.one" if fields["count"] == 1 else f"{key}.other"
        try:
            sentence = self._by_key[key]
        except KeyError:
            raise SentenceMissing(key) from None
        for name, value in fields.items():
            sentence = sentence.replace("{" + name + "}", str(value))
        return sentence

    def beginning_with(self, prefixes: Sequence[str]) -> dict[str, str]:
        """Return the part of the catalogue that a page's script needs."""
        return {key: text for key, text in self._by_key.items() if key.startswith(tuple(prefixes))}

    def day(self, at: datetime, zone: str) -> str:
        """Return the day of an instant in words, where the clinic is."""
        local = at.astimezone(ZoneInfo(zone))
        weekday = self.say("common.weekdays").split()[local.weekday()]
        month = self.say("common.months").split()[local.month - 1]
        return self.say("common.day", weekday=weekday, month=month, day=local.day)

    def date(self, at: datetime, zone: str) -> str:
        """Return the date of an instant, with its year, where the clinic is."""
        local = at.astimezone(ZoneInfo(zone))
        month = self.say("common.months").split()[local.month - 1]
        return self.say("common.date", month=month, day=local.day, year=local.year)

    def time(self, at: datetime, zone: str) -> str:
        """Return the time of an instant where the clinic is, always with its zone."""
        local = at.astimezone(ZoneInfo(zone))
        half = self.say("common.am" if local.hour < 12 else "common.pm")  # noqa: PLR2004  (noon)
        return f"{local.hour % 12 or 12}:{local.minute:02} {half} {local.tzname()}"


@cache
def sentences(language: str) -> Sentences:
    """Return the sentences of a language; an unknown one reads English."""
    known = language if language in LANGUAGES else DEFAULT_LANGUAGE
    by_key: dict[str, str] = {}
    for path in sorted((CATALOGUES / known).glob("*.json")):
        by_key |= json.loads(path.read_text("utf-8"))
    return Sentences(known, by_key)


def chosen(*, asked: str | None, remembered: str | None, accepted: str) -> str:
    """Choose a language: what was just asked for, else remembered, else what the browser prefers.

    Source:
        RFC 9110 section 12.5.4; its weights are not read, browsers list in order.
    """
    for candidate in (asked, remembered):
        if candidate is not None and candidate in LANGUAGES:
            return candidate
    for part in accepted.split(","):
        tag = part.split(";")[0].strip().lower().split("-")[0]
        if tag in LANGUAGES:
            return tag
    return DEFAULT_LANGUAGE
