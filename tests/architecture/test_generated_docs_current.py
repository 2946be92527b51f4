"""A generated document that no longer tells the truth is worse than none."""

import pytest

from tests.support.generated_docs import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_document_tells_what_the_code_says(name: str) -> None:
    """`make docs` makes it again."""
    written = (DOCS / name).read_text()

    assert written == PAGES[name]()
