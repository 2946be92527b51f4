"""Signing keys by id, the tokens signed with them, and the secrets two services share.

One fixed algorithm per key: Ed25519 for tokens that browsers carry, HMAC-SHA-256 with 32 random
bytes between two of our own services.  A token says what it is for (`typ`), and is taken for
nothing else.

Source:
    RFC 7515, RFC 7519, RFC 7638, RFC 8037; RFC 8725 for every check made here.
"""

import base64
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from telehealth.contract import (
    SERVICE_TOKEN_LIFE_S,
    SERVICE_TOKEN_TYP,
    TICKET_ISSUER,
    JsonWebKey,
)
from telehealth.platform.clock import Clock
from telehealth.platform.errors import TelehealthError

LEEWAY: Final = timedelta(seconds=30)
"""How far two clocks may differ; a join ticket, checked by signaling, is given 10 s."""
LONGEST_TOKEN_LIFE: Final = timedelta(hours=25)
"""No token is signed for longer: a retiring key may go once this has passed.

The link to one's own record lasts a day; all others end within minutes."""
_ALGORITHM: Final = "EdDSA"
_SERVICE_ALGORITHM: Final = "HS256"
_LEAST_SECRET_BYTES: Final = 32
_LONGEST_TOKEN: Final = 4096
_HEADER: Final = frozenset({"alg", "typ", "kid"})
_REQUIRED: Final = ("iss", "aud", "exp", "iat", "jti")
_SERVICE_REQUIRED: Final = ("iss", "aud", "exp", "iat")

# `exp` and `iat` are checked by us against the clock we are given.
_jwt = jwt.PyJWT(
    {
        "enforce_minimum_key_length": True,
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
    }
)


class TokenRefused(TelehealthError):
    """A token that is not one of ours, not for this use, or not valid now."""

    code = "token.refused"
    public_message = "Please sign in again."


class KeyFileUnsafe(Exception):
    """A key file that others may read, or that holds no usable key."""


class KeyState(StrEnum):
    """Where a key stands in its life; all of them verify, one signs."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRING = "retiring"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One Ed25519 key."""

    kid: str
    state: KeyState
    private: Ed25519PrivateKey = field(repr=False)
    since: datetime | None = None
    """When it came into this state; None: when its file was made."""

    @classmethod
    def of(
        cls, private: Ed25519PrivateKey, state: KeyState, *, since: datetime | None = None
    ) -> Self:
        """Name a key by its thumbprint."""
        return cls(thumbprint(_public_members(private.public_key())), state, private, since)

    def in_state(self, state: KeyState, *, since: datetime) -> "SigningKey":
        """Return the same key in another state."""
        return replace(self, state=state, since=since)

    def public_jwk(self) -> JsonWebKey:
        """Return the public half as a JSON Web Key."""
        return {
            **_public_members(self.private.public_key()),
            "kid": self.kid,
            "alg": _ALGORITHM,
            "use": "sig",
        }


class TokenSigner:
    """Signs with the active key, verifies with every key it was given.

    Args:
        keys: Exactly one is active.
        clock: Tells when a token has ended.
        issuer: Written into and asked of every token.
        changed: Returns other keys once there are others; asked before each use.
    """

    def __init__(
        self,
        keys: Sequence[SigningKey],
        *,
        clock: Clock,
        issuer: str = TICKET_ISSUER,
        changed: Callable[[], Sequence[SigningKey] | None] | None = None,
    ) -> None:
        self._clock = clock
        self._issuer = issuer
        self._changed = changed
        self._take(keys)

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Sign `claims` for the use named by `typ`.

        Args:
            claims: `aud`, `exp`, `iat` and `jti` must be there; `iss` is added.
            typ: Media type of the use, such as `access+jwt`.
        """
        whole: dict[str, Any] = {**claims, "iss": self._issuer}
        if missing := [name for name in _REQUIRED if name not in whole]:
            raise ValueError(f"a token needs {missing}")
        if whole["exp"] - whole["iat"] > LONGEST_TOKEN_LIFE.total_seconds():
            raise ValueError("a token would outlive the key it is signed with")
        self._look()
        headers = {"kid": self._active.kid, "typ": typ}
        return _jwt.encode(whole, self._active.private, _ALGORITHM, headers)

    def verify(self, token: str, *, typ: str, audience: str) -> Mapping[str, Any]:
        """Return the claims of a token that is ours, for this use, and valid now.

        Raises:
            TokenRefused: It is not; which check failed is told to nobody.
        """
        self._look()
        header = _header_of(token, typ=typ, algorithm=_ALGORITHM)
        key = self._keys.get(str(header.get("kid")))
        if key is None:
            raise TokenRefused
        return _claims_of(
            token,
            key=key.private.public_key(),
            algorithm=_ALGORITHM,
            audience=audience,
            issuer=self._issuer,
            required=_REQUIRED,
            now=self._clock.now(),
        )

    def public_keys(self) -> list[JsonWebKey]:
        """Return the public halves, for the key set that signaling fetches."""
        self._look()
        return [key.public_jwk() for key in self._keys.values()]

    def _look(self) -> None:
        if self._changed is not None and (keys := self._changed()) is not None:
            self._take(keys)

    def _take(self, keys: Sequence[SigningKey]) -> None:
        self._active = active_of(keys)
        self._keys = {key.kid: key for key in keys}


def active_of(keys: Sequence[SigningKey]) -> SigningKey:
    """Return the one key that signs.

    Raises:
        KeyFileUnsafe: There is none, or more than one.
    """
    active = [key for key in keys if key.state is KeyState.ACTIVE]
    if len(active) != 1:
        raise KeyFileUnsafe("exactly one signing key must be active")
    return active[0]


def service_token(key: bytes, *, issuer: str, audience: str, now: datetime) -> str:
    """Make the token with which one of our services calls another.

    Args:
        key: Secret of the called service, at least 32 bytes.
        issuer: The calling service.
        audience: The called service.
        now: Aware instant; the token ends 60 s later.
    """
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "iat": issued_at,
        "exp": issued_at + SERVICE_TOKEN_LIFE_S,
    }
    return _jwt.encode(claims, _long_enough(key), _SERVICE_ALGORITHM, {"typ": SERVICE_TOKEN_TYP})


def verify_service_token(
    token: str, *, key: bytes, issuer: str, audience: str, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of a calling service's token.

    Raises:
        TokenRefused: Not signed with our secret, not from `issuer`, not for us, or ended.
    """
    _header_of(token, typ=SERVICE_TOKEN_TYP, algorithm=_SERVICE_ALGORITHM)
    claims = _claims_of(
        token,
        key=_long_enough(key),
        algorithm=_SERVICE_ALGORITHM,
        audience=audience,
        issuer=issuer,
        required=_SERVICE_REQUIRED,
        now=now,
    )
    if claims["exp"] - claims["iat"] > SERVICE_TOKEN_LIFE_S:
        raise TokenRefused
    return claims


def secret_bytes(text: str) -> bytes:
    """Decode a shared secret from the environment: base64url of at least 32 random bytes."""
    try:
        return _long_enough(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise KeyFileUnsafe("a shared secret is base64url of at least 32 bytes") from None


def make_key_file(path: Path) -> None:
    """Draw one active Ed25519 key into a new file that only its owner may read.

    Raises:
        FileExistsError: A file is there; keys are never overwritten.
    """
    key = SigningKey.of(Ed25519PrivateKey.generate(), KeyState.ACTIVE)
    _write_new(path, {"keys": [entry_of(key)]})


def entry_of(key: SigningKey) -> dict[str, str]:
    """Return what stands in the file for one key."""
    since = {} if key.since is None else {"since": key.since.isoformat()}
    return {
        **key.public_jwk(),
        "d": _base64url(key.private.private_bytes_raw()),
        "state": key.state.value,
        **since,
    }


def make_partner_key_file(path: Path) -> None:
    """Draw the P-384 key with which we prove ourselves to a chart server.

    Raises:
        FileExistsError: A file is there; keys are never overwritten.

    Source:
        SMART Backend Services asks for RS384 or ES384; RFC 7518 section 6.2 for the members.
    """
    private = generate_private_key(SECP384R1()).private_numbers()
    public = {
        "kty": "EC",
        "crv": "P-384",
        "x": _base64url(private.public_numbers.x.to_bytes(48, "big")),
        "y": _base64url(private.public_numbers.y.to_bytes(48, "big")),
    }
    entry = {
        **public,
        "d": _base64url(private.private_value.to_bytes(48, "big")),
        "kid": thumbprint(public),
        "alg": "ES384",
        "use": "sig",
    }
    _write_new(path, entry)


def read_key_file(path: Path) -> list[SigningKey]:
    """Read signing keys.

    Raises:
        KeyFileUnsafe: Others may read the file, or an entry is not an Ed25519 key under its own
            thumbprint.
    """
    if path.stat().st_mode & 0o077:
        raise KeyFileUnsafe(f"{path} must be readable by its owner only (chmod 600)")
    try:
        entries = json.loads(path.read_text())["keys"]
        return [_signing_key(entry) for entry in entries]
    except (ValueError, KeyError, TypeError):
        raise KeyFileUnsafe(f"{path} holds something else than Ed25519 keys") from None


def thumbprint(public: Mapping[str, str]) -> str:
    """Return the name of a key, made from its public members.

    Source:
        RFC 7638 section 3; RFC 8037 section 2 for Ed25519.
    """
    canonical = json.dumps(dict(sorted(public.items())), separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _signing_key(entry: Mapping[str, str]) -> SigningKey:
    seed = entry["d"]
    private = Ed25519PrivateKey.from_private_bytes(
        base64.urlsafe_b64decode(seed + "=" * (-len(seed) % 4))
    )
    public = _public_members(private.public_key())
    if any(entry[name] != value for name, value in public.items()):
        raise ValueError("public and private half differ")
    since = datetime.fromisoformat(entry["since"]) if "since" in entry else None
    if since is not None and since.tzinfo is None:
        raise ValueError("an instant without its zone")
    key = SigningKey.of(private, KeyState(entry["state"]), since=since)
    if entry["kid"] != key.kid or entry["alg"] != _ALGORITHM:
        raise ValueError("not under its own name")
    return key


def _public_members(public: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public.public_bytes_raw())}


def _header_of(token: str, *, typ: str, algorithm: str) -> Mapping[str, Any]:
    """Return the header after what PyJWT leaves to us: `typ`, and no extension at all."""
    if len(token) > _LONGEST_TOKEN:
        raise TokenRefused
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise TokenRefused from None
    # Ours name type, algorithm and key.  Whatever else a header offers (crit, jwk, jku, x5u, x5c,
    # zip, b64) is an invitation to trust it.
    if header.get("typ") != typ or header.get("alg") != algorithm or set(header) - _HEADER:
        raise TokenRefused
    return cast("Mapping[str, Any]", header)


def _claims_of(
    token: str,
    *,
    key: Ed25519PublicKey | bytes,
    algorithm: str,
    audience: str,
    issuer: str,
    required: Sequence[str],
    now: datetime,
) -> Mapping[str, Any]:
    try:
        claims: dict[str, Any] = _jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer,
            options={"require": list(required), "strict_aud": True},
        )
    except jwt.PyJWTError:
        raise TokenRefused from None
    ends_at, issued_at = claims["exp"], claims["iat"]
    if "nbf" in claims or not (type(ends_at) is int and type(issued_at) is int):
        raise TokenRefused  # ours begin when they are issued
    instant, leeway_s = now.timestamp(), LEEWAY.total_seconds()
    if instant >= ends_at + leeway_s or instant < issued_at - leeway_s:
        raise TokenRefused
    return claims


def _long_enough(secret: bytes) -> bytes:
    if len(secret) < _LEAST_SECRET_BYTES:
        raise KeyFileUnsafe("a shared secret has at least 32 bytes")
    return secret


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _write_new(path: Path, content: Mapping[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=1)
