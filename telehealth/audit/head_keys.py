"""Public halves of the keys that sign heads: all that a check needs, and safe to give away."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from telehealth.platform.signing import KeyFileUnsafe, thumbprint


def read_public_keys(path: Path) -> Mapping[str, Ed25519PublicKey]:
    """Read a JSON Web Key Set of Ed25519 keys, by thumbprint; private members are not looked at.

    Raises:
        KeyFileUnsafe: It holds something else, or a key under another name than its own.
        FileNotFoundError: There is no such file.

    Source:
        RFC 7517 section 5, RFC 8037, RFC 7638.
    """
    try:
        return dict(_public_key(entry) for entry in json.loads(path.read_text())["keys"])
    except (ValueError, KeyError, TypeError):
        raise KeyFileUnsafe(f"{path} holds something else than Ed25519 keys") from None


def public_key_set(path: Path) -> str:
    """Return the public halves of a key file as a JSON Web Key Set, to be given to auditors.

    Raises:
        KeyFileUnsafe: It holds something else than Ed25519 keys.
        FileNotFoundError: There is no such file.
    """
    read_public_keys(path)
    names = ("kty", "crv", "x", "kid")
    keys = [{name: entry[name] for name in names} for entry in json.loads(path.read_text())["keys"]]
    return json.dumps({"keys": keys}, indent=1)


def _public_key(entry: Mapping[str, str]) -> tuple[str, Ed25519PublicKey]:
    public = {name: entry[name] for name in ("crv", "kty", "x")}
    kid = thumbprint(public)
    if public["crv"] != "Ed25519" or entry["kid"] != kid:
        raise ValueError("another kind of key, or another name")
    raw = base64.urlsafe_b64decode(public["x"] + "=" * (-len(public["x"]) % 4))
    return kid, Ed25519PublicKey.from_public_bytes(raw)
