"""How old somebody is."""

from datetime import date

import pytest

from telehealth.waiting_room.ages import age_on


@pytest.mark.parametrize(
    ("born_on", "today", "age"),
    [
        (date(1984, 6, 15), date(2026, 6, 14), 41),
        (date(1984, 6, 15), date(2026, 6, 15), 42),
        (date(1984, 6, 15), date(2026, 7, 1), 42),
        (date(1984, 6, 15), date(2026, 1, 30), 41),
        (date(1984, 2, 29), date(2026, 2, 28), 41),
        (date(1984, 2, 29), date(2026, 3, 1), 42),
        (date(1984, 2, 29), date(2028, 2, 29), 44),
        (date(2026, 3, 1), date(2026, 3, 1), 0),
    ],
)
def test_an_age_is_in_full_years(born_on: date, today: date, age: int) -> None:
    assert age_on(today, born_on=born_on) == age


def test_without_a_birth_date_there_is_no_age() -> None:
    assert age_on(date(2026, 3, 1), born_on=None) is None
