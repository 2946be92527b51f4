"""The two doors that take a token from a browser, and what each takes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from signaling.contract.errors import TicketInvalid
from signaling.shell.tickets import KeysSilent, TicketCheck
from telehealth.contract import JOIN_TICKET_TYP, JsonWebKey
from telehealth.identity.access_tokens import ACCESS_TYP, read_pass
from telehealth.identity.errors import SessionEnded
from telehealth.platform.signing import SigningKey
from tests.support import token_attacks
from tests.support.clock import MORNING, FakeClock
from tests.support.keys import key_for_tests, signer_for_tests

NOW: Final = int(MORNING.timestamp())


def ticket_claims(**changes: object) -> dict[str, Any]:
    return {
        "iss": "telehealth",
        "aud": "signaling",
        "sub": str(UUID(int=1)),
        "jti": "j" * 22,
        "iat": NOW,
        "exp": NOW + 60,
        "room": str(UUID(int=2)),
        "participant": str(UUID(int=3)),
        "role": "patient",
        "kind": "patient",
        "may_admit": False,
        "entry": "lobby",
        **changes,
    }


def pass_claims(**changes: object) -> dict[str, Any]:
    return {
        "iss": "telehealth",
        "aud": "visit-service",
        "sub": str(UUID(int=1)),
        "sid": str(UUID(int=2)),
        "clinic": str(UUID(int=3)),
        "role": "provider",
        "jti": "j" * 22,
        "iat": NOW,
        "exp": NOW + 300,
        **changes,
    }


class KeySource:
    """What signaling fetches keys from; counts, and falls silent on demand."""

    def __init__(self, keys: Callable[[], Sequence[JsonWebKey]]) -> None:
        self.keys = keys
        self.is_silent = False
        self.fetches = 0

    async def __call__(self) -> Sequence[JsonWebKey]:
        self.fetches += 1
        if self.is_silent:
            raise KeysSilent
        return self.keys()


class Seconds:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass(frozen=True, kw_only=True)
class Door:
    """One verifier and what it takes."""

    typ: str
    claims: dict[str, Any]
    takes: Callable[[str], Awaitable[bool]]
    fetches: Callable[[], int]


def visit_service_door(*, skew_s: int = 0) -> Door:
    clock = FakeClock()
    clock.advance(seconds=skew_s)
    signer = signer_for_tests(clock)

    async def takes(token: str) -> bool:
        try:
            read_pass(signer, token)
        except SessionEnded:
            return False
        return True

    return Door(typ=ACCESS_TYP, claims=pass_claims(), takes=takes, fetches=lambda: 0)


def signaling_door(*, skew_s: int = 0) -> Door:
    source = KeySource(lambda: [key_for_tests().public_jwk()])
    check = TicketCheck(source, now=lambda: 0.0, wall=lambda: float(NOW + skew_s))

    async def takes(token: str) -> bool:
        try:
            await check.claims(token)
        except TicketInvalid:
            return False
        return True

    return Door(
        typ=JOIN_TICKET_TYP, claims=ticket_claims(), takes=takes, fetches=lambda: source.fetches
    )


DOORS: Final = {"visit service": visit_service_door, "signaling": signaling_door}


def ticket_of(key: SigningKey, **changes: object) -> str:
    """Make a good ticket under a key."""
    header = token_attacks.header_for(JOIN_TICKET_TYP, kid=key.kid)
    return token_attacks.signed(header, ticket_claims(**changes), key.private)
