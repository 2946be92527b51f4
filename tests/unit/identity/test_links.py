from datetime import UTC, date, datetime, timedelta

import pytest

from telehealth.identity.links import (
    TRIES,
    LinkFacts,
    LinkStanding,
    Try,
    judge,
    standing,
    tries_left,
)

NOW = datetime(2030, 3, 4, 15, 0, tzinfo=UTC)
BORN_ON = date(1984, 2, 29)


def link(*, expires_in_s: float = 3600, replaced: bool = False, wrong_tries: int = 0) -> LinkFacts:
    return LinkFacts(
        expires_at=NOW + timedelta(seconds=expires_in_s),
        replaced_at=NOW if replaced else None,
        wrong_tries=wrong_tries,
    )


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize("wrong_tries", range(TRIES + 2))
def test_what_a_link_is_good_for(*, replaced: bool, expired: bool, wrong_tries: int) -> None:
    """Replaced beats expired beats locked: who holds a replaced link has a newer one."""
    given = link(replaced=replaced, expires_in_s=0 if expired else 1, wrong_tries=wrong_tries)

    found = standing(given, now=NOW)

    if replaced:
        assert found is LinkStanding.REPLACED
    elif expired:
        assert found is LinkStanding.EXPIRED
    elif wrong_tries >= TRIES:
        assert found is LinkStanding.LOCKED
    else:
        assert found is LinkStanding.GOOD


def test_the_right_birth_date_is_right_even_at_the_last_try() -> None:
    assert judge(link(wrong_tries=TRIES - 1), said=BORN_ON, born_on=BORN_ON) is Try.RIGHT


def test_the_fifth_wrong_birth_date_locks() -> None:
    said = date(1984, 3, 1)

    judged = [judge(link(wrong_tries=n), said=said, born_on=BORN_ON) for n in range(TRIES)]

    assert judged == [Try.WRONG] * 4 + [Try.LOCKS]


def test_a_person_without_a_birth_date_on_record_never_matches() -> None:
    assert judge(link(), said=BORN_ON, born_on=None) is Try.WRONG


def test_tries_left_never_fall_below_none() -> None:
    assert [tries_left(n) for n in (0, 4, 5, 6)] == [5, 1, 0, 0]
