"""Root key in HashiCorp Vault's transit engine, or whatever speaks its protocol.

Source:
    Vault HTTP API, secret/transit: encrypt, decrypt; `associated_data` for AEAD keys.
"""

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

from pydantic import SecretStr

from telehealth.platform.sealing.asking import Asking
from telehealth.platform.sealing.errors import KeysUnavailable, SealedUnreadable
from telehealth.platform.sealing.form import KEY_BYTES


class VaultTransitProvider:
    """Implements `KeyProvider`.

    Args:
        url: Address of the server.
        key: Name of the root key (`aes256-gcm96`).
        token: Sent as `X-Vault-Token`.
    """

    def __init__(self, url: str, *, key: str, token: SecretStr) -> None:
        self._asking = Asking(url)
        self._key = quote(key, safe="")
        self._token = token

    async def generate(self, *, clinic_id: UUID, key_id: UUID) -> tuple[bytes, bytes]:
        """Draw a key here and have it wrapped: the data key endpoint binds it to nothing."""
        plain = secrets.token_bytes(KEY_BYTES)
        return plain, await self.wrap(plain, clinic_id=clinic_id, key_id=key_id)

    async def wrap(self, plain: bytes, *, clinic_id: UUID, key_id: UUID) -> bytes:
        """Wrap a key, bound to its clinic and id."""
        bound = _text(clinic_id.bytes + key_id.bytes)
        status, told = await self._post(
            "encrypt", {"plaintext": _text(plain), "associated_data": bound}
        )
        wrapped = told.get("ciphertext")
        if status != HTTPStatus.OK or not isinstance(wrapped, str):
            raise KeysUnavailable(status=status)
        return wrapped.encode()

    async def unwrap(self, wrapped: bytes, *, clinic_id: UUID, key_id: UUID) -> bytes:
        """Unwrap a key."""
        bound = _text(clinic_id.bytes + key_id.bytes)
        status, told = await self._post(
            "decrypt", {"ciphertext": wrapped.decode("ascii", "replace"), "associated_data": bound}
        )
        # 400: not wrapped by this key or not for this clinic; 403 and others: we may not ask.
        if status == HTTPStatus.BAD_REQUEST:
            raise SealedUnreadable(clinic_id=clinic_id)
        if status != HTTPStatus.OK:
            raise KeysUnavailable(status=status)
        try:
            return base64.b64decode(told["plaintext"], validate=True)
        except (KeyError, TypeError, binascii.Error):
            raise KeysUnavailable(status=status) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._asking.close()

    async def _post(self, verb: str, body: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        headers = {
            "X-Vault-Token": self._token.get_secret_value(),
            "X-Vault-Request": "true",
            "Content-Type": "application/json",
        }
        path = f"/v1/transit/{verb}/{self._key}"
        status, told = await self._asking.post(path, json.dumps(body).encode(), headers)
        data = told.get("data")
        return status, data if isinstance(data, dict) else {}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
