"""The bytes of a sealed value.  Pure.

Stored form: version (1) · key id (16) · nonce (12) · ciphertext · tag (16).  What a value is bound
to (clinic, table, column, row, kind) is not stored but told again when it is opened, so a value
moved elsewhere does not open.

Source:
    NIST SP 800-38D (GCM; section 8.2.2 for random nonces of 96 bits).
"""

import secrets
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from telehealth.platform.sealing.errors import SealedUnreadable

VERSION: Final = 1
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
KEY_BYTES: Final = 32
_KEY_ID: Final = slice(1, 17)
_NONCE: Final = slice(17, 17 + NONCE_BYTES)
_BODY: Final = slice(17 + NONCE_BYTES, None)
SHORTEST: Final = 17 + NONCE_BYTES + TAG_BYTES
"""Bytes a sealed value has beyond its plain text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Where a value belongs; all of it is authenticated."""

    clinic_id: UUID
    table: str
    column: str
    row: bytes
    """The primary key: 16 bytes a UUID, 8 bytes a number."""
    schema: str
    """How the plain bytes are to be read, such as `text` or `date`."""

    def told_with(self, key_id: UUID) -> bytes:
        """Return the additional authenticated data: every part preceded by its length."""
        parts = (
            bytes([VERSION]),
            key_id.bytes,
            self.clinic_id.bytes,
            self.table.encode(),
            self.column.encode(),
            self.row,
            self.schema.encode(),
        )
        return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def seal(plain: bytes, *, key: AESGCM, key_id: UUID, binding: Binding) -> bytes:
    """Seal one value under a fresh random nonce.

    Args:
        plain: What nobody without the key shall read; its length stays visible.
        key: AES-256-GCM.
        key_id: Names the key; stored with the value.
        binding: Where the value is to be stored.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    body = key.encrypt(nonce, plain, binding.told_with(key_id))
    return bytes([VERSION]) + key_id.bytes + nonce + body


def key_id_of(sealed: bytes) -> UUID:
    """Name the key a value is sealed with.

    Raises:
        SealedUnreadable: Too short, or of another version.
    """
    if len(sealed) < SHORTEST or sealed[0] != VERSION:
        raise SealedUnreadable
    return UUID(bytes=bytes(sealed[_KEY_ID]))


def unseal(sealed: bytes, *, key: AESGCM, binding: Binding) -> bytes:
    """Open one value.

    Raises:
        SealedUnreadable: It was altered, or does not belong where it was found.
    """
    key_id = key_id_of(sealed)
    try:
        return key.decrypt(sealed[_NONCE], sealed[_BODY], binding.told_with(key_id))
    except InvalidTag:
        raise SealedUnreadable from None


def wrap_key(plain: bytes, *, under: bytes, clinic_id: UUID, key_id: UUID) -> bytes:
    """Wrap a data key under its clinic's key, bound to its own id."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(under).encrypt(nonce, plain, clinic_id.bytes + key_id.bytes)


def unwrap_key(wrapped: bytes, *, under: bytes, clinic_id: UUID, key_id: UUID) -> bytes:
    """Unwrap a data key.

    Raises:
        SealedUnreadable: Altered, or another key's.
    """
    nonce, body = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
    try:
        return AESGCM(under).decrypt(nonce, body, clinic_id.bytes + key_id.bytes)
    except (InvalidTag, ValueError):
        raise SealedUnreadable from None
