"""Which consents a visit needs, and whether those given are enough.  Pure.

What is in force since when is one table.  A wording is never changed: a new wording is a new
version with a row of its own, and a patient who accepted the older one is asked again.  The texts
themselves are files, one a version and language (`consent_texts.py`).

Source:
    45 CFR 164.508 asks for none of these; state law does: most states take a documented verbal
    consent, some want it written.  Alabama has the provider disclose credentials, verify identity
    and hear where the patient is.  Clinics have their counsel read the table before they open.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

EVERYWHERE: Final = "US"
ADULT_AT_YEARS: Final = 18
"""Alabama, Nebraska (19) and Mississippi (21) differ for some care: a clinic there adds rows."""


class Modality(StrEnum):
    """How patient and provider meet.  Stored: renaming one is a migration."""

    VIDEO = "video"
    PHONE = "phone"


class Occasion(StrEnum):
    """What about a visit makes a text needed."""

    ALWAYS = "always"
    MINOR = "minor"
    OBSERVED = "observed"
    """Somebody watches who neither treats nor was brought by the patient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row: from `since` on, a visit like this needs this text in this version."""

    text_id: str
    version: int
    since: date
    modality: Modality | None = None
    """None: however they meet."""
    jurisdiction: str = EVERYWHERE
    """`US` for everywhere, else a state as `US-AL`."""
    occasion: Occasion = Occasion.ALWAYS


IN_FORCE: Final[Sequence[Rule]] = (
    Rule(text_id="video-visit", version=1, since=date(2026, 1, 1), modality=Modality.VIDEO),
    Rule(text_id="phone-visit", version=1, since=date(2026, 1, 1), modality=Modality.PHONE),
    Rule(text_id="guardian", version=1, since=date(2026, 1, 1), occasion=Occasion.MINOR),
    Rule(text_id="observer", version=1, since=date(2026, 1, 1), occasion=Occasion.OBSERVED),
    Rule(text_id="alabama", version=1, since=date(2026, 1, 1), jurisdiction="US-AL"),
)
"""The newest row of a text that has begun is the one in force."""


@dataclass(frozen=True, slots=True, order=True)
class TextVersion:
    """One text in one version, whatever the language."""

    text_id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What about a visit decides which texts it needs."""

    modality: Modality
    jurisdiction: str
    """Where the patient says to be; `US` until they have said it."""
    on: date
    born_on: date | None
    is_observed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One consent that was given, as the rules see it."""

    text: TextVersion
    modality: Modality
    jurisdiction: str
    withdrawn_at: datetime | None


def jurisdiction_of(place_state: str | None) -> str:
    """Return the jurisdiction of a stated place: ISO 3166-2, as `US-AL`."""
    return EVERYWHERE if place_state is None else f"{EVERYWHERE}-{place_state}"


def needed(visit: Circumstances, rules: Sequence[Rule] = IN_FORCE) -> Sequence[TextVersion]:
    """Return the texts a visit needs, in the order they are read.

    Args:
        visit: What decides.
        rules: The table; another one in tests.
    """
    chosen: dict[str, Rule] = {}
    for rule in rules:
        known = chosen.get(rule.text_id)
        if _applies(rule, visit) and (known is None or known.since <= rule.since):
            chosen[rule.text_id] = rule
    return [TextVersion(rule.text_id, rule.version) for rule in chosen.values()]


def missing(
    visit: Circumstances, given: Collection[Given], rules: Sequence[Rule] = IN_FORCE
) -> Sequence[TextVersion]:
    """Return the texts a visit needs that were not accepted, or were taken back."""
    stands = {
        each.text
        for each in given
        if each.withdrawn_at is None
        and each.modality is visit.modality
        and each.jurisdiction in {visit.jurisdiction, EVERYWHERE}
    }
    return [each for each in needed(visit, rules) if each not in stands]


def jurisdictions_with_rules(rules: Sequence[Rule] = IN_FORCE) -> Sequence[str]:
    """Return the places whose visits need something of their own."""
    return sorted({rule.jurisdiction for rule in rules} - {EVERYWHERE})


def _applies(rule: Rule, visit: Circumstances) -> bool:
    return (
        rule.since <= visit.on
        and rule.modality in {None, visit.modality}
        and rule.jurisdiction in {EVERYWHERE, visit.jurisdiction}
        and _is_occasion(rule.occasion, visit)
    )


def _is_occasion(occasion: Occasion, visit: Circumstances) -> bool:
    match occasion:
        case Occasion.ALWAYS:
            return True
        case Occasion.OBSERVED:
            return visit.is_observed
        case Occasion.MINOR:
            return visit.born_on is not None and _years(visit.born_on, visit.on) < ADULT_AT_YEARS


def _years(born_on: date, day: date) -> int:
    """Return completed years; born on 29 February, a year older on 1 March of other years."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))
