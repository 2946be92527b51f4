"""The tree over one chain's seals: one root for all of them, short proofs for a few.  Pure.

A seal begins with the leaf prefix (`chain.py`), so it is a leaf hash as it stands.

Source:
    RFC 6962 section 2.1 and RFC 9162 section 2.1: nodes are SHA-256(0x01, left, right).
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The root of a tree that grows at its end; holds one hash for each full subtree."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes in their order."""
        peaks, size = self._peaks, self.size
        for leaf in leaves:
            grown, full = leaf, size
            # Each set bit is a full subtree of that height, waiting for its right twin.
            while full & 1:
                grown = _node(peaks.pop(), grown)
                full >>= 1
            peaks.append(grown)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        *lefts, root = self._peaks
        for left in reversed(lefts):
            root = _node(left, root)
        return root


class Tree:
    """A whole tree in memory (64 bytes a leaf), for proofs.

    Args:
        leaves: Leaf hashes in their order; at least one.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not leaves:
            raise ValueError("a tree has a leaf")
        self._levels: list[Sequence[bytes]] = [leaves]
        while len(level := self._levels[-1]) > 1:
            pairs = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
            # One without a twin moves up as it is.
            self._levels.append([*pairs, level[-1]] if len(level) % 2 else pairs)

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        return self._levels[-1][0]

    def path_of(self, index: int) -> list[bytes]:
        """Return the hashes that lead from the leaf at `index` (from 0) to the root."""
        path = []
        for level in self._levels[:-1]:
            twin = index ^ 1
            if twin < len(level):
                path.append(level[twin])
            index >>= 1
        return path


def is_included(leaf: bytes, *, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Say whether `path` leads from the leaf at `index` to the root of a tree of `size` leaves.

    Source:
        RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for twin in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = _node(twin, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, twin)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root
