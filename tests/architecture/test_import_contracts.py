"""The layering contracts hold, and would notice if they did not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source_tree import PACKAGES, ROOT

INJECTED = {
    "the visit service imports signaling": (
        "telehealth/visits/lifecycle.py",
        "import signaling.contract.ids",
        "The visit service knows no other service",
    ),
    "a rule reads the loop": (
        "telehealth/waiting_room/queue.py",
        "import asyncio",
        "Pure rules import no framework",
    ),
    "another capability reads the visits' tables": (
        "telehealth/waiting_room/actions.py",
        "import telehealth.visits.tables",
        "Tables and queries of visits are its own",
    ),
    "aiortc comes in by another door": (
        "media/shell/peer.py",
        "import aiortc",
        "aiortc has one door",
    ),
    "a core opens a socket": (
        "media/core/stun.py",
        "import socket",
        "Cores and contracts",
    ),
    "signaling looks behind a contract": (
        "signaling/shell/server.py",
        "import telehealth.platform.ids",
        "Signaling sees two contracts",
    ),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a tree."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_hold() -> None:
    result = lint(ROOT)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("injection", INJECTED)
def test_a_violation_is_found_and_named(injection: str, tmp_path: Path) -> None:
    file, line, contract = INJECTED[injection]
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("static", "templates", "__pycache__"),
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    target = tmp_path / file
    target.write_text(f"{target.read_text()}\n{line}\n")

    result = lint(tmp_path)

    assert result.returncode != 0
    broken = [row for row in result.stdout.splitlines() if row.rstrip().endswith("BROKEN")]
    assert any(row.startswith(contract) for row in broken), result.stdout
