"""How long each kind of data is kept."""

from datetime import UTC, date, datetime, timedelta

import pytest

from telehealth.privacy.retention import (
    GUARDED,
    POLICY,
    RULES,
    DataClass,
    by_age,
    cutoff,
    is_record_due,
    of_record,
)

NOW = datetime(2040, 6, 15, 12, 0, tzinfo=UTC)
SIX_YEARS = timedelta(days=6 * 365)


def years_ago(years: int) -> datetime:
    return NOW - years * timedelta(days=366)


@pytest.mark.parametrize(
    ("last_visit_at", "born_on", "is_due"),
    [
        (years_ago(10), date(1980, 1, 1), True),
        (years_ago(10) + timedelta(seconds=1), date(1980, 1, 1), False),
        (years_ago(11), None, True),
        # Of age in 2030, and ten years more: the day itself, and the one before.
        (years_ago(15), date(2012, 6, 8), True),
        (years_ago(15), date(2012, 6, 9), False),
        # Born on a leap day, of age on 1 March.
        (years_ago(15), date(2012, 2, 29), True),
        (years_ago(1), date(1930, 1, 1), False),
    ],
)
def test_a_record_is_kept_ten_years_after_the_last_visit_or_after_coming_of_age(
    last_visit_at: datetime, born_on: date | None, *, is_due: bool
) -> None:
    assert is_record_due(last_visit_at=last_visit_at, born_on=born_on, now=NOW) is is_due


def test_the_audit_trail_and_what_was_disclosed_outlive_six_years() -> None:
    assert cutoff(DataClass.AUDIT, now=NOW) is None
    kept = POLICY[DataClass.DISCLOSURE].keep_for
    assert kept is not None
    assert kept >= SIX_YEARS


def test_presence_is_kept_for_a_day() -> None:
    assert cutoff(DataClass.PRESENCE, now=NOW) == NOW - timedelta(hours=24)


def test_every_kind_has_a_policy_and_a_table() -> None:
    assert set(POLICY) == set(DataClass)
    assert {rule.data_class for rule in RULES} == set(DataClass)


def test_a_kind_with_a_span_says_from_which_column_it_counts() -> None:
    """The clinical record has a span and a rule of its own."""
    for rule in RULES:
        has_span = POLICY[rule.data_class].keep_for is not None
        of_its_own = rule.data_class is DataClass.CLINICAL_RECORD
        assert (rule.counted_from is not None) == (has_span and not of_its_own)


def test_what_goes_leads_to_a_clinic_and_to_the_patient_a_hold_names() -> None:
    """Marks of what staff were last shown name no patient by a column."""
    for rule in [*by_age(), *of_record()]:
        assert rule.clinic is not None
        assert rule.patient is not None or rule.data_class is DataClass.POLL_MARK


def test_what_tells_of_an_entry_goes_no_later_than_the_entry() -> None:
    attempt = POLICY[DataClass.DELIVERY_ATTEMPT].keep_for
    command = POLICY[DataClass.ROOM_COMMAND].keep_for
    assert attempt is not None
    assert command is not None
    assert attempt <= command


def test_guarded_tables_are_tables_that_something_goes_from() -> None:
    assert {rule.table for rule in [*by_age(), *of_record()]} >= GUARDED
