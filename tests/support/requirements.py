"""One line a requirement: which of the security programme's ids a run has shown, with figures.

A test names what it shows by `@pytest.mark.requirement("SEC-AUD-01")`, and tells its figure by the
fixture `figure`.  An id passes when every test that names it has passed.  `--requirements PATTERN`
runs only the tests of ids that the pattern matches.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Generator
from typing import Final, TypeAlias

import pytest

Figure: TypeAlias = Callable[[str], None]

Told: TypeAlias = defaultdict[str, list[str]]

_OUTCOMES: Final = pytest.StashKey[Told]()
_FIGURES: Final = pytest.StashKey[Told]()
_ID: Final = re.compile(r"^(SEC|CRY|PRV|INV|REL|FUZ)(-[A-Z]+)?-\d\d[a-z]?$")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the pattern of ids."""
    parser.addoption("--requirements", default=None, help="run tests of ids matching this pattern")


def pytest_configure(config: pytest.Config) -> None:
    """Know the mark."""
    config.addinivalue_line("markers", "requirement(*ids): ids of the programme this test shows")
    outcomes: Told = defaultdict(list)
    figures: Told = defaultdict(list)
    config.stash[_OUTCOMES], config.stash[_FIGURES] = outcomes, figures


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse an id of another form; leave out what the pattern does not match."""
    wanted = config.getoption("requirements")
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        named = ids_of(item)
        if bad := [each for each in named if not _ID.match(each)]:
            raise pytest.UsageError(f"{item.nodeid}: {bad[0]} is no id of the programme")
        matches = wanted is None or any(re.search(wanted, each) for each in named)
        (kept if matches else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Tell the figure a test saw; it stands beside the test's ids at the end of the run."""
    told = request.config.stash[_FIGURES]

    def tell(text: str) -> None:
        for each in ids_of(request.node):
            told[each].append(text)

    return tell


def ids_of(item: pytest.Item) -> list[str]:
    """Return the ids a test names."""
    return [str(each) for mark in item.iter_markers("requirement") for each in mark.args]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note how each phase of a test that names ids went."""
    report = yield
    if report.when == "call" or report.outcome != "passed":
        for each in ids_of(item):
            item.config.stash[_OUTCOMES][each].append(report.outcome)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table."""
    outcomes = config.stash[_OUTCOMES]
    if not outcomes:
        return
    terminalreporter.section("requirements")
    for each, seen in sorted(outcomes.items()):
        verdict = "pass" if all(one == "passed" for one in seen) else "FAIL"
        figures = "; ".join(dict.fromkeys(config.stash[_FIGURES][each]))
        count = f"{len(seen)} test{'s' if len(seen) > 1 else ''}"
        terminalreporter.write_line(f"{each:<14} {verdict}  {count:<10} {figures}".rstrip())
