"""Versions of a note only rise, and what is signed never changes."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from telehealth.charting.errors import NoteAlreadySigned, NoteEmpty, NoteMoved
from telehealth.charting.notes import check_save, check_sign


class Try(NamedTuple):
    """Somebody saves or signs, having seen a version that may be an old one."""

    signs: bool
    behind: int
    text: str


histories = st.lists(
    st.builds(
        Try,
        signs=st.booleans(),
        behind=st.sampled_from([0, 0, 0, 1, 2, -1]),
        text=st.sampled_from(["", " ", "Invented.", "Invented, again."]),
    ),
    max_size=30,
)


class Window:
    """Two editors' note, as the actions keep it: a list of versions and perhaps a signature."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.signed: int | None = None

    def attempt(self, made: Try) -> None:
        """Do as the actions do: ask the rule, then store."""
        current = len(self.texts)
        seen, is_signed = current - made.behind, self.signed is not None
        if made.signs:
            text = self.texts[-1] if self.texts else ""
            check_sign(current=current, seen=seen, text=text, is_signed=is_signed)
            self.signed = current
        else:
            version = check_save(current=current, based_on=seen, is_signed=is_signed)
            assert version == current + 1
            self.texts.append(made.text)


@given(histories)
def test_any_two_editors_leave_one_line_of_versions(history: list[Try]) -> None:
    note = Window()

    for made in history:
        texts, signed = note.texts.copy(), note.signed
        try:
            note.attempt(made)
        except (NoteMoved, NoteAlreadySigned, NoteEmpty):
            assert (note.texts, note.signed) == (texts, signed)
        assert note.texts[: len(texts)] == texts
        assert made.behind == 0 or (note.texts, note.signed) == (texts, signed)
        if signed is not None:
            assert (note.texts, note.signed) == (texts, signed)

    if note.signed is not None:
        assert note.signed == len(note.texts)
        assert note.texts[-1].strip()
