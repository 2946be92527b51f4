from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from telehealth.identity.step_up import (
    FRESH_FOR,
    SENTENCE,
    Act,
    Proof,
    is_fresh,
    is_last,
    may_remove,
)

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
PHONE, KEY = UUID(int=1), UUID(int=2)
SECOND = [Proof.APP, Proof.PASSKEY, Proof.RECOVERY_CODE, Proof.SINGLE_SIGN_ON]

pytestmark = pytest.mark.requirement("SEC-SESS-04")


def fresh(act: Act, proof: Proof | None, *, has_factor: bool, age: timedelta) -> bool:
    at = None if proof is None else NOON - age
    return is_fresh(act, proved_by=proof, proved_at=at, has_factor=has_factor, now=NOON)


def test_every_act_has_its_sentence_and_its_time() -> None:
    assert set(SENTENCE) == set(FRESH_FOR) == set(Act)
    assert max(FRESH_FOR.values()) <= timedelta(minutes=15)


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("proof", SECOND)
def test_a_second_factor_is_fresh_for_its_time_and_no_longer(act: Act, proof: Proof) -> None:
    just = FRESH_FOR[act] - timedelta(microseconds=1)

    assert fresh(act, proof, has_factor=True, age=just)
    assert not fresh(act, proof, has_factor=True, age=FRESH_FOR[act])


@pytest.mark.parametrize("act", Act)
def test_a_password_is_a_proof_only_where_there_is_nothing_better(act: Act) -> None:
    assert fresh(act, Proof.PASSWORD, has_factor=False, age=timedelta())
    assert not fresh(act, Proof.PASSWORD, has_factor=True, age=timedelta())


@pytest.mark.parametrize("act", Act)
def test_who_has_shown_nothing_may_do_none_of_it(act: Act) -> None:
    assert not fresh(act, None, has_factor=False, age=timedelta())


@pytest.mark.parametrize("proof", SECOND)
def test_a_factor_is_removed_by_a_proof_of_another(proof: Proof) -> None:
    assert may_remove(PHONE, proved_by=proof, proved_with=KEY)
    assert not may_remove(PHONE, proved_by=proof, proved_with=PHONE)


def test_a_password_removes_no_factor() -> None:
    assert not may_remove(PHONE, proved_by=Proof.PASSWORD, proved_with=None)
    assert not may_remove(PHONE, proved_by=None, proved_with=None)


def test_the_last_factor_is_known() -> None:
    assert is_last(PHONE, [PHONE])
    assert is_last(PHONE, [])
    assert not is_last(PHONE, [PHONE, KEY])
