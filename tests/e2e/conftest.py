"""A running product and a Chromium, one of each for a whole story."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.browsers import Browsers, chromium

FIGURES = Path(__file__).parents[2] / "build" / "e2e.json"


@pytest.fixture
def browsers() -> Iterator[Browsers]:
    with chromium() as opened:
        yield opened
        assert opened.complaints() == []


class Figures:
    """What a run measured; printed, and kept in build/e2e.json."""

    def __init__(self) -> None:
        self._told: dict[str, Any] = {}

    def tell(self, name: str, value: object) -> None:
        """Print a figure and keep it."""
        print(f"\n  {name}: {value}")
        self._told[name] = value

    def write(self) -> None:
        """Write the file."""
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(json.dumps(self._told, indent=1) + os.linesep)


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    told = Figures()
    yield told
    told.write()
