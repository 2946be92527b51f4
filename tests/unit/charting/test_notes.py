"""When a note may be saved and signed."""

import pytest

from telehealth.charting.errors import NoteAlreadySigned, NoteEmpty, NoteMoved
from telehealth.charting.notes import check_save, check_sign


def test_the_first_version_is_number_one() -> None:
    assert check_save(current=0, based_on=0, is_signed=False) == 1


def test_each_save_is_the_next_version() -> None:
    assert check_save(current=6, based_on=6, is_signed=False) == 7


@pytest.mark.parametrize("based_on", [0, 2, 4])
def test_who_has_not_seen_the_latest_version_is_told_its_number(based_on: int) -> None:
    with pytest.raises(NoteMoved) as refused:
        check_save(current=3, based_on=based_on, is_signed=False)

    assert refused.value.told == {"version": 3}


@pytest.mark.parametrize("based_on", [2, 3])
def test_a_signed_note_takes_no_further_version(based_on: int) -> None:
    with pytest.raises(NoteAlreadySigned):
        check_save(current=3, based_on=based_on, is_signed=True)


def test_the_latest_text_may_be_signed() -> None:
    check_sign(current=3, seen=3, text="Invented.", is_signed=False)


def test_a_text_that_was_not_seen_is_not_signed() -> None:
    with pytest.raises(NoteMoved):
        check_sign(current=3, seen=2, text="Invented.", is_signed=False)


def test_nobody_signs_twice() -> None:
    with pytest.raises(NoteAlreadySigned):
        check_sign(current=3, seen=3, text="Invented.", is_signed=True)


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_a_blank_note_is_not_signed(text: str) -> None:
    with pytest.raises(NoteEmpty):
        check_sign(current=1, seen=1, text=text, is_signed=False)


def test_a_note_nobody_has_begun_is_not_signed() -> None:
    with pytest.raises(NoteEmpty):
        check_sign(current=0, seen=0, text="", is_signed=False)
