"""Settings that must stand together do."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from signaling.config import SignalingSettings

SECRET = "invented-secret-of-thirty-two-chars"
TURN = {"turn_urls": ["turn:relay.clinic.example"], "turn_secret": SECRET}
TWILIO = {"twilio_account_sid": "AC" + "0" * 32, "twilio_auth_token": "invented"}


def settings(**changes: Any) -> SignalingSettings:
    given: dict[str, Any] = {
        "node": "signaling-1",
        "listen": "127.0.0.1:1",
        "internal_listen": "127.0.0.1:2",
        "allowed_origins": ["https://clinic.example.org"],
        "redis_url": "unix:///r",
        "visit_service_url": "http://127.0.0.1:3",
        "visit_service_key": "k",
        "key": "k",
        "media_control_key": "k",
        "spool": Path("/spool"),
    }
    return SignalingSettings(**{**given, **changes})


@pytest.mark.parametrize(
    "half",
    [
        {"turn_urls": ["turn:relay.clinic.example"]},
        {"turn_secret": SECRET},
        {**TURN, "turn_secret": "short"},
        {**TURN, "turn_urls": ["stun:stun.example"]},
        {**TURN, "turn_urls": ["https://relay.clinic.example"]},
        {"twilio_account_sid": TWILIO["twilio_account_sid"], "twilio_has_agreement": True},
        {"twilio_auth_token": "invented", "twilio_has_agreement": True},
        TWILIO,
    ],
)
def test_half_a_relay_does_not_start(half: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**half)


@pytest.mark.requirement("SEC-CONF-05")
def test_twilio_is_used_only_under_an_agreement() -> None:
    with pytest.raises(ValidationError, match="business associate"):
        settings(**TWILIO)

    assert settings(**TWILIO, twilio_has_agreement=True).twilio_has_agreement


@pytest.mark.parametrize(
    ("changes", "is_safe"),
    [
        ({}, True),
        ({**TURN}, False),
        ({**TURN, "turn_version": "4.6.1"}, False),
        ({**TURN, "turn_version": "4.9.9"}, False),
        ({**TURN, "turn_version": "4.10.0"}, True),
        ({**TURN, "turn_version": "5.0.0"}, True),
        ({**TURN, "turn_version": "4.6.1", "turn_accepts_old": True}, True),
    ],
)
def test_a_relay_with_known_flaws_is_not_ready_unless_accepted(
    changes: dict[str, Any],
    is_safe: bool,  # noqa: FBT001  (a table)
) -> None:
    assert settings(**changes).is_relay_safe is is_safe


@pytest.mark.requirement("SEC-CONF-03")
def test_no_outside_host_is_told_to_browsers_unless_somebody_says_so() -> None:
    assert settings().turn_urls == []
    assert settings().twilio_account_sid is None
