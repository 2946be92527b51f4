"""STUN as ICE uses it: binding requests read and written, success responses likewise.

Here: one pass over a datagram that either gives a `BindingRequest` or raises `NotAStunCheck`.
A request is worth nothing until `is_authentic` has said yes; a caller that asks in that order
spends an HMAC only on datagrams with the right length, cookie and fingerprint.
Not here: who the peer is, which addresses count (`ice_lite`), error responses (we send none:
a stranger gets no answer).

Source:
    RFC 8489 sections 5, 14; RFC 8445 section 7.1 for the ICE attributes.
"""

import hashlib
import hmac
import struct
import zlib
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from media.core.engine_face import Addr

COOKIE: Final = 0x2112A442
HEADER_BYTES: Final = 20
BINDING_REQUEST: Final = 0x0001
BINDING_SUCCESS: Final = 0x0101

USERNAME: Final = 0x0006
MESSAGE_INTEGRITY: Final = 0x0008
XOR_MAPPED_ADDRESS: Final = 0x0020
PRIORITY: Final = 0x0024
USE_CANDIDATE: Final = 0x0025
FINGERPRINT: Final = 0x8028
ICE_CONTROLLED: Final = 0x8029
ICE_CONTROLLING: Final = 0x802A

_FINGERPRINT_XOR: Final = 0x5354554E
_INTEGRITY_BYTES: Final = 20
_FINGERPRINT_ATTRIBUTE_BYTES: Final = 8
_USERNAME_BYTES_MAX: Final = 513
"""RFC 8489 section 14.3."""
_OPTIONAL_FROM: Final = 0x8000
"""Attribute types from here on may be skipped (RFC 8489 section 14)."""
_FAMILY_IPV4: Final = 1
_FAMILY_IPV6: Final = 2
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")


class NotAStunCheck(ValueError):
    """The datagram is no well-formed STUN message of the kind asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingRequest:
    """A well-formed connectivity check, not yet authenticated."""

    transaction_id: bytes
    local_ufrag: str
    """Left half of USERNAME: ours, as the receiver of the check."""
    remote_ufrag: str
    """Right half of USERNAME: the sender's."""
    priority: int | None
    is_nominating: bool
    """USE-CANDIDATE is there."""
    is_controlled: bool
    """ICE-CONTROLLED is there: the sender takes itself for the controlled side."""
    signed: bytes
    """The bytes MESSAGE-INTEGRITY covers, header length already put right."""
    integrity: bytes

    def is_authentic(self, password: str) -> bool:
        """Say whether MESSAGE-INTEGRITY was made with `password`; takes constant time."""
        return hmac.compare_digest(_integrity(self.signed, password), self.integrity)


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingSuccess:
    """A well-formed answer to a check, not yet authenticated."""

    transaction_id: bytes
    mapped: Addr | None
    signed: bytes
    integrity: bytes

    def is_authentic(self, password: str) -> bool:
        """Say whether MESSAGE-INTEGRITY was made with `password`; takes constant time."""
        return hmac.compare_digest(_integrity(self.signed, password), self.integrity)


@dataclass(frozen=True, slots=True)
class _Message:
    """Attributes before MESSAGE-INTEGRITY; what follows it counts for nothing."""

    transaction_id: bytes
    attributes: dict[int, bytes]
    signed: bytes
    integrity: bytes


def read_request(data: bytes) -> BindingRequest:
    """Read a connectivity check.

    Raises:
        NotAStunCheck: Wrong type, length, cookie or fingerprint, an attribute that must be
            understood and is not, or one of USERNAME, MESSAGE-INTEGRITY, FINGERPRINT missing.
    """
    message = _read(data, BINDING_REQUEST)
    found = message.attributes
    if found.keys() - {USERNAME, PRIORITY, USE_CANDIDATE} - _optional(found):
        raise NotAStunCheck("unknown attribute")
    local_ufrag, remote_ufrag = _username(found.get(USERNAME, b""))
    return BindingRequest(
        transaction_id=message.transaction_id,
        local_ufrag=local_ufrag,
        remote_ufrag=remote_ufrag,
        priority=_priority(found.get(PRIORITY)),
        is_nominating=USE_CANDIDATE in found,
        is_controlled=ICE_CONTROLLED in found,
        signed=message.signed,
        integrity=message.integrity,
    )


def read_success(data: bytes) -> BindingSuccess:
    """Read the answer to a check.

    Raises:
        NotAStunCheck: As for `read_request`, or an unreadable XOR-MAPPED-ADDRESS.
    """
    message = _read(data, BINDING_SUCCESS)
    value = message.attributes.get(XOR_MAPPED_ADDRESS)
    return BindingSuccess(
        transaction_id=message.transaction_id,
        mapped=None if value is None else _unmask(value, message.transaction_id),
        signed=message.signed,
        integrity=message.integrity,
    )


def write_success(transaction_id: bytes, addr: Addr, password: str) -> bytes:
    """Write the answer to a check that came from `addr`, signed with our password."""
    body = _attribute(XOR_MAPPED_ADDRESS, _mask(addr, transaction_id))
    return _sealed(BINDING_SUCCESS, transaction_id, body, password)


def write_request(
    transaction_id: bytes,
    *,
    username: str,
    password: str,
    priority: int,
    tie_breaker: int,
    is_nominating: bool = False,
) -> bytes:
    """Write a check of the controlling side; a lite agent never sends one, its peers do.

    Args:
        transaction_id: Twelve unpredictable bytes.
        username: `<receiver's ufrag>:<sender's ufrag>`.
        password: The receiver's.
        priority: Of a peer-reflexive candidate of the sender (RFC 8445 section 7.1.1).
        tie_breaker: 64 bits, the same in all checks of the sender.
        is_nominating: Put USE-CANDIDATE in.
    """
    body = _attribute(USERNAME, username.encode())
    body += _attribute(PRIORITY, struct.pack("!I", priority))
    body += _attribute(ICE_CONTROLLING, struct.pack("!Q", tie_breaker))
    if is_nominating:
        body += _attribute(USE_CANDIDATE, b"")
    return _sealed(BINDING_REQUEST, transaction_id, body, password)


def _read(data: bytes, wanted: int) -> _Message:
    if len(data) < HEADER_BYTES or len(data) % 4:
        raise NotAStunCheck("length")
    kind, length, cookie, transaction_id = _HEADER.unpack_from(data)
    if kind != wanted or cookie != COOKIE or length != len(data) - HEADER_BYTES:
        raise NotAStunCheck("header")
    if not _has_right_fingerprint(data):
        raise NotAStunCheck("fingerprint")
    return _collect(data, transaction_id)


def _has_right_fingerprint(data: bytes) -> bool:
    """Check the last attribute; the whole header is in its sum, length included."""
    at = len(data) - _FINGERPRINT_ATTRIBUTE_BYTES
    if at < HEADER_BYTES or _ATTRIBUTE.unpack_from(data, at) != (FINGERPRINT, 4):
        return False
    expected = zlib.crc32(data[:at]) ^ _FINGERPRINT_XOR
    return bool(struct.unpack_from("!I", data, at + 4)[0] == expected)


def _collect(data: bytes, transaction_id: bytes) -> _Message:
    """Walk the attributes up to MESSAGE-INTEGRITY; the first of a repeated type counts."""
    attributes: dict[int, bytes] = {}
    at = HEADER_BYTES
    while at + 4 <= len(data):
        kind, length = _ATTRIBUTE.unpack_from(data, at)
        value = data[at + 4 : at + 4 + length]
        if len(value) != length:
            raise NotAStunCheck("attribute beyond the end")
        if kind == MESSAGE_INTEGRITY:
            if length != _INTEGRITY_BYTES:
                raise NotAStunCheck("integrity length")
            return _Message(transaction_id, attributes, _signed_part(data, at), value)
        attributes.setdefault(kind, value)
        at += 4 + length + -length % 4
    raise NotAStunCheck("no integrity")


def _signed_part(data: bytes, integrity_at: int) -> bytes:
    """The length field counts up to the end of MESSAGE-INTEGRITY (RFC 8489 section 14.5)."""
    length = integrity_at - HEADER_BYTES + 4 + _INTEGRITY_BYTES
    return data[:2] + struct.pack("!H", length) + data[4:integrity_at]


def _integrity(signed: bytes, password: str) -> bytes:
    return hmac.new(password.encode(), signed, hashlib.sha1).digest()


def _optional(attributes: dict[int, bytes]) -> set[int]:
    return {kind for kind in attributes if kind >= _OPTIONAL_FROM}


def _username(value: bytes) -> tuple[str, str]:
    if len(value) > _USERNAME_BYTES_MAX or not value.isascii():
        raise NotAStunCheck("username")
    local_ufrag, colon, remote_ufrag = value.decode("ascii").partition(":")
    if not (local_ufrag and colon and remote_ufrag):
        raise NotAStunCheck("username")
    return local_ufrag, remote_ufrag


def _priority(value: bytes | None) -> int | None:
    if value is None:
        return None
    if len(value) != 4:  # noqa: PLR2004  (32 bits)
        raise NotAStunCheck("priority")
    return int.from_bytes(value, "big")


def _mask(addr: Addr, transaction_id: bytes) -> bytes:
    host = ip_address(addr[0].partition("%")[0])
    key = struct.pack("!I", COOKIE) + transaction_id
    family = _FAMILY_IPV4 if host.version == 4 else _FAMILY_IPV6  # noqa: PLR2004  (IP version)
    port = addr[1] ^ (COOKIE >> 16)
    return struct.pack("!BBH", 0, family, port) + _xored(host.packed, key)


def _unmask(value: bytes, transaction_id: bytes) -> Addr:
    if (len(value), value[1:2]) not in {(8, b"\x01"), (20, b"\x02")}:
        raise NotAStunCheck("mapped address")
    port = struct.unpack_from("!H", value, 2)[0] ^ (COOKIE >> 16)
    key = struct.pack("!I", COOKIE) + transaction_id
    return str(ip_address(_xored(value[4:], key))), port


def _xored(value: bytes, key: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(value, key, strict=False))


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _sealed(kind: int, transaction_id: bytes, body: bytes, password: str) -> bytes:
    """Add MESSAGE-INTEGRITY, then FINGERPRINT, each over a header that counts it already."""
    length = len(body) + 4 + _INTEGRITY_BYTES
    signed = _HEADER.pack(kind, length, COOKIE, transaction_id) + body
    body += _attribute(MESSAGE_INTEGRITY, _integrity(signed, password))
    length = len(body) + _FINGERPRINT_ATTRIBUTE_BYTES
    message = _HEADER.pack(kind, length, COOKIE, transaction_id) + body
    checksum = zlib.crc32(message) ^ _FINGERPRINT_XOR
    return message + _attribute(FINGERPRINT, struct.pack("!I", checksum))
