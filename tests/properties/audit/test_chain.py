"""The audit chain verifies after any history, and one text stands for one value."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from telehealth.audit.chain import (
    NO_PREVIOUS,
    Json,
    Sealed,
    canonical,
    check_chain,
    seal_of,
)

NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def chain_of(bodies: list[bytes]) -> list[Sealed]:
    made, previous = [], NO_PREVIOUS
    for seq, body in enumerate(bodies, 1):
        seal = seal_of(seq=seq, previous=previous, body=body)
        made.append(Sealed(seq, previous, seal, body))
        previous = seal
    return made


def same(one: object, other: object) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=0, abs_tol=0)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return one == other


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_any_history_is_whole(bodies: list[bytes]) -> None:
    report = check_chain(chain_of(bodies))

    assert (report.entries, report.first_broken) == (len(bodies), None)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=30), st.data())
def test_any_bit_flipped_anywhere_is_found_at_its_entry(
    bodies: list[bytes], data: st.DataObject
) -> None:
    entries = chain_of(bodies)
    at = data.draw(st.integers(0, len(entries) - 1))
    kept = entries[at]
    fields = {"previous": kept.previous, "seal": kept.seal, "body": kept.body}
    name = data.draw(st.sampled_from(sorted(name for name, value in fields.items() if value)))
    place = data.draw(st.integers(0, len(fields[name]) * 8 - 1))
    flipped = bytearray(fields[name])
    flipped[place // 8] ^= 1 << place % 8
    fields[name] = bytes(flipped)
    entries[at] = Sealed(kept.seq, fields["previous"], fields["seal"], fields["body"])

    assert check_chain(entries).first_broken == at + 1


@given(st.lists(st.binary(max_size=8), min_size=2, max_size=20, unique=True), st.randoms())
def test_any_other_order_is_found(bodies: list[bytes], randoms: object) -> None:
    entries = chain_of(bodies)
    shuffled = list(entries)
    randoms.shuffle(shuffled)  # type: ignore[attr-defined]
    first = next(
        (n for n, (a, b) in enumerate(zip(entries, shuffled, strict=True)) if a != b), None
    )

    assert check_chain(shuffled).first_broken == (None if first is None else first + 1)


@given(VALUES)
def test_a_value_is_read_back_as_it_was(value: Json) -> None:
    assert same(json.loads(canonical(value)), value)


@given(st.dictionaries(TEXTS, NUMBERS), st.randoms())
def test_the_order_in_which_something_was_put_in_does_not_show(
    value: dict[str, float], randoms: object
) -> None:
    names = list(value)
    randoms.shuffle(names)  # type: ignore[attr-defined]

    assert canonical({name: value[name] for name in names}) == canonical(value)
