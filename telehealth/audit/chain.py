"""One chain of entries a clinic: how an entry is sealed, and how a chain is checked.  Pure.

Source:
    RFC 8785 for the canonical text; the leaf prefix 0x00 is that of RFC 6962 section 2.1, so that
    the same seals can later be leaves of a Merkle tree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Final, NamedTuple, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

FIRST_SEQ: Final = 1
NO_PREVIOUS: Final = bytes(32)
"""What the first entry of a chain follows."""

quoted: Final = encode_basestring
"""Writes a text as JSON, with the escapes of RFC 8785 section 3.2.2.2 and no others."""

_LEAF: Final = b"\x00"
_SAFE_INTEGER: Final = 2**53
_PLAIN_FROM, _PLAIN_BELOW = 1e-6, 1e21


class Sealed(NamedTuple):
    """One stored entry as the check sees it; a tuple, for a check makes a million of them."""

    seq: int
    previous: bytes
    seal: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What checking a chain gave."""

    entries: int
    """Entries found whole before the first broken one, or all of them."""
    first_broken: int | None
    """Sequence number of the first entry that does not follow from the one before; None: whole."""
    head: bytes = NO_PREVIOUS
    """Seal of the last whole entry; kept elsewhere, it proves that nothing was cut off."""


def seal_of(*, seq: int, previous: bytes, body: bytes) -> bytes:
    """Return SHA-256(0x00, seq, previous, body), the first three of fixed width.

    Fixed widths leave no way to move a byte from one field into the next.
    """
    if len(previous) != len(NO_PREVIOUS):
        raise ValueError("a seal has 32 bytes")
    return sha256(_LEAF + seq.to_bytes(8, "big") + previous + body).digest()


def check_chain(
    entries: Iterable[Sealed], *, after_seq: int = FIRST_SEQ - 1, previous: bytes = NO_PREVIOUS
) -> ChainReport:
    """Follow a chain and name the first entry that does not fit.

    Args:
        entries: In the order of their sequence numbers.
        after_seq: Number of the entry before the first given, when only a part is checked.
        previous: Seal of that entry.
    """
    first = expected = after_seq + 1
    for seq, before, seal, body in entries:
        # Another number: the entry that should stand here is gone, or this is one too many.
        # `seal_of` written out: this line is what a check of a million entries does.
        sealed = sha256(_LEAF + expected.to_bytes(8, "big") + previous + body).digest()
        if seq != expected or before != previous or seal != sealed:
            return ChainReport(entries=expected - first, first_broken=expected, head=previous)
        expected, previous = expected + 1, seal
    return ChainReport(entries=expected - first, first_broken=None, head=previous)


def body_text(  # noqa: PLR0913  (an entry, column by column)
    *,
    id_: str,
    clinic_id: str,
    at: str,
    event: str,
    actor_person_id: str | None,
    actor_role: str | None,
    actor_job: str | None,
    visit_id: str | None,
    patient_id: str | None,
    subject_id: str | None,
    facts: str,
) -> bytes:
    """Return what an entry's seal covers: every column but the seals themselves.

    The same bytes as `canonical` of an object with these members; written out, since a check
    makes them for every entry there is.  UUIDs stand in their usual form with hyphens, `at` as
    RFC 3339 in UTC with microseconds and `+00:00`, `facts` as a text that holds canonical JSON.
    """
    return body_of_words(
        quoted(id_),
        word(clinic_id),
        quoted(at),
        word(event),
        word(actor_person_id),
        word(actor_role),
        word(actor_job),
        word(visit_id),
        word(patient_id),
        word(subject_id),
        quoted(facts),
    )


def body_of_words(  # noqa: PLR0913, PLR0917  (an entry, column by column; positional for speed)
    id_: str,
    clinic_id: str,
    at: str,
    event: str,
    person: str,
    role: str,
    job: str,
    visit: str,
    patient: str,
    subject: str,
    facts: str,
) -> bytes:
    """Return the same as `body_text`, from members that are JSON texts already."""
    return (
        f'{{"actor_job":{job},"actor_person_id":{person},"actor_role":{role},"at":{at},'
        f'"clinic_id":{clinic_id},"event":{event},"facts":{facts},"id":{id_},'
        f'"patient_id":{patient},"subject_id":{subject},"visit_id":{visit}}}'
    ).encode()


@lru_cache(maxsize=8_192)
def word(value: str | None) -> str:
    """Write what comes again and again: kinds, and the ids of people and visits."""
    return "null" if value is None else quoted(value)


def canonical(value: Json) -> bytes:
    """Write `value` in the one way there is to write it.

    Raises:
        ValueError: A number JSON cannot hold exactly: NaN, Infinity, an integer beyond 2**53.

    Source:
        RFC 8785 section 3.2: no spaces, names in UTF-16 order, numbers as ECMAScript writes them.
    """
    return _text(value).encode("utf-8")


def _text(value: Json) -> str:
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case str():
            return quoted(value)
        case int():
            return _integer(value)
        case float():
            return _number(value)
        case Mapping():
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            return "{" + ",".join(f"{_text(name)}:{_text(value[name])}" for name in names) + "}"
        case _:
            return "[" + ",".join(_text(part) for part in value) + "]"


def _integer(value: int) -> str:
    if abs(value) > _SAFE_INTEGER:
        raise ValueError("an integer beyond 2**53 is not exact in JSON")
    return str(value)


def _number(value: float) -> str:
    """Write a double as ECMAScript does (ECMA-262 Number::toString)."""
    if value != value or abs(value) == float("inf"):  # noqa: PLR0124  (the test for NaN)
        raise ValueError("not a JSON number")
    if value == 0:
        return "0"
    sign, magnitude = ("-" if value < 0 else ""), abs(value)
    # Python and ECMAScript agree on the shortest digits, not on where the exponent begins.
    mantissa, _, exponent = f"{magnitude!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction.rstrip("0")).lstrip("0") or "0"
    point = len(whole) + int(exponent or 0)
    if whole == "0":
        point -= len(fraction) - len(fraction.lstrip("0")) + 1
    digits = digits.rstrip("0")
    if _PLAIN_FROM <= magnitude < _PLAIN_BELOW:
        return sign + _plain(digits, point)
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"
