"""The simulated EHR of the demo, as a process of a test."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

_SAYS = re.compile(r"Simulator: EHR at (http://127\.0\.0\.1:\d+)/fhir")


@dataclass(frozen=True, slots=True)
class SandboxEhr:
    """A running simulator."""

    origin: str
    pid: int

    @property
    def base_url(self) -> str:
        """FHIR base."""
        return f"{self.origin}/fhir"

    def ledger(self) -> list[dict[str, Any]]:
        """Everything it received."""
        reply = httpx.get(f"{self.origin}/ledger", trust_env=False).json()
        received: list[dict[str, Any]] = reply["received"]
        return received

    def created(self) -> list[str]:
        """Paths of the requests that made something, in order."""
        return [line["path"] for line in self.ledger() if line["effect"] == "created"]


@contextmanager
def running_sandbox_ehr(*options: str) -> Iterator[SandboxEhr]:
    """Start a simulator on a port the system chooses, stop it at the end."""
    command: Sequence[str] = [sys.executable, "-m", "telehealth.sandbox", "ehr", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "1"},
        text=True,
    )
    try:
        assert process.stdout is not None
        said = _SAYS.match(process.stdout.readline())
        assert said is not None, "the simulator did not start"
        yield SandboxEhr(origin=said[1], pid=process.pid)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
