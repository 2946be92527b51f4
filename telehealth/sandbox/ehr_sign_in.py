"""SMART Backend Services, the server's side: one registered client, its keys, its tokens.

Source: SMART App Launch 2.2, client-confidential-asymmetric, duties of the server.
"""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jwt

TOKEN_LIFE_S: Final = 300
ALGORITHMS: Final = ("ES384", "RS384")
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_ASSERTION_S: Final = 300
_PUBLIC: Final = {
    "EC": ("kty", "kid", "alg", "crv", "x", "y"),
    "RSA": ("kty", "kid", "alg", "n", "e"),
}
_OFFERED: Final = {
    "Patient": "rs",
    "Practitioner": "rs",
    "Encounter": "crus",
    "DocumentReference": "crus",
}


class SignInRefused(Exception):
    """A token request that gets no token; the code is of OAuth 2."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SignIn:
    """Registered client, used assertions and living tokens."""

    def __init__(
        self, keys: Sequence[Mapping[str, Any]], *, client_id: str, token_url: str
    ) -> None:
        self._keys = [_public_half(key) for key in keys]
        self._client_id = client_id
        self.token_url = token_url
        self._used: dict[str, float] = {}
        self._tokens: dict[str, float] = {}

    @classmethod
    def from_file(cls, path: Path, *, client_id: str, token_url: str) -> "SignIn":
        """Register the keys of a file: one JSON Web Key or a set; private members are dropped."""
        document = json.loads(path.read_text())
        keys = document.get("keys", [document])
        return cls(keys, client_id=client_id, token_url=token_url)

    def configuration(self) -> dict[str, Any]:
        """Return the discovery document."""
        return {
            "token_endpoint": self.token_url,
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": [f"system/{kind}.{may}" for kind, may in _OFFERED.items()],
            "capabilities": ["client-confidential-asymmetric", "permission-v2"],
            "code_challenge_methods_supported": ["S256"],
        }

    def grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer a token request.

        Raises:
            SignInRefused: With the code to answer.
        """
        if form.get("grant_type") != "client_credentials":
            raise SignInRefused("unsupported_grant_type")
        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            raise SignInRefused("invalid_request")
        self._check(form.get("client_assertion", ""))
        scope = " ".join(asked for asked in form.get("scope", "").split() if _is_offered(asked))
        if not scope:
            raise SignInRefused("invalid_scope")
        token = secrets.token_urlsafe(32)
        self._tokens[token] = time.time() + TOKEN_LIFE_S
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": TOKEN_LIFE_S,
            "scope": scope,
        }

    def is_living(self, header: str) -> bool:
        """Say whether an Authorization header carries a token that still counts."""
        kind, _, token = header.partition(" ")
        return kind.lower() == "bearer" and self._tokens.get(token, 0.0) > time.time()

    def _check(self, assertion: str) -> None:
        """Check signature, key, names, life and that it was not used before."""
        try:
            header = jwt.get_unverified_header(assertion)
            key = self._key(header)
            claims = jwt.decode(
                assertion,
                key,
                algorithms=[str(header["alg"])],
                audience=self.token_url,
                issuer=self._client_id,
                options={"require": ["iss", "sub", "aud", "exp", "jti"]},
            )
        except (jwt.PyJWTError, KeyError):
            raise SignInRefused("invalid_client") from None
        now = time.time()
        self._used = {jti: ends for jti, ends in self._used.items() if ends > now}
        is_fresh = claims["exp"] <= now + _LONGEST_ASSERTION_S and claims["jti"] not in self._used
        if claims["sub"] != self._client_id or not is_fresh:
            raise SignInRefused("invalid_client")
        self._used[claims["jti"]] = float(claims["exp"])

    def _key(self, header: Mapping[str, Any]) -> jwt.PyJWK:
        """Find exactly one key with this id, of the kind the algorithm needs."""
        algorithm = header.get("alg")
        kind = {"ES384": "EC", "RS384": "RSA"}.get(str(algorithm))
        found = [
            key for key in self._keys if key["kid"] == header.get("kid") and key["kty"] == kind
        ]
        if len(found) != 1:
            raise SignInRefused("invalid_client")
        return jwt.PyJWK.from_dict(found[0], algorithm=str(algorithm))


def _public_half(key: Mapping[str, Any]) -> dict[str, Any]:
    return {name: key[name] for name in _PUBLIC[key["kty"]] if name in key}


def _is_offered(scope: str) -> bool:
    kind, _, letters = scope.removeprefix("system/").partition(".")
    v1 = {"read": "rs", "write": "cu"}
    return (
        kind in _OFFERED and bool(letters) and set(v1.get(letters, letters)) <= set(_OFFERED[kind])
    )
