"""The glass is broken with a reason, and closes by itself."""

from datetime import UTC, datetime, timedelta

import pytest

from telehealth.break_glass.errors import ReasonTooShort
from telehealth.break_glass.rules import (
    LASTS,
    check_reason,
    is_open,
)

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize("reason", ["", "short", " " * 40, "a b c d", "xxxxxxxxxxxx", "ab " * 20])
def test_a_reason_that_says_nothing_is_refused(reason: str) -> None:
    with pytest.raises(ReasonTooShort):
        check_reason(reason)


def test_a_reason_is_kept_with_its_spaces_joined() -> None:
    assert check_reason("  chest pain,\n unconscious ") == "chest pain, unconscious"


@pytest.mark.parametrize(
    ("later", "ended_at", "expected"),
    [
        (timedelta(0), None, True),
        (LASTS - timedelta(seconds=1), None, True),
        (LASTS, None, False),
        (timedelta(minutes=5), NOW, False),
    ],
)
def test_a_record_is_open_for_an_hour_or_until_it_is_closed(
    *, later: timedelta, ended_at: datetime | None, expected: bool
) -> None:
    assert is_open(ends_at=NOW + LASTS, ended_at=ended_at, now=NOW + later) is expected
