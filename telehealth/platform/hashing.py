"""What hashes passwords, as those see it who only need it done."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PasswordVerdict:
    """What checking a password gave."""

    is_right: bool
    new_hash: str | None = field(default=None, repr=False)
    """Set when the stored hash was made with weaker settings than today's."""


class PasswordHasher(Protocol):
    """Hashes and checks passwords without holding up the event loop."""

    async def hash(self, password: str) -> str:
        """Return the hash to store."""
        ...

    async def check(self, password: str, stored: str | None) -> PasswordVerdict:
        """Check `password`; None costs the same time and is never right."""
        ...
