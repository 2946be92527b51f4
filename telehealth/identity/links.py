"""What a visit link is good for at an instant.  Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

TRIES: Final = 5
"""Wrong birth dates until a link is locked; then a person at the clinic helps."""


class LinkStanding(StrEnum):
    """What a link is good for."""

    GOOD = "good"
    LOCKED = "locked"
    REPLACED = "replaced"
    EXPIRED = "expired"


class Try(StrEnum):
    """What one try with a birth date gives."""

    RIGHT = "right"
    WRONG = "wrong"
    LOCKS = "locks"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacts:
    """What is known of a link."""

    expires_at: datetime
    replaced_at: datetime | None
    wrong_tries: int


def standing(link: LinkFacts, *, now: datetime) -> LinkStanding:
    """Say what `link` is good for; replaced beats expired beats locked.

    The order is that of what helps: who holds a replaced link has a newer one somewhere.
    """
    if link.replaced_at is not None:
        return LinkStanding.REPLACED
    if now >= link.expires_at:
        return LinkStanding.EXPIRED
    if link.wrong_tries >= TRIES:
        return LinkStanding.LOCKED
    return LinkStanding.GOOD


def judge(link: LinkFacts, *, said: date | None, born_on: date | None) -> Try:
    """Judge a birth date said at a good link; a person without one on record never matches."""
    if born_on is not None and said == born_on:
        return Try.RIGHT
    return Try.LOCKS if link.wrong_tries + 1 >= TRIES else Try.WRONG


def tries_left(wrong_tries: int) -> int:
    """Return how many wrong birth dates are left before the link locks."""
    return max(0, TRIES - wrong_tries)
