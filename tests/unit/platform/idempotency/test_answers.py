"""A kept answer opens under its own name only; a key stands for one act."""

import hashlib

import pytest

from telehealth.contract import ClinicId, PersonId
from telehealth.platform.idempotency.answers import KEY_FORM, Answer, Name
from telehealth.platform.ids import new_uuid

PERSON, CLINIC = PersonId(new_uuid()), ClinicId(new_uuid())
ANSWER = Answer(status=201, content_type="application/json", body='{"url":"é"}'.encode())


def name(
    key: bytes = b"k" * 16,
    person: PersonId = PERSON,
    clinic: ClinicId = CLINIC,
    secret: bytes = bytes(32),
) -> Name:
    return Name(key, person_id=person, clinic_id=clinic, secret=secret)


def test_an_answer_comes_back_as_it_was() -> None:
    assert name().open(name().seal(ANSWER), status=201) == ANSWER


def test_the_table_tells_nothing_of_an_answer() -> None:
    assert b"url" not in name().seal(ANSWER)


@pytest.mark.parametrize(
    "other",
    [
        name(key=b"j" * 16),
        name(person=PersonId(new_uuid())),
        name(clinic=ClinicId(new_uuid())),
        name(secret=bytes([1]) * 32),
    ],
)
def test_another_key_person_clinic_or_secret_is_another_name(other: Name) -> None:
    assert other.hash != name().hash
    assert other.open(name().seal(ANSWER), status=201) is None


def test_an_altered_answer_is_none() -> None:
    sealed = bytearray(name().seal(ANSWER))
    sealed[-1] ^= 1

    assert name().open(bytes(sealed), status=201) is None


def test_a_key_stands_for_one_method_path_and_body() -> None:
    told = {
        name().act_mac("POST", "/v1/a", b"{}"),
        name().act_mac("PUT", "/v1/a", b"{}"),
        name().act_mac("POST", "/v1/a{", b"}"),
        name().act_mac("POST", "/v1/a", b"{ }"),
    }

    assert len(told) == 4
    assert name().act_mac("POST", "/v1/a", b"{}") in told


def test_what_an_act_was_cannot_be_guessed_without_the_key_and_the_secret() -> None:
    """Whoever reads the table has neither."""
    parts = [b"POST", b"/v1/a", b"yes"]
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)

    told = name().act_mac("POST", "/v1/a", b"yes")

    assert told != hashlib.sha256(framed).hexdigest()
    assert told != name(key=b"another key of 16").act_mac("POST", "/v1/a", b"yes")
    assert told != name(secret=bytes([1]) * 32).act_mac("POST", "/v1/a", b"yes")


@pytest.mark.parametrize(
    "key", [b"", b"k" * 15, b"k" * 65, b"k" * 16 + b"\n", b"k k" * 8, b"\xc3" * 16]
)
def test_a_short_long_or_odd_key_is_none(key: bytes) -> None:
    assert KEY_FORM.fullmatch(key) is None
