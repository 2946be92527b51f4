"""What a patient states at check-in, and how a device check ends.  Pure."""

import re
from enum import StrEnum
from typing import Final

from telehealth.waiting_room.errors import CallBackNumberRefused

_SEPARATORS: Final = re.compile(r"[\s().\-]")
_NATIONAL: Final = re.compile(r"[2-9]\d{9}")


class DeviceOutcome(StrEnum):
    """How the device check ended.  Stored: renaming one is a migration."""

    PASSED = "passed"
    SKIPPED = "skipped"
    CALL_ME = "call_me"


class DeviceResult(StrEnum):
    """What one part of the device check found.  Stored."""

    PASS = "pass"  # noqa: S105  (a test result, no secret)
    WARN = "warn"
    FAIL = "fail"
    NOT_TESTED = "not_tested"


def normal_number(typed: str) -> str:
    """Return a United States number as `+1` and ten digits.

    Raises:
        CallBackNumberRefused: Not ten digits (with or without 1 or +1) that begin with 2 to 9.

    Source:
        ITU-T E.164; North American Numbering Plan for the first digit of the area code.
    """
    digits = _SEPARATORS.sub("", typed)
    national = digits.removeprefix("+1") if digits.startswith("+") else digits
    if len(national) == len("15550100000") and national.startswith("1"):
        national = national[1:]
    if not national.isascii() or not _NATIONAL.fullmatch(national):
        raise CallBackNumberRefused
    return f"+1{national}"


def masked_number(number: str) -> str:
    """Return a number of which only the last two digits can be read."""
    return f"••• ••• ••{number[-2:]}"
