"""What must hold before a word of an OpenID provider is believed."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from telehealth.identity.errors import SsoRefused
from telehealth.identity.oidc_rules import (
    Handshake,
    SecondFactor,
    VerifiedSubject,
    check_callback,
    linking_secret,
    new_handshake_secret,
    subject_of,
    was_just_shown,
)
from tests.support.clock import MORNING

NOW = int(MORNING.timestamp())
ISSUER, CLIENT = "https://id.example.org", "telehealth"


def claims(**changes: Any) -> dict[str, Any]:
    made = {
        "iss": ISSUER,
        "sub": "subject-1",
        "aud": CLIENT,
        "iat": NOW,
        "exp": NOW + 300,
        "nonce": "n",
        **changes,
    }
    return {name: value for name, value in made.items() if value is not ...}


def judged(told: dict[str, Any], **changes: Any) -> VerifiedSubject:
    given: dict[str, Any] = {
        "issuer": ISSUER,
        "client_id": CLIENT,
        "nonce": "n",
        "access_token": "access",
        "now": MORNING,
        "second_factor": SecondFactor(),
        **changes,
    }
    return subject_of(told, {"alg": "RS256"}, **given)


def test_a_token_with_nothing_wrong_names_its_subject() -> None:
    assert judged(claims()) == VerifiedSubject(
        issuer=ISSUER, subject="subject-1", email=None, has_second_factor=False
    )


@pytest.mark.requirement("SEC-OIDC-01")
@pytest.mark.parametrize(
    "changes",
    [
        *(
            {"iss": value}
            for value in ("https://id.example.org/", "https://id.example.org.evil", "")
        ),
        *(
            {"iss": value}
            for value in ("https://id.example", ["https://id.example.org"], None, ...)
        ),
        *({"aud": value} for value in ("other", "", None, [], ["other"], 1, ...)),
        *({"aud": value} for value in ([CLIENT, "other"], ["other", CLIENT], [CLIENT, CLIENT])),
        {"aud": [CLIENT], "azp": "other"},
        {"azp": "other"},
        {"aud": [CLIENT, "other"], "azp": CLIENT},
        *({"nonce": value} for value in ("m", "", None, ["n"], ...)),
        *({"sub": value} for value in ("", None, 1, ["x"], "x" * 256, ...)),
        *({"exp": value} for value in (NOW - 30, NOW - 300, "1", None, 1.5, True, ...)),
        *({"iat": value} for value in (NOW + 31, NOW + 300, NOW - 600, "1", None, True, ...)),
        {"nbf": NOW + 300},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"amr": "pwd"},
    ],
)
def test_one_thing_wrong_is_enough(changes: dict[str, Any]) -> None:
    with pytest.raises(SsoRefused):
        judged(claims(**changes))


def test_clocks_may_differ_by_half_a_minute() -> None:
    for skew_s in (-30, 30):
        assert judged(claims(), now=MORNING + timedelta(seconds=skew_s)).subject == "subject-1"
    assert judged(claims(aud=[CLIENT])).subject == "subject-1"
    assert judged(claims(aud=[CLIENT], azp=CLIENT)).subject == "subject-1"


@pytest.mark.parametrize("verified", [False, None, "true", 1, ...])
def test_an_address_the_provider_has_not_verified_is_no_address(verified: object) -> None:
    assert judged(claims(email="a@b.example", email_verified=verified)).email is None
    assert judged(claims(email="A@b.example ", email_verified=True)).email == "a@b.example"


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        ({"acr": "urn:mfa"}, True),
        ({"acr": "urn:other"}, False),
        ({"amr": ["pwd", "otp"]}, True),
        ({"amr": ["pwd"]}, False),
        ({"amr": [["otp"], {"otp": 1}]}, False),
        ({}, False),
    ],
)
def test_only_what_is_configured_counts_as_a_second_factor(
    told: dict[str, Any], *, counts: bool
) -> None:
    factor = SecondFactor(acr=frozenset({"urn:mfa"}), amr=frozenset({"otp"}))

    assert judged(claims(**told), second_factor=factor).has_second_factor is counts
    assert not judged(claims(**told)).has_second_factor


def test_state_nonce_and_verifier_are_of_no_use_for_each_other() -> None:
    one, other = Handshake.of(new_handshake_secret()), Handshake.of(new_handshake_secret())

    told = {one.state, one.nonce, one.verifier, other.state, other.nonce, other.verifier}
    assert len(told) == 6
    assert all(len(each) == 43 for each in told)
    assert one.verifier not in repr(one)


@pytest.mark.requirement("SEC-OIDC-01")
@pytest.mark.parametrize(
    ("state", "issuer", "must_name"),
    [
        (None, ISSUER, True),
        ("", ISSUER, True),
        ("x", ISSUER, True),
        ("ours", None, True),
        ("ours", "https://other.example.org", True),
        ("ours", "https://other.example.org", False),
        ("ours", ISSUER + "/", False),
    ],
)
def test_an_answer_to_another_question_or_from_another_provider_is_refused(
    state: str | None, issuer: str | None, *, must_name: bool
) -> None:
    handshake = Handshake.of("s")
    with pytest.raises(SsoRefused):
        check_callback(
            state=handshake.state if state == "ours" else state,
            issuer=issuer,
            handshake=handshake,
            expected_issuer=ISSUER,
            must_name_issuer=must_name,
        )


def test_a_provider_that_does_not_name_itself_need_not() -> None:
    handshake = Handshake.of("s")
    check_callback(
        state=handshake.state,
        issuer=None,
        handshake=handshake,
        expected_issuer=ISSUER,
        must_name_issuer=False,
    )


@pytest.mark.parametrize(
    ("told", "is_enough"),
    [
        (NOW, True),
        (NOW - 599, True),
        (NOW - 600, False),
        (NOW + 30, True),
        (NOW + 31, False),
        (..., False),
        (None, False),
        (True, False),
        (float(NOW), False),
        (-1, False),
        (2**60, False),
    ],
)
def test_to_link_an_account_the_provider_must_say_that_it_asked_just_now(
    told: object,
    is_enough: bool,  # noqa: FBT001  (the table's)
) -> None:
    subject = judged(claims(auth_time=told) if told is not ... else claims())

    assert was_just_shown(subject, now=MORNING) is is_enough


def test_a_handshake_that_links_belongs_to_one_login_session() -> None:
    secret = new_handshake_secret()
    of_session = [linking_secret(secret, UUID(int=number)) for number in (1, 2)]

    states = {Handshake.of(each).state for each in (secret, *of_session)}

    assert len(states) == 3
    assert linking_secret(secret, UUID(int=1)) == of_session[0]
