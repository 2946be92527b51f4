"""Tokens: one algorithm a key, one use a token, and nothing else gets through."""

import base64
import hashlib
import hmac
import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateNumbers,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from telehealth.platform.signing import (
    KeyFileUnsafe,
    KeyState,
    TokenRefused,
    TokenSigner,
    make_key_file,
    make_partner_key_file,
    read_key_file,
    secret_bytes,
    service_token,
    thumbprint,
    verify_service_token,
)
from tests.support.clock import MORNING, FakeClock
from tests.support.keys import key_for_tests, signer_for_tests

NOW = int(MORNING.timestamp())
TYP, AUDIENCE = "access+jwt", "visit-service"
SECRET = bytes(range(32))


def claims(**changes: object) -> dict[str, Any]:
    made: dict[str, Any] = {
        "iss": "telehealth",
        "aud": AUDIENCE,
        "iat": NOW,
        "exp": NOW + 60,
        "jti": "j" * 16,
        **changes,
    }
    return {name: value for name, value in made.items() if value is not ...}


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(header: dict[str, Any], body: object, *, seed: int = 1) -> str:
    """Sign anything at all with a key of ours, as no code of ours would."""
    text = f"{part(header)}.{part(body)}"
    signature = key_for_tests(seed).private.sign(text.encode())
    return f"{text}.{part(signature)}"


def header(**changes: object) -> dict[str, Any]:
    return {"alg": "EdDSA", "typ": TYP, "kid": key_for_tests().kid, **changes}


def refuse(token: str, *, signer: TokenSigner | None = None) -> None:
    with pytest.raises(TokenRefused):
        (signer or signer_for_tests(FakeClock())).verify(token, typ=TYP, audience=AUDIENCE)


def test_what_was_signed_is_read_again() -> None:
    signer = signer_for_tests(FakeClock())
    token = signer.sign({**claims(iss=...), "sub": "x"}, typ=TYP)

    assert signer.verify(token, typ=TYP, audience=AUDIENCE)["sub"] == "x"


def test_a_forgery_of_the_tests_would_pass_if_nothing_were_wrong_with_it() -> None:
    signer = signer_for_tests(FakeClock())

    assert signer.verify(forge(header(), claims()), typ=TYP, audience=AUDIENCE)


@pytest.mark.parametrize("missing", ["iss", "aud", "exp", "iat", "jti"])
def test_every_claim_is_required(missing: str) -> None:
    refuse(forge(header(), claims(**{missing: ...})))


@pytest.mark.parametrize("missing", ["aud", "exp", "iat", "jti"])
def test_we_do_not_sign_what_we_would_refuse(missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        signer_for_tests(FakeClock()).sign(claims(**{missing: ...}), typ=TYP)


@pytest.mark.parametrize("typ", ["visit-join+jwt", "service+jwt", "JWT", "ACCESS+JWT", None, 1])
def test_a_token_for_one_use_is_refused_for_every_other(typ: object) -> None:
    refuse(forge(header(typ=typ), claims()))


@pytest.mark.parametrize(
    "issuer", ["telehealth.evil", "tele", "eleh", "", ["telehealth"], None, 1, "TELEHEALTH"]
)
def test_the_issuer_is_compared_whole(issuer: object) -> None:
    refuse(forge(header(), claims(iss=issuer)))


@pytest.mark.parametrize(
    "audience", ["visit", "visit-service ", "", ["visit-service"], ["a", "visit-service"], None]
)
def test_the_audience_is_one_and_exact(audience: object) -> None:
    refuse(forge(header(), claims(aud=audience)))


@pytest.mark.parametrize("crit", [["b64"], ["unknown"], [], "b64", [1], None, {}])
def test_no_extension_is_understood(crit: object) -> None:
    refuse(forge(header(crit=crit), claims()))


@pytest.mark.parametrize("kid", ["", "unknown", None, 1, ["x"], key_for_tests(2).kid])
def test_an_unknown_key_is_refused(kid: object) -> None:
    refuse(forge(header(kid=kid), claims()))


def test_another_key_under_our_name_is_refused() -> None:
    refuse(forge(header(), claims(), seed=2))


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256", "EdDSA ", "", None])
def test_the_algorithm_is_that_of_the_key(algorithm: object) -> None:
    refuse(forge(header(alg=algorithm), claims()))


def public_forms() -> list[bytes]:
    public = key_for_tests().private.public_key()
    return [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        public.public_bytes_raw(),
        json.dumps(key_for_tests().public_jwk()).encode(),
    ]


@pytest.mark.parametrize("form", range(5))
@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_a_public_key_is_no_shared_secret(form: int, algorithm: str) -> None:
    """CVE-2022-29217 and its kind: HMAC with whatever form of the public key."""
    text = f"{part(header(alg=algorithm))}.{part(claims())}"
    signature = hmac.digest(public_forms()[form], text.encode(), hashlib.sha256)

    refuse(f"{text}.{part(signature)}")


def test_an_unsigned_token_is_refused() -> None:
    refuse(f"{part(header(alg='none'))}.{part(claims())}.")
    refuse(f"{part(header())}.{part(claims())}.")


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "ü.ü.ü", "x" * 5000, f"{part([])}.{part({})}.{part(b'')}"],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    refuse(token)


@pytest.mark.parametrize("body", [[], "text", 1, None, b"\xff"])
def test_claims_are_an_object(body: object) -> None:
    refuse(forge(header(), body))


@pytest.mark.parametrize("late_s", [0, 89, 90, 300])
def test_a_token_ends_after_a_short_leeway(late_s: int) -> None:
    clock = FakeClock()
    token = forge(header(), claims())
    clock.advance(seconds=late_s)

    if late_s < 90:
        assert signer_for_tests(clock).verify(token, typ=TYP, audience=AUDIENCE)
    else:
        refuse(token, signer=signer_for_tests(clock))


@pytest.mark.parametrize("early_s", [30, 31, 300])
def test_a_token_from_the_future_is_refused(early_s: int) -> None:
    token = forge(header(), claims(iat=NOW + early_s, exp=NOW + early_s + 60))

    if early_s <= 30:
        assert signer_for_tests(FakeClock()).verify(token, typ=TYP, audience=AUDIENCE)
    else:
        refuse(token)


@pytest.mark.parametrize("value", ["1", 1.5, True, None, [], 1e400])
@pytest.mark.parametrize("name", ["exp", "iat"])
def test_instants_are_whole_numbers(name: str, value: object) -> None:
    refuse(forge(header(), claims(**{name: value})))


def test_a_retiring_key_still_verifies_and_the_active_one_signs() -> None:
    clock = FakeClock()
    old = TokenSigner([key_for_tests(1)], clock=clock)
    new = TokenSigner(
        [key_for_tests(1, KeyState.RETIRING), key_for_tests(2), key_for_tests(3, KeyState.NEXT)],
        clock=clock,
    )

    token = old.sign(claims(), typ=TYP)

    assert new.verify(token, typ=TYP, audience=AUDIENCE)
    fresh = new.sign(claims(), typ=TYP)
    assert jwt.get_unverified_header(fresh)["kid"] == key_for_tests(2).kid


@pytest.mark.parametrize("states", [[], [KeyState.NEXT], [KeyState.ACTIVE, KeyState.ACTIVE]])
def test_exactly_one_key_is_active(states: list[KeyState]) -> None:
    keys = [key_for_tests(number, state) for number, state in enumerate(states)]

    with pytest.raises(KeyFileUnsafe):
        TokenSigner(keys, clock=FakeClock())


def test_the_key_set_holds_public_halves_only() -> None:
    (key,) = signer_for_tests(FakeClock()).public_keys()

    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}


def test_a_thumbprint_is_that_of_rfc_8037() -> None:
    """RFC 8037 appendix A.3."""
    public = {"crv": "Ed25519", "kty": "OKP", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}

    assert thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


# --- key files -----------------------------------------------------------------------------------


def test_a_key_file_is_for_its_owner_only_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    make_key_file(path)

    (key,) = read_key_file(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.state is KeyState.ACTIVE
    assert "private" not in repr(key)


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    make_key_file(path)

    with pytest.raises(FileExistsError):
        make_key_file(path)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    make_key_file(path)
    path.chmod(0o640)

    with pytest.raises(KeyFileUnsafe, match="chmod 600"):
        read_key_file(path)


@pytest.mark.parametrize(
    "changed",
    [{"kid": "x"}, {"x": "AAAA"}, {"d": "AAAA"}, {"alg": "ES256"}, {"state": "lost"}, {"kty": 1}],
)
def test_an_entry_that_is_not_what_it_says_is_refused(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    path = tmp_path / "keys.json"
    make_key_file(path)
    entry = {**json.loads(path.read_text())["keys"][0], **changed}
    path.write_text(json.dumps({"keys": [entry]}))

    with pytest.raises(KeyFileUnsafe):
        read_key_file(path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": [1]}', '{"keys": [{}]}'])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.touch(mode=0o600)
    path.write_text(text)

    with pytest.raises(KeyFileUnsafe):
        read_key_file(path)


def test_a_partner_key_is_a_p384_key_whose_halves_agree(tmp_path: Path) -> None:
    path = tmp_path / "ehr.json"
    make_partner_key_file(path)
    key = json.loads(path.read_text())

    def number(name: str) -> int:
        return int.from_bytes(base64.urlsafe_b64decode(key[name] + "=="), "big")

    public = EllipticCurvePublicNumbers(number("x"), number("y"), SECP384R1())
    # Building the key checks that d belongs to x and y.
    made = EllipticCurvePrivateNumbers(number("d"), public).private_key()

    assert made.key_size == 384
    assert key["alg"] == "ES384"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# --- between two services ------------------------------------------------------------------------


def service(**changes: Any) -> dict[str, Any]:
    return {"key": SECRET, "issuer": "signaling", "audience": AUDIENCE, "now": MORNING, **changes}


def test_a_service_token_is_good_for_its_audience() -> None:
    token = service_token(SECRET, issuer="signaling", audience=AUDIENCE, now=MORNING)

    assert verify_service_token(token, **service())["exp"] == NOW + 60


@pytest.mark.parametrize(
    "changes",
    [
        {"key": bytes(32)},
        {"issuer": "visit-service"},
        {"audience": "signaling"},
        {"now": MORNING + timedelta(seconds=90)},
        {"now": MORNING - timedelta(seconds=31)},
    ],
)
def test_a_service_token_is_good_for_nothing_else(changes: dict[str, Any]) -> None:
    token = service_token(SECRET, issuer="signaling", audience=AUDIENCE, now=MORNING)

    with pytest.raises(TokenRefused):
        verify_service_token(token, **service(**changes))


def hs256(header_changes: dict[str, Any], **changes: object) -> str:
    head = {"alg": "HS256", "typ": "service+jwt", **header_changes}
    body = claims(iss="signaling", jti=..., **changes)
    text = f"{part(head)}.{part(body)}"
    return f"{text}.{part(hmac.digest(SECRET, text.encode(), hashlib.sha256))}"


def test_a_service_token_made_elsewhere_to_the_same_rules_is_good() -> None:
    assert verify_service_token(hs256({}), **service())


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ({"typ": "access+jwt"}, {}),
        ({"typ": "media-control+jwt"}, {}),
        ({"alg": "HS512"}, {}),
        ({"crit": ["x"]}, {}),
        ({}, {"exp": NOW + 61}),
        ({}, {"exp": ...}),
        ({}, {"iat": ...}),
    ],
)
def test_a_service_token_made_to_other_rules_is_refused(
    head: dict[str, Any], body: dict[str, Any]
) -> None:
    with pytest.raises(TokenRefused):
        verify_service_token(hs256(head, **body), **service())


def test_a_token_of_a_browser_is_no_service_token() -> None:
    with pytest.raises(TokenRefused):
        verify_service_token(forge(header(), claims()), **service())


def test_a_shared_secret_has_32_bytes_or_more() -> None:
    assert secret_bytes(part(SECRET)) == SECRET
    for text in ("", "AAAA", part(bytes(31)), "not base64 at all!", "ü"):
        with pytest.raises(KeyFileUnsafe):
            secret_bytes(text)
    with pytest.raises(KeyFileUnsafe):
        service_token(bytes(31), issuer="a", audience="b", now=MORNING)


def test_private_halves_are_of_the_kind_we_sign_with() -> None:
    assert isinstance(key_for_tests().private, Ed25519PrivateKey)
