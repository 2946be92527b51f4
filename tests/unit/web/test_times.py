"""Times as people read them: the clinic's, with the zone."""

from datetime import UTC, datetime

import pytest

from telehealth.web.i18n import sentences


@pytest.mark.parametrize(
    ("language", "zone", "day", "time"),
    [
        ("en", "America/New_York", "Tuesday, November 24", "2:05 PM EST"),
        ("es", "America/New_York", "martes 24 de noviembre", "2:05 p. m. EST"),
        ("en", "Asia/Kolkata", "Wednesday, November 25", "12:35 AM IST"),
    ],
)
def test_an_instant_reads_as_at_the_clinic(language: str, zone: str, day: str, time: str) -> None:
    at = datetime(2026, 11, 24, 19, 5, tzinfo=UTC)
    speech = sentences(language)
    assert (speech.day(at, zone), speech.time(at, zone)) == (day, time)


@pytest.mark.parametrize(("hour", "zone_name"), [(5, "EDT"), (8, "EST")])
def test_the_zone_name_follows_the_clock_change(hour: int, zone_name: str) -> None:
    at = datetime(2026, 11, 1, hour, 0, tzinfo=UTC)
    assert sentences("en").time(at, "America/New_York").endswith(zone_name)
