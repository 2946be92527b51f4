"""What a named act is known by, and how its answer is kept.  Pure but for the nonce.

An answer may hold a visit link or a ticket, so it is sealed under a secret made of the page's key
and ours: whoever reads the table has neither.
"""

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEPT_FOR: Final = timedelta(hours=24)
DEAD_AFTER: Final = timedelta(seconds=60)
"""A try that has done nothing for so long has died: no request of ours runs half as long."""
KEY_FORM: Final = re.compile(rb"[A-Za-z0-9_-]{16,64}")
"""A random UUID fits; anything shorter could be somebody else's."""
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Answer:
    """What is given again."""

    status: int
    content_type: str
    body: bytes


class Name:
    """One page's key, of one person in one clinic.

    Args:
        key: The Idempotency-Key as sent.
        person_id: Whose act it is.
        clinic_id: Where.
        secret: Ours; the same on every node.
    """

    def __init__(self, key: bytes, *, person_id: UUID, clinic_id: UUID, secret: bytes) -> None:
        whose = person_id.bytes + clinic_id.bytes + key
        self.hash = hmac.digest(secret, b"idempotency-name\0" + whose, hashlib.sha256)
        self._act = hmac.digest(secret, b"idempotency-act\0" + whose, hashlib.sha256)
        self._seal = AESGCM(hmac.digest(secret, b"idempotency-seal\0" + whose, hashlib.sha256))

    def act_mac(self, method: str, path: str, body: bytes) -> str:
        """Return what this name stands for: one method, one path, one body, byte for byte.

        Keyed, or it would confirm a guess of a short body to whoever reads the table.
        """
        mac = hmac.new(self._act, digestmod=hashlib.sha256)
        for part in (method.encode(), path.encode("utf-8", "surrogatepass"), body):
            mac.update(len(part).to_bytes(8, "big") + part)
        return mac.hexdigest()

    def seal(self, answer: Answer) -> bytes:
        """Return an answer as it is stored, bound to this name."""
        plain = json.dumps([answer.content_type, answer.body.decode("latin-1")]).encode()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._seal.encrypt(nonce, plain, self.hash)

    def open(self, sealed: bytes, *, status: int) -> Answer | None:
        """Return a stored answer; None if it was altered, or sealed under an older secret."""
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            content_type, body = json.loads(self._seal.decrypt(nonce, text, self.hash))
        except (InvalidTag, ValueError):
            return None
        return Answer(
            status=status, content_type=str(content_type), body=str(body).encode("latin-1")
        )
