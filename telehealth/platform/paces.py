"""How often one caller may knock, by the kind of door.  Pure.

A row of the route table names its pace; `rates.py` counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Pace(StrEnum):
    """A kind of door; part of the counter's key, so one kind does not spend for another."""

    SIGN_IN = "sign-in"
    LINK = "link"
    CODE = "code"
    """One-time codes and whatever else can be guessed digit by digit."""
    UNSAFE = "unsafe"
    READ = "read"
    HEAVY = "heavy"
    """Work that grows with the clinic: a check of the whole trail, an export."""
    UNCOUNTED = "uncounted"
    """Static files and probes."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many requests of one caller in any stretch of so many seconds."""

    requests: int
    per_s: int = 60


ALLOWANCE: Final[Mapping[Pace, Allowance]] = MappingProxyType(
    {
        # A clinic may sit behind one address; an account has waits of its own besides.
        Pace.SIGN_IN: Allowance(30),
        Pace.LINK: Allowance(30),
        # Ten digits' guesses a minute would take years for six digits; people need two.
        Pace.CODE: Allowance(10),
        # Autosaves each two seconds in two windows, and the steps of a busy hour.
        Pace.UNSAFE: Allowance(240),
        # Two lists each two seconds, in several windows.
        Pace.READ: Allowance(900),
        Pace.HEAVY: Allowance(12),
    }
)

GUESSABLE: Final = frozenset({Pace.SIGN_IN, Pace.LINK, Pace.CODE})
"""Closed while nobody counts: an unmetered guess is worse than a late one.  The others stay open:
a consultation must not end because a counter is away."""
