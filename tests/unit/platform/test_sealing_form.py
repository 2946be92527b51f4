"""The stored form, the blind index, and answers known from the standards."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pydantic import SecretStr

from telehealth.platform.sealing.aws_kms import KmsAccess, signed_headers
from telehealth.platform.sealing.blind import Normal, bits_for, blind_index
from telehealth.platform.sealing.errors import SealedUnreadable
from telehealth.platform.sealing.form import (
    SHORTEST,
    Binding,
    key_id_of,
    seal,
    unseal,
    unwrap_key,
    wrap_key,
)
from telehealth.platform.signing import thumbprint
from tests.support.requirements import Figure

KEY = AESGCM(bytes(range(32)))
KEY_ID = UUID("0192f0c0-0000-7000-8000-00000000abcd")
BINDING = Binding(
    clinic_id=UUID(int=1), table="people", column="given", row=UUID(int=2).bytes, schema="text"
)
PLAIN = b"Canary Lovelace"


def sealed(plain: bytes = PLAIN) -> bytes:
    return seal(plain, key=KEY, key_id=KEY_ID, binding=BINDING)


def test_a_value_opens_where_it_belongs() -> None:
    assert unseal(sealed(), key=KEY, binding=BINDING) == PLAIN
    assert key_id_of(sealed()) == KEY_ID
    assert len(sealed()) == len(PLAIN) + SHORTEST


@pytest.mark.requirement("CRY-02")
def test_a_million_values_never_share_a_nonce(figure: Figure) -> None:
    count = 1_000_000
    began = time.perf_counter()
    nonces = {seal(b"x" * 32, key=KEY, key_id=KEY_ID, binding=BINDING)[17:29] for _ in range(count)}
    each_us = (time.perf_counter() - began) / count * 1e6

    assert len(nonces) == count
    assert sealed() != sealed()
    figure(f"{count:,} nonces, 0 repeats; {each_us:.1f} us to seal a field")


@pytest.mark.requirement("CRY-03")
@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(BINDING, clinic_id=UUID(int=9)),
        replace(BINDING, table="accounts"),
        replace(BINDING, column="family"),
        replace(BINDING, row=UUID(int=3).bytes),
        replace(BINDING, schema="date"),
        # Without lengths, these two would authenticate the same bytes.
        replace(BINDING, table="people" + "given", column=""),
    ],
)
def test_a_value_moved_elsewhere_never_opens(elsewhere: Binding) -> None:
    with pytest.raises(SealedUnreadable):
        unseal(sealed(), key=KEY, binding=elsewhere)


@pytest.mark.requirement("CRY-04")
def test_every_bit_flipped_is_found_and_nothing_is_told(figure: Figure) -> None:
    whole = sealed()
    for bit in range(len(whole) * 8):
        altered = bytearray(whole)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealedUnreadable) as refused:
            unseal(bytes(altered), key=KEY, binding=BINDING)
        told = f"{refused.value!r} {refused.value.log_fields} {refused.value.__context__!r}"
        assert "Canary" not in told
    figure(f"{len(whole) * 8} of {len(whole) * 8} flipped bits refused")


@pytest.mark.requirement("CRY-07")
def test_a_wrong_key_a_short_value_and_another_version_are_refused(figure: Figure) -> None:
    whole = sealed()
    cases = [whole[:length] for length in range(len(whole))]
    cases += [bytes([version]) + whole[1:] for version in range(256) if version != 1]
    for case in cases:
        with pytest.raises(SealedUnreadable):
            unseal(case, key=KEY, binding=BINDING)
    with pytest.raises(SealedUnreadable):
        unseal(whole, key=AESGCM(bytes(32)), binding=BINDING)
    figure(f"{len(cases)} truncated or downgraded values refused")


def test_a_wrapped_key_belongs_to_its_clinic_and_id() -> None:
    clinic, key_id = uuid4(), uuid4()
    wrapped = wrap_key(b"k" * 32, under=b"u" * 32, clinic_id=clinic, key_id=key_id)

    assert unwrap_key(wrapped, under=b"u" * 32, clinic_id=clinic, key_id=key_id) == b"k" * 32
    for other in ({"clinic_id": uuid4()}, {"key_id": uuid4()}, {"under": b"v" * 32}):
        told = {"under": b"u" * 32, "clinic_id": clinic, "key_id": key_id, **other}
        with pytest.raises(SealedUnreadable):
            unwrap_key(wrapped, **told)  # type: ignore[arg-type]


def test_an_index_compares_what_people_mean_to_be_equal() -> None:
    def text(value: str) -> bytes:
        return blind_index(value, key=b"k" * 32, normal=Normal.TEXT)

    def digits(value: str) -> bytes:
        return blind_index(value, key=b"k" * 32, normal=Normal.DIGITS)

    assert text("ADA@Example.org ") == text("ada@example.org")
    assert text("Straße") == text("STRASSE")
    assert text("ﬁ") == text("fi")
    assert digits("+1 (555) 010-0199") == digits("15550100199")
    assert text("5550100") != digits("5550100")
    assert text("a") != blind_index("a", key=b"l" * 32, normal=Normal.TEXT)


def test_a_truncated_index_is_shared_by_eight_to_sixteen_rows() -> None:
    for rows in (1_000, 50_000, 1_000_000):
        assert 8 <= rows / 2 ** bits_for(rows) <= 16
    assert len(blind_index("a", key=b"k" * 32, normal=Normal.TEXT, bits=12)) == 2
    assert bits_for(0) == 1


@pytest.mark.requirement("CRY-09")
@pytest.mark.parametrize(
    ("key", "nonce", "plain", "told", "expected"),
    [
        ("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
        (
            "00" * 32,
            "00" * 12,
            "00" * 16,
            "",
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
        ),
        (
            "feffe9928665731c6d6a8f9467308308" * 2,
            "cafebabefacedbaddecaf888",
            (
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
            ),
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            (
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                "76fc6ece0f4e1768cddf8853bb2d551b"
            ),
        ),
    ],
)
def test_aes_256_gcm_gives_the_known_answers(
    key: str, nonce: str, plain: str, told: str, expected: str
) -> None:
    """McGrew and Viega, The Galois/Counter Mode, test cases 13, 14 and 16 (given to NIST)."""
    cipher = AESGCM(bytes.fromhex(key))

    made = cipher.encrypt(bytes.fromhex(nonce), bytes.fromhex(plain), bytes.fromhex(told))

    assert made.hex() == expected


@pytest.mark.requirement("CRY-09")
def test_argon2id_gives_the_known_answer() -> None:
    """RFC 9106 section 5.3; the product's library takes no secret, so both are compared too."""
    known = Argon2id(
        salt=b"\x02" * 16,
        length=32,
        iterations=3,
        lanes=4,
        memory_cost=32,
        ad=b"\x04" * 12,
        secret=b"\x03" * 8,
    ).derive(b"\x01" * 32)
    plain = Argon2id(salt=b"\x02" * 16, length=32, iterations=3, lanes=4, memory_cost=32)
    ours = hash_secret_raw(b"\x01" * 32, b"\x02" * 16, 3, 32, 4, 32, Type.ID)

    assert known.hex() == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
    assert plain.derive(b"\x01" * 32) == ours


@pytest.mark.requirement("CRY-09")
def test_ed25519_gives_the_known_answers() -> None:
    """RFC 8037 appendix A.1 to A.4."""
    d = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(d))
    signed = private.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")

    assert signed.hex() == (
        "860c98d2297f3060a33f42739672d61b53cf3adefed3d3c672f320dc021b411e"
        "9d59b8628dc351e248b88b29468e0e41855b0fb7d83bb15be902bfccb8cd0a02"
    )
    assert (
        thumbprint(
            {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
        )
        == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )


def test_requests_to_aws_are_signed_as_its_test_suite_says() -> None:
    """AWS Signature Version 4 test suite, `get-vanilla`."""
    access = KmsAccess(
        url="https://example.amazonaws.com",
        region="us-east-1",
        key="x",
        access_key="AKIDEXAMPLE",
        secret_key=SecretStr("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    )
    headers = signed_headers(
        "GET",
        {"host": "example.amazonaws.com"},
        b"",
        access=access,
        service="service",
        now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )

    assert headers["authorization"].endswith(
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )
