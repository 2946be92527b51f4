"""Codes of authenticator apps and recovery codes: made, and checked.

Randomness comes from the system; instants are passed in.

Source:
    RFC 6238: 30 s steps, six digits, HMAC-SHA-1, which is what the apps understand; OWASP ASVS
    5.0, 6.5.1 to 6.5.5.
"""

import hmac
import secrets
from datetime import datetime
from typing import Final

import pyotp
import segno

STEP_S: Final = 30
DRIFT_STEPS: Final = 1
"""A phone's clock may be one step early or late."""
DIGITS: Final = 6
RECOVERY_CODES: Final = 10
_RECOVERY_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_RECOVERY_LENGTH: Final = 16
"""80 bits of 32 letters: nothing to guess, so a plain hash may be stored."""
_READ_AS: Final = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None})


def new_app_secret() -> str:
    """Draw the secret of an authenticator app: 160 bits in base32.

    Source:
        RFC 4226 section 4, R6.
    """
    return pyotp.random_base32(32)


def app_uri(secret: str, *, account: str, issuer: str) -> str:
    """Return what an app reads from the picture.

    Args:
        secret: Base32.
        account: How the app names it; an e-mail address.
        issuer: Who asks; the clinic's name.
    """
    return pyotp.TOTP(secret, name=account, issuer=issuer).provisioning_uri()


def picture_of(uri: str) -> str:
    """Draw a QR code as an SVG image in a `data:` address: no script, no style, no other file."""
    drawn = segno.make(uri, error="m", micro=False)
    return drawn.svg_data_uri(scale=4, border=4, dark="#000", light="#fff", omitsize=True)


def step_of(code: str, *, secret: str, last_step: int | None, now: datetime) -> int | None:
    """Find the thirty-second step a code belongs to; None: it is wrong, too old or used.

    Args:
        code: As typed; blanks do not count.
        secret: Base32.
        last_step: Step of the last code accepted: neither it nor an older one works again.
        now: Aware instant.
    """
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdecimal()):
        return None
    at = int(now.timestamp()) // STEP_S
    found = None
    app = pyotp.TOTP(secret)
    for step in range(at - DRIFT_STEPS, at + DRIFT_STEPS + 1):
        is_right = hmac.compare_digest(app.generate_otp(step), typed)
        if is_right and (last_step is None or step > last_step):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Draw ten codes of sixteen letters, in groups of four."""
    return [_grouped(_drawn()) for _ in range(RECOVERY_CODES)]


def plain_recovery_code(typed: str) -> str:
    """Return a typed code as it was made: what looks alike is the same letter."""
    return typed.strip().lower().translate(_READ_AS)


def _drawn() -> str:
    return "".join(secrets.choice(_RECOVERY_LETTERS) for _ in range(_RECOVERY_LENGTH))


def _grouped(code: str) -> str:
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))
