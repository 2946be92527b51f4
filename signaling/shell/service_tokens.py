"""Tokens between our own services: HS256 under 32 random bytes of the called one, 60 s.

Source:
    RFC 7519; RFC 8725 section 3.11 (explicit types), section 3.5 (key entropy).
"""

import base64
import binascii
from typing import Final

import jwt

from telehealth.contract import (
    SERVICE_TOKEN_LIFE_S,
    SERVICE_TOKEN_TYP,
    SIGNALING_AUDIENCE,
    VISIT_SERVICE_AUDIENCE,
)

KEY_BYTES: Final = 32
CLOCK_SKEW_S: Final = 30


class BadServiceToken(Exception):
    """A service token is not one of ours, or not any more."""


def key_from_text(text: str) -> bytes:
    """Read a secret of 32 bytes from base64url text.

    Raises:
        ValueError: It is not that; the text is not repeated.
    """
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None
    if len(key) != KEY_BYTES:
        raise ValueError("not 32 bytes")
    return key


def service_token(key: bytes, *, now_s: int) -> str:
    """Make the token we show to the visit service.

    Args:
        key: Its secret.
        now_s: Seconds since the epoch.
    """
    claims = {
        "iss": SIGNALING_AUDIENCE,
        "aud": VISIT_SERVICE_AUDIENCE,
        "iat": now_s,
        "exp": now_s + SERVICE_TOKEN_LIFE_S,
    }
    return jwt.encode(claims, key, "HS256", {"typ": SERVICE_TOKEN_TYP})


def check_service_token(token: str, key: bytes) -> None:
    """Pass a token the visit service showed us, or raise.

    Raises:
        BadServiceToken: Wrong type, algorithm, signature, issuer, audience or life.
    """
    try:
        whole = jwt.decode_complete(
            token,
            key,
            algorithms=["HS256"],
            audience=SIGNALING_AUDIENCE,
            issuer=VISIT_SERVICE_AUDIENCE,
            leeway=CLOCK_SKEW_S,
            options={"require": ["exp", "iat", "aud", "iss"], "strict_aud": True},
        )
    except (jwt.InvalidTokenError, ValueError):
        raise BadServiceToken from None
    claims = whole["payload"]
    is_short = claims["exp"] - claims["iat"] <= SERVICE_TOKEN_LIFE_S
    header = whole["header"]
    is_plain = set(header) == {"alg", "typ"} and header["typ"] == SERVICE_TOKEN_TYP
    if not is_plain or not is_short:
        raise BadServiceToken
