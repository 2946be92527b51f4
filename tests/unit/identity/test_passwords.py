import asyncio
import threading
from uuid import UUID

import pytest
from argon2 import PasswordHasher as Argon2

from telehealth.identity import passwords
from telehealth.identity.errors import SignInBusy
from telehealth.identity.passwords import (
    MARK_CHARACTERS,
    PasswordDesk,
    Pepper,
    check_password,
    hash_password,
    pepper_of,
)
from telehealth.platform.hashing import PasswordVerdict
from telehealth.platform.sealing.errors import SealedErased

PEPPER = Pepper(UUID(int=1), b"p" * 32)
OTHER = Pepper(UUID(int=2), b"q" * 32)


class FakeProvider:
    """Hands out peppers by id; those that were given up are gone."""

    def __init__(self, *held: Pepper) -> None:
        self.held = {each.key_id: each.key for each in held}
        self.active = held[-1]

    async def password_pepper(self) -> tuple[UUID, bytes]:
        return self.active.key_id, self.active.key

    async def password_pepper_of(self, key_id: UUID) -> bytes:
        if key_id not in self.held:
            raise SealedErased
        return self.held[key_id]


def checked(password: str, stored: str | None, pepper: Pepper = PEPPER) -> PasswordVerdict:
    return check_password(password, stored, pepper=pepper, active=pepper)


def test_a_password_is_right_for_its_own_hash_only() -> None:
    stored = hash_password("correct horse battery", pepper=PEPPER)

    assert checked("correct horse battery", stored).is_right
    assert not checked("correct horse batterx", stored).is_right


def test_without_the_pepper_a_stolen_hash_is_no_use() -> None:
    stored = hash_password("correct horse battery", pepper=PEPPER)

    assert not checked("correct horse battery", stored, Pepper(PEPPER.key_id, OTHER.key)).is_right


def test_hashes_are_made_as_the_decision_says() -> None:
    stored = hash_password("correct horse battery", pepper=PEPPER)

    mark = f"$pepper${PEPPER.key_id.hex}"
    assert stored.startswith(f"{mark}$argon2id$v=19$m=65536,t=3,p=1$")
    assert len(mark) == MARK_CHARACTERS
    assert pepper_of(stored) == pepper_of(mark) == PEPPER.key_id
    assert len(stored) <= 255


def test_the_hash_checked_for_a_stranger_costs_as_much_as_a_real_one() -> None:
    nobodys = passwords._NOBODYS_HASH

    assert nobodys.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert not passwords._argon2.check_needs_rehash(nobodys)


def test_no_password_opens_an_unknown_account() -> None:
    verdict = checked("correct horse battery", None)

    assert not verdict.is_right
    assert verdict.new_hash is None


def test_a_hash_made_with_weaker_settings_is_made_anew_when_the_password_is_known() -> None:
    peppered = passwords._peppered("correct horse battery", PEPPER)
    weak = Argon2(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(peppered)
    weak = f"$pepper${PEPPER.key_id.hex}{weak}"

    verdict = checked("correct horse battery", weak)

    assert verdict.is_right
    assert verdict.new_hash is not None
    assert checked("correct horse battery", verdict.new_hash).is_right


def test_a_hash_without_a_pepper_lets_nobody_in() -> None:
    """One that somebody has written into the database without the key provider."""
    plain = Argon2(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash("correct horse battery")

    assert pepper_of(plain) is None
    assert not checked("correct horse battery", plain).is_right


async def test_a_right_password_of_an_older_pepper_is_hashed_with_the_new_one() -> None:
    desk = PasswordDesk(FakeProvider(PEPPER, OTHER))
    stored = hash_password("correct horse battery", pepper=PEPPER)

    right = await desk.check("correct horse battery", stored)
    wrong = await desk.check("correct horse batterx", stored)

    assert right.is_right
    assert right.new_hash is not None
    assert pepper_of(right.new_hash) == OTHER.key_id
    again = await desk.check("correct horse battery", right.new_hash)
    assert (again.is_right, again.new_hash) == (True, None)
    assert (wrong.is_right, wrong.new_hash) == (False, None)
    desk.close()


async def test_a_hash_whose_pepper_was_given_up_is_never_right() -> None:
    desk = PasswordDesk(FakeProvider(OTHER))
    stored = hash_password("correct horse battery", pepper=PEPPER)

    verdict = await desk.check("correct horse battery", stored)

    assert (verdict.is_right, verdict.new_hash) == (False, None)
    desk.close()


@pytest.mark.parametrize(
    "stored", ["", "plain", "$argon2id$v=19$m=65536", f"$pepper${PEPPER.key_id.hex}$argon2id$v=19"]
)
def test_a_stored_hash_that_is_none_lets_nobody_in(stored: str) -> None:
    assert not checked("anything at all", stored).is_right


def test_the_same_letters_typed_in_two_ways_are_one_password() -> None:
    stored = hash_password("Jos\u00e9 und die Katze", pepper=PEPPER)

    assert checked("Jose\u0301 und die Katze", stored).is_right


@pytest.mark.parametrize("password", ["x" * 1025, "\ud800"])
def test_what_is_too_long_or_no_text_is_not_hashed(password: str) -> None:
    stored = hash_password("correct horse battery", pepper=PEPPER)

    assert not checked(password, stored).is_right
    with pytest.raises(ValueError, match=r"1,024|surrogates"):
        hash_password(password, pepper=PEPPER)


async def test_whoever_finds_the_queue_full_is_sent_away_and_the_next_is_served() -> None:
    desk = PasswordDesk(FakeProvider(PEPPER))
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
    desk = PasswordDesk(FakeProvider(PEPPER))
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
