"""Which acts need a proof shown a moment ago, and for how long a proof is fresh.  Pure.

A login session lives for hours and may stand open on a desk.  What would let somebody who walks
past keep a way in, or take much away at once, asks for a second factor again.

Source:
    OWASP ASVS 5.0, 7.5.1 and 7.5.3: re-authentication before changes to the account and before
    highly sensitive acts; NIST SP 800-63B-4 section 2.2.3.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID


class Proof(StrEnum):
    """What was shown.  Stored: renaming one is a migration."""

    PASSWORD = "password"  # noqa: S105  (a kind of proof, no secret)
    APP = "app"
    """A code of an authenticator app (RFC 6238)."""
    PASSKEY = "passkey"
    RECOVERY_CODE = "recovery_code"
    SINGLE_SIGN_ON = "single_sign_on"
    """The clinic's own sign-on, which said that it had seen a second factor."""
    SIGN_ON_ALONE = "sign_on_alone"
    """The clinic's own sign-on, of which we do not know that: worth a password."""


class FactorPolicy(StrEnum):
    """What this installation asks of its staff."""

    REQUIRED = "required"
    """Who has no second factor may do nothing but add one."""
    OFFERED = "offered"
    """For the demo and for tests: a password alone lets in, and the page invites to add one."""


class Act(StrEnum):
    """An act that asks for a fresh proof."""

    MANAGE_FACTORS = "factors.manage"
    CHANGE_PASSWORD = "password.change"  # noqa: S105  (an act, no secret)
    MANAGE_ACCOUNTS = "accounts.manage"
    MANAGE_KEYS = "keys.manage"
    BREAK_GLASS = "access.break_glass"
    EXPORT_RECORDS = "records.export"


SENTENCE: Final[Mapping[Act, str]] = MappingProxyType(
    {
        Act.MANAGE_FACTORS: "Add or remove a way to sign in of one's own.",
        Act.CHANGE_PASSWORD: "Change one's own password.",
        Act.MANAGE_ACCOUNTS: "Invite, disable, enable, unlock or reset a member of staff.",
        Act.MANAGE_KEYS: "Change the keys that tokens are signed or records are sealed with.",
        Act.BREAK_GLASS: "Open a record in an emergency without the usual right to it.",
        Act.EXPORT_RECORDS: "Take a copy of records out of the product.",
    }
)

FRESH_FOR: Final[Mapping[Act, timedelta]] = MappingProxyType(
    {
        Act.MANAGE_FACTORS: timedelta(minutes=10),
        Act.CHANGE_PASSWORD: timedelta(minutes=10),
        Act.MANAGE_ACCOUNTS: timedelta(minutes=10),
        Act.MANAGE_KEYS: timedelta(minutes=5),
        # An emergency must not wait: what was shown at the start of a spell of work is enough.
        Act.BREAK_GLASS: timedelta(minutes=15),
        Act.EXPORT_RECORDS: timedelta(minutes=5),
    }
)
"""Signing a note is not here: it is done all day, by a session that is the provider's own, and a
signature can be seen and amended.  What cannot be taken back is."""

_SECOND: Final = frozenset({Proof.APP, Proof.PASSKEY, Proof.RECOVERY_CODE, Proof.SINGLE_SIGN_ON})


def is_fresh(
    act: Act,
    *,
    proved_by: Proof | None,
    proved_at: datetime | None,
    has_factor: bool,
    now: datetime,
) -> bool:
    """Say whether what a session has shown is enough for `act` at `now`.

    Args:
        act: What somebody is about to do.
        proved_by: What the session has shown last; None: nothing.
        proved_at: When, as an aware instant.
        has_factor: The account has a second factor now; then a password is no proof.
        now: Aware instant.
    """
    if proved_by is None or proved_at is None or now >= proved_at + FRESH_FOR[act]:
        return False
    return proved_by in _SECOND or not has_factor


def may_remove(factor_id: UUID, *, proved_by: Proof | None, proved_with: UUID | None) -> bool:
    """Say whether a fresh proof allows removing one factor: it must have been another one.

    Who holds a stolen phone must not be able to throw out the passkey with the phone's code, nor
    take the phone's code away by the phone itself and so hide that it was ever there.
    """
    return proved_by in _SECOND and proved_with != factor_id


def is_last(factor_id: UUID, factors: Collection[UUID]) -> bool:
    """Say whether nothing but recovery codes would be left without this factor."""
    return not set(factors) - {factor_id}
