"""What a passkey is asked, and whether its answer is good; `webauthn` does the cryptography.

The person is always verified by the device (its PIN, face or finger), and the key is found by
the device itself: so a passkey is two factors in one and needs neither address nor password.

Source:
    W3C Web Authentication Level 3, sections 7.1 and 7.2; NIST SP 800-63B-4 section 3.2.5
    (phishing resistance by the origin).
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

CHALLENGE_BYTES: Final = 32
TIME_FOR_IT_MS: Final = 120_000
_VERIFIED: Final = UserVerificationRequirement.REQUIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """For whom a passkey is made: it works at this origin and nowhere else."""

    origin: str
    name: str

    @property
    def rp_id(self) -> str:
        """The host, without port."""
        return urlsplit(self.origin).hostname or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasskey:
    """What is kept of a passkey just made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def new_challenge() -> bytes:
    """Draw what a passkey is to sign: 256 random bits."""
    return secrets.token_bytes(CHALLENGE_BYTES)


def ask_to_make(
    site: Site, *, challenge: bytes, account_id: UUID, name: str, known: Sequence[bytes]
) -> Mapping[str, Any]:
    """Return the options of `navigator.credentials.create`.

    Args:
        site: For whom.
        challenge: Of 32 random bytes, kept here until it is used.
        account_id: An id that says nothing of the person.
        name: How the device shows it; an e-mail address.
        known: Credentials the account has already, so that no device makes a second.
    """
    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name=site.name,
        user_name=name,
        user_id=account_id.bytes,
        challenge=challenge,
        timeout=TIME_FOR_IT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
    )
    return _plain(webauthn.options_to_json(options))


def ask_to_sign(site: Site, *, challenge: bytes, known: Sequence[bytes] = ()) -> Mapping[str, Any]:
    """Return the options of `navigator.credentials.get`; without `known`, the device finds it."""
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge,
        timeout=TIME_FOR_IT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known] or None,
        user_verification=_VERIFIED,
    )
    return _plain(webauthn.options_to_json(options))


def made(site: Site, credential: Mapping[str, Any], *, challenge: bytes) -> NewPasskey | None:
    """Return what a device made; None: it is not an answer to what was asked."""
    try:
        answer = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    return NewPasskey(
        credential_id=answer.credential_id,
        public_key=answer.credential_public_key,
        sign_count=answer.sign_count,
    )


def named(credential: Mapping[str, Any]) -> bytes | None:
    """Return which passkey an answer says it is from; None: it says nothing readable."""
    try:
        return base64url_to_bytes(str(credential["id"]))
    except (KeyError, ValueError):
        return None


def signed(
    site: Site,
    credential: Mapping[str, Any],
    *,
    challenge: bytes,
    public_key: bytes,
    sign_count: int,
) -> int | None:
    """Return the new sign count of a good answer; None: it is not one.

    A count that does not rise (where the device counts at all) means a copied key: refused.
    """
    try:
        answer = webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    return answer.new_sign_count


def _plain(text: str) -> Mapping[str, Any]:
    options: Mapping[str, Any] = json.loads(text)
    return options
