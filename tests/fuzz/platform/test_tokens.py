# Invariant: of all tokens generated or mutated, only one with our signature, over the header and
# claims of its use, within its time, is taken; every other is refused with a documented error.
"""FUZ-JWT: header, claims and encoding, at both doors that take a token from a browser."""

import asyncio
import json
import os
import random
from typing import Any, Final

import jwt
import pytest

from signaling.contract.errors import TicketInvalid
from signaling.shell.tickets import TicketCheck
from telehealth.contract import JOIN_TICKET_TYP, JsonWebKey
from telehealth.platform.signing import TokenRefused
from tests.support import token_attacks
from tests.support.clock import MORNING, FakeClock
from tests.support.keys import key_for_tests, signer_for_tests
from tests.support.mutator import mutated
from tests.support.requirements import Figure

ROUNDS: Final = int(os.environ.get("FUZZ_JWT_ROUNDS", "4000"))
NOW: Final = int(MORNING.timestamp())
CLAIMS: Final[dict[str, Any]] = {
    "iss": "telehealth",
    "aud": "signaling",
    "sub": "00000000-0000-0000-0000-000000000001",
    "jti": "j" * 22,
    "iat": NOW,
    "exp": NOW + 60,
    "room": "00000000-0000-0000-0000-000000000002",
    "participant": "00000000-0000-0000-0000-000000000003",
    "role": "patient",
    "kind": "patient",
    "may_admit": False,
    "entry": "lobby",
}
ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1.5, 2**53, 2**70, 1e300, "", "\0", "ü", [], {}, [[]], {"a": 1}),
    *("telehealth", "signaling", JOIN_TICKET_TYP, "EdDSA", "none", NOW, NOW + 60, str(NOW)),
)


def odd_header(source: random.Random) -> dict[str, Any]:
    header = token_attacks.header_for(JOIN_TICKET_TYP)
    name = source.choice([*header, "crit", "jwk", "jku", "x5u", "b64", "cty", "zip"])
    if source.random() < 0.3:
        header.pop(name, None)
    else:
        header[name] = source.choice(ODD)
    return header


def odd_claims(source: random.Random) -> dict[str, Any]:
    claims = dict(CLAIMS)
    name = source.choice([*claims, "nbf", "extra"])
    if source.random() < 0.3:
        claims.pop(name, None)
    else:
        claims[name] = source.choice(ODD)
    return claims


def generated(source: random.Random) -> str:
    """Return a token changed in its header, its claims, its encoding, or anywhere."""
    match source.randrange(5):
        case 0:
            return token_attacks.signed(odd_header(source), CLAIMS)
        case 1:
            return token_attacks.signed(
                token_attacks.header_for(JOIN_TICKET_TYP), odd_claims(source)
            )
        case 2:
            secret = source.choice(list(token_attacks.public_forms().values()))
            return token_attacks.keyed(odd_header(source), CLAIMS, secret)
        case 3:
            raw = token_attacks.signed(token_attacks.header_for(JOIN_TICKET_TYP), CLAIMS).encode()
            return mutated(source, raw).decode("latin-1")
        case _:
            text = json.dumps(CLAIMS, ensure_ascii=source.random() < 0.5).encode("utf-8")
            return token_attacks.signed(
                token_attacks.header_for(JOIN_TICKET_TYP), mutated(source, text)
            )


def is_ours(token: str) -> bool:
    """Judge by the standard, apart from the code under test: every part as our signer makes it."""
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(
            token,
            key_for_tests().private.public_key(),
            algorithms=["EdDSA"],
            options={"verify_exp": False, "verify_aud": False, "verify_iat": False},
        )
    except (jwt.PyJWTError, ValueError):
        return False
    names_us = claims.get("iss") == "telehealth" and claims.get("aud") == "signaling"
    return names_us and header == token_attacks.header_for(JOIN_TICKET_TYP)


@pytest.mark.requirement("FUZ-JWT-01")
def test_only_a_token_of_ours_is_taken(seed: int, figure: Figure) -> None:
    source = random.Random(seed)
    taken = {"visit service": 0, "signaling": 0}
    signer = signer_for_tests(FakeClock())

    async def keys() -> list[JsonWebKey]:
        return [key_for_tests().public_jwk()]

    check = TicketCheck(keys, now=lambda: 0.0, wall=lambda: float(NOW))

    async def run() -> None:
        for _ in range(ROUNDS):
            token = generated(source)
            try:
                signer.verify(token, typ=JOIN_TICKET_TYP, audience="signaling")
            except TokenRefused:
                pass
            else:
                taken["visit service"] += 1
                assert is_ours(token), token
            try:
                await check.claims(token)
            except TicketInvalid:
                continue
            taken["signaling"] += 1
            assert is_ours(token), token

    asyncio.run(run())

    assert min(taken.values()) > 0
    figure(f"{ROUNDS} tokens, seed {seed}, taken of ours: {taken}")
