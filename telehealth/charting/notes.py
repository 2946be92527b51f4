"""When a note may be saved and when it may be signed.  Pure."""

from typing import Final

from telehealth.charting.errors import NoteAlreadySigned, NoteEmpty, NoteMoved

LONGEST_NOTE: Final = 20_000


def check_save(*, current: int, based_on: int, is_signed: bool) -> int:
    """Return the number of the version to be saved.

    Args:
        current: Number of the latest version; 0 before the first.
        based_on: Number of the version the author saw.
        is_signed: Whether the note has been signed.

    Raises:
        NoteAlreadySigned: Signed text never changes.
        NoteMoved: The author did not see the latest version.
    """
    if is_signed:
        raise NoteAlreadySigned
    if based_on != current:
        raise NoteMoved(version=current)
    return current + 1


def check_sign(*, current: int, seen: int, text: str, is_signed: bool) -> None:
    """Refuse a signature under anything but the latest text, unsigned and not blank.

    Raises:
        NoteAlreadySigned, NoteMoved: As `check_save`.
        NoteEmpty: There is nothing to sign.
    """
    check_save(current=current, based_on=seen, is_signed=is_signed)
    if not text.strip():
        raise NoteEmpty
