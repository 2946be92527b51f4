"""Rules every test lives under: known folders, no network below integration, printed seeds."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

# How long an example takes says how busy the machine is, not whether the rule holds.
settings.register_profile("telehealth", deadline=None)
settings.load_profile("telehealth")

# Logs of code whose process did not set them up.  The default draws the variables of each frame
# once a certain library is installed: a second of standing still for the loop under test.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
)

pytest_plugins = ["tests.support.databases", "tests.support.redis", "tests.support.requirements"]

FOLDERS = {
    "unit",
    "properties",
    "contract",
    "integration",
    "verified_fakes",
    "e2e",
    "fuzz",
    "architecture",
}
WITHOUT_NETWORK = {"unit", "properties", "contract", "fuzz"}
ROOT = Path(__file__).parent
SEED = random.SystemRandom().randrange(2**32)

_forbidding = False


class OutsideTheProcess(BaseException):
    """A pure test opened a socket or slept."""


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _forbidding and event in {"socket.connect", "socket.bind", "time.sleep"}:
        raise OutsideTheProcess(event, *arguments[1:])


sys.addaudithook(_watch)


def folder_of(path: Path) -> str:
    """Return the folder of the table in tests/README.md that a test file stands in."""
    return path.relative_to(ROOT).parts[0]


def pytest_configure(config: pytest.Config) -> None:
    """Let `--seed` of a failed run be given again by the environment."""
    config.stash[_SEED] = int(config.getoption("seed") or SEED)


_SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the seed of an earlier run."""
    parser.addoption("--seed", default=None, help="seed of an earlier run")


def pytest_report_header(config: pytest.Config) -> str:
    """Print the seed."""
    return f"seed: {config.stash[_SEED]} (repeat with --seed)"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> None:
    """Refuse a test file outside the known folders."""
    del parent
    if (
        file_path.suffix == ".py"
        and file_path.name.startswith("test_")
        and folder_of(file_path) not in FOLDERS
    ):
        raise pytest.UsageError(f"{file_path} stands in no folder of tests/README.md")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Seed of this run; every generator of a test starts from it."""
    return request.config.stash[_SEED]


@pytest.fixture(autouse=True)
def _nothing_outside_the_process(request: pytest.FixtureRequest) -> Iterator[None]:
    global _forbidding  # noqa: PLW0603  (an audit hook cannot be removed, only told)
    _forbidding = folder_of(request.path) in WITHOUT_NETWORK
    yield
    _forbidding = False
