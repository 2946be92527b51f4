"""How old somebody is.  Pure."""

from datetime import date


def age_on(today: date, *, born_on: date | None) -> int | None:
    """Return full years of life on a day; None if the birth date is not known.

    Whoever was born on 29 February turns a year older on 1 March of a common year.
    """
    if born_on is None:
        return None
    has_had_birthday = (today.month, today.day) >= (born_on.month, born_on.day)
    return today.year - born_on.year - (0 if has_had_birthday else 1)
