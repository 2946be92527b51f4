"""What may become a password.  Pure.

Length, and not being guessable, is all that counts: no digit or capital is asked for, and nobody
has to change a password because time has passed.

Source:
    NIST SP 800-63B-4 section 3.1.1.2; OWASP ASVS 5.0, 6.2.1 to 6.2.12.
"""

import unicodedata
from collections.abc import Collection
from functools import cache
from itertools import pairwise
from typing import Final

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from telehealth.identity.errors import (
    PasswordAboutYou,
    PasswordCommon,
    PasswordTooLong,
    PasswordTooShort,
)

LEAST_WITH_FACTOR: Final = 12
LEAST_ALONE: Final = 15
"""While the account has no second factor."""
MOST_CHARACTERS: Final = 128
MOST_BYTES: Final = 1024
PRODUCT_WORDS: Final = ("telehealth", "video visit", "videovisit", "clinic", "password", "passwort")
_SHORTEST_WORD: Final = 4
_SHORTEST_RUN: Final = 4


def require_good(password: str, *, has_factor: bool, about: Collection[str] = ()) -> None:
    """Refuse what may not become a password.

    Args:
        password: As typed.
        has_factor: The account has a second factor, which makes 12 characters enough.
        about: What others may know of the person: e-mail address, names, clinic.

    Raises:
        PasswordTooShort: Under 12 characters, or 15 without a second factor.
        PasswordTooLong: Over 128 characters or 1,024 bytes.
        PasswordCommon: On the list of common passwords, one of them said twice or with figures
            around it, or a run such as 123456789012.
        PasswordAboutYou: A word of `about` or of the product, and little else.
    """
    typed = unicodedata.normalize("NFC", password)
    if len(typed) > MOST_CHARACTERS or len(typed.encode()) > MOST_BYTES:
        raise PasswordTooLong(most=MOST_CHARACTERS)
    least = LEAST_WITH_FACTOR if has_factor else LEAST_ALONE
    if len(typed) < least:
        raise PasswordTooShort(least=least)
    said = typed.casefold()
    if _is_run(said) or any(form in _common() or _is_trifle(form) for form in _forms(said)):
        raise PasswordCommon
    words = _words(about)
    if any(form in words for form in _forms(said)):
        raise PasswordAboutYou


def _forms(said: str) -> set[str]:
    """Return what a password comes down to: itself, its unit when repeated, its letters alone."""
    bare = said.strip("0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ")
    found = {said, bare, *("".join(filter(str.isalnum, each)) for each in (said, bare))} - {""}
    return found | {_unit(form) for form in found}


def _unit(text: str) -> str:
    """Return the shortest text of which `text` is a repetition."""
    at = (text + text).find(text, 1)
    return text[:at] if 0 < at < len(text) else text


def _is_trifle(form: str) -> bool:
    """Say whether what is left is a run, or so short that it was only said over and over."""
    return _is_run(form) and len(form) >= _SHORTEST_RUN


def _is_run(text: str) -> bool:
    """Say whether every character follows its neighbour: abcdefghijkl, 987654321098."""
    steps = {_step(a, b) for a, b in pairwise(text)}
    return len(steps) == 1 and steps <= {0, 1, -1}


def _step(a: str, b: str) -> int:
    apart = ord(b) - ord(a)
    if a.isdigit() and b.isdigit():
        # After 9 comes 0, whichever way one counts.
        return {9: -1, -9: 1}.get(apart, apart)
    return apart


def _words(about: Collection[str]) -> frozenset[str]:
    """Return every word of what is known, alone and joined to its neighbours."""
    found = set()
    for known in (*about, *PRODUCT_WORDS):
        parts = "".join(c if c.isalnum() else " " for c in known.casefold()).split()
        for first in range(len(parts)):
            for last in range(first, len(parts)):
                found.add("".join(parts[first : last + 1]))
    return frozenset(word for word in found if len(word) >= _SHORTEST_WORD)


@cache
def _common() -> frozenset[str]:
    return frozenset(FREQUENCY_LISTS["passwords"])
