"""A crash leaves no core, and nobody reads a running process's memory from outside."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.requirements import Figure

# 3 is PR_GET_DUMPABLE.
_CRASH = """
import ctypes, os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
if sys.argv[1] == "refusing":
    from telehealth.platform.core_dumps import refuse_core_dumps
    refuse_core_dumps()
canary = "cnry" + "corezq"
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
os.abort()
"""


def crashed(how: str, folder: Path) -> tuple[str, bool]:
    """Let a process die by SIGABRT; what it said before, and whether the kernel made a core."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CRASH, how],
        cwd=folder,
        stdout=subprocess.PIPE,
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[3])},
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -os.WTERMSIG(status)
    process.stdout.close()
    return said.strip(), os.WCOREDUMP(status)


@pytest.mark.requirement("CRY-01")
def test_a_process_that_crashes_leaves_no_core(tmp_path: Path, figure: Figure) -> None:
    """The bystander shows whether this machine would have written one."""
    _, bystander_left_one = crashed("as it is", tmp_path)
    for core in tmp_path.iterdir():
        core.unlink()

    said, left_one = crashed("refusing", tmp_path)

    assert said == "(0, 0) 0"
    assert not left_one
    assert list(tmp_path.iterdir()) == []
    figure(f"crash: no core (another process here: {'a' if bystander_left_one else 'no'} core)")


def test_every_command_begins_with_it(tmp_path: Path) -> None:
    """In a process of its own: what is given up is given up for good."""
    code = (
        "import ctypes, resource\n"
        "from typer.testing import CliRunner\n"
        "from telehealth.cli import app\n"
        "CliRunner().invoke(app, ['retention', 'show'])\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[3])},
    ).stdout

    assert said.strip() == "(0, 0) 0"
