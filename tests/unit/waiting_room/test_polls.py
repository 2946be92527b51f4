"""When a list that refreshes by itself is audited again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from telehealth.waiting_room.polls import AGAIN_AFTER, digest_of, is_due

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ONE, OTHER = UUID(int=1), UUID(int=2)


def test_the_first_look_is_a_reading() -> None:
    assert is_due(shown=digest_of([ONE]), last=None, last_at=None, now=NOON)


def test_a_look_that_was_never_dated_is_a_reading() -> None:
    shown = digest_of([ONE])

    assert is_due(shown=shown, last=shown, last_at=None, now=NOON)


def test_the_same_patients_two_seconds_later_are_not() -> None:
    shown = digest_of([ONE, OTHER])

    assert not is_due(shown=shown, last=shown, last_at=NOON, now=NOON + timedelta(seconds=2))


def test_another_patient_on_the_list_is_a_reading_at_once() -> None:
    assert is_due(shown=digest_of([ONE, OTHER]), last=digest_of([ONE]), last_at=NOON, now=NOON)


def test_a_page_left_open_is_a_reading_every_five_minutes() -> None:
    shown = digest_of([ONE])
    instants = [NOON + AGAIN_AFTER - timedelta(seconds=1), NOON + AGAIN_AFTER]

    due = [is_due(shown=shown, last=shown, last_at=NOON, now=now) for now in instants]

    assert due == [False, True]


def test_the_order_of_a_list_is_no_news() -> None:
    assert digest_of([ONE, OTHER]) == digest_of([OTHER, ONE]) != digest_of([ONE])
