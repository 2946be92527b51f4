"""Sixteen bits, told apart across the wrap."""

import pytest

from media.core.sequence import SEQ_MOD, extend


def test_the_first_number_leaves_room_below_for_what_it_overtook() -> None:
    first = extend(0, -1)

    assert first == SEQ_MOD
    assert extend(65_535, first) == first - 1


@pytest.mark.parametrize(
    ("seq", "highest", "extended"),
    [
        (5, SEQ_MOD + 4, SEQ_MOD + 5),
        (4, SEQ_MOD + 5, SEQ_MOD + 4),
        (1, 2 * SEQ_MOD - 1, 2 * SEQ_MOD + 1),
        (65_535, 2 * SEQ_MOD, 2 * SEQ_MOD - 1),
        (0x7FFF, SEQ_MOD, SEQ_MOD + 0x7FFF),
        (0x8000, SEQ_MOD, SEQ_MOD - 0x8000),
    ],
)
def test_a_number_lies_where_it_is_nearest(seq: int, highest: int, extended: int) -> None:
    assert extend(seq, highest) == extended
