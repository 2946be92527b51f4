"""A real coturn on loopback, for browsers of this machine: it may relay to loopback, which the
shipped configuration never may."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.free_ports import free_port
from tests.support.turn_lab import SECRET, installed_version


@contextmanager
def loopback_turn(folder: Path, *, relay_ip: str = "127.0.0.1") -> Iterator[int]:
    """Run it for the length of a `with` block; its port, for UDP and TCP."""
    installed_version()
    port = free_port()
    process = subprocess.Popen(
        [
            "turnserver", "-n", "--listening-ip=127.0.0.1", f"--listening-port={port}",
            f"--relay-ip={relay_ip}", "--use-auth-secret", f"--static-auth-secret={SECRET}",
            "--realm=relay.clinic.example", "--fingerprint", "--no-tls", "--no-dtls", "--no-cli",
            "--allow-loopback-peers", "--no-stdout-log", f"--log-file={folder / 'log'}",
            f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'db'}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 10
        while not _accepts(port):
            assert process.poll() is None, "coturn ended"
            assert time.monotonic() < deadline, "coturn did not start"
            time.sleep(0.1)
        yield port
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        process.wait(10)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
