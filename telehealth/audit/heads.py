"""Signed heads: what one clinic's chain was at an instant, to be kept where its database is not.

A chain alone cannot show that its newest entries were cut off, nor that all of it was written
anew by somebody who holds the database.  A head kept elsewhere shows both: it names the number
of entries, the seal of the last one and the root of the tree over all seals.  Pure.

Source:
    C2SP tlog-checkpoint (origin, size, root, then lines of our own: `seal`, `at`, `kid`) and
    signed-note (the line that begins with an em dash; Ed25519 is signature type 1).
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

EVERY: Final = timedelta(seconds=60)
"""A chain that grew gets a head this often,"""
EVERY_ENTRIES: Final = 1_000
"""or when it grew by this much."""

_ED25519: Final = b"\x01"
_HASH_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 4 + 64
_BASE64: Final = r"[A-Za-z0-9+/]+={0,2}"
_NOTE: Final = re.compile(
    r"^(?P<body>(?P<origin>(?P<name>\S+)/(?P<clinic>[0-9a-f-]{36}))\n(?P<size>[1-9]\d{0,15})\n"
    rf"(?P<root>{_BASE64})\nseal (?P<seal>{_BASE64})\nat (?P<at>[0-9T:.-]+Z)\n"
    rf"kid (?P<kid>[\w-]{{43}})\n)\n— (?P<signer>\S+) (?P<signature>{_BASE64})\n",
    re.MULTILINE | re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One clinic's chain at an instant."""

    log: str
    """Name of the installation's audit trail, such as `telehealth/demo/audit`."""
    clinic_id: UUID
    size: int
    """Number of entries, so also the sequence number of the last one."""
    root: bytes
    """Root of the tree over all seals (`tree.py`)."""
    seal: bytes
    """Seal of the last entry."""
    at: datetime
    kid: str
    """Thumbprint of the key that signs."""

    @property
    def text(self) -> str:
        """What is signed."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return (
            f"{self.log}/{self.clinic_id}\n{self.size}\n{_said(self.root)}\n"
            f"seal {_said(self.seal)}\nat {at}\nkid {self.kid}\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A head and its signature, as they are kept."""

    head: Head
    signature: bytes

    @property
    def note(self) -> str:
        """The signed note, as it is written into files and sent to sinks."""
        return f"{self.head.text}\n— {self.head.log} {_said(self.signature)}\n"

    def is_signed_by(self, keys: Mapping[str, Ed25519PublicKey]) -> bool:
        """Say whether one of these keys, named by thumbprint, has signed this very head."""
        key = keys.get(self.head.kid)
        if key is None or self.signature[:4] != _key_hash(self.head.log, key):
            return False
        try:
            key.verify(self.signature[4:], self.head.text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptHeads:
    """What a folder or a sink held."""

    heads: Sequence[SignedHead]
    unreadable_lines: int
    """Lines that belong to no head: a write cut short, or a hand in the file."""


def sign(head: Head, private: Ed25519PrivateKey) -> SignedHead:
    """Sign a head."""
    mark = _key_hash(head.log, private.public_key())
    return SignedHead(head=head, signature=mark + private.sign(head.text.encode()))


def read_notes(text: str) -> KeptHeads:
    """Read every signed note of a text; what is none of them is counted, never guessed at."""
    heads, rest = [], text
    for found in _NOTE.finditer(text):
        if (read := _read(found)) is not None:
            heads.append(read)
            rest = rest.replace(found[0], "", 1)
    return KeptHeads(
        heads=heads, unreadable_lines=sum(1 for line in rest.split("\n") if line.strip())
    )


def is_due(*, size: int, now: datetime, last_size: int, last_at: datetime | None) -> bool:
    """Say whether a chain of `size` entries owes a head."""
    if size <= last_size:
        return False
    if last_at is None or size - last_size >= EVERY_ENTRIES:
        return True
    return now - last_at >= EVERY


def log_name(deployment: str) -> str:
    """Return the name of an installation's audit trail."""
    return f"telehealth/{deployment}/audit"


def _read(found: re.Match[str]) -> SignedHead | None:
    try:
        head = Head(
            log=found["name"],
            clinic_id=UUID(found["clinic"]),
            size=int(found["size"]),
            root=base64.b64decode(found["root"], validate=True),
            seal=base64.b64decode(found["seal"], validate=True),
            at=datetime.fromisoformat(found["at"]),
            kid=found["kid"],
        )
        signature = base64.b64decode(found["signature"], validate=True)
    except ValueError:
        return None
    signed = SignedHead(head=head, signature=signature)
    lengths = (len(head.seal), len(head.root), len(signature))
    is_exact = signed.note == found[0] and lengths == (_HASH_BYTES, _HASH_BYTES, _SIGNATURE_BYTES)
    return signed if is_exact else None


def _key_hash(name: str, key: Ed25519PublicKey) -> bytes:
    named = name.encode() + b"\n" + _ED25519 + key.public_bytes_raw()
    return hashlib.sha256(named).digest()[:4]


def _said(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
