"""Who holds the root key, and what is asked of them; and the file that does in development."""

import base64
import json
import os
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from telehealth.platform.sealing.errors import ProviderUnsafe, SealedUnreadable
from telehealth.platform.sealing.form import KEY_BYTES, NONCE_BYTES


class Mode(StrEnum):
    """What an installation is for; decides what is good enough for it."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    DEMO = "demo"


class KeyProvider(Protocol):
    """Holds a root key that never leaves it.

    Every method may raise `KeysUnavailable` (no answer, throttled, denied) and `unwrap` also
    `SealedUnreadable` (not wrapped by this root, or for another clinic or key).
    """

    async def generate(self, *, clinic_id: UUID, key_id: UUID) -> tuple[bytes, bytes]:
        """Draw a key; return it plain (32 bytes) and wrapped."""
        ...

    async def wrap(self, plain: bytes, *, clinic_id: UUID, key_id: UUID) -> bytes:
        """Wrap a key, bound to its clinic and id."""
        ...

    async def unwrap(self, wrapped: bytes, *, clinic_id: UUID, key_id: UUID) -> bytes:
        """Unwrap a key."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


_FILE_KIND: Final = "telehealth-root-key"


class LocalFileProvider:
    """The root key in a file of mode 0600; for development and the demo.

    Args:
        path: Made by `make_root_key_file`.
        mode: Production is refused: the key would lie beside what it protects.

    Raises:
        ProviderUnsafe: Production; or the file is readable by others, or is something else.
    """

    def __init__(self, path: Path, *, mode: Mode) -> None:
        if mode is Mode.PRODUCTION:
            raise ProviderUnsafe("key provider local-file is refused in production")
        if path.stat().st_mode & 0o077:
            raise ProviderUnsafe(f"{path} must be readable by its owner only (chmod 600)")
        try:
            held = json.loads(path.read_text())
            key = base64.urlsafe_b64decode(held[_FILE_KIND])
        except (ValueError, KeyError, TypeError):
            raise ProviderUnsafe(f"{path} holds no root key") from None
        if len(key) != KEY_BYTES:
            raise ProviderUnsafe(f"{path} holds no root key")
        self._root = AESGCM(key)

    async def generate(self, *, clinic_id: UUID, key_id: UUID) -> tuple[bytes, bytes]:
        """Draw a key; return it plain and wrapped."""
        plain = secrets.token_bytes(KEY_BYTES)
        return plain, await self.wrap(plain, clinic_id=clinic_id, key_id=key_id)

    async def wrap(self, plain: bytes, *, clinic_id: UUID, key_id: UUID) -> bytes:
        """Wrap a key, bound to its clinic and id."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._root.encrypt(nonce, plain, clinic_id.bytes + key_id.bytes)

    async def unwrap(self, wrapped: bytes, *, clinic_id: UUID, key_id: UUID) -> bytes:
        """Unwrap a key."""
        nonce, body = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            return self._root.decrypt(nonce, body, clinic_id.bytes + key_id.bytes)
        except (InvalidTag, ValueError):
            raise SealedUnreadable from None

    async def close(self) -> None:
        """Hold nothing."""


def make_root_key_file(path: Path) -> None:
    """Draw a root key into a new file that only its owner may read.

    Raises:
        FileExistsError: A file is there; keys are never overwritten.
    """
    key = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(made, "w") as file:
        json.dump({_FILE_KIND: key}, file)
