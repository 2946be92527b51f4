"""A TURN client that asks for what it should not get.  Synchronous; one socket an allocation.

Source:
    RFC 8656; RFC 8489 for the message, its integrity under long-term credentials.
"""

import hashlib
import hmac
import ipaddress
import secrets
import socket
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

COOKIE = 0x2112A442
ALLOCATE, SEND, CREATE_PERMISSION, CHANNEL_BIND, CONNECT = 0x003, 0x006, 0x008, 0x009, 0x00A
USERNAME, INTEGRITY, ERROR, CHANNEL, DATA = 0x0006, 0x0008, 0x0009, 0x000C, 0x0013
PEER, REALM, NONCE, FAMILY, TRANSPORT = 0x0012, 0x0014, 0x0015, 0x0017, 0x0019
FINGERPRINT = 0x8028
UDP, TCP = 17, 6
ANSWER_WITHIN_S = 2.0

Body: TypeAlias = Sequence[tuple[int, object]]


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What signaling gives a browser."""

    username: str
    password: str = field(repr=False)


class TurnClient:
    """One allocation."""

    def __init__(self, server: tuple[str, int], credentials: Credentials) -> None:
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.settimeout(ANSWER_WITHIN_S)
        self.socket.connect(server)
        self._credentials = credentials
        self._realm = b""
        self._nonce = b""

    def close(self) -> None:
        """Close the socket; the allocation runs out by itself."""
        self.socket.close()

    def allocate(self, *, is_v6: bool = False, transport: int = UDP) -> int:
        """Ask for a relayed address; 0, or the error code."""
        wanted = [(TRANSPORT, struct.pack("!I", transport << 24))]
        if is_v6:
            wanted.append((FAMILY, struct.pack("!I", 0x02 << 24)))
        return self._ask(ALLOCATE, wanted)

    def permit(self, address: str) -> int:
        """Ask to be let talk to an address; 0, or the error code."""
        return self._ask(CREATE_PERMISSION, [(PEER, address)])

    def bind(self, address: str, port: int, channel: int) -> int:
        """Ask for a channel; 0, or the error code."""
        wanted = [(CHANNEL, struct.pack("!HH", channel, 0)), (PEER, (address, port))]
        return self._ask(CHANNEL_BIND, wanted)

    def connect(self, address: str, port: int) -> int:
        """Ask for a TCP connection to a peer (RFC 6062); 0, or the error code."""
        return self._ask(CONNECT, [(PEER, (address, port))])

    def send(self, address: str, port: int, data: bytes) -> None:
        """Send through the relay; nothing answers."""
        transaction = secrets.token_bytes(12)
        body: Body = [(PEER, (address, port)), (DATA, data)]
        self.socket.send(_message(0x010 | SEND, transaction, body))

    def _ask(self, method: int, wanted: Body) -> int:
        code = self._exchange(method, wanted)
        return self._exchange(method, wanted) if code in {401, 438} else code

    def _exchange(self, method: int, wanted: Body) -> int:
        transaction = secrets.token_bytes(12)
        body: list[tuple[int, object]] = list(wanted)
        key = b""
        if self._nonce:
            name = self._credentials.username
            body += [(USERNAME, name.encode()), (REALM, self._realm), (NONCE, self._nonce)]
            text = f"{name}:{self._realm.decode()}:{self._credentials.password}"
            key = hashlib.md5(text.encode(), usedforsecurity=False).digest()
        self.socket.send(_message(method, transaction, body, key))
        while True:
            data = self.socket.recv(4_096)
            if data[8:20] == transaction:
                return self._read(data)

    def _read(self, data: bytes) -> int:
        found = _attributes(data)
        self._realm = found.get(REALM, self._realm)
        self._nonce = found.get(NONCE, self._nonce)
        error = found.get(ERROR)
        return 0 if error is None else error[2] * 100 + error[3]


def _message(kind: int, transaction: bytes, body: Body, key: bytes = b"") -> bytes:
    packed = b"".join(_attribute(each, _value(value, transaction)) for each, value in body)
    if key:
        signed = _head(kind, len(packed) + 24, transaction) + packed
        packed += _attribute(INTEGRITY, hmac.digest(key, signed, hashlib.sha1))
    checked = _head(kind, len(packed) + 8, transaction) + packed
    return checked + _attribute(FINGERPRINT, struct.pack("!I", zlib.crc32(checked) ^ 0x5354554E))


def _head(kind: int, length: int, transaction: bytes) -> bytes:
    return struct.pack("!HHI", kind, length, COOKIE) + transaction


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _value(value: object, transaction: bytes) -> bytes:
    match value:
        case bytes():
            return value
        case str():
            return _peer(value, 0, transaction)
        case (str() as address, int() as port):
            return _peer(address, port, transaction)
        case _:
            raise TypeError(value)


def _peer(address: str, port: int, transaction: bytes) -> bytes:
    packed = ipaddress.ip_address(address).packed
    pad = struct.pack("!I", COOKIE) + transaction
    mixed = bytes(one ^ other for one, other in zip(packed, pad, strict=False))
    return struct.pack("!BBH", 0, 1 if len(packed) == 4 else 2, port ^ COOKIE >> 16) + mixed


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 20
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("!HH", data, at)
        found.setdefault(kind, data[at + 4 : at + 4 + length])
        at += 4 + length + -length % 4
    return found
