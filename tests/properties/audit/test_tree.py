"""The tree over a chain's seals against the recursive definition of RFC 6962, and its proofs."""

import hashlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from telehealth.audit.tree import EMPTY_ROOT, Frontier, Tree, is_included

LEAVES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)


def defined_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word; leaves are hashed already."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    halves = defined_root(leaves[:split]) + defined_root(leaves[split:])
    return hashlib.sha256(b"\x01" + halves).digest()


@given(LEAVES, st.integers(0, 70))
def test_a_tree_grown_in_pieces_has_the_defined_root(leaves: list[bytes], cut: int) -> None:
    frontier = Frontier()
    frontier.extend(leaves[:cut])
    frontier.extend(leaves[cut:])

    assert frontier.size == len(leaves)
    assert frontier.root() == Tree(leaves).root == defined_root(leaves)


def test_a_tree_of_nothing_has_the_root_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT == defined_root([])


@given(LEAVES, st.data())
def test_every_leaf_is_proven_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    tree, size = Tree(leaves), len(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = tree.path_of(index)
    other, wrong = (hashlib.sha256(each).digest() for each in (leaves[index], tree.root))

    assert is_included(leaves[index], index=index, size=size, path=path, root=tree.root)
    assert not is_included(other, index=index, size=size, path=path, root=tree.root)
    assert not is_included(leaves[index], index=index, size=size, path=path, root=wrong)
    assert not is_included(leaves[index], index=size, size=size, path=path, root=tree.root)
    assert not is_included(
        leaves[index], index=index, size=size, path=[*path, bytes(32)], root=tree.root
    )
    if path:
        assert not is_included(
            leaves[index], index=index, size=size, path=path[:-1], root=tree.root
        )
