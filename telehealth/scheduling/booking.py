"""What an appointment may be, and which times make one.  Pure."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from telehealth.scheduling.errors import TimesRefused

LONGEST: Final = timedelta(hours=8)


class AppointmentState(StrEnum):
    """Stored: renaming one is a migration."""

    BOOKED = "booked"
    CANCELLED = "cancelled"


def check_times(*, starts_at: datetime, ends_at: datetime) -> None:
    """Refuse times that make no appointment.

    Raises:
        TimesRefused: The end is not after the start, or more than eight hours later.
    """
    if not starts_at < ends_at <= starts_at + LONGEST:
        raise TimesRefused
