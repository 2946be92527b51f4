"""Copies of the key set: one algorithm a key, few fetches, and no belief in what was taken back."""

from pathlib import Path

import pytest

from signaling.contract.errors import TicketInvalid, TryAgain
from signaling.shell.tickets import REFETCH_EVERY_S, TicketCheck
from telehealth.contract import JOIN_TICKET_TYP, KEY_SET_LIFE_S, JsonWebKey
from telehealth.identity.access_tokens import ACCESS_TYP, read_pass
from telehealth.identity.errors import SessionEnded
from telehealth.platform.key_files import WatchedKeyFile, rewriting
from telehealth.platform.key_rotation import removed, staged
from telehealth.platform.signing import (
    KeyFileUnsafe,
    KeyState,
    TokenSigner,
    make_key_file,
    read_key_file,
)
from tests.support import token_attacks
from tests.support.clock import MORNING, FakeClock
from tests.support.keys import key_for_tests
from tests.support.requirements import Figure
from tests.support.token_doors import (
    NOW,
    KeySource,
    Seconds,
    pass_claims,
    ticket_claims,
    ticket_of,
)

# --- a key and its algorithm ---------------------------------------------------------------------


@pytest.mark.requirement("SEC-JWT-02")
@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "RS256", "none", "", "eddsa"])
async def test_a_key_of_another_algorithm_checks_nothing(algorithm: str) -> None:
    """CVE-2026-48523, both orders: the key's algorithm differs, or the header's does."""
    wrong = {**key_for_tests().public_jwk(), "alg": algorithm}
    source = KeySource(lambda: [wrong])
    check = TicketCheck(source, now=lambda: 0.0, wall=lambda: float(NOW))
    as_we_sign = token_attacks.signed(token_attacks.header_for(JOIN_TICKET_TYP), ticket_claims())
    as_the_key_says = token_attacks.header_for(JOIN_TICKET_TYP, alg=algorithm)

    for token in (as_we_sign, token_attacks.signed(as_the_key_says, ticket_claims())):
        with pytest.raises((TicketInvalid, TryAgain)):
            await check.claims(token)
    assert not check.is_ready


@pytest.mark.requirement("SEC-JWT-02")
@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "none", ""])
def test_a_key_file_of_another_algorithm_is_refused(tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "keys.json"
    make_key_file(path)
    path.write_text(path.read_text().replace('"EdDSA"', f'"{algorithm}"'))

    with pytest.raises(KeyFileUnsafe):
        read_key_file(path)


@pytest.mark.requirement("SEC-JWT-02")
async def test_a_key_set_with_a_private_half_is_not_believed() -> None:
    leaked = {**key_for_tests().public_jwk(), "d": "AAAA"}
    check = TicketCheck(KeySource(lambda: [leaked]), now=lambda: 0.0, wall=lambda: float(NOW))

    await check.refresh()

    assert not check.is_ready


# --- the key set ---------------------------------------------------------------------------------


def stranger_ticket(number: int) -> str:
    header = token_attacks.header_for(JOIN_TICKET_TYP, kid=f"unknown-{number}")
    return token_attacks.signed(header, ticket_claims())


@pytest.mark.requirement("SEC-JWT-06")
async def test_a_thousand_unknown_keys_cause_one_fetch_a_minute(figure: Figure) -> None:
    source, clock = KeySource(lambda: [key_for_tests().public_jwk()]), Seconds()
    check = TicketCheck(source, now=clock, wall=lambda: float(NOW))
    await check.refresh()
    clock.now_s += REFETCH_EVERY_S
    before = source.fetches

    for number in range(1000):
        clock.now_s += 0.0599
        with pytest.raises(TicketInvalid):
            await check.claims(stranger_ticket(number))

    assert source.fetches - before <= 1
    assert (await check.claims(ticket_of(key_for_tests()))).jti == "j" * 22
    figure(f"1,000 unknown kids in 60 s: {source.fetches - before} fetch")


@pytest.mark.requirement("SEC-JWT-06")
async def test_with_the_key_set_silent_known_keys_verify_and_nobody_hammers() -> None:
    source, clock = KeySource(lambda: [key_for_tests().public_jwk()]), Seconds()
    check = TicketCheck(source, now=clock, wall=lambda: float(NOW))
    await check.refresh()
    source.is_silent, before = True, source.fetches

    for _ in range(60):
        clock.now_s += 1.0
        await check.refresh()
        with pytest.raises(TicketInvalid):
            await check.claims(stranger_ticket(1))
        assert (await check.claims(ticket_of(key_for_tests()))).iat == NOW

    assert source.fetches - before <= 60 / 5


@pytest.mark.requirement("SEC-JWT-06")
@pytest.mark.parametrize("answer", [[], [{"kty": "RSA"}], [{"kty": "OKP", "crv": "Ed25519"}]])
async def test_an_empty_or_foreign_key_set_empties_nothing(answer: list[JsonWebKey]) -> None:
    source, clock = KeySource(lambda: [key_for_tests().public_jwk()]), Seconds()
    check = TicketCheck(source, now=clock, wall=lambda: float(NOW))
    await check.refresh()
    source.keys = lambda: answer
    clock.now_s += KEY_SET_LIFE_S

    await check.refresh()

    assert (await check.claims(ticket_of(key_for_tests()))).iat == NOW


async def test_without_any_key_set_strangers_cause_few_fetches() -> None:
    source, clock = KeySource(list), Seconds()
    check = TicketCheck(source, now=clock, wall=lambda: float(NOW))

    for number in range(1000):
        clock.now_s += 0.01
        with pytest.raises(TryAgain):
            await check.claims(stranger_ticket(number))

    assert source.fetches <= 3


# --- a key taken back ----------------------------------------------------------------------------


@pytest.mark.requirement("SEC-JWT-08")
async def test_a_key_taken_back_is_refused_everywhere_within_a_minute(
    tmp_path: Path, figure: Figure
) -> None:
    """From the command to the last door that believed the key; all copies as stale as can be."""
    path, clock = tmp_path / "keys.json", Seconds()
    make_key_file(path)
    (stolen,) = read_key_file(path)
    watched = WatchedKeyFile(path, now=clock)
    signer = TokenSigner(watched.keys, clock=FakeClock(), changed=watched.changed)
    check = TicketCheck(KeySource(signer.public_keys), now=clock, wall=lambda: float(NOW))
    await check.refresh()
    a_pass = token_attacks.signed(
        token_attacks.header_for(ACCESS_TYP, kid=stolen.kid), pass_claims(), stolen.private
    )
    read_pass(signer, a_pass)
    with rewriting(path) as file:
        fresh = key_for_tests(9, KeyState.NEXT)
        keys = removed(file.keys, kid=stolen.kid, fresh=fresh, now=MORNING)
        file.change(keys, step="remove", kid=stolen.kid, now=MORNING, because="a copy was found")

    refused_after: dict[str, int] = {}
    for second in range(1, 61):
        clock.now_s += 1.0
        await check.refresh()
        try:
            read_pass(signer, a_pass)
        except SessionEnded:
            refused_after.setdefault("visit service", second)
        try:
            await check.claims(ticket_of(stolen))
        except TicketInvalid:
            refused_after.setdefault("signaling", second)

    assert set(refused_after) == {"visit service", "signaling"}
    assert max(refused_after.values()) < 60
    assert (await check.claims(ticket_of(fresh))).iat == NOW
    figure(", ".join(f"{name} after {second} s" for name, second in refused_after.items()))


@pytest.mark.requirement("SEC-JWT-08")
def test_every_public_key_is_published_and_no_private_half(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    make_key_file(path)
    with rewriting(path) as file:
        fresh = key_for_tests(9, KeyState.NEXT)
        file.change(
            staged(file.keys, fresh, now=MORNING),
            step="stage",
            kid=fresh.kid,
            now=MORNING,
            because=None,
        )
    signer = TokenSigner(read_key_file(path), clock=FakeClock())

    published = signer.public_keys()

    assert {key["kid"] for key in published} == {key.kid for key in read_key_file(path)}
    assert all(set(key) == {"kty", "crv", "x", "kid", "alg", "use"} for key in published)
