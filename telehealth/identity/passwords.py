"""Passwords: argon2id with a pepper, off the event loop, with a bounded queue.

Source:
    RFC 9106 section 4; t=3, m=64 MiB, p=1 lies above the floor of ASVS 5 appendix C.
"""

import asyncio
import hashlib
import hmac
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError

from telehealth.identity.errors import SignInBusy
from telehealth.platform.hashing import PasswordVerdict

LONGEST_BYTES: Final = 1024
"""More is refused before it is hashed."""

_THREADS: Final = 2
_QUEUE: Final = 20
_Result = TypeVar("_Result")

_argon2 = Argon2(time_cost=3, memory_cost=64 * 1024, parallelism=1, hash_len=32, salt_len=16)

# Made with the settings above from a password nobody has.  It is checked when an address is
# unknown, so that the answer takes as long as for a known one.
_NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=65536,t=3,p=1$ZxIh5BDkr0uMBfPzHBQ7bQ$rdqq9j"
    "xrg3dUwSN/bz8hRhppGZDN9Op8hmmUNu3IeQ0"
)


def hash_password(password: str, *, pepper: str) -> str:
    """Hash a password; takes about a tenth of a second and 64 MiB.

    Args:
        password: As typed; at most 1,024 bytes.
        pepper: Secret of the installation, kept away from the database.
    """
    return _argon2.hash(_peppered(password, pepper))


def check_password(password: str, stored: str | None, *, pepper: str) -> PasswordVerdict:
    """Check a password against its stored hash; None costs the same and is never right."""
    checked = _NOBODYS_HASH if stored is None else stored
    try:
        peppered = _peppered(password, pepper)
        _argon2.verify(checked, peppered)
    except (VerificationError, InvalidHashError, ValueError):
        return PasswordVerdict(is_right=False)
    is_old = _argon2.check_needs_rehash(checked)
    return PasswordVerdict(
        is_right=stored is not None, new_hash=_argon2.hash(peppered) if is_old else None
    )


class PasswordDesk:
    """Two threads that hash; who finds twenty others waiting is sent away.

    Implements `telehealth.platform.hashing.PasswordHasher`.
    """

    def __init__(self, *, pepper: str) -> None:
        self._pepper = pepper
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self._places = threading.Semaphore(_THREADS + _QUEUE)

    async def hash(self, password: str) -> str:
        """Return the hash to store.

        Raises:
            SignInBusy: The queue is full.
        """
        return await self._off_the_loop(lambda: hash_password(password, pepper=self._pepper))

    async def check(self, password: str, stored: str | None) -> PasswordVerdict:
        """Check a password; None costs the same time and is never right.

        Raises:
            SignInBusy: The queue is full.

        Cancel safety: a cancelled check keeps its place until its thread is done.
        """
        return await self._off_the_loop(
            lambda: check_password(password, stored, pepper=self._pepper)
        )

    def close(self) -> None:
        """Let the threads go; nobody is waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _off_the_loop(self, work: Callable[[], _Result]) -> _Result:
        if not self._places.acquire(blocking=False):
            raise SignInBusy
        running = self._threads.submit(work)
        running.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(running)


def _peppered(password: str, pepper: str) -> str:
    """Bind the password to the pepper; the same letters typed in two ways are one password.

    Source:
        NIST SP 800-63B-4 section 3.1.1.2 for normalization.
    """
    typed = unicodedata.normalize("NFC", password).encode("utf-8")
    if len(typed) > LONGEST_BYTES:
        raise ValueError("a password has at most 1,024 bytes")
    return hmac.digest(pepper.encode(), typed, hashlib.sha256).hex()
