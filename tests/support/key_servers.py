"""Fakes of the two kinds of key server; each does as its script says and keeps a ledger."""

import asyncio
import base64
import json
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ROOT = bytes(range(32))
VAULT_TOKEN = "hvs.invented"
ACCESS_KEY = "AKIAINVENTED"


class Fault(StrEnum):
    """What a key server does instead of answering."""

    THROTTLE = "throttle"
    DENY = "deny"
    DROP = "drop"
    """Closes the connection without an answer."""
    GARBAGE = "garbage"
    BROKEN = "broken"
    """Answers 500."""


@dataclass
class FakeKeyServer(ABC):
    """Speaks HTTP on loopback; subclasses know a protocol."""

    faults: deque[Fault] = field(default_factory=deque)
    """Next answers; when none is left it does its work."""
    is_down: bool = False
    asked: list[str] = field(default_factory=list)
    """Ledger: the verb of every request that arrived."""
    url: str = ""

    @abstractmethod
    def act(
        self, path: str, headers: Mapping[str, str], body: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        """Do what a request asks."""

    @abstractmethod
    def refuse(self, fault: Fault) -> tuple[int, dict[str, Any]]:
        """Answer a fault in the protocol's own words."""

    @abstractmethod
    def verb_of(self, path: str, headers: Mapping[str, str]) -> str:
        """Name what a request asks."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.split("\r\n")
        headers = dict(re.split(r":\s*", line.lower(), maxsplit=1) for line in lines[1:] if line)
        raw_headers = dict(re.split(r":\s*", line, maxsplit=1) for line in lines[1:] if line)
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        path = lines[0].split(" ")[1]
        named = {name.lower(): value for name, value in raw_headers.items()}
        self.asked.append(self.verb_of(path, named))
        fault = self.faults.popleft() if self.faults else None
        if self.is_down or fault is Fault.DROP:
            writer.close()
            return
        status, told = self.refuse(fault) if fault else self.act(path, named, body)
        content = b"<html>" if fault is Fault.GARBAGE else json.dumps(told).encode()
        size = f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
        writer.write(f"HTTP/1.1 {status} X\r\n{size}".encode() + content)
        await writer.drain()
        writer.close()


class FakeVault(FakeKeyServer):
    """The transit engine with one key named `telehealth`."""

    def verb_of(self, path: str, headers: Mapping[str, str]) -> str:
        """Return `encrypt` or `decrypt`."""
        del headers
        return path.split("/")[3]

    def refuse(self, fault: Fault) -> tuple[int, dict[str, Any]]:
        """Answer as Vault does."""
        status = {Fault.THROTTLE: 429, Fault.DENY: 403, Fault.BROKEN: 500}.get(fault, 200)
        return status, {"errors": [fault.value]}

    def act(
        self, path: str, headers: Mapping[str, str], body: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        """Encrypt or decrypt, if the token is right."""
        if headers.get("x-vault-token") != VAULT_TOKEN:
            return 403, {"errors": ["permission denied"]}
        if not path.endswith("/telehealth"):
            return 400, {"errors": ["encryption key not found"]}
        bound = base64.b64decode(body["associated_data"])
        if self.verb_of(path, headers) == "encrypt":
            nonce = uuid4().bytes[:12]
            sealed = nonce + AESGCM(ROOT).encrypt(nonce, base64.b64decode(body["plaintext"]), bound)
            return 200, {"data": {"ciphertext": "vault:v1:" + base64.b64encode(sealed).decode()}}
        try:
            sealed = base64.b64decode(body["ciphertext"].removeprefix("vault:v1:"))
            plain = AESGCM(ROOT).decrypt(sealed[:12], sealed[12:], bound)
        except (InvalidTag, ValueError):
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}


class FakeAwsKms(FakeKeyServer):
    """AWS KMS with one symmetric key; looks at who signed, not at the signature."""

    def verb_of(self, path: str, headers: Mapping[str, str]) -> str:
        """Return the action."""
        del path
        return headers["x-amz-target"].removeprefix("TrentService.")

    def refuse(self, fault: Fault) -> tuple[int, dict[str, Any]]:
        """Answer as KMS does."""
        kinds = {Fault.THROTTLE: "ThrottlingException", Fault.DENY: "AccessDeniedException"}
        if fault is Fault.BROKEN:
            return 500, {"__type": "KMSInternalException"}
        return 200 if fault is Fault.GARBAGE else 400, {"__type": kinds.get(fault, "")}

    def act(
        self, path: str, headers: Mapping[str, str], body: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        """Generate, encrypt or decrypt."""
        if f"Credential={ACCESS_KEY}/" not in headers["authorization"]:
            return 400, {"__type": "UnrecognizedClientException"}
        bound = json.dumps(body["EncryptionContext"], sort_keys=True).encode()
        nonce = uuid4().bytes[:12]
        match self.verb_of(path, headers):
            case "GenerateDataKey":
                plain = uuid4().bytes + uuid4().bytes
                sealed = nonce + AESGCM(ROOT).encrypt(nonce, plain, bound)
                return 200, {"Plaintext": _text(plain), "CiphertextBlob": _text(sealed)}
            case "Encrypt":
                plain = base64.b64decode(body["Plaintext"])
                sealed = nonce + AESGCM(ROOT).encrypt(nonce, plain, bound)
                return 200, {"CiphertextBlob": _text(sealed)}
            case _:
                sealed = base64.b64decode(body["CiphertextBlob"])
                try:
                    plain = AESGCM(ROOT).decrypt(sealed[:12], sealed[12:], bound)
                except (InvalidTag, ValueError):
                    return 400, {"__type": "com.amazonaws.kms#InvalidCiphertextException"}
                return 200, {"Plaintext": _text(plain)}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
