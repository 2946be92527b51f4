"""Which times make an appointment."""

from datetime import UTC, datetime, timedelta

import pytest

from telehealth.scheduling.booking import LONGEST, check_times
from telehealth.scheduling.errors import TimesRefused

STARTS_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize("lasts", [timedelta(microseconds=1), timedelta(minutes=30), LONGEST])
def test_an_appointment_lasts_up_to_eight_hours(lasts: timedelta) -> None:
    check_times(starts_at=STARTS_AT, ends_at=STARTS_AT + lasts)


@pytest.mark.parametrize(
    "lasts",
    [timedelta(0), timedelta(seconds=-1), LONGEST + timedelta(microseconds=1), timedelta(days=2)],
)
def test_an_end_before_the_start_or_the_next_day_is_refused(lasts: timedelta) -> None:
    with pytest.raises(TimesRefused):
        check_times(starts_at=STARTS_AT, ends_at=STARTS_AT + lasts)
