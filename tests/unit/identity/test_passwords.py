import asyncio
import threading

import pytest
from argon2 import PasswordHasher as Argon2

from telehealth.identity import passwords
from telehealth.identity.errors import SignInBusy
from telehealth.identity.passwords import PasswordDesk, check_password, hash_password

PEPPER = "pepper"


def test_a_password_is_right_for_its_own_hash_only() -> None:
    stored = hash_password("correct horse battery", pepper=PEPPER)

    assert check_password("correct horse battery", stored, pepper=PEPPER).is_right
    assert not check_password("correct horse batterx", stored, pepper=PEPPER).is_right


def test_without_the_pepper_a_stolen_hash_is_no_use() -> None:
    stored = hash_password("correct horse battery", pepper=PEPPER)

    assert not check_password("correct horse battery", stored, pepper="another").is_right


def test_hashes_are_made_as_the_decision_says() -> None:
    stored = hash_password("correct horse battery", pepper=PEPPER)

    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$")


def test_the_hash_checked_for_a_stranger_costs_as_much_as_a_real_one() -> None:
    nobodys = passwords._NOBODYS_HASH

    assert nobodys.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert not passwords._argon2.check_needs_rehash(nobodys)


def test_no_password_opens_an_unknown_account() -> None:
    verdict = check_password("correct horse battery", None, pepper=PEPPER)

    assert not verdict.is_right
    assert verdict.new_hash is None


def test_a_hash_made_with_weaker_settings_is_made_anew_when_the_password_is_known() -> None:
    peppered = passwords._peppered("correct horse battery", PEPPER)
    weak = Argon2(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(peppered)

    verdict = check_password("correct horse battery", weak, pepper=PEPPER)

    assert verdict.is_right
    assert verdict.new_hash is not None
    assert check_password("correct horse battery", verdict.new_hash, pepper=PEPPER).is_right


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$v=19$m=65536"])
def test_a_stored_hash_that_is_none_lets_nobody_in(stored: str) -> None:
    assert not check_password("anything at all", stored, pepper=PEPPER).is_right


def test_the_same_letters_typed_in_two_ways_are_one_password() -> None:
    stored = hash_password("Jos\u00e9 und die Katze", pepper=PEPPER)

    assert check_password("Jose\u0301 und die Katze", stored, pepper=PEPPER).is_right


@pytest.mark.parametrize("password", ["x" * 1025, "\ud800"])
def test_what_is_too_long_or_no_text_is_not_hashed(password: str) -> None:
    stored = hash_password("correct horse battery", pepper=PEPPER)

    assert not check_password(password, stored, pepper=PEPPER).is_right
    with pytest.raises(ValueError, match=r"1,024|surrogates"):
        hash_password(password, pepper=PEPPER)


async def test_whoever_finds_the_queue_full_is_sent_away_and_the_next_is_served() -> None:
    desk = PasswordDesk(pepper=PEPPER)
    open_again = threading.Event()
    held = [asyncio.create_task(desk._off_the_loop(lambda: open_again.wait(20))) for _ in range(22)]
    await asyncio.sleep(0)

    with pytest.raises(SignInBusy):
        await desk.check("correct horse battery", None)
    open_again.set()
    await asyncio.gather(*held)
    verdict = await desk.check("correct horse battery", await desk.hash("correct horse battery"))

    assert verdict.is_right
    desk.close()


async def test_a_caller_who_goes_away_keeps_its_place_until_the_thread_is_done() -> None:
    desk = PasswordDesk(pepper=PEPPER)
    open_again = threading.Event()
    started = threading.Event()

    def work() -> None:
        started.set()
        open_again.wait(20)

    gone = asyncio.create_task(desk._off_the_loop(work))
    await asyncio.to_thread(started.wait, 20)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    assert desk._places._value == 21
    open_again.set()
    desk.close()
