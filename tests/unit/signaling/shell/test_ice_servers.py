"""Relay credentials: what coturn will check, for whom, and how long."""

import base64
import hashlib
import hmac

from signaling.shell.ice_servers import LIFE_S, IceServers, OwnRelay, TwilioAccount

URLS = ("turn:relay.clinic.example:3478", "turns:relay.clinic.example:443?transport=tcp")
SECRET = b"invented-secret-of-thirty-two-chars"
OWN = OwnRelay(urls=URLS, secret=SECRET)
TWILIO = TwilioAccount(base_url="http://localhost", sid="AC" + "0" * 32, auth_token="invented")


def servers(*, own: OwnRelay | None = OWN, twilio: TwilioAccount | None = None) -> IceServers:
    return IceServers(own=own, twilio=twilio, wall=lambda: 1_800_000_000.9, now=lambda: 5.0)


def test_credentials_are_those_coturn_makes_itself_from_the_secret() -> None:
    (made,) = servers().for_participant("0190a6c0-0000-7000-8000-000000000001")

    expiry, _, subject = (made.username or "").partition(":")
    digest = hmac.new(SECRET, (made.username or "").encode(), hashlib.sha1).digest()
    assert made.urls == URLS
    assert int(expiry) == 1_800_000_000 + LIFE_S
    assert base64.b64decode(made.credential or "") == digest
    assert len(subject) == 16


def test_the_relay_learns_no_id_of_a_participant_but_knows_them_again() -> None:
    """coturn counts allocations by name; its logs must not lead to a person."""
    participant = "0190a6c0-0000-7000-8000-000000000001"

    first, again = (servers().for_participant(participant)[0] for _ in range(2))
    (other,) = servers().for_participant("0190a6c0-0000-7000-8000-000000000002")

    assert participant not in (first.username or "")
    assert first.username == again.username != other.username


def test_without_a_relay_nothing_is_told() -> None:
    assert servers(own=None).for_participant("p") == ()
    assert not servers(own=None).is_any


def test_a_token_that_was_never_given_is_no_hindrance() -> None:
    assert servers(own=None, twilio=TWILIO).for_participant("p") == ()
    assert len(servers(twilio=TWILIO).for_participant("p")) == 1
    assert servers(own=None, twilio=TWILIO).is_any


def test_secrets_are_not_shown() -> None:
    shown = repr(OWN) + repr(TWILIO)

    assert "invented" not in shown
