"""The life of a signing key: next, active, retiring, gone.  Pure.

A key is published before it signs, so that every copy of the key set has it; and it is kept after
its last signature until every token it signed has ended.

Source:
    NIST SP 800-57 part 1 section 5.3 (cryptoperiods), RFC 8725 section 3.8; the spans are ours.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from telehealth.contract import KEY_SET_LIFE_S
from telehealth.platform.signing import LEEWAY, LONGEST_TOKEN_LIFE, KeyState, SigningKey, active_of

LOOK_EVERY: Final = timedelta(seconds=5)
"""A running process looks at its key file no more often, and no more seldom while it is used."""
PUBLISH_AHEAD: Final = 2 * (timedelta(seconds=KEY_SET_LIFE_S) + LOOK_EVERY)
"""Twice the longest that a copy without the new key may be in use."""
KEEP_AFTER: Final = LONGEST_TOKEN_LIFE + LEEWAY


class WhyNot(StrEnum):
    """Why a step in the life of a key is refused."""

    NO_SUCH_KEY = "no such key"
    NEXT_THERE = "there is a next key already"
    NO_NEXT = "there is no next key; stage one first"
    TOO_EARLY = "not every copy of the key set has the next key yet"
    STILL_NEEDED = "tokens it signed may still be in use"
    NOT_RETIRING = "only a retiring key can go"


class KeyStepRefused(Exception):
    """The step is against the rules above; nothing was changed.

    Args:
        why: Which rule.
        not_before: When the same step will be allowed, if waiting is all it needs.
    """

    def __init__(self, why: WhyNot, *, not_before: datetime | None = None) -> None:
        super().__init__(why.value)
        self.why = why
        self.not_before = not_before


def staged(keys: Sequence[SigningKey], fresh: SigningKey, *, now: datetime) -> Sequence[SigningKey]:
    """Add a drawn key as the next one; from now on it is published."""
    if any(key.state is KeyState.NEXT for key in keys):
        raise KeyStepRefused(WhyNot.NEXT_THERE)
    return [*keys, fresh.in_state(KeyState.NEXT, since=now)]


def promoted(
    keys: Sequence[SigningKey], *, now: datetime, is_forced: bool = False
) -> Sequence[SigningKey]:
    """Let the next key sign; the active one retires.

    Args:
        keys: Exactly one is active.
        now: Aware instant.
        is_forced: Somebody has a reason not to wait until every copy has the key.

    Raises:
        KeyStepRefused: No key is next, or it was published too short a time ago.
    """
    following = next((key for key in keys if key.state is KeyState.NEXT), None)
    if following is None:
        raise KeyStepRefused(WhyNot.NO_NEXT)
    ready_at = None if following.since is None else following.since + PUBLISH_AHEAD
    if not is_forced and ready_at is not None and now < ready_at:
        raise KeyStepRefused(WhyNot.TOO_EARLY, not_before=ready_at)
    moves = {following.kid: KeyState.ACTIVE, active_of(keys).kid: KeyState.RETIRING}
    return [key.in_state(moves[key.kid], since=now) if key.kid in moves else key for key in keys]


def retired(keys: Sequence[SigningKey], *, kid: str, now: datetime) -> Sequence[SigningKey]:
    """Let a retiring key go, once the longest token it may have signed has ended.

    Raises:
        KeyStepRefused: It is not retiring, not there, or still needed.
    """
    going = _named(keys, kid)
    if going.state is not KeyState.RETIRING:
        raise KeyStepRefused(WhyNot.NOT_RETIRING)
    free_at = None if going.since is None else going.since + KEEP_AFTER
    if free_at is not None and now < free_at:
        raise KeyStepRefused(WhyNot.STILL_NEEDED, not_before=free_at)
    return [key for key in keys if key.kid != kid]


def removed(
    keys: Sequence[SigningKey], *, kid: str, fresh: SigningKey, now: datetime
) -> Sequence[SigningKey]:
    """Take a compromised key out at once: every token it signed is refused.

    If it was the active one, the next key signs from now on, or else the drawn one; whoever has a
    copy of the key set without it refuses its tokens until the copy is renewed.

    Args:
        keys: Exactly one is active.
        kid: The compromised key.
        fresh: Drawn for the case that there is no next key.
        now: Aware instant.

    Raises:
        KeyStepRefused: There is no such key.
    """
    gone = _named(keys, kid)
    left = [key for key in keys if key.kid != kid]
    if gone.state is not KeyState.ACTIVE:
        return left
    heir = next((key for key in left if key.state is KeyState.NEXT), fresh)
    others = [key for key in left if key.kid != heir.kid]
    return [*others, heir.in_state(KeyState.ACTIVE, since=now)]


def _named(keys: Sequence[SigningKey], kid: str) -> SigningKey:
    found = next((key for key in keys if key.kid == kid), None)
    if found is None:
        raise KeyStepRefused(WhyNot.NO_SUCH_KEY)
    return found
