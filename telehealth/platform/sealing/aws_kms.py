"""Root key in AWS KMS, or whatever speaks its protocol.

Source:
    AWS KMS API reference (GenerateDataKey, Encrypt, Decrypt; JSON 1.1 protocol) and AWS Signature
    Version 4.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import SecretStr

from telehealth.platform.clock import Clock
from telehealth.platform.sealing.asking import Asking
from telehealth.platform.sealing.errors import KeysUnavailable, SealedUnreadable

_NOT_OURS: Final = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsAccess:
    """Where the root key is and how we prove ourselves."""

    url: str
    region: str
    key: str
    access_key: str
    secret_key: SecretStr


class AwsKmsProvider:
    """Implements `KeyProvider`; clinic and key id travel as encryption context.

    Args:
        access: Where, which key, and as whom.
        clock: Tells the instant requests are signed with.
    """

    def __init__(self, access: KmsAccess, *, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._asking = Asking(access.url)

    async def generate(self, *, clinic_id: UUID, key_id: UUID) -> tuple[bytes, bytes]:
        """Have a key drawn; return it plain and wrapped."""
        told = await self._post("GenerateDataKey", {"KeySpec": "AES_256"}, clinic_id, key_id)
        return _bytes(told, "Plaintext"), _bytes(told, "CiphertextBlob")

    async def wrap(self, plain: bytes, *, clinic_id: UUID, key_id: UUID) -> bytes:
        """Wrap a key, bound to its clinic and id."""
        told = await self._post("Encrypt", {"Plaintext": _text(plain)}, clinic_id, key_id)
        return _bytes(told, "CiphertextBlob")

    async def unwrap(self, wrapped: bytes, *, clinic_id: UUID, key_id: UUID) -> bytes:
        """Unwrap a key."""
        told = await self._post("Decrypt", {"CiphertextBlob": _text(wrapped)}, clinic_id, key_id)
        return _bytes(told, "Plaintext")

    async def close(self) -> None:
        """Close the connections."""
        await self._asking.close()

    async def _post(
        self, action: str, body: Mapping[str, str], clinic_id: UUID, key_id: UUID
    ) -> Mapping[str, Any]:
        content = json.dumps(
            {
                **body,
                "KeyId": self._access.key,
                "EncryptionContext": {"clinic_id": str(clinic_id), "key_id": str(key_id)},
            }
        ).encode()
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "host": urlsplit(self._access.url).netloc,
            "x-amz-target": f"TrentService.{action}",
        }
        signed = signed_headers(
            "POST", headers, content, access=self._access, service="kms", now=self._clock.now()
        )
        status, told = await self._asking.post("/", content, signed)
        if status == HTTPStatus.OK:
            return told
        # Denied, disabled, throttled: all of them may pass; a foreign blob will not.
        if str(told.get("__type", "")).rpartition("#")[2] in _NOT_OURS:
            raise SealedUnreadable(clinic_id=clinic_id)
        raise KeysUnavailable(status=status)


def signed_headers(
    method: str,
    headers: Mapping[str, str],
    content: bytes,
    *,
    access: KmsAccess,
    service: str,
    now: datetime,
) -> dict[str, str]:
    """Add date and signature to the headers of a request for `/` without a query.

    Source:
        AWS Signature Version 4: canonical request, string to sign, derived key.
    """
    at = now.strftime("%Y%m%dT%H%M%SZ")
    named = {**headers, "x-amz-date": at}
    names = ";".join(sorted(named))
    lines = "".join(f"{name}:{named[name].strip()}\n" for name in sorted(named))
    canonical = f"{method}\n/\n\n{lines}\n{names}\n{sha256(content).hexdigest()}"
    scope = f"{at[:8]}/{access.region}/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4" + access.secret_key.get_secret_value().encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"Credential={access.access_key}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
    return {**named, "authorization": authorization}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(told: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(told[name], validate=True)
    except (KeyError, TypeError, binascii.Error):
        raise KeysUnavailable from None
