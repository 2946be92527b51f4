"""What somebody types as their phone number or e-mail address.  Pure."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from telehealth.identity.errors import ContactUnreadable

_MAIL: Final = re.compile(r"[^@\s\x00-\x1f]{1,64}@[a-z0-9.-]{1,190}")
_FILLING: Final = re.compile(r"[\s().\-/+]")
_FEWEST_DIGITS: Final = 7
_MOST_DIGITS: Final = 15
_NATIONAL: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedContact:
    """A contact in the one form it is compared in."""

    value: str = field(repr=False)
    """Lower-case address, or digits with the country."""

    @property
    def is_email(self) -> bool:
        """Whether it is an address."""
        return "@" in self.value

    def mark(self, key: bytes) -> bytes:
        """Return a keyed hash, by which requests are counted and nobody is found."""
        return hmac.digest(key, b"contact:" + self.value.encode(), hashlib.sha256)


def typed_contact(text: str) -> TypedContact:
    """Read what was typed.

    Raises:
        ContactUnreadable: Neither a number nor an address.
    """
    said = text.strip().lower()
    if _MAIL.fullmatch(said):
        return TypedContact(value=said)
    digits = _FILLING.sub("", said)
    is_number = digits.isascii() and digits.isdecimal()
    if not is_number or not _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS:
        raise ContactUnreadable
    return TypedContact(value=f"1{digits}" if len(digits) == _NATIONAL else digits)
