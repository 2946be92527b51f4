from datetime import timedelta
from uuid import UUID

import pytest

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.contract import ClinicId, PersonId, VisitId
from telehealth.identity.access_tokens import (
    ACCESS_LIFE,
    ACCESS_TYP,
    IDLE_LIFE,
    PROVIDER_IDLE_LIFE,
    Pass,
    idle_life,
    is_over,
    new_refresh_secret,
    read_pass,
    secret_hash,
    sign_pass,
)
from telehealth.identity.errors import SessionEnded
from telehealth.platform.signing import LEEWAY
from tests.support.clock import MORNING, FakeClock
from tests.support.keys import signer_for_tests

CLINIC, PERSON, VISIT = ClinicId(UUID(int=1)), PersonId(UUID(int=2)), VisitId(UUID(int=3))


def given(*, role: Role = Role.PATIENT, visit_id: VisitId | None = VISIT) -> Pass:
    actor = Actor(clinic_id=CLINIC, role=role, person_id=PERSON, visit_id=visit_id)
    return Pass(session_id=UUID(int=9), actor=actor)


@pytest.mark.parametrize("visit_id", [VISIT, None])
@pytest.mark.parametrize("role", Role)
def test_a_pass_says_what_it_was_given(role: Role, visit_id: VisitId | None) -> None:
    signer = signer_for_tests(FakeClock())
    made = given(role=role, visit_id=visit_id)

    assert read_pass(signer, sign_pass(signer, made, now=MORNING)) == made


def test_a_pass_ends_after_five_minutes() -> None:
    clock = FakeClock()
    signer = signer_for_tests(clock)
    token = sign_pass(signer, given(), now=clock.now())

    clock.advance(seconds=(ACCESS_LIFE + LEEWAY).total_seconds())

    with pytest.raises(SessionEnded):
        read_pass(signer, token)


def test_a_job_has_no_pass() -> None:
    signer = signer_for_tests(FakeClock())
    job = Pass(session_id=UUID(int=9), actor=Actor.of_job(Job.SWEEP, CLINIC))

    with pytest.raises(ValueError, match="person"):
        sign_pass(signer, job, now=MORNING)


@pytest.mark.parametrize(
    "changed", [{"role": "emperor"}, {"sub": "nobody"}, {"sid": None}, {"clinic": ""}]
)
def test_claims_that_make_no_actor_are_refused(changed: dict[str, object]) -> None:
    """They are signed by us, but by another release of us."""
    signer = signer_for_tests(FakeClock())
    claims: dict[str, object] = {
        "aud": "visit-service",
        "sub": str(PERSON),
        "sid": str(UUID(int=9)),
        "clinic": str(CLINIC),
        "role": "patient",
        "iat": int(MORNING.timestamp()),
        "exp": int(MORNING.timestamp()) + 60,
        "jti": "x" * 16,
        **changed,
    }

    with pytest.raises(SessionEnded):
        read_pass(signer, signer.sign(claims, typ=ACCESS_TYP))


def test_a_join_ticket_is_no_pass() -> None:
    signer = signer_for_tests(FakeClock())
    now = int(MORNING.timestamp())
    claims = {"aud": "visit-service", "iat": now, "exp": now + 60, "jti": "x" * 16}

    with pytest.raises(SessionEnded):
        read_pass(signer, signer.sign(claims, typ="visit-join+jwt"))


def test_a_provider_is_idle_sooner() -> None:
    assert idle_life(Role.PROVIDER) == PROVIDER_IDLE_LIFE
    assert {idle_life(role) for role in Role if role is not Role.PROVIDER} == {IDLE_LIFE}


@pytest.mark.parametrize(
    ("idle", "left", "ended", "over"),
    [
        (timedelta(), timedelta(hours=1), False, False),
        (timedelta(), timedelta(hours=1), True, True),
        (timedelta(), timedelta(), False, True),
        (IDLE_LIFE, timedelta(hours=1), False, True),
        (IDLE_LIFE - timedelta(seconds=1), timedelta(seconds=1), False, False),
    ],
)
def test_when_a_session_is_over(
    *, idle: timedelta, left: timedelta, ended: bool, over: bool
) -> None:
    found = is_over(
        role=Role.PATIENT,
        now=MORNING,
        renewed_at=MORNING - idle,
        expires_at=MORNING + left,
        ended=ended,
    )

    assert found is over


def test_refresh_secrets_hold_256_random_bits_and_are_stored_hashed() -> None:
    one, other = new_refresh_secret(), new_refresh_secret()

    assert one != other
    assert len(one) == 43
    assert secret_hash(one) != secret_hash(other)
    assert len(secret_hash("\ud800 anything a cookie may hold")) == 32
