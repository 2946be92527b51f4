"""Which consents a visit needs, and whether those given are enough."""

from datetime import UTC, date, datetime
from itertools import product

import pytest

from telehealth.visits.consent import (
    EVERYWHERE,
    IN_FORCE,
    Circumstances,
    Given,
    Modality,
    Rule,
    TextVersion,
    jurisdiction_of,
    jurisdictions_with_rules,
    missing,
    needed,
)

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
VIDEO = TextVersion("video-visit", 1)
PHONE = TextVersion("phone-visit", 1)
GUARDIAN = TextVersion("guardian", 1)
OBSERVER = TextVersion("observer", 1)
CHILD = date(2015, 1, 1)
ALABAMA = TextVersion("alabama", 1)


def visit(
    modality: Modality = Modality.VIDEO,
    *,
    place: str | None = "IL",
    born_on: date | None = date(1980, 1, 1),
    on: date = TODAY,
    is_observed: bool = False,
) -> Circumstances:
    return Circumstances(
        modality=modality,
        jurisdiction=jurisdiction_of(place),
        on=on,
        born_on=born_on,
        is_observed=is_observed,
    )


def given(
    text: TextVersion = VIDEO,
    *,
    place: str | None = "IL",
    modality: Modality = Modality.VIDEO,
    withdrawn_at: datetime | None = None,
) -> Given:
    return Given(
        text=text,
        modality=modality,
        jurisdiction=jurisdiction_of(place),
        withdrawn_at=withdrawn_at,
    )


@pytest.mark.parametrize(
    ("modality", "place", "born_on", "watched"),
    list(
        product(Modality, ["IL", "AL", None], [date(1980, 1, 1), CHILD, None], ["observed", "not"])
    ),
)
def test_every_visit_needs_exactly_the_texts_of_its_circumstances(
    modality: Modality, place: str | None, born_on: date | None, watched: str
) -> None:
    expected = [VIDEO if modality is Modality.VIDEO else PHONE]
    expected += [GUARDIAN] if born_on == CHILD else []
    is_observed = watched == "observed"
    expected += [OBSERVER] if is_observed else []
    expected += [ALABAMA] if place == "AL" else []

    found = needed(visit(modality, place=place, born_on=born_on, is_observed=is_observed))

    assert list(found) == expected


def test_a_patient_is_asked_as_an_adult_from_the_eighteenth_birthday_on() -> None:
    born_on = date(2008, 2, 29)

    assert GUARDIAN in needed(visit(born_on=born_on, on=date(2026, 2, 28)))
    assert GUARDIAN not in needed(visit(born_on=born_on, on=date(2026, 3, 1)))


def test_a_new_version_is_asked_for_from_its_day_on() -> None:
    """The older row stays: it says what was in force when older consents were given."""
    later = Rule(text_id="video-visit", version=2, since=date(2026, 3, 3), modality=Modality.VIDEO)
    rules = [*IN_FORCE, later]

    assert missing(visit(), [given()], rules) == []
    after = visit(on=date(2026, 3, 3))
    assert missing(after, [given()], rules) == [TextVersion("video-visit", 2)]
    assert missing(after, [given(TextVersion("video-visit", 2))], rules) == []


def test_a_text_is_not_needed_before_its_day() -> None:
    assert needed(visit(on=date(2025, 12, 31))) == []


def test_what_was_taken_back_is_missing_until_it_is_given_again() -> None:
    assert missing(visit(), [given(withdrawn_at=NOW)]) == [VIDEO]
    assert missing(visit(), [given(withdrawn_at=NOW), given()]) == []


def test_a_consent_to_video_is_none_to_the_phone() -> None:
    assert missing(visit(Modality.PHONE), [given()]) == [PHONE]
    assert missing(visit(Modality.PHONE), [given(PHONE)]) == [PHONE]


def test_a_consent_for_one_state_is_none_for_another() -> None:
    assert missing(visit(place="CA"), [given(place="IL")]) == [VIDEO]
    assert missing(visit(place="CA"), [given(place=None)]) == []


def test_nothing_given_is_everything_missing() -> None:
    assert list(missing(visit(), [])) == list(needed(visit()))


def test_places_with_rules_of_their_own_are_known() -> None:
    assert jurisdictions_with_rules() == ["US-AL"]
    assert jurisdiction_of("AL") == "US-AL"
    assert jurisdiction_of(None) == EVERYWHERE


def test_no_text_has_two_rows_that_begin_on_one_day() -> None:
    begun = [(rule.text_id, rule.since) for rule in IN_FORCE]

    assert len(begun) == len(set(begun))
