"""A real coturn, as we ship it, on a host of its own: a namespace full of places it must not reach.

Needs root, iproute2, nftables and coturn (`tests/support/install_turn.sh`).
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.dtls_client import ClientCertificate

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy" / "coturn"
SECRET = "invented-secret-of-thirty-two-chars-or-more"
RELAY, MEDIA_NODE = "203.0.113.1", "203.0.113.9"
PORT = 3478

# Label → address as a client may write it, of which the canaries' host holds every one.
FORBIDDEN = {
    "this host": "0.0.0.0",  # noqa: S104
    "this network": "0.1.2.3",
    "private 10": "10.0.0.1",
    "private 10, end": "10.255.255.254",
    "carrier NAT": "100.64.0.1",
    "carrier NAT, end": "100.127.255.254",
    "loopback": "127.0.0.1",
    "loopback, other": "127.1.2.3",
    "link local": "169.254.1.1",
    "metadata service": "169.254.169.254",
    "private 172": "172.16.0.1",
    "private 172, end": "172.31.255.254",
    "protocol assignments": "192.0.0.8",
    "documentation": "192.0.2.1",
    "private 192.168": "192.168.0.1",
    "private 192.168, end": "192.168.255.254",
    "benchmarking": "198.18.0.1",
    "documentation 2": "198.51.100.1",
    "the relay itself": RELAY,
    "media node's neighbour": "203.0.113.10",
    "somebody public": "8.8.4.4",
    "somebody public 2": "93.184.216.34",
    "reserved": "240.0.0.1",
    "unspecified v6": "::",
    "loopback v6": "::1",
    "compatible 127.0.0.1": "::7f00:1",
    "compatible 10.0.0.1": "::a00:1",
    "mapped 127.0.0.1": "::ffff:7f00:1",
    "mapped 10.0.0.1": "::ffff:a00:1",
    "mapped 169.254.169.254": "::ffff:a9fe:a9fe",
    "mapped 192.168.0.1": "::ffff:c0a8:1",
    "NAT64 127.0.0.1": "64:ff9b::7f00:1",
    "NAT64 10.0.0.1": "64:ff9b::a00:1",
    "NAT64 169.254.169.254": "64:ff9b::a9fe:a9fe",
    "6to4 10.0.0.1": "2002:a00:1::1",
    "6to4 127.0.0.1": "2002:7f00:1::1",
    "Teredo": "2001:0:7f00:1::1",
    "documentation v6": "2001:db8::1",
    "somebody public v6": "2606:2800:220:1::1",
    "unique local": "fc00::1",
    "unique local 2": "fd12:3456:789a::1",
    "link local v6": "fe80::99",
    "site local": "fec0::1",
}
MULTICAST = {"multicast": "224.0.0.1", "broadcast": "255.255.255.255", "multicast v6": "ff02::1"}


@dataclass(frozen=True)
class TurnLab:
    """One running coturn."""

    namespace: str
    version: tuple[int, int, int]

    def probe(self, work: str) -> dict[str, Any]:
        """Run a part of `tests.support.turn_probe` on that host."""
        command = [*_inside(self.namespace), sys.executable, "-m", "tests.support.turn_probe", work]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def installed_version() -> tuple[int, int, int]:
    """Ask coturn who it is."""
    told = subprocess.run(["turnserver", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", told.stdout + told.stderr)
    assert found is not None, "coturn is not installed: tests/support/install_turn.sh"
    return int(found[1]), int(found[2]), int(found[3])


@contextmanager
def turn_lab(folder: Path, *, has_firewall: bool) -> Iterator[TurnLab]:
    """Run coturn with the shipped configuration for the length of a `with` block."""
    assert os.geteuid() == 0, "hosts of their own need root"
    name = f"turn-{os.getpid()}"
    lab = TurnLab(name, installed_version())
    _run("ip", "netns", "add", name)
    process = None
    try:
        _furnish(name)
        if has_firewall:
            rules = (SHIPPED / "firewall.nft").read_text()
            (folder / "firewall.nft").write_text(
                rules.replace("<address of a media node>", MEDIA_NODE)
            )
            _run(*_inside(name), "nft", "-f", str(folder / "firewall.nft"))
        process = _start(name, folder)
        yield lab
    finally:
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            process.wait(10)
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def shipped_configuration(folder: Path) -> str:
    """Fill in the shipped file as an operator would."""
    text = (SHIPPED / "turnserver.conf").read_text()
    made = ClientCertificate()
    certificate, key = folder / "relay.pem", folder / "relay.key"
    certificate.write_bytes(made.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for each in (certificate, key):
        each.chmod(0o644)
    for placeholder, value in {
        "<path of the certificate chain>": str(certificate),
        "<path of its key>": str(key),
        "<32 random characters or more>": SECRET,
        "<host>": "relay.clinic.example",
        "<address of a media node>": MEDIA_NODE,
    }.items():
        assert placeholder in text, placeholder
        text = text.replace(placeholder, value)
    assert "<" not in re.sub(r"(?m)^#.*$", "", text)
    return text


def _furnish(name: str) -> None:
    """Give the host every address it must not relay to, so that a relayed packet would be seen."""
    _run("ip", "-n", name, "link", "set", "lo", "up")
    for address in {RELAY, MEDIA_NODE, "2001:db8:1::1", *FORBIDDEN.values()}:
        if address.startswith(("0.", "127.")) or address in {"::", "::1"}:
            continue
        width = "128" if ":" in address else "32"
        # Some forms the kernel gives to no interface: a packet to them could go nowhere.
        subprocess.run(
            ["ip", "-n", name, "address", "add", f"{address}/{width}", "dev", "lo", "nodad"],
            check=False,
            capture_output=True,
        )


def _start(name: str, folder: Path) -> subprocess.Popen[bytes]:
    configuration = folder / "turnserver.conf"
    configuration.write_text(shipped_configuration(folder))
    # The server drops to its own user; what it reads must be readable to that.
    for each in (folder, *folder.parents):
        with suppress(OSError):
            each.chmod(each.stat().st_mode | 0o011)
    configuration.chmod(0o644)
    process = subprocess.Popen(
        [
            *_inside(name), "turnserver", "-c", str(configuration), "--no-stdout-log",
            f"--listening-ip={RELAY}", f"--relay-ip={RELAY}", "--relay-ip=2001:db8:1::1",
            "--proc-user=turnserver", "--proc-group=turnserver",
            f"--pidfile={folder / 'pid'}", f"--log-file={folder / 'log'}",
            f"--userdb={folder / 'db'}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        listening = subprocess.run(
            [*_inside(name), "ss", "-lun"], capture_output=True, text=True, check=False
        )
        if f"{RELAY}:{PORT}" in listening.stdout:
            return process
        time.sleep(0.1)
    process.kill()
    raise AssertionError("coturn did not start")


def _inside(name: str) -> tuple[str, ...]:
    return ("ip", "netns", "exec", name)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
