"""A long chain in stretches: each is checked by itself, and joined to one report.  Pure.

A stretch is checked from the seal that stands before it.  Joined, the first stretch begins where
the whole does, and each later one at the seal the one before has ended with: entry by entry the
same comparisons as in one piece, so the first broken entry is the same one.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from telehealth.audit.chain import NO_PREVIOUS, ChainReport

LENGTH: Final = 2**15
"""Entries of a stretch: a second's work at most, a megabyte of seals."""


class Stretch(NamedTuple):
    """Entries after one number, up to another."""

    after_seq: int
    to_seq: int


class FollowedStretch(NamedTuple):
    """What following one stretch gave."""

    previous: bytes | None
    """The seal it was followed from; None: there is no entry before it."""
    report: ChainReport
    """Of this stretch alone."""
    seals: bytes
    """Seals of its whole entries, one behind the other."""


def stretches(*, after_seq: int, to_seq: int, length: int = LENGTH) -> Iterator[Stretch]:
    """Divide the entries after `after_seq` up to `to_seq`; the last may be shorter."""
    for after in range(after_seq, to_seq, length):
        yield Stretch(after, min(after + length, to_seq))


def joined(so_far: ChainReport, stretch: Stretch, part: FollowedStretch) -> ChainReport:
    """Add the next stretch to the report on all before it.

    Args:
        so_far: Of all before; with nothing broken.
        stretch: The next one.
        part: What following it gave.
    """
    if part.previous != so_far.head:
        # The database was altered between the reading of the two.
        return ChainReport(
            entries=so_far.entries, first_broken=stretch.after_seq + 1, head=so_far.head
        )
    return ChainReport(
        entries=so_far.entries + part.report.entries,
        first_broken=part.report.first_broken,
        head=part.report.head,
    )


def seals_of(part: FollowedStretch) -> list[bytes]:
    """Return the seals of a stretch's whole entries."""
    width = len(NO_PREVIOUS)
    return [part.seals[at : at + width] for at in range(0, len(part.seals), width)]
