"""A private Redis-protocol server for a test: a real one, on a Unix socket, ended afterwards."""

import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from telehealth.platform.private_redis import PrivateRedis


class RedisServer:
    """One server; may be frozen, ended and started again by a test."""

    def __init__(self, directory: Path) -> None:
        self._plan = PrivateRedis(directory=directory)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What clients are given."""
        return self._plan.url

    def start(self) -> None:
        """Start it and wait until it accepts."""
        self._process = self._plan.start()
        deadline = time.monotonic() + 10
        while not self._accepts():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError("the Redis-protocol server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """End it; what it held is gone."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGCONT)
                self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop it from answering without closing its connections."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._plan.socket))
            except OSError:
                return False
            return True


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A server of this test's own."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder) / "r")
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """One server for tests that use keys of their own."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder) / "r")
        server.start()
        yield server
        server.stop()
