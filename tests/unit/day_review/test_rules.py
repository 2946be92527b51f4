"""When a day's report is due, and what of a day stands in it."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from telehealth.audit.cards import EntryCard
from telehealth.audit.events import REFUSED, AuditEvent
from telehealth.day_review.rules import (
    EVENTS,
    MADE_UP,
    SETTLES,
    Heading,
    due,
    midnight,
    newest_on,
    report_of,
)

CHICAGO = "America/Chicago"
BEGAN = datetime(2030, 3, 1, 15, tzinfo=UTC)


def entry(event: AuditEvent, seq: int, *, subject: int = 9, facts: str = "{}") -> EntryCard:
    return EntryCard(
        id=UUID(int=seq),
        clinic_id=UUID(int=1),
        seq=seq,
        at=BEGAN + timedelta(minutes=seq),
        event=event.value,
        actor_person_id=UUID(int=2),
        actor_role="provider",
        actor_job=None,
        visit_id=None,
        patient_id=UUID(int=3),
        subject_id=UUID(int=subject),
        facts=facts,
        previous=b"",
        seal=b"",
    )


def test_a_day_is_read_two_hours_after_its_own_midnight() -> None:
    ends = midnight(date(2030, 3, 5), zone=CHICAGO)

    before = newest_on(ends + SETTLES - timedelta(microseconds=1), zone=CHICAGO)
    after = newest_on(ends + SETTLES, zone=CHICAGO)

    assert ends == datetime(2030, 3, 5, 6, tzinfo=UTC)
    assert (before, after) == (date(2030, 3, 3), date(2030, 3, 4))


def test_days_follow_without_a_gap_through_both_changes_of_the_clock() -> None:
    days = [date(2030, 1, 1) + timedelta(days=n) for n in range(366)]
    lengths = [
        (midnight(two, zone=CHICAGO) - midnight(one, zone=CHICAGO)) / timedelta(hours=1)
        for one, two in pairwise(days)
    ]

    assert (lengths.count(23), lengths.count(25), lengths.count(24)) == (1, 1, 363)


def test_a_zone_whose_midnight_is_left_out_has_a_day_that_begins_at_one() -> None:
    """Havana puts the clock forward at midnight itself."""
    begins = midnight(date(2025, 3, 9), zone="America/Havana")

    assert begins == datetime(2025, 3, 9, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days_later", "is_late"), [(1, False), (2, True), (3, True)], ids=["next", "late", "later"]
)
def test_a_report_is_late_once_the_day_after_is_over(days_later: int, is_late: bool) -> None:  # noqa: FBT001  (a parameter)
    on = date(2030, 3, 4)
    now = midnight(on + timedelta(days=days_later), zone=CHICAGO) + SETTLES

    found = due(now=now, zone=CHICAGO, last_on=on - timedelta(days=1), first_at=None)

    assert found is not None
    assert (found.on, found.is_late) == (on, is_late)
    assert found.is_newest is (days_later == 1)


def test_a_trail_that_begins_is_due_the_day_after_and_one_that_has_not_never() -> None:
    next_day = midnight(date(2030, 3, 2), zone=CHICAGO) + SETTLES

    found = due(now=next_day, zone=CHICAGO, last_on=None, first_at=BEGAN)

    assert found is not None
    assert (found.on, found.is_newest) == (date(2030, 3, 1), True)
    assert due(now=next_day, zone=CHICAGO, last_on=None, first_at=None) is None
    assert due(now=BEGAN, zone=CHICAGO, last_on=None, first_at=BEGAN) is None


def test_a_trail_older_than_the_reviews_is_made_up_for_a_month() -> None:
    now = BEGAN + timedelta(days=1_000)

    found = due(now=now, zone=CHICAGO, last_on=None, first_at=BEGAN)

    assert found is not None
    assert newest_on(now, zone=CHICAGO) - found.on == timedelta(days=MADE_UP)


def test_every_refusal_and_every_change_of_rights_has_a_heading() -> None:
    """A new kind of refusal must not pass by the reviewer."""
    headed = {event for events in EVENTS.values() for event in events}
    named = {each for each in AuditEvent if each.value.endswith("_refused")}
    watched = {
        each
        for each in AuditEvent
        if each.value.startswith(("account.", "factor.", "password.", "sso."))
    } - {AuditEvent.SSO_ACCEPTED}

    assert REFUSED | named | {AuditEvent.CODE_REFUSED, AuditEvent.EMERGENCY_REFUSED} <= headed
    assert watched <= headed
    assert set(EVENTS) == set(Heading)


def test_an_emergency_access_is_told_with_its_end_or_without() -> None:
    ended = entry(AuditEvent.EMERGENCY_ENDED, 7, facts='{"how":"by_time","reads":2}')
    opened = [
        entry(AuditEvent.EMERGENCY_OPENED, 5),
        entry(AuditEvent.EMERGENCY_OPENED, 6, subject=10),
    ]

    report = report_of(counts={}, opened=opened, ended=[ended], listed={})

    emergencies = report["emergencies"]
    assert isinstance(emergencies, list)
    assert [(e["ended_how"], e["reads"]) for e in emergencies] == [("by_time", 2), (None, None)]


def test_a_heading_tells_how_many_there_were_beyond_those_it_lists() -> None:
    listed = {Heading.LOCKED: [entry(AuditEvent.ACCOUNT_LOCKED, 5)]}

    report = report_of(counts={"account.locked": 700}, opened=[], ended=[], listed=listed)

    headings = report["headings"]
    assert isinstance(headings, list)
    [locked] = [each for each in headings if each["heading"] == "locked"]
    assert (locked["count"], len(locked["entries"])) == (700, 1)
    assert locked["entries"][0]["subject_id"] == str(UUID(int=9))
