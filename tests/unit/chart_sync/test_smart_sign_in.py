"""How this service proves to an EHR who it is; the EHR is a script, the keys are real."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from telehealth.chart_sync import scopes
from telehealth.chart_sync.ports import NoReply, Reply, Trouble
from telehealth.chart_sync.smart_sign_in import (
    BackendSignIn,
    ClientKey,
    KeyUnusable,
    is_secure_or_loopback,
)
from telehealth.delivery.ports import OutcomeCode
from tests.support.clock import FakeClock

BASE = "https://ehr.example/fhir"
TOKEN_URL = "https://sign-in.example/token"
PRIVATE = generate_private_key(SECP384R1())
JWK = {**ECAlgorithm.to_jwk(PRIVATE, as_dict=True), "kid": "key-1"}
CONFIGURATION: dict[str, Any] = {
    "token_endpoint": TOKEN_URL,
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["ES384"],
    "capabilities": ["client-confidential-asymmetric", "permission-v2"],
}
GRANT: dict[str, Any] = {
    "access_token": "opaque-1",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": scopes.wanted(is_v2=True),
}


class FakeEhr:
    """Implements `Exchange`; answers discovery and token requests, keeps what was posted."""

    def __init__(
        self,
        *,
        configuration: object = CONFIGURATION,
        grant: object = GRANT,
        status: int = 200,
        discovery_status: int = 200,
    ) -> None:
        self.configuration, self.grant = configuration, grant
        self.status, self.discovery_status = status, discovery_status
        self.posted: list[dict[str, str]] = []
        self.closed = 0
        self.is_silent_for: str | None = None

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Reply | NoReply:
        del headers
        if method == self.is_silent_for:
            return NoReply(may_have_arrived=True)
        if method == "GET":
            assert url == f"{BASE}/.well-known/smart-configuration"
            return _reply(self.discovery_status, self.configuration)
        assert url == TOKEN_URL
        assert content is not None
        form = parse_qs(content.decode())
        self.posted.append({name: values[0] for name, values in form.items()})
        return _reply(self.status, self.grant)

    async def close(self) -> None:
        self.closed += 1


def _reply(status: int, body: object) -> Reply:
    return Reply(status=status, headers={}, body=json.dumps(body).encode())


def sign_in_at(ehr: FakeEhr, clock: FakeClock | None = None) -> BackendSignIn:
    return BackendSignIn(
        ehr,
        base_url=BASE,
        client_id="clinic-1",
        key=ClientKey.from_jwk(JWK),
        clock=clock or FakeClock(),
        open_exchange=lambda _url: ehr,
    )


def token_from(ehr: FakeEhr) -> str | Trouble:
    return asyncio.run(sign_in_at(ehr).token())


def test_the_assertion_is_signed_by_our_key_for_this_endpoint_and_short_lived() -> None:
    ehr, clock = FakeEhr(), FakeClock()

    token = asyncio.run(sign_in_at(ehr, clock).token())

    [form] = ehr.posted
    claims = jwt.decode(
        form["client_assertion"],
        PRIVATE.public_key(),
        algorithms=["ES384"],
        audience=TOKEN_URL,
        options={"verify_exp": False, "verify_iat": False},
    )
    header = jwt.get_unverified_header(form["client_assertion"])
    assert token == "opaque-1"
    assert (header["alg"], header["kid"], header["typ"]) == ("ES384", "key-1", "JWT")
    assert claims["iss"] == claims["sub"] == "clinic-1"
    assert claims["exp"] - clock.now().timestamp() <= 300
    assert form["grant_type"] == "client_credentials"
    assert form["client_assertion_type"].endswith("jwt-bearer")
    assert form["scope"] == scopes.wanted(is_v2=True)
    assert ehr.closed == 1


def test_no_assertion_is_used_twice() -> None:
    ehr = FakeEhr()
    sign_in = sign_in_at(ehr)

    async def twice() -> None:
        await sign_in.token()
        sign_in.forget()
        await sign_in.token()

    asyncio.run(twice())

    used = {
        jwt.decode(form["client_assertion"], options={"verify_signature": False})["jti"]
        for form in ehr.posted
    }
    assert len(used) == 2


@pytest.mark.parametrize(("later_s", "requests"), [(269, 1), (271, 2)])
def test_a_token_is_kept_until_shortly_before_it_ends(later_s: int, requests: int) -> None:
    ehr, clock = FakeEhr(), FakeClock()
    sign_in = sign_in_at(ehr, clock)

    async def two_calls() -> None:
        await sign_in.token()
        clock.advance(seconds=later_s)
        await sign_in.token()

    asyncio.run(two_calls())

    assert len(ehr.posted) == requests


def test_an_older_server_is_asked_in_the_older_spelling() -> None:
    ehr = FakeEhr(
        configuration={"token_endpoint": TOKEN_URL},
        grant={**GRANT, "scope": scopes.wanted(is_v2=False)},
    )

    assert token_from(ehr) == "opaque-1"
    assert ehr.posted[0]["scope"] == scopes.wanted(is_v2=False)


@pytest.mark.parametrize(
    "changed",
    [
        {"token_endpoint": None},
        {"token_endpoint": "http://sign-in.example/token"},
        {"token_endpoint_auth_methods_supported": ["client_secret_basic"]},
        {"token_endpoint_auth_signing_alg_values_supported": ["RS384"]},
    ],
    ids=["no endpoint", "no TLS", "another method", "another algorithm"],
)
def test_a_server_we_cannot_sign_in_at_safely_gets_no_assertion(changed: dict[str, Any]) -> None:
    ehr = FakeEhr(configuration={**CONFIGURATION, **changed})

    refused = token_from(ehr)

    assert isinstance(refused, Trouble)
    assert refused.code is OutcomeCode.SIGN_IN_REFUSED
    assert refused.pauses_partner
    assert ehr.posted == []


def test_a_narrower_scope_is_refused() -> None:
    narrowed = token_from(FakeEhr(grant={**GRANT, "scope": "system/Patient.rs"}))

    assert isinstance(narrowed, Trouble)
    assert narrowed.code is OutcomeCode.SCOPE_TOO_NARROW
    assert narrowed.pauses_partner


@pytest.mark.parametrize(
    "grant",
    [
        {**GRANT, "access_token": ""},
        {**GRANT, "access_token": 7},
        {**GRANT, "expires_in": "300"},
        {**GRANT, "token_type": "mac"},
        [],
    ],
)
def test_an_unreadable_grant_is_no_token(grant: object) -> None:
    answer = token_from(FakeEhr(grant=grant))

    assert isinstance(answer, Trouble)
    assert answer.code is OutcomeCode.UNREADABLE_ANSWER


@pytest.mark.parametrize(
    ("status", "code", "pauses"),
    [
        (400, OutcomeCode.SIGN_IN_REFUSED, True),
        (401, OutcomeCode.SIGN_IN_REFUSED, True),
        (429, OutcomeCode.RATE_LIMITED, False),
        (503, OutcomeCode.PARTNER_ERROR, False),
    ],
)
def test_a_refused_token_request_says_whose_fault_it_is(
    status: int,
    code: OutcomeCode,
    pauses: bool,  # noqa: FBT001  (a table)
) -> None:
    answer = token_from(FakeEhr(status=status, grant={"error": "invalid_client"}))

    assert isinstance(answer, Trouble)
    assert (answer.code, answer.pauses_partner) == (code, pauses)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_silence_while_signing_in_leaves_nothing_at_the_chart(method: str) -> None:
    ehr = FakeEhr()
    ehr.is_silent_for = method

    answer = token_from(ehr)

    assert isinstance(answer, Trouble)
    assert answer.code is OutcomeCode.UNREACHABLE


@pytest.mark.parametrize(
    "ehr", [FakeEhr(discovery_status=404), FakeEhr(configuration=["none"])], ids=["404", "odd"]
)
def test_a_server_that_cannot_be_discovered_is_tried_later(ehr: FakeEhr) -> None:
    answer = token_from(ehr)

    assert isinstance(answer, Trouble)
    assert answer.code is OutcomeCode.UNREADABLE_ANSWER


def test_a_smaller_curve_is_refused() -> None:
    jwk = ECAlgorithm.to_jwk(generate_private_key(SECP256R1()), as_dict=True)

    with pytest.raises(KeyUnusable):
        ClientKey.from_jwk({**jwk, "kid": "k"})


@pytest.mark.parametrize("missing", ["kid", "d", "kty"])
def test_an_incomplete_key_is_refused(missing: str) -> None:
    with pytest.raises(KeyUnusable):
        ClientKey.from_jwk({name: value for name, value in JWK.items() if name != missing})


def test_a_key_never_shows_in_its_representation() -> None:
    assert JWK["d"] not in repr(ClientKey.from_jwk(JWK))


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://ehr.example/token", True),
        ("http://127.0.0.1:8080/token", True),
        ("http://localhost/token", True),
        ("http://ehr.example/token", False),
        ("ftp://127.0.0.1/token", False),
        ("http://127.0.0.1.example/token", False),
        ("token", False),
    ],
)
def test_a_secret_travels_over_tls_or_not_at_all(url: str, may: bool) -> None:  # noqa: FBT001  (a table)
    assert is_secure_or_loopback(url) is may
