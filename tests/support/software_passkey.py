"""A passkey in software: answers what `navigator.credentials` would, for one key.

It stands in for a device outside our machine.  It can be told to misbehave: another origin, no
verification of the person, a count that stands still.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.app_client import ORIGIN

_PRESENT, _VERIFIED, _HAS_KEY = 0x01, 0x04, 0x40


class FakePasskey:
    """One resident key for one site; the ledger keeps what it was asked."""

    def __init__(self, *, origin: str = ORIGIN, verifies: bool = True, counts: bool = True) -> None:
        self.origin = origin
        self.verifies = verifies
        self.counts = counts
        self.ledger: list[Mapping[str, Any]] = []
        self.credential_id = secrets.token_bytes(32)
        self._key = generate_private_key(SECP256R1())
        self._count = 0

    def make(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.create`."""
        self.ledger.append(options)
        data = self._data(options["rp"]["id"], with_key=True)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options["challenge"])
        return self._answer(
            {"clientDataJSON": _text(client), "attestationObject": _text(attestation)}
        )

    def sign(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.get`."""
        self.ledger.append(options)
        data = self._data(options["rpId"], with_key=False)
        client = self._client("webauthn.get", options["challenge"])
        signed = self._key.sign(data + hashlib.sha256(client).digest(), ECDSA(SHA256()))
        return self._answer(
            {
                "clientDataJSON": _text(client),
                "authenticatorData": _text(data),
                "signature": _text(signed),
            }
        )

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _data(self, rp_id: str, *, with_key: bool) -> bytes:
        if self.counts:
            self._count += 1
        flags = _PRESENT | (_VERIFIED if self.verifies else 0) | (_HAS_KEY if with_key else 0)
        head = hashlib.sha256(rp_id.encode()).digest() + bytes([flags])
        head += self._count.to_bytes(4, "big")
        if not with_key:
            return head
        point = self._key.public_key().public_numbers()
        cose = cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        )
        length = len(self.credential_id).to_bytes(2, "big")
        return head + bytes(16) + length + self.credential_id + cose

    def _answer(self, response: Mapping[str, str]) -> dict[str, Any]:
        name = _text(self.credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": dict(response),
            "clientExtensionResults": {},
        }


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
