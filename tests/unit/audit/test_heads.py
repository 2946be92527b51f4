from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from telehealth.audit.heads import Head, SignedHead, is_due, log_name, read_notes, sign
from tests.support.clock import MORNING
from tests.support.keys import key_for_tests

KEY = key_for_tests(3)
KEYS = {KEY.kid: KEY.private.public_key()}
CLINIC = UUID(int=7)


def head(size: int = 5) -> Head:
    return Head(
        log=log_name("demo"),
        clinic_id=CLINIC,
        size=size,
        root=bytes([size]) * 32,
        seal=bytes(range(32)),
        at=MORNING,
        kid=KEY.kid,
    )


def signed(size: int = 5) -> SignedHead:
    return sign(head(size), KEY.private)


def test_a_head_is_a_signed_note_that_others_can_read_too() -> None:
    """C2SP signed-note and tlog-checkpoint, line by line."""
    origin, size, root, seal, at, kid, empty, signature, end = signed().note.split("\n")

    assert origin == "telehealth/demo/audit/00000000-0000-0000-0000-000000000007"
    assert (size, root) == ("5", "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=")
    assert seal == "seal AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert at == "at 2030-03-04T15:00:00.000000Z"
    assert kid == f"kid {KEY.kid}"
    assert signature.startswith("— telehealth/demo/audit ")
    assert (empty, end) == ("", "")


def test_a_head_is_read_back_as_it_was_signed() -> None:
    kept = read_notes(signed().note)

    assert kept.heads == [signed()]
    assert kept.heads[0].is_signed_by(KEYS)
    assert kept.unreadable_lines == 0


def test_many_heads_stand_in_one_file() -> None:
    text = "".join(f"\n{signed(size).note}" for size in (1, 2, 3))

    assert [each.head.size for each in read_notes(text).heads] == [1, 2, 3]


@pytest.mark.parametrize("cut", range(0, len(signed().note.encode()) - 1, 17))
def test_a_write_cut_short_costs_no_other_head(cut: int) -> None:
    """Power may fail at any byte; the next head begins on a line of its own."""
    torn = signed(1).note.encode()[:cut].decode("utf-8", errors="replace")
    text = f"\n{torn}\n{signed(2).note}"

    kept = read_notes(text)

    assert [each.head.size for each in kept.heads if each.is_signed_by(KEYS)] == [2]
    assert (kept.unreadable_lines > 0) == bool(torn.strip())


@pytest.mark.parametrize(
    "changed",
    [
        replace(head(), size=4),
        replace(head(), seal=bytes(32)),
        replace(head(), root=bytes(32)),
        replace(head(), at=MORNING + timedelta(microseconds=1)),
        replace(head(), clinic_id=UUID(int=8)),
        replace(head(), log=log_name("other")),
        replace(head(), kid="k" * 43),
    ],
    ids=lambda each: str(each.text.split("\n")[:2]),
)
def test_a_head_changed_after_signing_is_not_believed(changed: Head) -> None:
    forged = SignedHead(head=changed, signature=signed().signature)

    assert not forged.is_signed_by(KEYS)


def test_a_head_under_another_key_is_not_believed() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)

    assert not sign(head(), other).is_signed_by(KEYS)
    assert not signed().is_signed_by({})


@pytest.mark.parametrize(
    ("old", "new"),
    [("\n5\n", "\n05\n"), ("\n5\n", "\n0\n"), ("seal A", "seal *"), ("at 2030-03", "at 2030-13")],
)
def test_what_is_no_head_is_counted_and_not_guessed_at(old: str, new: str) -> None:
    kept = read_notes(signed().note.replace(old, new))

    assert kept.heads == []
    assert kept.unreadable_lines > 0


@pytest.mark.parametrize(
    ("size", "last_size", "waited_s", "expected"),
    [
        (0, 0, None, False),
        (1, 0, None, True),
        (5, 5, 600, False),
        (6, 5, 59, False),
        (6, 5, 60, True),
        (1_004, 5, 1, False),
        (1_005, 5, 1, True),
    ],
)
def test_a_chain_that_grew_gets_a_head_each_minute_or_thousand_entries(
    *, size: int, last_size: int, waited_s: int | None, expected: bool
) -> None:
    last_at = None if waited_s is None else MORNING - timedelta(seconds=waited_s)

    assert is_due(size=size, now=MORNING, last_size=last_size, last_at=last_at) is expected
