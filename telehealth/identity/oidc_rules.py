"""What must hold before a word of an OpenID provider is believed.  Pure.

The library checks what OpenID Connect Core asks of an ID token; what it leaves to its caller (one
algorithm, exact issuer and audience, whole numbers, age) is checked here.

Source:
    OpenID Connect Core 1.0 sections 3.1.3.7 and 2; RFC 9700 (OAuth security), RFC 9207 (mix-up),
    RFC 7636 (PKCE); OWASP ASVS 5.0, 10.5.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError

from telehealth.identity.errors import SsoRefused

ASKED_WITHIN: Final = timedelta(minutes=10)
"""To link an account: how long ago at most the provider has asked the person themself."""
OLDEST_TOKEN: Final = timedelta(minutes=10)
LEEWAY: Final = timedelta(seconds=30)
_LONGEST: Final = 255
_FAR: Final = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """State, nonce and verifier of one sign-in, all made from the secret in the browser's cookie.

    Nothing is stored: only the browser that began can end it, and each value is of no use for
    another.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def of(cls, secret: str) -> Self:
        """Derive all three from 256 random bits."""
        return cls(
            state=_derived(secret, "state"),
            nonce=_derived(secret, "nonce"),
            verifier=_derived(secret, "verifier"),
        )


def new_handshake_secret() -> str:
    """Draw what a browser keeps while it is away at the provider."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """When a provider's word counts as a second factor; empty: never."""

    acr: frozenset[str] = frozenset()
    amr: frozenset[str] = frozenset()

    def is_shown(self, claims: Mapping[str, Any]) -> bool:
        """Say whether the claims name a context or a method that counts."""
        methods = claims.get("amr")
        listed = methods if isinstance(methods, list) else []
        told = {each for each in listed if isinstance(each, str)}
        context = claims.get("acr")
        return (isinstance(context, str) and context in self.acr) or bool(told & self.amr)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSubject:
    """Whom a provider vouches for: never an address, always issuer and subject."""

    issuer: str
    subject: str
    email: str | None = field(repr=False)
    """Lower case; only one the provider says it has verified."""
    has_second_factor: bool
    asked_at: datetime | None = None
    """When the provider asked the person last; None: it does not say."""


def linking_secret(secret: str, session_id: UUID) -> str:
    """Return the secret of a handshake that links an account, out of the browser's own.

    Bound to the login session: an answer to a sign-in links nothing, an answer to a link signs
    nobody in, and whoever has signed in here meanwhile links nothing to their account.
    """
    return _derived(secret, f"link:{session_id}")


def was_just_shown(subject: VerifiedSubject, *, now: datetime) -> bool:
    """Say whether the provider asked the person just now, and did not take their word of before.

    Source:
        OpenID Connect Core 1.0 sections 2 and 3.1.2.1: `auth_time`, asked for by `max_age`.
    """
    if subject.asked_at is None:
        return False
    return subject.asked_at - LEEWAY <= now < subject.asked_at + ASKED_WITHIN


def check_callback(
    *,
    state: str | None,
    issuer: str | None,
    handshake: Handshake,
    expected_issuer: str,
    must_name_issuer: bool,
) -> None:
    """Refuse an answer that is not to our question, or not from whom we asked.

    Raises:
        SsoRefused: Another state; another issuer, or none from a provider that names itself.
    """
    if state is None or not hmac.compare_digest(state.encode(), handshake.state.encode()):
        raise SsoRefused
    if issuer is None and must_name_issuer:
        raise SsoRefused
    if issuer is not None and issuer != expected_issuer:
        raise SsoRefused


def subject_of(
    claims: Mapping[str, Any],
    header: Mapping[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str | None,
    now: datetime,
    second_factor: SecondFactor,
) -> VerifiedSubject:
    """Return whom an ID token names; its signature has been checked.

    Raises:
        SsoRefused: It is not for us, not for this sign-in, not from now, or malformed.
    """
    token = CodeIDToken(
        dict(claims),
        dict(header),
        options={"iss": {"essential": True, "value": issuer}, "nonce": {"essential": True}},
        params={"nonce": nonce, "client_id": client_id, "access_token": access_token},
    )
    try:
        token.validate(now=int(now.timestamp()), leeway=int(LEEWAY.total_seconds()))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise SsoRefused from None
    if not (_is_ours(claims, client_id) and _is_now(claims, now) and _is_text(claims.get("sub"))):
        raise SsoRefused
    return VerifiedSubject(
        issuer=issuer,
        subject=str(claims["sub"]),
        email=_verified_email(claims),
        has_second_factor=second_factor.is_shown(claims),
        asked_at=_asked_at(claims),
    )


def _is_ours(claims: Mapping[str, Any], client_id: str) -> bool:
    """Say whether we are the one audience; with a list, the authorized party as well."""
    audience = claims.get("aud")
    if isinstance(audience, str):
        return audience == client_id
    # Others in the audience could have been given the same token.
    return audience == [client_id] and claims.get("azp", client_id) == client_id


def _is_now(claims: Mapping[str, Any], now: datetime) -> bool:
    issued_at, ends_at = claims.get("iat"), claims.get("exp")
    if type(issued_at) is not int or type(ends_at) is not int:
        return False
    instant, leeway_s = now.timestamp(), LEEWAY.total_seconds()
    is_fresh = issued_at - leeway_s <= instant < issued_at + OLDEST_TOKEN.total_seconds()
    return is_fresh and instant < ends_at + leeway_s


def _asked_at(claims: Mapping[str, Any]) -> datetime | None:
    told = claims.get("auth_time")
    if type(told) is not int or not 0 <= told < _FAR:
        return None
    return datetime.fromtimestamp(told, UTC)


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    email = claims.get("email")
    if claims.get("email_verified") is not True or not _is_text(email):
        return None
    return str(email).strip().lower()


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST


def _derived(secret: str, name: str) -> str:
    raw = hmac.digest(secret.encode(), b"sso:" + name.encode(), hashlib.sha256)
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
