"""Passwords: argon2id with a pepper of the key provider's, off the loop, with a bounded queue.

A stored hash names the pepper it was made with: `$pepper$<id of the key>$argon2id$…`.

Source:
    RFC 9106 section 4; t=3, m=64 MiB, p=1 lies above the floor of ASVS 5 appendix C.
"""

import asyncio
import hashlib
import hmac
import re
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar
from uuid import UUID

import structlog
from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError

from telehealth.identity.errors import SignInBusy
from telehealth.platform.hashing import PasswordVerdict
from telehealth.platform.sealing.errors import SealedErased

LONGEST_BYTES: Final = 1024
"""More is refused before it is hashed."""

_THREADS: Final = 2
_QUEUE: Final = 20
_Result = TypeVar("_Result")
_MARKED: Final = re.compile(r"\$pepper\$([0-9a-f]{32})(\$argon2id\$[!-~]+)")
MARK_CHARACTERS: Final = len("$pepper$") + 32
"""What stands before the hash proper."""
_log = structlog.get_logger(__name__)

_argon2 = Argon2(time_cost=3, memory_cost=64 * 1024, parallelism=1, hash_len=32, salt_len=16)

# Made with the settings above from a password nobody has.  It is checked when an address is
# unknown, so that the answer takes as long as for a known one.
_NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=65536,t=3,p=1$ZxIh5BDkr0uMBfPzHBQ7bQ$rdqq9j"
    "xrg3dUwSN/bz8hRhppGZDN9Op8hmmUNu3IeQ0"
)


@dataclass(frozen=True, slots=True)
class Pepper:
    """A secret of the installation that every password is mixed with; never in its database."""

    key_id: UUID
    key: bytes = field(repr=False)
    """32 bytes."""


class Peppers(Protocol):
    """Hands out peppers; the keyring of sealed columns does."""

    async def password_pepper(self) -> tuple[UUID, bytes]:
        """Return the one that new hashes are made with."""
        ...

    async def password_pepper_of(self, key_id: UUID) -> bytes:
        """Return the one a stored hash names."""
        ...


def hash_password(password: str, *, pepper: Pepper) -> str:
    """Hash a password; takes about a tenth of a second and 64 MiB.

    Args:
        password: As typed; at most 1,024 bytes.
        pepper: The one in force.
    """
    return f"$pepper${pepper.key_id.hex}{_argon2.hash(_peppered(password, pepper))}"


def check_password(
    password: str, stored: str | None, *, pepper: Pepper, active: Pepper
) -> PasswordVerdict:
    """Check a password against its stored hash; None costs the same and is never right.

    Args:
        password: As typed.
        stored: What `hash_password` gave; what has another form is never right either.
        pepper: The one the hash names (`pepper_of`).
        active: The one in force; a right password of an older one is hashed anew.
    """
    marked = None if stored is None else _MARKED.fullmatch(stored)
    is_known = marked is not None and UUID(hex=marked[1]) == pepper.key_id
    checked = marked[2] if marked is not None and is_known else _NOBODYS_HASH
    try:
        _argon2.verify(checked, _peppered(password, pepper))
    except (VerificationError, InvalidHashError, ValueError):
        return PasswordVerdict(is_right=False)
    is_old = pepper.key_id != active.key_id or _argon2.check_needs_rehash(checked)
    return PasswordVerdict(
        is_right=is_known,
        new_hash=hash_password(password, pepper=active) if is_known and is_old else None,
    )


def pepper_of(stored: str) -> UUID | None:
    """Return which pepper a stored hash names; None: it is no hash of ours.

    The first `MARK_CHARACTERS` are enough.
    """
    marked = re.match(r"\$pepper\$([0-9a-f]{32})", stored)
    return None if marked is None else UUID(hex=marked[1])


class PasswordDesk:
    """Two threads that hash; who finds twenty others waiting is sent away.

    Implements `telehealth.platform.hashing.PasswordHasher`.

    Args:
        peppers: Asked at each password, so that a rotated pepper counts within a minute.
    """

    def __init__(self, peppers: Peppers) -> None:
        self._peppers = peppers
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self._places = threading.Semaphore(_THREADS + _QUEUE)

    async def hash(self, password: str) -> str:
        """Return the hash to store.

        Raises:
            SignInBusy: The queue is full.
            KeysUnavailable: The key provider does not answer, and no pepper is at hand.
            SealedUnreadable: The provider is not the one the pepper was wrapped by.
        """
        active = Pepper(*await self._peppers.password_pepper())
        return await self._off_the_loop(lambda: hash_password(password, pepper=active))

    async def check(self, password: str, stored: str | None) -> PasswordVerdict:
        """Check a password; None costs the same time and is never right.

        Raises:
            SignInBusy, KeysUnavailable, SealedUnreadable: As `hash`.  Nothing was found wrong with
                the password then, and no try is counted.

        Cancel safety: a cancelled check keeps its place until its thread is done.
        """
        active = Pepper(*await self._peppers.password_pepper())
        pepper = active if stored is None else await self._named(stored, active)
        return await self._off_the_loop(
            lambda: check_password(password, stored, pepper=pepper, active=active)
        )

    async def _named(self, stored: str, active: Pepper) -> Pepper:
        """Return the pepper a hash names; without it, another one, with which nothing is right."""
        named = pepper_of(stored)
        if named is None or named == active.key_id:
            return active
        try:
            return Pepper(named, await self._peppers.password_pepper_of(named))
        except SealedErased:
            # It was given up for good: a link to choose a password is the way back.
            _log.error("password.pepper_gone")
            return active

    def close(self) -> None:
        """Let the threads go; nobody is waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _off_the_loop(self, work: Callable[[], _Result]) -> _Result:
        if not self._places.acquire(blocking=False):
            raise SignInBusy
        running = self._threads.submit(work)
        running.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(running)


def _peppered(password: str, pepper: Pepper) -> str:
    """Bind the password to the pepper; the same letters typed in two ways are one password.

    Source:
        NIST SP 800-63B-4 section 3.1.1.2 for normalization.
    """
    typed = unicodedata.normalize("NFC", password).encode("utf-8")
    if len(typed) > LONGEST_BYTES:
        raise ValueError("a password has at most 1,024 bytes")
    return hmac.digest(pepper.key, typed, hashlib.sha256).hex()
