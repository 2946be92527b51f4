"""Single sign-on of staff at one OpenID provider: authorization code with PKCE.

Source:
    OpenID Connect Core 1.0 section 3.1, Discovery 1.0 section 4; RFC 6749, 7636, 9207, 9700.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import jwt
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from telehealth.contract import ClinicId
from telehealth.identity.errors import SsoRefused, SsoUnreachable
from telehealth.identity.oidc_rules import (
    Handshake,
    SecondFactor,
    VerifiedSubject,
    check_callback,
    subject_of,
)
from telehealth.platform.clock import Clock
from telehealth.platform.egress import EgressRefused, partner_client

KEEP_METADATA_S: Final = 3600.0
KEEP_KEYS_S: Final = 3600.0
REFETCH_EVERY_S: Final = 60.0
"""A made-up key name causes no more than one fetch in this time."""
_LONGEST_TOKEN: Final = 16_384
_HEADER: Final = frozenset({"alg", "kid", "typ"})
_ASK_ANEW: Final = {"prompt": "login", "max_age": "0"}
_PATH: Final = "/.well-known/openid-configuration"

# Claims are judged by `oidc_rules`; here the signature alone is.
_jwt: Final = jwt.PyJWT(
    {
        "enforce_minimum_key_length": True,
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What the operator agreed with one OpenID provider."""

    clinic_id: ClinicId
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    algorithm: str
    """The one algorithm of its ID tokens."""
    redirect_uri: str
    links_by_email: bool
    """Whether an address it has verified may link an account, once."""
    second_factor: SecondFactor


@dataclass(slots=True)
class _Kept:
    """Something fetched, and when."""

    value: Mapping[str, Any] = field(default_factory=dict)
    fetched_at: float | None = None
    tried_at: float | None = None


class OidcClient:
    """One provider, asked by us.

    Args:
        provider: Configured.
        clock: Tells when a token has ended.
        now: Monotonic clock in seconds.
    """

    def __init__(self, provider: Provider, *, clock: Clock, now: Callable[[], float]) -> None:
        self.provider = provider
        self._clock = clock
        self._now = now
        self._metadata, self._keys = _Kept(), _Kept()
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._fetching = asyncio.Lock()

    async def authorization_url(self, secret: str, *, anew: bool = False) -> str:
        """Return where the browser goes to sign in; no token ever stands in an address.

        Args:
            secret: What the browser keeps, or what is derived from it.
            anew: The person is to be asked, even if they are signed in there.

        Raises:
            SsoUnreachable: The provider does not say where.
        """
        metadata, handshake = await self._discovered(), Handshake.of(secret)
        return str(
            prepare_grant_uri(
                _endpoint(metadata, "authorization_endpoint"),
                client_id=self.provider.client_id,
                response_type="code",
                redirect_uri=self.provider.redirect_uri,
                scope=["openid", "email"],
                state=handshake.state,
                nonce=handshake.nonce,
                code_challenge=create_s256_code_challenge(handshake.verifier),
                code_challenge_method="S256",
                **(_ASK_ANEW if anew else {}),
            )
        )

    async def redeem(
        self, secret: str, *, code: str | None, state: str | None, issuer: str | None
    ) -> VerifiedSubject:
        """Turn the provider's answer into whom it vouches for.

        Args:
            secret: From the cookie of the browser that answers.
            code: From the address, as are the others.
            state: Must be ours.
            issuer: Must be whom we asked, if told.

        Raises:
            SsoRefused: The answer, or the token behind it, is not to be believed.
            SsoUnreachable: The provider does not answer.
        """
        metadata, handshake = await self._discovered(), Handshake.of(secret)
        check_callback(
            state=state,
            issuer=issuer,
            handshake=handshake,
            expected_issuer=self.provider.issuer,
            must_name_issuer=metadata.get("authorization_response_iss_parameter_supported") is True,
        )
        if not code:
            raise SsoRefused
        tokens = await self._tokens(_endpoint(metadata, "token_endpoint"), code, handshake)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str | None):
            raise SsoRefused
        claims, header = await self._verified(id_token)
        return subject_of(
            claims,
            header,
            issuer=self.provider.issuer,
            client_id=self.provider.client_id,
            nonce=handshake.nonce,
            access_token=access_token,
            now=self._clock.now(),
            second_factor=self.provider.second_factor,
        )

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()

    async def _tokens(self, url: str, code: str, handshake: Handshake) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.provider.redirect_uri,
            "code_verifier": handshake.verifier,
        }
        auth = httpx.BasicAuth(self.provider.client_id, self.provider.client_secret)
        return await self._ask("POST", url, data=form, auth=auth)

    async def _verified(self, token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Check the signature with the provider's key of that name, by the one algorithm."""
        if len(token) > _LONGEST_TOKEN:
            raise SsoRefused
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError:
            raise SsoRefused from None
        is_plain = set(header) <= _HEADER and header.get("typ", "JWT") == "JWT"
        if not is_plain or header.get("alg") != self.provider.algorithm:
            raise SsoRefused
        key = await self._key(header.get("kid"))
        try:
            claims = _jwt.decode(
                token,
                key.key,
                algorithms=[self.provider.algorithm],
                options={
                    "verify_aud": False,
                    "verify_iss": False,
                    "require": ["iss", "sub", "aud"],
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise SsoRefused from None
        return claims, header

    async def _key(self, kid: object) -> jwt.PyJWK:
        """Return the key of a name; an unknown name is looked for once a minute at most."""
        if not isinstance(kid, str):
            raise SsoRefused
        for keep_s in (KEEP_KEYS_S, REFETCH_EVERY_S):
            keys = await self._key_set(keep_s)
            found = next((each for each in keys if each.get("kid") == kid), None)
            if found is not None:
                return self._usable(found)
        raise SsoRefused

    def _usable(self, key: Mapping[str, Any]) -> jwt.PyJWK:
        names_other = key.get("alg", self.provider.algorithm) != self.provider.algorithm
        if names_other or key.get("use", "sig") != "sig" or "d" in key or key.get("kty") == "oct":
            raise SsoRefused
        try:
            return jwt.PyJWK.from_dict(dict(key), algorithm=self.provider.algorithm)
        except (jwt.PyJWTError, ValueError, TypeError):
            raise SsoRefused from None

    async def _key_set(self, keep_s: float) -> list[Mapping[str, Any]]:
        metadata = await self._discovered()
        url = _endpoint(metadata, "jwks_uri")
        told = await self._kept(self._keys, url, keep_s=keep_s, is_good=_is_key_set)
        return [each for each in told["keys"] if isinstance(each, dict)]

    async def _discovered(self) -> Mapping[str, Any]:
        """Return the provider's own description; it must name itself exactly.

        Source:
            OpenID Connect Discovery 1.0 section 4.3.
        """
        return await self._kept(
            self._metadata,
            self.provider.issuer.rstrip("/") + _PATH,
            keep_s=KEEP_METADATA_S,
            is_good=lambda told: told.get("issuer") == self.provider.issuer,
        )

    async def _kept(
        self,
        kept: _Kept,
        url: str,
        *,
        keep_s: float,
        is_good: Callable[[Mapping[str, Any]], bool],
    ) -> Mapping[str, Any]:
        """Return what was fetched, anew when it is old; a failed fetch leaves what there is."""
        async with self._fetching:
            if kept.fetched_at is not None and self._now() - kept.fetched_at < keep_s:
                return kept.value
            may_ask = kept.tried_at is None or self._now() - kept.tried_at >= REFETCH_EVERY_S
            if may_ask or kept.fetched_at is None:
                kept.tried_at = self._now()
                try:
                    told = await self._ask("GET", url)
                except (SsoUnreachable, SsoRefused):
                    told = {}
                if is_good(told):
                    kept.value, kept.fetched_at = told, self._now()
            if kept.fetched_at is None:
                raise SsoUnreachable
            return kept.value

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
    ) -> Mapping[str, Any]:
        try:
            request = self._client(url).build_request(
                method, url, data=data, headers={"accept": "application/json"}
            )
            response = await self._client(url).send(request, auth=auth)
            told = response.json()
        except (httpx.HTTPError, EgressRefused, ValueError):
            raise SsoUnreachable from None
        if response.is_server_error:
            raise SsoUnreachable
        if not response.is_success or not isinstance(told, dict):
            raise SsoRefused
        return told

    def _client(self, url: str) -> httpx.AsyncClient:
        """Return the client for one origin the provider named; others it cannot reach."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme != urlsplit(self.provider.issuer).scheme:
            raise SsoUnreachable
        if origin not in self._clients:
            self._clients[origin] = partner_client(base_url=origin)
        return self._clients[origin]


def _endpoint(metadata: Mapping[str, Any], name: str) -> str:
    value = metadata.get(name)
    if not isinstance(value, str):
        raise SsoUnreachable
    return value


def _is_key_set(told: Mapping[str, Any]) -> bool:
    return isinstance(told.get("keys"), list) and bool(told["keys"])
