"""By which channel a notice may reach a person.  Pure."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_E164: Final = re.compile(r"\+[1-9]\d{6,14}")
_NATIONAL_DIGITS: Final = 10
_MAIL: Final = re.compile(r"[^@\s\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,190}")


class Channel(StrEnum):
    """How a notice travels.  Stored: renaming one is a migration."""

    TEXT = "text"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a notice goes."""

    channel: Channel
    value: str = field(repr=False)


def address_for(*, phone: str | None, email: str | None) -> Address | None:
    """Choose a text if there is a number one can be sent to, else e-mail; None: neither."""
    number = None if phone is None else international(phone)
    if number is not None:
        return Address(channel=Channel.TEXT, value=number)
    if email is not None and _MAIL.fullmatch(email.strip()):
        return Address(channel=Channel.EMAIL, value=email.strip())
    return None


def international(phone: str) -> str | None:
    """Return a number in international form, or None.

    Ten digits without a country are of the North American plan; fewer name no subscriber.

    Source:
        ITU-T E.164 section 6; NANP (country code 1, ten digits).
    """
    digits = re.sub(r"[\s().\-/]", "", phone)
    if digits.isascii() and digits.isdecimal() and len(digits) == _NATIONAL_DIGITS:
        digits = f"+1{digits}"
    return digits if _E164.fullmatch(digits) else None
