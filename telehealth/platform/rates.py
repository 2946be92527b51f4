"""A small in-process rate limit for doors that strangers may knock at."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from typing import Final

from starlette.requests import Request

from telehealth.platform.errors import TelehealthError

_MOST_ADDRESSES: Final = 10_000


class TooMany(TelehealthError):
    """Too many tries from one address."""

    code = "request.too_many"
    public_message = "Too many tries. Please wait a minute and try again."


class AddressRate:
    """Token buckets by address; addresses are kept as keyed hashes, for this process only.

    Bounded: when more addresses knock than are remembered, the longest unseen is forgotten.

    Args:
        burst: Tries an address may make at once.
        per_minute: Tries that come back each minute.
    """

    def __init__(self, *, burst: int, per_minute: float) -> None:
        self._burst = float(burst)
        self._per_s = per_minute / 60
        self._key = secrets.token_bytes(32)
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, address: str, *, now: float) -> None:
        """Count one try.

        Args:
            address: Network address of the caller.
            now: Seconds; never earlier than one already given.

        Raises:
            TooMany: The bucket is empty.
        """
        name = hmac.digest(self._key, address.encode(), hashlib.sha256)
        tokens, seen_at = self._buckets.pop(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - seen_at) * self._per_s)
        has_token = tokens >= 1
        self._buckets[name] = (tokens - 1 if has_token else tokens, now)
        if len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        if not has_token:
            raise TooMany


def address_of(request: Request) -> str:
    """Return the caller's address, for counting only; it is never stored or logged."""
    return request.client.host if request.client is not None else ""
