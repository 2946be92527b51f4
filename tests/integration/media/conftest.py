"""A node started within the test's own process boots as fast as one in a process of its own."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def small_heap() -> Iterator[None]:
    """Hide what earlier tests left from the collector: a node collects once before it serves.

    Over the heap of thousands of tests that takes seconds, and the node thinks it was asleep.
    """
    gc.freeze()
    yield
    gc.unfreeze()
