"""Whether a join ticket is one of ours and still good; burning it is `registry`.

PyJWT checks neither `typ` nor unknown extensions, and picks the algorithm we allow, not the one the
header names; what it leaves to its caller is done here, with a test for each.

Source:
    RFC 7519 section 4.1, RFC 8725 sections 3.1, 3.8, 3.10, 3.11, RFC 8037 (Ed25519).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from signaling.contract.errors import TicketInvalid, TryAgain
from telehealth.contract import (
    JOIN_TICKET_LIFE_S,
    JOIN_TICKET_TYP,
    SIGNALING_AUDIENCE,
    TICKET_ISSUER,
    JsonWebKey,
    TicketClaims,
)

LEEWAY_S: Final = 10
REFETCH_EVERY_S: Final = 60.0
REFRESH_EVERY_S: Final = 600.0
"""How long a key the visit service has withdrawn may still be believed."""
_REQUIRED: Final = ("iss", "aud", "sub", "exp", "iat", "jti")


class KeysSilent(Exception):
    """The key set cannot be fetched now."""


class RevokedSeats:
    """Seats the visit service has just revoked: a ticket issued a moment before opens nothing.

    Every node is told of every revocation, so each keeps its own list; a ticket lives a minute,
    and after that nobody can have one from before.

    Args:
        now: Monotonic clock in seconds.
    """

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._until: dict[tuple[str, str], float] = {}

    def note(self, room_id: str, participant_id: str) -> None:
        """Remember a revoked seat for as long as a ticket to it may live."""
        now = self._now()
        self._until = {seat: until for seat, until in self._until.items() if until > now}
        self._until[room_id, participant_id] = now + JOIN_TICKET_LIFE_S + 2 * LEEWAY_S

    def holds(self, claims: TicketClaims) -> bool:
        """Say whether the seat of a ticket was revoked while the ticket may have lived."""
        until = self._until.get((str(claims.room), str(claims.participant)))
        return until is not None and until > self._now()


class TicketCheck:
    """Checks tickets against the visit service's key set, kept here.

    Args:
        fetch: Reads the key set; raises `KeysSilent`.
        now: Monotonic clock in seconds.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Sequence[JsonWebKey]]],
        *,
        now: Callable[[], float],
    ) -> None:
        self._fetch = fetch
        self._now = now
        self._keys: Mapping[str, Ed25519PublicKey] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether there is a key set."""
        return bool(self._keys)

    async def refresh(self) -> None:
        """Fetch the key set if there is none, or if it is old; on failure the old one is kept."""
        is_old = self._fetched_at is None or self._now() - self._fetched_at >= REFRESH_EVERY_S
        if is_old:
            await self._refetch()

    async def claims(self, ticket: str) -> TicketClaims:
        """Return what a ticket grants.

        Raises:
            TicketInvalid: Not ours, not for this use, over, or malformed.
            TryAgain: There is no key set yet.
        """
        kid = _kid_of(ticket)
        if kid not in self._keys:
            await self._look_again()
        if not self._keys:
            raise TryAgain
        key = self._keys.get(kid)
        if key is None:
            raise TicketInvalid
        return _claims(ticket, key)

    async def _look_again(self) -> None:
        """Fetch for an unknown key, at most once a minute: a made-up `kid` costs us nothing."""
        may_ask = self._tried_at is None or self._now() - self._tried_at >= REFETCH_EVERY_S
        if may_ask or not self._keys:
            await self._refetch()

    async def _refetch(self) -> None:
        self._tried_at = self._now()
        try:
            told = await self._fetch()
            fetched = {key["kid"]: _public(key) for key in told if _is_usable(key)}
        except (KeysSilent, jwt.PyJWTError, ValueError, TypeError):
            # What cannot be read is no key set; the old one stands.
            return
        self._keys = fetched
        self._fetched_at = self._now()


def _kid_of(ticket: str) -> str:
    try:
        header = jwt.get_unverified_header(ticket)
    except jwt.InvalidTokenError:
        raise TicketInvalid from None
    kid = header.get("kid")
    if header.get("typ") != JOIN_TICKET_TYP or header.get("alg") != "EdDSA" or "crit" in header:
        raise TicketInvalid
    if not isinstance(kid, str):
        raise TicketInvalid
    return kid


def _claims(ticket: str, key: Ed25519PublicKey) -> TicketClaims:
    try:
        raw = jwt.decode(
            ticket,
            key,
            algorithms=["EdDSA"],
            audience=SIGNALING_AUDIENCE,
            issuer=TICKET_ISSUER,
            leeway=LEEWAY_S,
            options={"require": list(_REQUIRED), "strict_aud": True},
        )
        claims = TicketClaims.model_validate(raw, strict=False)
    except (jwt.InvalidTokenError, ValidationError, ValueError, TypeError):
        raise TicketInvalid from None
    if not 0 < claims.exp - claims.iat <= JOIN_TICKET_LIFE_S:
        raise TicketInvalid
    return claims


def _is_usable(key: Mapping[str, Any]) -> bool:
    return key.get("kty") == "OKP" and key.get("crv") == "Ed25519" and "kid" in key


def _public(key: JsonWebKey) -> Ed25519PublicKey:
    public = jwt.PyJWK.from_dict(dict(key), algorithm="EdDSA").key
    if not isinstance(public, Ed25519PublicKey):
        raise TypeError("a key of the set is not a public Ed25519 key")
    return public
