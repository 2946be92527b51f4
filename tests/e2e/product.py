"""The running product: the demo command as a person would start it, with its data in a folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
_NAMES = {
    "media.cli serve": "media",
    "signaling.cli serve": "signaling",
    "telehealth.cli serve": "visit-service",
    "telehealth.cli work": "worker",
}
_READY = "The product is running"


def free_port() -> int:
    """Ask the system for a TCP port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class DemoVisit:
    """What the demo remembers of one appointment."""

    visit_id: str
    secret: str
    patient_name: str
    birth_on: str
    provider_email: str


class RunningProduct:
    """Starts `telehealth demo` and stops it by Ctrl-C."""

    def __init__(self, data: Path, *, environment: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.port = free_port()
        self.output = ""
        self._environment = {
            **os.environ,
            "PORT": str(self.port),
            "DATA": str(data),
            "MEDIA_ADDRESS": "127.0.0.1",
            **(environment or {}),
        }
        self._process: subprocess.Popen[str] | None = None

    @property
    def origin(self) -> str:
        """Where the pages are."""
        return f"http://localhost:{self.port}"

    @property
    def memory(self) -> dict[str, Any]:
        """What the demo wrote down."""
        return dict(json.loads((self.data / "demo.json").read_text()))

    @property
    def password(self) -> str:
        """Password of the demo's staff."""
        return str(self.memory["password"])

    def visits(self) -> list[DemoVisit]:
        """Return the day's appointments."""
        return [
            DemoVisit(
                visit_id=visit["visit_id"],
                secret=visit["secret"],
                patient_name=visit["patient_name"],
                birth_on=visit["birth_on"],
                provider_email=visit["provider_email"],
            )
            for visit in self.memory["visits"]
        ]

    def children(self) -> dict[str, int]:
        """Return the process ids of the demo's children, by the command each runs."""
        assert self._process is not None
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and _parent_of(entry) == self._process.pid:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                found[_NAMES.get(" ".join(words[2:4]), words[0])] = int(entry.name)
        return found

    def media_workers(self) -> list[int]:
        """Return the process ids of the media workers."""
        assert self._process is not None
        own = [entry for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
        return [
            int(entry.name)
            for entry in own
            if _parent_of(entry) == self._process.pid
            and b"media.cli\0serve" in (entry / "cmdline").read_bytes()
        ]

    def log(self) -> str:
        """Return what the processes have written so far."""
        path = self.data / "demo.log"
        return path.read_text() if path.exists() else ""

    def __enter__(self) -> Self:
        """Start, and wait until the demo says that it runs."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "telehealth.cli", "demo"],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output += line
            if _READY in line:
                break
        else:
            self._process.wait()
            raise AssertionError(f"the demo did not start:\n{self.output}\n{self.log()[-4000:]}")
        while "Ctrl-C" not in self.output:
            self.output += self._process.stdout.readline()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop as Ctrl-C does, and see that it stops."""
        assert self._process is not None
        started = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError("the demo did not stop within 30 s of Ctrl-C") from None
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()
        self.stopped_after_s = time.monotonic() - started

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run an operator command against this installation's database."""
        return subprocess.run(
            [sys.executable, "-m", "telehealth.cli", *arguments],
            cwd=ROOT,
            env={**self._environment, "TELEHEALTH_DATABASE_URL": self.database_url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def database_url(self) -> str:
        """Where this installation keeps its database."""
        named = self._environment.get("DATABASE_URL")
        return named or f"sqlite+aiosqlite:///{self.data / 'telehealth.sqlite3'}"


def _parent_of(entry: Path) -> int | None:
    """Return the parent of a process; None if it has ended meanwhile."""
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None
