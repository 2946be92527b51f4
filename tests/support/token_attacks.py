"""Forged tokens of every kind that has ever been taken for a real one."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.keys import key_for_tests

_DIGEST: Final = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_STRANGER: Final = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
_ISSUERS: Final[tuple[object, ...]] = (
    *("tele", "health", "eleh", "telehealth.evil", "eviltelehealth", " telehealth", "telehealth "),
    *("TELEHEALTH", "", "telehealth\0", ["telehealth"], ["a", "telehealth"], [], None, 1, True),
    {"telehealth": 1},
)
_CRITICAL: Final[tuple[object, ...]] = (
    *(["unknown"], ["exp"], ["b64"], [], [""], [1], [None], "b64", "", 1, None, {}, True),
)
_KIDS: Final = (
    *("", ".", "/dev/null", "../../../../dev/null", "/proc/self/environ", "keys.json", "\0"),
    *("' OR '1'='1", "x' UNION SELECT 'a' --", "1; DROP TABLE people", "$(id)", "|id", "a" * 3000),
)


def part(value: object) -> str:
    """Encode one part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: Mapping[str, Any], claims: object, key: Ed25519PrivateKey | None = None) -> str:
    """Sign anything at all with the key of the tests, or with another."""
    text = f"{part(dict(header))}.{part(claims)}"
    signer = key_for_tests().private if key is None else key
    return f"{text}.{part(signer.sign(text.encode()))}"


def keyed(header: Mapping[str, Any], claims: object, secret: bytes, digest: str = "HS256") -> str:
    """Make a token whose signature is an HMAC under `secret`."""
    text = f"{part(dict(header))}.{part(claims)}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), _DIGEST[digest]))}"


def header_for(typ: str, **changes: object) -> dict[str, Any]:
    """Return the header our own tokens have, but for the changes."""
    return {"alg": "EdDSA", "typ": typ, "kid": key_for_tests().kid, **changes}


def public_forms() -> dict[str, bytes]:
    """Return every form in which somebody may hold our public key."""
    public = key_for_tests().private.public_key()
    jwk = key_for_tests().public_jwk()
    spki = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "PEM SPKI": spki,
        "PEM SPKI without its last line end": spki.strip(),
        "PEM PKCS1 armour": spki.replace(b"BEGIN PUBLIC", b"BEGIN RSA PUBLIC"),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "OpenSSH": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "raw": public.public_bytes_raw(),
        "hex": public.public_bytes_raw().hex().encode(),
        "base64url": jwk["x"].encode(),
        "JWK": json.dumps(jwk).encode(),
        "JWK without spaces": json.dumps(jwk, separators=(",", ":")).encode(),
        "JWK sorted": json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode(),
        "JWKS": json.dumps({"keys": [jwk]}).encode(),
        "kid": jwk["kid"].encode(),
        "nothing": b"",
    }


def public_key_as_secret(typ: str, claims: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """SEC-JWT-01: HMAC with a public key, under every name for HMAC and under our own."""
    for form, secret in public_forms().items():
        for digest in _DIGEST:
            for named in (digest, "EdDSA"):
                header = header_for(typ, alg=named)
                yield f"{form}, {digest} as {named}", keyed(header, claims, secret, digest)


def confused(typ: str, claims: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """SEC-JWT-03: no signature, another algorithm, a key of the attacker's own, a hostile kid."""
    yield from _unsigned(typ, claims)
    yield from _other_algorithms(typ, claims)
    own = {"kty": "OKP", "crv": "Ed25519", "x": part(_STRANGER.public_key().public_bytes_raw())}
    offers: dict[str, object] = {
        "jwk": own,
        "jku": "http://127.0.0.1:9/keys",
        "x5u": "http://127.0.0.1:9/chain.pem",
        "x5c": ["MAA="],
        "x5t": "AAAA",
        "zip": "DEF",
        "b64": False,
        "cty": "JWT",
        "enc": "A128GCM",
    }
    for name, value in offers.items():
        header = header_for(typ, **{name: value})
        yield f"{name} and a stranger's signature", signed(header, claims, _STRANGER)
        yield f"{name} and our signature", signed(header, claims)
        unnamed = {each: header[each] for each in header if each != "kid"}
        yield f"{name} without a kid", signed(unnamed, claims, _STRANGER)
    for kid in (*_KIDS, None, 1, ["x"], {"kid": key_for_tests().kid}):
        yield f"kid {kid!r:.30}", signed(header_for(typ, kid=kid), claims)
        yield f"kid {kid!r:.30} and no secret", keyed(header_for(typ, kid=kid), claims, b"")
    yield "a stranger under our name", signed(header_for(typ), claims, _STRANGER)


def foreign_issuers(typ: str, claims: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """SEC-JWT-04: prefix, suffix, substring, list, empty."""
    for issuer in _ISSUERS:
        yield repr(issuer), signed(header_for(typ), {**claims, "iss": issuer})
    without = {name: value for name, value in claims.items() if name != "iss"}
    yield "none", signed(header_for(typ), without)


def critical(typ: str, claims: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """SEC-JWT-05: extensions we would have to understand."""
    for crit in _CRITICAL:
        yield repr(crit), signed(header_for(typ, crit=crit), claims)
        yield f"{crit!r} with its parameter", signed(header_for(typ, crit=crit, b64=True), claims)


def _unsigned(typ: str, claims: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    body = part(dict(claims))
    for name in ("none", "None", "NONE", "nOnE", "none ", "", None):
        header = part(header_for(typ, alg=name))
        yield f"alg {name!r}, no signature", f"{header}.{body}."
        yield f"alg {name!r}, two parts", f"{header}.{body}"
        yield f"alg {name!r}, our signature", signed(header_for(typ, alg=name), claims)
    whole = signed(header_for(typ), claims)
    text, _, signature = whole.rpartition(".")
    yield "ours without its signature", f"{text}."
    yield "half a signature", f"{text}.{signature[:40]}"
    yield "a signature of zeros", f"{text}.{part(bytes(64))}"
    yield "a signature twice", f"{text}.{signature}{signature}"
    yield "four parts", f"{whole}.{signature}"


def _other_algorithms(typ: str, claims: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    def told(name: str) -> tuple[str, bytes]:
        text = f"{part(header_for(typ, alg=name))}.{part(dict(claims))}"
        return text, text.encode()

    rsa_key = rsa.generate_private_key(65537, 2048)
    for name in ("RS256", "PS256", "EdDSA"):
        text, raw = told(name)
        yield f"RSA as {name}", f"{text}.{part(rsa_key.sign(raw, padding.PKCS1v15(), SHA256()))}"
    ec_key = ec.generate_private_key(ec.SECP256R1())
    for name in ("ES256", "EdDSA"):
        text, raw = told(name)
        yield f"EC as {name}", f"{text}.{part(ec_key.sign(raw, ec.ECDSA(SHA256())))}"
    for name in ("RS256", "ES256", "PS512", "eddsa", "EDDSA", "Ed25519", "EdDSA ", "HS256"):
        yield f"our signature as {name}", signed(header_for(typ, alg=name), claims)
