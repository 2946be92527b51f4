"""The audit chain: whole after any history, and each alteration named by its place."""

import random
from collections.abc import Callable

import pytest

from telehealth.audit.chain import (
    NO_PREVIOUS,
    Json,
    Sealed,
    body_text,
    canonical,
    check_chain,
    seal_of,
)


def chain_of(length: int) -> list[Sealed]:
    made, previous = [], NO_PREVIOUS
    for seq in range(1, length + 1):
        body = canonical({"number": seq})
        seal = seal_of(seq=seq, previous=previous, body=body)
        made.append(Sealed(seq, previous, seal, body))
        previous = seal
    return made


def test_an_untouched_chain_is_whole() -> None:
    entries = chain_of(20)

    report = check_chain(entries)

    assert (report.entries, report.first_broken) == (20, None)
    assert report.head == entries[-1].seal


def test_an_empty_chain_is_whole() -> None:
    report = check_chain([])

    assert (report.entries, report.first_broken, report.head) == (0, None, NO_PREVIOUS)


def test_a_part_of_a_chain_is_checked_from_the_seal_before_it() -> None:
    entries = chain_of(10)

    report = check_chain(entries[4:], after_seq=4, previous=entries[3].seal)

    assert (report.entries, report.first_broken) == (6, None)


def flip(entries: list[Sealed], at: int) -> None:
    kept = entries[at]
    entries[at] = Sealed(kept.seq, kept.previous, kept.seal, kept.body + b" ")


def flip_seal(entries: list[Sealed], at: int) -> None:
    kept = entries[at]
    entries[at] = Sealed(kept.seq, kept.previous, bytes(32), kept.body)


def flip_and_seal_again(entries: list[Sealed], at: int) -> None:
    kept = entries[at]
    body = kept.body + b" "
    seal = seal_of(seq=kept.seq, previous=kept.previous, body=body)
    entries[at] = Sealed(kept.seq, kept.previous, seal, body)


def remove(entries: list[Sealed], at: int) -> None:
    del entries[at]


def swap(entries: list[Sealed], at: int) -> None:
    one, other = entries[at], entries[at + 1]
    entries[at] = Sealed(one.seq, one.previous, one.seal, other.body)
    entries[at + 1] = Sealed(other.seq, other.previous, other.seal, one.body)


def insert(entries: list[Sealed], at: int) -> None:
    body = canonical({"number": "forged"})
    seq = entries[at].seq
    seal = seal_of(seq=seq, previous=entries[at].previous, body=body)
    entries.insert(at, Sealed(seq, entries[at].previous, seal, body))


# Where the check stops, counted from the place that was touched: a row sealed anew fits in
# itself, and it is the next one that no longer follows.
ACTS = [(flip, 0), (flip_seal, 0), (flip_and_seal_again, 1), (remove, 0), (swap, 0), (insert, 1)]


@pytest.mark.parametrize(("act", "shift"), ACTS)
def test_every_alteration_is_found_at_its_place(
    act: Callable[[list[Sealed], int], None], shift: int, seed: int
) -> None:
    generator = random.Random(seed)
    for _ in range(170):
        entries = chain_of(30)
        at = generator.randrange(0, 28)

        act(entries, at)
        report = check_chain(entries)

        assert report.first_broken == at + 1 + shift
        assert report.entries == at + shift


def test_a_chain_cut_off_at_its_end_looks_whole() -> None:
    """Which is why heads must be kept elsewhere: the chain alone cannot know."""
    entries = chain_of(10)

    report = check_chain(entries[:7])

    assert report.first_broken is None
    assert report.head != entries[-1].seal


def test_a_seal_covers_fields_of_fixed_width() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        seal_of(seq=1, previous=b"short", body=b"")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 8785 section 3.2.4 and appendix B
        ({"b": 1, "a": [True, False, None]}, '{"a":[true,false,null],"b":1}'),
        ({"\u20ac": 1, "\r": 2, "1": 3, "\U0001f600": 4, "\ufb33": 5},
         '{"\\r":2,"1":3,"\u20ac":1,"\U0001f600":4,"\ufb33":5}'),
        ('"\\\b\f\n\r\t\u000f\u20ac', '"\\"\\\\\\b\\f\\n\\r\\t\\u000f€"'),
        (333333333.33333329, "333333333.3333333"),
        (1e30, "1e+30"),
        (4.50, "4.5"),
        (2e-3, "0.002"),
        (1e-27, "1e-27"),
        (1e21, "1e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e-6, "0.000001"),
        (1.5e-7, "1.5e-7"),
        (-0.0, "0"),
        (-2.5, "-2.5"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992, "9007199254740992"),
    ],
)  # fmt: skip
def test_a_value_has_one_spelling(value: Json, text: str) -> None:
    assert canonical(value).decode() == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 2**53 + 1, -(2**60)])
def test_a_number_that_json_cannot_hold_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical(value)


def test_the_body_is_the_canonical_text_of_its_members() -> None:
    """Written out for speed; the bytes are those of RFC 8785."""
    members: dict[str, str | None] = {
        "clinic_id": "7",
        "at": "2030-01-01T00:00:00.000000+00:00",
        "event": 'note.saved"\\\u2028é',
        "actor_person_id": None,
        "actor_role": "provider",
        "actor_job": None,
        "visit_id": None,
        "patient_id": "9",
        "subject_id": None,
        "facts": '{"a":1}\n\x7f\x01',
    }

    assert body_text(id_="1", **members) == canonical({"id": "1", **members})  # type: ignore[arg-type]
