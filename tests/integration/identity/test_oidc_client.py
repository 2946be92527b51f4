"""The client of an OpenID provider that lies: one algorithm, its keys, its name, few fetches."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import jwt
import pytest

from telehealth.contract import ClinicId
from telehealth.identity.errors import SsoRefused, SsoUnreachable
from telehealth.identity.oidc_client import OidcClient, Provider
from telehealth.identity.oidc_rules import Handshake, SecondFactor, VerifiedSubject
from tests.support.clock import MORNING, FakeClock
from tests.support.fake_openid_provider import KEY, STRANGER, FakeOpenIdProvider, jwk_of
from tests.support.requirements import Figure
from tests.support.token_doors import Seconds

SECRET = "s" * 43


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenIdProvider]:
    async with FakeOpenIdProvider(now=MORNING).running() as running:
        yield running


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def client(fake: FakeOpenIdProvider, seconds: Seconds) -> AsyncIterator[OidcClient]:
    made = OidcClient(
        Provider(
            clinic_id=ClinicId(UUID(int=1)),
            issuer=fake.issuer,
            client_id="telehealth",
            client_secret="secret",
            algorithm="RS256",
            redirect_uri="https://clinic.example.org/sso/callback",
            links_by_email=False,
            second_factor=SecondFactor(),
        ),
        clock=FakeClock(),
        now=seconds,
    )
    yield made
    await made.close()


async def redeemed(client: OidcClient, **changes: Any) -> VerifiedSubject:
    handshake = Handshake.of(SECRET)
    # The fake puts the code it was given into the nonce of its token.
    given = {
        "code": handshake.nonce,
        "state": handshake.state,
        "issuer": client.provider.issuer,
        **changes,
    }
    return await client.redeem(SECRET, **given)


async def test_the_answer_is_redeemed_with_our_verifier_and_secret(
    client: OidcClient, fake: FakeOpenIdProvider
) -> None:
    subject = await redeemed(client)

    (form,) = fake.forms
    assert subject.subject == "subject-1"
    assert form["code_verifier"] == Handshake.of(SECRET).verifier
    assert form["redirect_uri"] == "https://clinic.example.org/sso/callback"
    assert "client_secret" not in form


@pytest.mark.requirement("SEC-OIDC-01")
@pytest.mark.parametrize(
    "lie",
    [
        {"signer": STRANGER},
        {"signer": "x" * 64, "algorithm": "HS256"},
        {"algorithm": "RS384"},
        {"algorithm": "PS256"},
        {"header": {"kid": "unknown"}},
        {"header": {"typ": "at+jwt"}},
        {"header": {"jku": "http://127.0.0.1:9"}},
        {"header": {"crit": ["x"], "x": 1}},
        {"keys": [jwk_of(STRANGER, "key-1")]},
        {"keys": [{**jwk_of(KEY, "key-1"), "alg": "RS384"}]},
        {"keys": [{**jwk_of(KEY, "key-1"), "use": "enc"}]},
        {"keys": [{"kty": "oct", "k": "AAAA", "kid": "key-1"}]},
        {"token": "a.b.c"},
        {"token": jwt.encode({"sub": "x"}, "", "none")},
        {"claims": {"nonce": "of another sign-in"}},
        {"claims": {"aud": "another-client"}},
        {"claims": {"iss": "https://other.example.org"}},
    ],
)
async def test_a_token_that_is_not_to_be_believed_lets_nobody_in(
    client: OidcClient, fake: FakeOpenIdProvider, lie: dict[str, Any]
) -> None:
    for name, value in lie.items():
        setattr(fake, name, value)

    with pytest.raises(SsoRefused):
        await redeemed(client)


@pytest.mark.requirement("SEC-OIDC-01")
@pytest.mark.parametrize(
    "changes",
    [
        {"state": "x"},
        {"state": None},
        {"issuer": None},
        {"issuer": "https://other.example.org"},
        {"code": None},
        {"code": ""},
    ],
)
async def test_an_answer_to_another_question_asks_the_provider_for_no_token(
    client: OidcClient, fake: FakeOpenIdProvider, changes: dict[str, Any]
) -> None:
    with pytest.raises(SsoRefused):
        await redeemed(client, **changes)

    assert "/token" not in fake.ledger


@pytest.mark.requirement("SEC-OIDC-01")
@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example.org"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "https://127.0.0.1:1/token"},
        {"token_endpoint": "file:///etc/passwd"},
    ],
)
async def test_a_description_that_is_not_its_own_is_no_description(
    client: OidcClient, fake: FakeOpenIdProvider, metadata: dict[str, Any]
) -> None:
    fake.metadata = metadata

    with pytest.raises(SsoUnreachable):
        await redeemed(client)


@pytest.mark.requirement("SEC-OIDC-01")
async def test_unknown_keys_cause_one_fetch_a_minute_and_an_outage_forgets_none(
    client: OidcClient, fake: FakeOpenIdProvider, seconds: Seconds, figure: Figure
) -> None:
    await redeemed(client)
    fake.header = {"kid": "unknown"}
    before = fake.ledger.count("/keys")
    for _ in range(100):
        seconds.now_s += 0.59
        with pytest.raises(SsoRefused):
            await redeemed(client)
    fetched = fake.ledger.count("/keys") - before
    fake.header, fake.statuses = {}, {"/keys": 500, "/.well-known/openid-configuration": 500}
    seconds.now_s += 7200

    assert (await redeemed(client)).subject == "subject-1"
    assert fetched <= 1
    figure(f"100 unknown kids in 60 s: {fetched} fetch")


async def test_a_new_key_of_the_provider_is_found(
    client: OidcClient, fake: FakeOpenIdProvider, seconds: Seconds
) -> None:
    await redeemed(client)
    seconds.now_s += 60
    fake.keys = [jwk_of(STRANGER, "key-2")]
    fake.signer, fake.header = STRANGER, {"kid": "key-2"}

    assert (await redeemed(client)).subject == "subject-1"


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
async def test_a_silent_provider_is_said_to_be_silent(
    client: OidcClient, fake: FakeOpenIdProvider, path: str
) -> None:
    fake.statuses = {path: 503}

    with pytest.raises(SsoUnreachable):
        await redeemed(client)


async def test_a_refused_code_lets_nobody_in(client: OidcClient, fake: FakeOpenIdProvider) -> None:
    fake.statuses = {"/token": 400}

    with pytest.raises(SsoRefused):
        await redeemed(client)
