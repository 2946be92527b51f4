"""Blind indexes: equality of sealed values, found without opening any.  Pure.

A truncated index makes several rows share a value, so that a copy of the database tells less; one
that must hold uniqueness cannot be truncated (docs/decisions, sealed storage).
"""

import hmac
import unicodedata
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

_ROWS_A_VALUE: Final = 8
_DIGEST_BITS: Final = 256
_NATIONAL_DIGITS: Final = 10
_WITHIN: Final = frozenset("'\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}.")
"""Signs inside a name that many leave out."""


class Normal(StrEnum):
    """How a value is made comparable.  Part of what the index is made of: never rename one."""

    TEXT = "text"
    DIGITS = "digits"
    PHONE = "phone"
    """Digits with the country; ten digits are a number of North America."""
    NAME = "name"
    """Letters and digits without accents, hyphens, signs: as somebody in a hurry types it."""


def _text(value: str) -> str:
    return unicodedata.normalize("NFKC", value).strip().casefold()


def _digits(value: str) -> str:
    return "".join(str(unicodedata.digit(each)) for each in value if each.isdigit())


def _phone(value: str) -> str:
    digits = _digits(value)
    return f"1{digits}" if len(digits) == _NATIONAL_DIGITS else digits


def plain_name(value: str) -> str:
    """Return a name as two people who type it differently would both mean it."""
    letters = unicodedata.normalize("NFKD", value).casefold()
    kept = "".join(
        each if each.isalnum() else " "
        for each in letters
        if not unicodedata.combining(each) and each not in _WITHIN
    )
    return " ".join(kept.split())


_NORMAL: Final[Mapping[Normal, Callable[[str], str]]] = MappingProxyType(
    {Normal.TEXT: _text, Normal.DIGITS: _digits, Normal.PHONE: _phone, Normal.NAME: plain_name}
)


def blind_index(value: str, *, key: bytes, normal: Normal, bits: int | None = None) -> bytes:
    """Return the index of a value.

    Args:
        value: As somebody wrote it.
        key: 32 bytes, of this clinic and column alone.
        normal: How it is made comparable.
        bits: Kept of 256; None keeps all, for a column whose values are unique.

    Source:
        HMAC-SHA-256, RFC 2104; Unicode NFKC and case folding, UAX 15 and Unicode 3.13.
    """
    told = f"{normal.value}\0{_NORMAL[normal](value)}".encode()
    whole = hmac.digest(key, told, "sha256")
    if bits is None:
        return whole
    kept = int.from_bytes(whole, "big") >> (_DIGEST_BITS - bits)
    return kept.to_bytes((bits + 7) // 8, "big")


def bits_for(rows: int) -> int:
    """Return how many bits make between 8 and 16 of `rows` rows share a value, on average."""
    return max(1, (max(rows, 2 * _ROWS_A_VALUE) // _ROWS_A_VALUE).bit_length() - 1)
