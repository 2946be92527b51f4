"""The programme SEC-JWT, at both doors that take a token from a browser.

The visit service takes passes, signaling takes join tickets; each has a verifier of its own, and
each must refuse whatever the other must.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest

from media.contract.control import CONTROL_TOKEN_TYP
from media.shell.control_server import BadToken, TokenCheck
from signaling.shell.service_tokens import BadServiceToken, check_service_token
from telehealth.platform.signing import TokenRefused, verify_service_token
from tests.support import token_attacks
from tests.support.requirements import Figure
from tests.support.token_doors import DOORS, pass_claims, ticket_claims

SECRET = bytes(range(32))
Attacks: TypeAlias = Callable[[str, Mapping[str, Any]], Iterator[tuple[str, str]]]


@pytest.mark.parametrize("name", DOORS)
async def test_a_token_with_nothing_wrong_is_taken(name: str) -> None:
    """Without this the refusals below would show nothing."""
    door = DOORS[name]()

    assert await door.takes(token_attacks.signed(token_attacks.header_for(door.typ), door.claims))


async def refused_by(name: str, attacks: Attacks) -> int:
    door = DOORS[name]()
    forged = dict(attacks(door.typ, door.claims))

    taken = [label for label, token in forged.items() if await door.takes(token)]

    assert taken == []
    assert door.fetches() <= 1
    return len(forged)


@pytest.mark.requirement("SEC-JWT-01")
@pytest.mark.parametrize("name", DOORS)
async def test_no_form_of_a_public_key_is_a_secret(name: str, figure: Figure) -> None:
    figure(f"{name}: {await refused_by(name, token_attacks.public_key_as_secret)} refused")


@pytest.mark.requirement("SEC-JWT-03")
@pytest.mark.parametrize("name", DOORS)
async def test_no_header_talks_a_verifier_into_another_key(name: str, figure: Figure) -> None:
    figure(f"{name}: {await refused_by(name, token_attacks.confused)} refused, none fetched")


@pytest.mark.requirement("SEC-JWT-04")
@pytest.mark.parametrize("name", DOORS)
async def test_no_part_of_the_issuer_is_the_issuer(name: str, figure: Figure) -> None:
    figure(f"{name}: {await refused_by(name, token_attacks.foreign_issuers)} refused")


@pytest.mark.requirement("SEC-JWT-05")
@pytest.mark.parametrize("name", DOORS)
async def test_no_critical_extension_is_understood(name: str, figure: Figure) -> None:
    figure(f"{name}: {await refused_by(name, token_attacks.critical)} refused")


# --- one use a token -----------------------------------------------------------------------------


TYPS = (
    *("visit-join+jwt", "desk-join+jwt", "phone-join+jwt", "access+jwt", "service+jwt"),
    *("media-control+jwt", "JWT", "jwt", "at+jwt", "application/access+jwt"),
)


@dataclass(frozen=True, kw_only=True)
class ServiceDoor:
    """A verifier between two of our own services."""

    typ: str
    claims: dict[str, Any]
    check: Callable[[str], object]


def service_doors() -> dict[str, ServiceDoor]:
    now = datetime.now(UTC)  # noqa: TID251  (two of these read the machine's clock themselves)
    times = {"iat": int(now.timestamp()), "exp": int(now.timestamp()) + 60}
    return {
        "visit service, internal": ServiceDoor(
            typ="service+jwt",
            claims={"iss": "signaling", "aud": "visit-service", **times},
            check=lambda token: verify_service_token(
                token, key=SECRET, issuer="signaling", audience="visit-service", now=now
            ),
        ),
        "signaling, control": ServiceDoor(
            typ="service+jwt",
            claims={"iss": "visit-service", "aud": "signaling", **times},
            check=lambda token: check_service_token(token, SECRET),
        ),
        "media, control": ServiceDoor(
            typ=CONTROL_TOKEN_TYP,
            claims={"iss": "signaling", "aud": "media-1", **times},
            check=TokenCheck(key=SECRET, node_id="media-1"),
        ),
    }


def is_taken_between_services(door: ServiceDoor, token: str) -> bool:
    try:
        door.check(token)
    except (TokenRefused, BadServiceToken, BadToken):
        return False
    return True


@pytest.mark.requirement("SEC-JWT-07")
@pytest.mark.parametrize("name", DOORS)
async def test_a_browsers_token_of_another_type_is_refused(name: str, figure: Figure) -> None:
    """Right key, right claims, another type."""
    door = DOORS[name]()

    taken = [
        typ
        for typ in TYPS
        if await door.takes(token_attacks.signed(token_attacks.header_for(typ), door.claims))
    ]

    assert taken == [door.typ]
    figure(f"{name}: {len(TYPS) - 1} other types refused")


@pytest.mark.requirement("SEC-JWT-07")
@pytest.mark.parametrize("name", service_doors())
def test_a_services_token_of_another_type_is_refused(name: str, figure: Figure) -> None:
    door = service_doors()[name]

    taken = [
        typ
        for typ in TYPS
        if is_taken_between_services(
            door, token_attacks.keyed({"alg": "HS256", "typ": typ}, door.claims, SECRET)
        )
    ]

    assert taken == [door.typ]
    figure(f"{name}: {len(TYPS) - 1} other types refused")


@pytest.mark.requirement("SEC-JWT-03", "SEC-JWT-05")
@pytest.mark.parametrize("name", service_doors())
@pytest.mark.parametrize("extra", [{"crit": []}, {"jku": "http://127.0.0.1:9"}, {"alg": "none"}])
def test_a_services_token_with_more_in_its_header_is_refused(
    name: str, extra: dict[str, Any]
) -> None:
    door = service_doors()[name]
    header = {"alg": "HS256", "typ": door.typ, **extra}

    assert not is_taken_between_services(door, token_attacks.keyed(header, door.claims, SECRET))


@pytest.mark.requirement("SEC-JWT-07")
@pytest.mark.parametrize("name", DOORS)
async def test_the_type_alone_makes_no_token_another(name: str) -> None:
    """Everything of a pass but its type, and the reverse: the claims are those of another use."""
    door = DOORS[name]()
    other = pass_claims() if name == "signaling" else ticket_claims()

    assert not await door.takes(token_attacks.signed(token_attacks.header_for(door.typ), other))


# --- time ----------------------------------------------------------------------------------------


@pytest.mark.requirement("SEC-JWT-08")
@pytest.mark.parametrize("name", DOORS)
async def test_clocks_may_differ_by_seconds_and_not_by_minutes(name: str, figure: Figure) -> None:
    """A join ticket is given 10 s, since it lives 60 s only; a pass 30 s."""
    allowed_s = 10 if name == "signaling" else 30
    door = DOORS[name]()
    life_s = door.claims["exp"] - door.claims["iat"]
    token = token_attacks.signed(token_attacks.header_for(door.typ), door.claims)

    async def taken_at(skew_s: int) -> bool:
        return await DOORS[name](skew_s=skew_s).takes(token)

    assert await taken_at(-allowed_s)
    assert await taken_at(life_s + allowed_s - 1)
    for skew_s in (-allowed_s - 1, -300, life_s + allowed_s, life_s + 300):
        assert not await taken_at(skew_s)
    figure(f"{name}: ±{allowed_s} s taken, ±300 s refused")
