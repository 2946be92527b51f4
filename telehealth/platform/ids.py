"""Makes time-ordered ids and link secrets; their types live in `telehealth.contract`."""

import secrets
import time
from uuid import UUID

_VERSION_7 = 0x7000
_VARIANT_RFC_4122 = 0x8000_0000_0000_0000


def new_uuid() -> UUID:
    """Make a UUID version 7: 48 bits of Unix milliseconds, then 74 random bits.

    An id is no right in itself: whoever holds one still has to be allowed to use it.

    Source:
        RFC 9562 section 5.7.
    """
    milliseconds = time.time_ns() // 1_000_000
    random_a = secrets.randbits(12)
    random_b = secrets.randbits(62)
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 16 | _VERSION_7 | random_a
    return UUID(int=high << 64 | _VARIANT_RFC_4122 | random_b)


def new_link_secret() -> str:
    """Make the 22 characters of a visit link: 128 random bits, URL-safe."""
    return secrets.token_urlsafe(16)
