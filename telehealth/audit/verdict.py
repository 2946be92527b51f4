"""What a check of one clinic's chain found, with heads kept elsewhere or without.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from telehealth.audit.chain import ChainReport
from telehealth.audit.heads import Head
from telehealth.audit.tree import Frontier


class Standing(StrEnum):
    """How a chain stands."""

    WHOLE = "whole"
    BROKEN = "broken"
    """An entry does not follow from the one before it: changed, moved, removed or put in."""
    TRUNCATED = "truncated"
    """Whole in itself, and shorter than a head says it was."""
    REWRITTEN = "rewritten"
    """Whole in itself, and not the chain that a head was made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the check of one chain gave."""

    standing: Standing
    entries: int
    """Entries found whole."""
    first_bad: int | None = None
    """The first entry that is wrong.  Truncated: the first that is missing, unless others
    were written in its place since.  Rewritten: the first that may be; the last head that agrees
    vouches for all before it."""
    upto: int | None = None
    """Rewritten: number of the entry by which the difference shows.  Truncated: number of
    entries there once were."""
    heads_agreed: int = 0
    """Heads that agree with the chain."""
    newest_agreed: Head | None = None


class Watch(Protocol):
    """Looks on while a chain is followed."""

    def feed(self, first_seq: int, seals: Sequence[bytes]) -> None:
        """Take the seals of the next whole entries, and the number of the first of them."""
        ...


class HeadWatch:
    """Compares heads with a chain while it is followed, page by page.

    Args:
        heads: Heads of this chain whose signatures were found good.
        frontier: Continues a tree; without one only seals are compared, which is enough to find
            any difference (each seal stands for all before it).
    """

    def __init__(self, heads: Sequence[Head], frontier: Frontier | None = None) -> None:
        self._heads = sorted(heads, key=lambda head: (head.size, head.at))
        self._frontier = frontier
        self._next = 0
        self._agreed: Head | None = None
        self._disagreed: Head | None = None

    def feed(self, first_seq: int, seals: Sequence[bytes]) -> None:
        """Take the seals of the next whole entries, and the number of the first of them."""
        at, last_seq = 0, first_seq + len(seals) - 1
        while self._next < len(self._heads) and seals and self._disagreed is None:
            head = self._heads[self._next]
            if head.size > last_seq:
                break
            upto = max(head.size - first_seq + 1, 0)
            self._grow(seals[at:upto])
            at = max(at, upto)
            self._compare(head, seals[upto - 1] if upto else b"")
            self._next += 1
        self._grow(seals[at:])

    def verdict(self, report: ChainReport, *, last_seq: int) -> Verdict:
        """Judge, once the chain was followed to its end.

        Args:
            report: What following it gave.
            last_seq: Number of the last whole entry.
        """
        if self._disagreed is not None:
            first = 1 if self._agreed is None else self._agreed.size + 1
            return self._judged(Standing.REWRITTEN, report, first, self._disagreed.size)
        if report.first_broken is not None:
            return self._judged(Standing.BROKEN, report, report.first_broken)
        if self._next < len(self._heads):
            return self._judged(Standing.TRUNCATED, report, last_seq + 1, self._heads[-1].size)
        return self._judged(Standing.WHOLE, report)

    def _judged(
        self,
        standing: Standing,
        report: ChainReport,
        first_bad: int | None = None,
        upto: int | None = None,
    ) -> Verdict:
        return Verdict(
            standing=standing,
            entries=report.entries,
            first_bad=first_bad,
            upto=upto,
            heads_agreed=self._next - (self._disagreed is not None),
            newest_agreed=self._agreed,
        )

    def _grow(self, seals: Sequence[bytes]) -> None:
        if self._frontier is not None:
            self._frontier.extend(seals)

    def _compare(self, head: Head, seal: bytes) -> None:
        is_same = head.seal == seal
        if self._frontier is not None:
            is_same = is_same and head.root == self._frontier.root()
        if is_same:
            self._agreed = head
        else:
            self._disagreed = head
